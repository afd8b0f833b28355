namespace Workflows;

/// <summary>A service that starts workflows later, as a job queue does.</summary>
public sealed class JobService(WorkflowClient client) : IAsyncDisposable
{
    private readonly List<Task> _jobs = [];

    public void Enqueue(Guid workflowId) => _jobs.Add(client.StartAsync(workflowId));

    public async ValueTask DisposeAsync() => await Task.WhenAll(_jobs);
}
