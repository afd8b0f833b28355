using System.Text.Json;
using Xunit;

namespace Workflows.Tests;

/// <summary>What a client of the Workflow API should be able to do, each in a test of its own.</summary>
public sealed class ClientTests : IDisposable
{
    private static readonly Guid Order = new("3c90c3cc-0d44-4b50-8888-8dd25736052a");
    private static readonly JsonSerializerOptions Indented = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    private readonly World _workflowMock;
    private readonly HttpClient _http;
    private readonly WorkflowClient _client;

    public ClientTests(WorkflowMock server)
    {
        _workflowMock = server.NewWorld();
        _http = new HttpClient { BaseAddress = server.Url, Timeout = TimeSpan.FromSeconds(10) };
        _client = new WorkflowClient(_http, _workflowMock.TokenUrl, _workflowMock.CustomerId, wait: _ => Task.CompletedTask);
    }

    public void Dispose() => _http.Dispose();

    [Fact]
    public async Task It_starts_the_workflow()
    {
        await _client.StartAsync(Order);
        await _workflowMock.VerifyAsync(status: 200, workflowId: Order, exactly: 1);
    }

    [Fact]
    public async Task It_tries_again_when_told_to_wait()
    {
        await _workflowMock.FailNextAsync(503, retryAfter: "2s");
        await _client.StartAsync(Order);
        Assert.Equal(new[] { 503, 200 }, await _workflowMock.StatusesAsync());
        Assert.Equal(TimeSpan.FromSeconds(2), Assert.Single(_client.Waited));
    }

    [Fact]
    public async Task It_does_not_start_twice_when_the_answer_is_lost()
    {
        await _workflowMock.LoseNextAnswerAsync();
        await Assert.ThrowsAsync<OutcomeUnknownException>(() => _client.StartAsync(Order));
        Assert.Single(await _workflowMock.StartsAsync());
        Assert.Single(await _workflowMock.ExecutionsAsync());
    }

    [Fact]
    public async Task It_renews_a_token_that_ran_out()
    {
        await _client.StartAsync(Order);
        await _workflowMock.AdvanceAsync("2h");
        await _client.StartAsync(Order);
        Assert.Equal(new[] { 200, 401, 200 }, await _workflowMock.StatusesAsync());
    }

    [Fact]
    public async Task The_report_is_done_after_an_hour()
    {
        var report = await _workflowMock.AddWorkflowAsync(new { key = "report", duration = "PT1H" });
        var execution = await _client.StartAsync(report);
        await _workflowMock.AdvanceAsync("1h");
        Assert.Equal("completed", (await _workflowMock.ExecutionAsync(execution.Id)).State);
    }

    [Fact]
    public async Task The_whole_answer_is_the_stored_one()
    {
        await _workflowMock.FreezeAsync("2030-01-01T00:00:00Z");
        var execution = await _client.StartAsync(Order);
        var answer = JsonSerializer.Serialize(execution with { Id = Guid.Empty }, Indented);
        var stored = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "tests", "execution.json"));
        Assert.Equal(stored.TrimEnd(), answer, ignoreLineEndingDifferences: true);
    }

    [Theory]
    [InlineData("expired")]
    [InlineData("bad-signature")]
    [InlineData("algorithm-none")]
    [InlineData("missing-scope")]
    public async Task A_bad_token_is_reported(string kind)
    {
        await _workflowMock.NextTokenAsync(kind);
        await Assert.ThrowsAsync<NotAllowedException>(() => _client.StartAsync(Order));
    }

    [Fact]
    public async Task The_job_is_sent_at_last()
    {
        await using var service = new JobService(_client);
        service.Enqueue(Order);
        await _workflowMock.WaitForAsync(status: 200, within: "5s");
    }
}
