package com.example.workflow;

import java.io.IOException;
import java.net.URI;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import tools.jackson.databind.JsonNode;

/** A test's own part of the server: one customer, whose state is nobody else's. The words are the Python kit's. */
final class World {
    /** A request to start a workflow. {@code duplicateOf} is the execution whose answer was lost before. */
    record Start(int status, UUID executionId, UUID duplicateOf) {}

    final String url = WorkflowMock.url();
    final UUID customerId = UUID.randomUUID();
    final URI tokenUrl = URI.create(url + "/api/authentication/connect/token?customerId=" + customerId);

    /** The client's requests to start a workflow, the first 1,000. */
    List<Start> starts() {
        var found = call("POST", "requests/find?limit=1000", Map.of("operation", "start"));
        return List.of(ControlPlane.JSON.treeToValue(found.get("requests"), Start[].class));
    }

    List<Integer> statuses() {
        return starts().stream().map(Start::status).toList();
    }

    /** Fails the test unless exactly so many starts match. */
    void verify(int exactly, Map<String, ?> matcher) {
        var wanted = Map.of("matcher", with(Map.of("operation", "start"), matcher), "count", Map.of("exactly", exactly));
        call("POST", "requests/verify", wanted);
    }

    /** Waits until a start matches. Fails the test where none does within this time, "5s" for example. */
    void waitFor(String within, Map<String, ?> matcher) {
        var wanted = Map.of("matcher", with(Map.of("operation", "start"), matcher), "within", within);
        call("POST", "requests/verify", wanted);
    }

    /** Answers the next start with an error. The fault may say more: retryAfter, code, times, when. */
    void failNext(int status, Map<String, ?> fault) {
        call("POST", "faults", with(Map.of("status", status, "times", 1), fault));
    }

    /** Lets the next start do its work, and breaks the connection then. */
    void loseNextAnswer() {
        call("POST", "faults", Map.of("when", "afterCommit", "fault", "CONNECTION_RESET_BY_PEER", "times", 1));
    }

    /** Makes the next token at tokenUrl one of this kind, "expired" for example. */
    void nextToken(String kind) {
        call("POST", "tokens", Map.of("kind", kind, "issueNext", 1));
    }

    /** Moves the world's clock on, by "2h" for example. */
    void advance(String by) {
        call("PUT", "clock", Map.of("action", "advance", "by", by));
    }

    /** Any call of the control plane about this world. Where it is refused, the test fails. */
    JsonNode call(String method, String path, Object body) {
        var query = (path.contains("?") ? "&" : "?") + "customerId=" + customerId;
        try {
            return ControlPlane.send(method, url + "/__admin/" + path + query, body);
        } catch (IOException | InterruptedException error) {
            throw new AssertionError(method + " " + path + ": " + error.getMessage(), error);
        }
    }

    private static Map<String, Object> with(Map<String, ?> body, Map<String, ?> more) {
        var both = new HashMap<String, Object>(body);
        both.putAll(more);
        return both;
    }
}
