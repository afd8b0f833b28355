using System.Text.Json.Nodes;

namespace Workflows;

/// <summary>An execution, as the API answers it.</summary>
public sealed record Execution(
    Guid Id,
    Guid WorkflowId,
    IReadOnlyList<QueueEntry> ExecutionQueue,
    DateTimeOffset Created,
    DateTimeOffset? Finished,
    IReadOnlyList<WorkflowTask> Tasks,
    IReadOnlyList<TaskEdge> TasksHierarchy);

public sealed record QueueEntry(Guid TaskId, Guid JobSubjectId);

public sealed record WorkflowTask(Guid Id, Guid SubjectId, string Name, JsonObject Parameters, bool IsTrigger);

public sealed record TaskEdge(Guid Parent, Guid Child);
