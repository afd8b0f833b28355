using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Workflows;

/// <summary>The API refused the token, or what it would do.</summary>
public sealed class NotAllowedException(string? message) : Exception(message);

/// <summary>The connection broke: whether the workflow was started can't be known. Don't simply try again.</summary>
public sealed class OutcomeUnknownException(Exception cause) : Exception(cause.Message, cause);

/// <summary>Starts workflows for one customer. Small, but it takes refusals as the API means them.</summary>
/// <param name="http">Has the address of the API, with a slash at its end.</param>
/// <param name="wait">Waits as long as Retry-After says; Task.Delay unless given.</param>
public sealed class WorkflowClient(
    HttpClient http,
    Uri tokenUrl,
    Guid customerId,
    string clientId = "demo",
    string clientSecret = "demo-secret",
    Func<TimeSpan, Task>? wait = null)
{
    private readonly List<TimeSpan> _waited = [];
    private string? _token;

    /// <summary>What Retry-After has said.</summary>
    public IReadOnlyList<TimeSpan> Waited => _waited;

    /// <exception cref="NotAllowedException"/>
    /// <exception cref="OutcomeUnknownException"/>
    /// <exception cref="HttpRequestException">Another refusal, or no token.</exception>
    public async Task<Execution> StartAsync(Guid workflowId)
    {
        var isFresh = _token is null;
        var answer = await SendAsync(workflowId);
        if (answer.StatusCode == HttpStatusCode.Unauthorized && !isFresh)
        {
            _token = null; // it ran out
            answer = await SendAgainAsync(answer, workflowId);
        }

        while (RetryAfter(answer) is { } seconds)
        {
            _waited.Add(seconds);
            await (wait ?? Task.Delay)(seconds);
            answer = await SendAgainAsync(answer, workflowId);
        }

        using (answer)
        {
            if (answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
            {
                var refusal = await answer.Content.ReadFromJsonAsync<JsonNode>();
                throw new NotAllowedException((string?)refusal?["meta"]?["errors"]?[0]?["message"]);
            }

            answer.EnsureSuccessStatusCode();
            return (await answer.Content.ReadFromJsonAsync<Envelope>())!.Data;
        }
    }

    private Task<HttpResponseMessage> SendAgainAsync(HttpResponseMessage answer, Guid workflowId)
    {
        answer.Dispose();
        return SendAsync(workflowId);
    }

    private async Task<HttpResponseMessage> SendAsync(Guid workflowId)
    {
        var path = $"api/workflow/v1.0/customer/{customerId}/workflow/{workflowId}/WorkflowExecution";
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await AccessTokenAsync());
        request.Content = JsonContent.Create(new { data = new { workflowId } });
        try
        {
            return await http.SendAsync(request);
        }
        catch (Exception cause) when (cause is HttpRequestException or TaskCanceledException)
        {
            throw new OutcomeUnknownException(cause);
        }
    }

    private async Task<string> AccessTokenAsync()
    {
        if (_token is null)
        {
            using var form = new FormUrlEncodedContent(new Dictionary<string, string>
            {
                ["grant_type"] = "client_credentials",
                ["client_id"] = clientId,
                ["client_secret"] = clientSecret,
            });
            using var answer = await http.PostAsync(tokenUrl, form);
            answer.EnsureSuccessStatusCode();
            _token = (await answer.Content.ReadFromJsonAsync<Token>())!.AccessToken;
        }

        return _token;
    }

    /// <summary>What Retry-After says, where the answer is one to be tried again.</summary>
    private static TimeSpan? RetryAfter(HttpResponseMessage answer) =>
        answer.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable
            ? answer.Headers.RetryAfter?.Delta
            : null;

    private sealed record Envelope(Execution Data);

    private sealed record Token([property: JsonPropertyName("access_token")] string AccessToken);
}
