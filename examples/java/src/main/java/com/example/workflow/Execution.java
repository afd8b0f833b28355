package com.example.workflow;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** An execution, as the API answers it. */
public record Execution(
        UUID id,
        UUID workflowId,
        List<QueueEntry> executionQueue,
        Instant created,
        Instant finished,
        List<Task> tasks,
        List<Edge> tasksHierarchy) {

    public record QueueEntry(UUID taskId, UUID jobSubjectId) {}

    public record Task(UUID id, UUID subjectId, String name, Map<String, Object> parameters, boolean isTrigger) {}

    public record Edge(UUID parent, UUID child) {}
}
