package com.example.workflow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.auth.Secret;
import com.nimbusds.oauth2.sdk.id.ClientID;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.node.ObjectNode;

/** What a client of the Workflow API should be able to do, each in a test of its own. */
class WorkflowClientTest {
    private static final UUID ORDER = UUID.fromString("3c90c3cc-0d44-4b50-8888-8dd25736052a");
    private static final ClientAuthentication DEMO =
            new ClientSecretBasic(new ClientID("demo"), new Secret("demo-secret"));

    // JUnit makes an object of this class for each test, and so a world for each.
    private final World world = new World();
    private final List<Duration> waited = new ArrayList<>();
    private final WorkflowClient client =
            new WorkflowClient(world.url, world.tokenUrl, world.customerId, DEMO, waited::add);

    @Test
    void itStartsTheWorkflow() throws Exception {
        client.start(ORDER);
        world.verify(1, Map.of("status", 200, "workflowId", ORDER));
    }

    @Test
    void itTriesAgainWhenToldToWait() throws Exception {
        world.failNext(503, Map.of("retryAfter", "2s"));
        client.start(ORDER);
        assertEquals(List.of(503, 200), world.statuses());
        assertEquals(List.of(Duration.ofSeconds(2)), waited);
    }

    @Test
    void itDoesNotStartTwiceWhenTheAnswerIsLost() {
        world.loseNextAnswer();
        assertThrows(OutcomeUnknownException.class, () -> client.start(ORDER));
        assertEquals(1, world.starts().size());
        assertNotNull(world.starts().get(0).executionId());
    }

    @Test
    void itRenewsATokenThatRanOut() throws Exception {
        client.start(ORDER);
        world.advance("2h");
        client.start(ORDER);
        assertEquals(List.of(200, 401, 200), world.statuses());
    }

    @Test
    void theReportIsDoneAfterAnHour() throws Exception {
        var report = UUID.randomUUID();
        var task = Map.of("key", "report", "duration", "PT1H");
        world.call("PUT", "workflows/" + report, Map.of("name", "Report", "tasks", List.of(task)));
        var execution = client.start(report);
        world.advance("1h");
        assertEquals("completed", world.call("GET", "executions/" + execution.id(), null).get("state").asString());
    }

    @Test
    void theWholeAnswerIsTheStoredOne() throws Exception {
        world.call("PUT", "clock", Map.of("action", "freeze", "to", "2030-01-01T00:00:00Z"));
        ObjectNode answer = ControlPlane.JSON.valueToTree(client.start(ORDER));
        answer.remove("id"); // another each time
        try (var stored = getClass().getResourceAsStream("/execution.json")) {
            assertEquals(ControlPlane.JSON.readTree(stored), answer);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"expired", "bad-signature", "algorithm-none", "missing-scope"})
    void aBadTokenIsReported(String kind) {
        world.nextToken(kind);
        assertThrows(NotAllowedException.class, () -> client.start(ORDER));
    }

    @Test
    void theJobIsSentAtLast() throws Exception {
        try (var service = new JobService(client)) {
            service.enqueue(ORDER);
            world.waitFor("5s", Map.of("status", 200));
        }
    }
}
