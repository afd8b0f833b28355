using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Xunit;

namespace Workflows.Tests;

public sealed record JournalEntry(Guid? ExecutionId, int Status);
public sealed record ExecutionSummary(Guid Id, string State);

/// <summary>A test's own part of the server: one customer, whose state is nobody else's. The words are the Python kit's.</summary>
public sealed class World(HttpClient http)
{
    private static readonly JsonSerializerOptions Json =
        new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    public Guid CustomerId { get; } = Guid.NewGuid();
    public Uri TokenUrl => new(http.BaseAddress!, $"api/authentication/connect/token?customerId={CustomerId}");

    // What the client did
    public async Task<JournalEntry[]> StartsAsync() =>
        Read<JournalEntry[]>((await CallAsync(HttpMethod.Post, "requests/find", new { operation = "start" }, "&limit=1000"))["requests"]);

    public async Task<int[]> StatusesAsync() => [.. (await StartsAsync()).Select(start => start.Status)];

    public async Task<ExecutionSummary[]> ExecutionsAsync() =>
        Read<ExecutionSummary[]>((await CallAsync(HttpMethod.Get, "executions", query: "&limit=1000"))["executions"]);

    public async Task<ExecutionSummary> ExecutionAsync(Guid executionId) =>
        Read<ExecutionSummary>(await CallAsync(HttpMethod.Get, $"executions/{executionId}"));

    /// <summary>Fails the test unless there are so many requests: starts, if nothing else is said; one or more of them.</summary>
    public async Task VerifyAsync(int? status = null, Guid? workflowId = null, string operation = "start",
        int? exactly = null, int? atLeast = null, int? atMost = null, string? within = null)
    {
        var wanted = new { matcher = new { operation, status, workflowId }, count = new { exactly, atLeast, atMost }, within };
        var verdict = await CallAsync(HttpMethod.Post, "requests/verify", wanted, accept: 409);
        var almost = (verdict["nearest"] as JsonArray ?? [])
            .Where(near => (string?)near!["request"]!["operation"] == operation)
            .Select(near => $"\n  almost: {near!["request"]!["status"]}: {string.Join("; ", near["differences"]!.AsArray())}");
        Assert.True((bool)verdict["verified"]!,
            $"wanted {JsonSerializer.Serialize(wanted, Json)}, but there were {verdict["count"]}{string.Concat(almost)}");
    }

    public Task WaitForAsync(int? status = null, Guid? workflowId = null, string operation = "start", string within = "5s") =>
        VerifyAsync(status, workflowId, operation, within: within);

    // What happens to it
    public Task FailNextAsync(int status, string? code = null, string? retryAfter = null) =>
        AddFaultAsync(new { status, code, retryAfter, times = 1 });

    public Task LoseNextAnswerAsync() => AddFaultAsync(new { when = "afterCommit", fault = "CONNECTION_RESET_BY_PEER", times = 1 });

    public Task AddFaultAsync(object fault) => CallAsync(HttpMethod.Post, "faults", fault);

    public Task NextTokenAsync(string kind) => CallAsync(HttpMethod.Post, "tokens", new { kind, issueNext = 1 });

    public Task AdvanceAsync(string by) => CallAsync(HttpMethod.Put, "clock", new { action = "advance", by });

    public Task FreezeAsync(string to) => CallAsync(HttpMethod.Put, "clock", new { action = "freeze", to });

    public async Task<Guid> AddWorkflowAsync(params object[] tasks) =>
        Read<Guid>((await CallAsync(HttpMethod.Put, $"workflows/{Guid.NewGuid()}", new { name = "of a test", tasks }))["id"]);

    /// <summary>A call of the control plane. What it refuses fails the test: a fault that isn't there breaks nothing.</summary>
    private async Task<JsonNode> CallAsync(HttpMethod method, string what, object? body = null, string query = "", int accept = 200)
    {
        using var request = new HttpRequestMessage(method, $"__admin/{what}?customerId={CustomerId}{query}");
        request.Content = body is null ? null : JsonContent.Create(body, options: Json);
        using var response = await http.SendAsync(request);
        var said = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode || (int)response.StatusCode == accept,
            $"{request.RequestUri} was refused: {(int)response.StatusCode}: {said}");
        return JsonNode.Parse(said)!;
    }

    private static T Read<T>(JsonNode? node) => node.Deserialize<T>(Json)!;
}
