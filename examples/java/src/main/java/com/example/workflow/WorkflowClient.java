package com.example.workflow;

import com.nimbusds.oauth2.sdk.ClientCredentialsGrant;
import com.nimbusds.oauth2.sdk.ParseException;
import com.nimbusds.oauth2.sdk.TokenRequest;
import com.nimbusds.oauth2.sdk.TokenResponse;
import com.nimbusds.oauth2.sdk.auth.ClientAuthentication;
import com.nimbusds.oauth2.sdk.token.AccessToken;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import tools.jackson.databind.json.JsonMapper;

/** Starts workflows for one customer: small, but it takes refusals as the API means them. Safe for use by many threads. */
public final class WorkflowClient {
    private static final JsonMapper JSON = new JsonMapper();
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final int TRIES = 5;

    /** Waits as long as Retry-After says. */
    @FunctionalInterface
    public interface Sleeper {
        void sleep(Duration wait) throws InterruptedException;
    }

    private final HttpClient http = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();
    private final String baseUrl;
    private final URI tokenUrl;
    private final UUID customerId;
    private final ClientAuthentication credentials;
    private final Sleeper sleeper;
    private volatile AccessToken token;

    public WorkflowClient(String baseUrl, URI tokenUrl, UUID customerId, ClientAuthentication credentials) {
        this(baseUrl, tokenUrl, customerId, credentials, wait -> Thread.sleep(wait.toMillis()));
    }

    WorkflowClient(
            String baseUrl, URI tokenUrl, UUID customerId, ClientAuthentication credentials, Sleeper sleeper) {
        this.baseUrl = baseUrl;
        this.tokenUrl = tokenUrl;
        this.customerId = customerId;
        this.credentials = credentials;
        this.sleeper = sleeper;
    }

    /**
     * Starts a workflow.
     *
     * @throws NotAllowedException after 401 and 403
     * @throws OutcomeUnknownException if the connection broke, or the answer didn't come in time
     * @throws IOException if there is no token, and after any other refusal
     */
    public Execution start(UUID workflowId) throws IOException, InterruptedException {
        for (var attempt = 1; ; attempt++) {
            var known = token;
            var current = accessToken();
            var answer = send(current, workflowId);
            var status = answer.statusCode();
            var wait = retryAfter(answer);
            if (status == 200) {
                return JSON.readValue(answer.body(), Envelope.class).data();
            } else if (status == 401 && current == known && attempt < TRIES) {
                forget(current); // it ran out
            } else if (wait.isPresent() && attempt < TRIES) {
                sleeper.sleep(wait.get());
            } else if (status == 401 || status == 403) {
                throw new NotAllowedException(JSON.readTree(answer.body()).at("/meta/errors/0/message").asString());
            } else {
                throw new IOException(status + ": " + answer.body());
            }
        }
    }

    private HttpResponse<String> send(AccessToken token, UUID workflowId) throws InterruptedException {
        var path = "/api/workflow/v1.0/customer/" + customerId + "/workflow/" + workflowId + "/WorkflowExecution";
        var body = JSON.writeValueAsString(Map.of("data", Map.of("workflowId", workflowId)));
        var request = HttpRequest.newBuilder(URI.create(baseUrl + path))
                .timeout(TIMEOUT)
                .header("Authorization", token.toAuthorizationHeader())
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString(body))
                .build();
        try {
            return http.send(request, BodyHandlers.ofString());
        } catch (IOException cause) {
            throw new OutcomeUnknownException(cause);
        }
    }

    private synchronized AccessToken accessToken() throws IOException {
        if (token == null) {
            var request = new TokenRequest.Builder(tokenUrl, credentials, new ClientCredentialsGrant()).build();
            var http = request.toHTTPRequest();
            http.setConnectTimeout((int) TIMEOUT.toMillis());
            http.setReadTimeout((int) TIMEOUT.toMillis());
            var answer = http.send();
            try {
                token = TokenResponse.parse(answer).toSuccessResponse().getTokens().getAccessToken();
            } catch (ParseException | ClassCastException cause) {
                throw new IOException("no token: " + answer.getStatusCode() + ": " + answer.getBody(), cause);
            }
        }
        return token;
    }

    private synchronized void forget(AccessToken old) {
        if (token == old) {
            token = null;
        }
    }

    /** What Retry-After says, where the answer is one to be tried again. */
    private static Optional<Duration> retryAfter(HttpResponse<?> answer) {
        return answer.statusCode() == 429 || answer.statusCode() == 503
                ? answer.headers().firstValue("Retry-After").map(Long::valueOf).map(Duration::ofSeconds)
                : Optional.empty();
    }

    private record Envelope(Execution data) {}
}
