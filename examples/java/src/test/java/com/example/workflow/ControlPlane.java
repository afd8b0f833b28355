package com.example.workflow;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Calls of the server's control plane, whose contract is its openapi/admin-api.yaml. */
final class ControlPlane {
    static final JsonMapper JSON = new JsonMapper();
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final Duration TIMEOUT = Duration.ofSeconds(15); // more than a call takes that waits

    private ControlPlane() {}

    /** Gives the answer. Throws what the server says where it refuses the call, or where requests aren't as wanted. */
    static JsonNode send(String method, String url, Object body) throws IOException, InterruptedException {
        var written = JSON.writeValueAsString(body);
        var request = HttpRequest.newBuilder(URI.create(url))
                .timeout(TIMEOUT)
                .header("Content-Type", "application/json")
                .method(method, BodyPublishers.ofString(written));
        var token = System.getenv("WORKFLOW_MOCK_ADMIN_TOKEN");
        if (token != null) {
            request.header("Authorization", "Bearer " + token);
        }
        var response = HTTP.send(request.build(), BodyHandlers.ofString());
        JsonNode said;
        try {
            said = JSON.readTree(response.body());
        } catch (JacksonException error) {
            throw new IOException(response.statusCode() + " without JSON: " + error.getOriginalMessage(), error);
        }
        if (response.statusCode() < 400) {
            return said;
        }
        var text = new StringBuilder(response.statusCode() + " for " + written);
        if (said.has("count")) {
            text.append(": there were ").append(said.get("count"));
        }
        for (var near : said.path("nearest")) {
            text.append("\n  almost: ").append(near.at("/request/status")).append(": ").append(near.get("differences"));
        }
        for (var error : said.at("/meta/errors")) {
            text.append("\n  ").append(error.get("message").asString());
        }
        for (var problem : said.at("/meta/validation")) {
            text.append("\n  ").append(problem.get("property").asString()).append(' ').append(problem.get("message").asString());
        }
        throw new IOException(text.toString());
    }
}
