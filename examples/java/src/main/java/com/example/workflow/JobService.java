package com.example.workflow;

import java.io.IOException;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;

/** A service that starts workflows later, as a job queue does. */
public final class JobService implements AutoCloseable {
    private final Queue<CompletableFuture<Execution>> jobs = new ConcurrentLinkedQueue<>();
    private final WorkflowClient client;

    public JobService(WorkflowClient client) {
        this.client = client;
    }

    public void enqueue(UUID workflowId) {
        jobs.add(CompletableFuture.supplyAsync(() -> start(workflowId)));
    }

    /** Waits for all jobs. Throws CompletionException with what went wrong with one. */
    @Override
    public void close() {
        jobs.forEach(CompletableFuture::join);
    }

    private Execution start(UUID workflowId) {
        try {
            return client.start(workflowId);
        } catch (IOException | InterruptedException error) {
            throw new CompletionException(error);
        }
    }
}
