package com.example.workflow;

/** The connection broke: whether the workflow was started can't be known. Don't simply try again. */
public final class OutcomeUnknownException extends RuntimeException {
    private static final long serialVersionUID = 1;

    OutcomeUnknownException(Throwable cause) {
        super(cause);
    }
}
