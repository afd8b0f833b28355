using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Xunit;

[assembly: AssemblyFixture(typeof(Workflows.Tests.WorkflowMock))]

namespace Workflows.Tests;

/// <summary>The server of a run of the tests: the one at WORKFLOW_MOCK_URL, else one in a child process, which ends with the run.</summary>
public sealed class WorkflowMock : IAsyncLifetime
{
    private const int StartSeconds = 30, EndSeconds = 5;
    private const string NoServer =
        "there is no workflow-mock: set WORKFLOW_MOCK_URL to the address of one that runs; or install it anywhere on PATH" +
        " (pipx install workflow-mock); or say in WORKFLOW_MOCK_COMMAND how to run it (uvx workflow-mock)";

    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(15) }; // more than a call that waits takes
    private readonly StringBuilder _log = new();
    private Process? _server;

    public Uri Url => _http.BaseAddress!;

    public World NewWorld() => new(_http);

    public async ValueTask InitializeAsync()
    {
        _http.BaseAddress = new Uri((Variable("URL") ?? await StartAsync()).TrimEnd('/') + "/");
        if (Variable("ADMIN_TOKEN") is { } token) _http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        try { (await _http.GetAsync("__admin/health")).Dispose(); }
        catch (HttpRequestException error) { throw new InvalidOperationException($"no workflow-mock answers at {Url}: {error.Message}"); }
    }

    private async Task<string> StartAsync()
    {
        var ready = Path.Combine(Path.GetTempPath(), $"workflow-mock-{Guid.NewGuid()}.json"); // which the server removes
        var given = Variable("COMMAND");
        string[] words = [.. (given ?? "workflow-mock").Split(' ', StringSplitOptions.RemoveEmptyEntries), "serve", "--port", "0",
            "--ready-file", ready, "--until-stdin-closes", "--log-level", "warning"];
        var info = new ProcessStartInfo(words[0], words[1..]);
        info.RedirectStandardInput = info.RedirectStandardOutput = info.RedirectStandardError = true;
        // Settings of the environment are meant for another server than this one.
        foreach (var name in info.Environment.Keys.Where(name => name.StartsWith("WORKFLOW_MOCK_")).ToList()) info.Environment.Remove(name);
        var server = new Process { StartInfo = info };
        server.OutputDataReceived += Keep;
        server.ErrorDataReceived += Keep;
        try { server.Start(); }
        catch (Win32Exception error)
        {
            throw new InvalidOperationException(given is null ? NoServer : $"WORKFLOW_MOCK_COMMAND can't be run: {error.Message}");
        }

        _server = server;
        server.BeginOutputReadLine();
        server.BeginErrorReadLine();
        for (var turns = 0; turns < StartSeconds * 100 && !server.HasExited; turns++, await Task.Delay(10))
        {
            if (File.Exists(ready)) return (string)JsonNode.Parse(await File.ReadAllTextAsync(ready))!["url"]!;
        }

        var status = server.HasExited ? "has ended" : $"was not ready within {StartSeconds} s";
        await DisposeAsync();
        throw new InvalidOperationException($"{string.Join(' ', words)} {status}:\n{_log.ToString().Trim()}");
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        if (_server is null) return;
        _server.StandardInput.Close(); // and so it is when this process is killed
        if (!_server.WaitForExit(TimeSpan.FromSeconds(EndSeconds))) _server.Kill(entireProcessTree: true);
        await _server.WaitForExitAsync(); // and for what it has written
    }

    private void Keep(object sender, DataReceivedEventArgs line) { lock (_log) _log.AppendLine(line.Data); }

    private static string? Variable(string name) =>
        Environment.GetEnvironmentVariable($"WORKFLOW_MOCK_{name}") is { Length: > 0 } value ? value : null;
}
