import admin.api.ClockApi;
import admin.api.FaultsApi;
import admin.api.RequestsApi;
import admin.api.SandboxApi;
import admin.model.Action;
import admin.model.ClockChange;
import admin.model.DelayDistribution;
import admin.model.ErrorResponse;
import admin.model.FaultSpec;
import admin.model.FaultView;
import admin.model.Matcher;
import admin.model.VerificationResult;
import admin.model.VerificationTimes;
import admin.model.Verification;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.OffsetDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.springframework.web.client.RestClientResponseException;
import workflow.api.AuthorizationServerApi;
import workflow.api.WorkflowExecutionApi;
import workflow.model.ErrorEnvelope;
import workflow.model.StartWorkflowExecutionData;
import workflow.model.StartWorkflowExecutionRequest;
import workflow.model.Task;
import workflow.model.TokenError;

/** Calls the server through the clients that openapi-generator makes for Spring's RestClient. */
public class Program {
    static final String SERVER = System.getenv("WORKFLOW_MOCK_URL");
    static final ObjectMapper JSON = new ObjectMapper();
    static final admin.ApiClient CONTROL = new admin.ApiClient().setBasePath(SERVER);
    static final FaultsApi FAULTS = new FaultsApi(CONTROL);

    public static void main(String[] arguments) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in));
        for (var line = input.readLine(); line != null; line = input.readLine()) {
            Map<String, Object> answer;
            try {
                answer = answer(JSON.readTree(line));
            } catch (Exception error) {
                var stack = new StringWriter();
                error.printStackTrace(new PrintWriter(stack));
                answer = Map.of("raised", stack.toString());
            }
            System.out.println(JSON.writeValueAsString(answer));
        }
    }

    static Map<String, Object> answer(JsonNode call) {
        return switch (call.get("call").asText()) {
            case "start" -> start(call);
            case "token" -> token(call);
            case "add_fault" -> addFault(call);
            case "get_fault" -> getFault(call);
            case "find_faults" -> findFaults(call);
            case "set_clock" -> setClock(call);
            case "restore" -> restore(call);
            case "verify" -> verify(call);
            default -> throw new IllegalArgumentException(call.toString());
        };
    }

    static Map<String, Object> start(JsonNode call) {
        var client = new workflow.ApiClient().setBasePath(SERVER);
        if (!call.get("token").asText().isEmpty()) {
            client.setAccessToken(call.get("token").asText());
        }
        var request = new StartWorkflowExecutionRequest()
            .data(new StartWorkflowExecutionData().workflowId(uuid(call, "body")));
        try {
            var data = new WorkflowExecutionApi(client)
                .startWorkflowExecution(uuid(call, "customer"), uuid(call, "workflow"), request).getData();
            return members(
                "status", 200,
                "workflow", data.getWorkflowId().toString(),
                "queued", data.getExecutionQueue().size(),
                "triggers", data.getTasks().stream().filter(Task::getIsTrigger).count(),
                "finished", data.getFinished());
        } catch (RestClientResponseException error) {
            var meta = error.getResponseBodyAs(ErrorEnvelope.class).getMeta();
            return members(
                "status", error.getStatusCode().value(),
                "code", meta.getErrors().get(0).getCode(),
                "properties", meta.getValidation().stream().map(problem -> problem.getProperty()).toList(),
                "retryAfter", error.getResponseHeaders().getFirst("Retry-After"));
        }
    }

    static Map<String, Object> token(JsonNode call) {
        try {
            var token = new AuthorizationServerApi(new workflow.ApiClient().setBasePath(SERVER)).requestToken(
                "client_credentials", call.get("client").asText(), call.get("secret").asText(),
                call.get("scope").textValue());
            return members("status", 200, "token", token.getAccessToken(), "scope", token.getScope());
        } catch (RestClientResponseException error) {
            var refused = error.getResponseBodyAs(TokenError.class);
            return members(
                "status", error.getStatusCode().value(),
                "code", refused.getError(),
                "description", refused.getErrorDescription(),
                "retryAfter", error.getResponseHeaders().getFirst("Retry-After"));
        }
    }

    static Map<String, Object> addFault(JsonNode call) {
        var given = call.get("fault");
        var spec = new FaultSpec().matcher(new Matcher().customerId(uuid(call, "customer")));
        if (given.has("status")) spec.status(given.get("status").asInt());
        if (given.has("code")) spec.code(given.get("code").asText());
        if (given.has("times")) spec.times(given.get("times").asLong());
        if (given.has("retryAfter")) spec.retryAfter(given.get("retryAfter").asText());
        if (given.has("probability")) spec.probability(given.get("probability").asDouble());
        if (given.has("seed")) spec.seed(given.get("seed").asLong());
        if (given.has("delay")) {
            var delay = given.get("delay");
            var distribution = new DelayDistribution()
                .type(DelayDistribution.TypeEnum.fromValue(delay.get("type").asText()));
            if (delay.has("lower")) distribution.lower(delay.get("lower").asDouble());
            if (delay.has("upper")) distribution.upper(delay.get("upper").asDouble());
            if (delay.has("median")) distribution.median(delay.get("median").asDouble());
            if (delay.has("sigma")) distribution.sigma(delay.get("sigma").asDouble());
            spec.delayDistribution(distribution);
        }
        try {
            return members("status", 201, "id", FAULTS.addFault(spec, null).getId().toString());
        } catch (RestClientResponseException error) {
            return refused(error);
        }
    }

    static Map<String, Object> getFault(JsonNode call) {
        FaultView fault;
        try {
            fault = FAULTS.getFault(uuid(call, "id"), null);
        } catch (RestClientResponseException error) {
            return refused(error);
        }
        var delay = fault.getDelayDistribution();
        return members("status", 200, "fault", members(
            "status", fault.getStatus(),
            "code", fault.getCode(),
            "times", fault.getTimes(),
            "retryAfter", fault.getRetryAfter(),
            "probability", fault.getProbability(),
            "seed", fault.getSeed(),
            "delay", delay == null ? null : members(
                "type", delay.getType().getValue(),
                "lower", delay.getLower(),
                "upper", delay.getUpper(),
                "median", delay.getMedian(),
                "sigma", delay.getSigma())));
    }

    static Map<String, Object> findFaults(JsonNode call) {
        var page = FAULTS.findFaults(uuid(call, "customer"));
        return members("status", 200, "ids", page.getFaults().stream().map(fault -> fault.getId().toString()).toList());
    }

    static Map<String, Object> setClock(JsonNode call) {
        var change = new ClockChange().action(Action.SET).to(OffsetDateTime.parse(call.get("to").asText()));
        var clock = new ClockApi(CONTROL).changeClock(change, uuid(call, "customer"));
        return members(
            "status", 200, "now", clock.getNow().toString(), "own", clock.getOwn(), "frozen", clock.getFrozen());
    }

    static Map<String, Object> restore(JsonNode call) {
        var sandbox = new SandboxApi(CONTROL);
        var snapshot = sandbox.getSnapshot(uuid(call, "customer"));
        var made = sandbox.putSnapshotWithHttpInfo(snapshot, uuid(call, "customer"));
        return members("status", made.getStatusCode().value());
    }

    static Map<String, Object> verify(JsonNode call) {
        var verification = new Verification()
            .matcher(new Matcher().status(call.get("status").asInt()))
            .count(new VerificationTimes().exactly(call.get("exactly").asLong()));
        var status = 200;
        VerificationResult verdict;
        try {
            verdict = new RequestsApi(CONTROL).verifyRequests(verification, uuid(call, "customer"));
        } catch (RestClientResponseException error) {
            status = error.getStatusCode().value();
            verdict = error.getResponseBodyAs(VerificationResult.class);
        }
        return members("status", status, "verified", verdict.getVerified(), "count", verdict.getCount());
    }

    static Map<String, Object> refused(RestClientResponseException error) {
        var meta = error.getResponseBodyAs(ErrorResponse.class).getMeta();
        return members(
            "status", error.getStatusCode().value(),
            "code", meta.getErrors().get(0).getCode(),
            "properties", meta.getValidation().stream().map(problem -> problem.getProperty()).toList());
    }

    static UUID uuid(JsonNode call, String name) {
        return UUID.fromString(call.get(name).asText());
    }

    /** Names and values, of which any may be null. */
    static Map<String, Object> members(Object... namesAndValues) {
        var made = new HashMap<String, Object>();
        for (var index = 0; index < namesAndValues.length; index += 2) {
            made.put((String) namesAndValues[index], namesAndValues[index + 1]);
        }
        return made;
    }
}
