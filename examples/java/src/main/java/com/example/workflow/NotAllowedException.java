package com.example.workflow;

/** The API refused the token, or what it would do. */
public final class NotAllowedException extends RuntimeException {
    private static final long serialVersionUID = 1;

    NotAllowedException(String message) {
        super(message);
    }
}
