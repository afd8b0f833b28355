package com.example.workflow;

import java.io.IOException;
import java.lang.module.ModuleDescriptor.Version;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** The server of a run of the tests: the one at WORKFLOW_MOCK_URL, else one in a child process, which ends with the run. */
final class WorkflowMock {
    private static final String OLDEST = "0.1.0"; // the first release of the server that has all that is called here
    private static final int START_SECONDS = 30;
    private static final String NO_SERVER =
            "there is no workflow-mock: set WORKFLOW_MOCK_URL to the address of one that runs; or install it anywhere"
                    + " on PATH (pipx install workflow-mock); or say in WORKFLOW_MOCK_COMMAND how to run it (uvx workflow-mock)";

    private static final FutureTask<String> URL = new FutureTask<>(WorkflowMock::find);
    private static Process child; // kept, as it ends once its input is closed: when this process ends, killed or not

    private WorkflowMock() {}

    static String url() {
        URL.run(); // once
        try {
            return URL.get();
        } catch (ExecutionException | InterruptedException error) {
            throw new AssertionError(error.getMessage(), error);
        }
    }

    private static String find() throws Exception {
        var given = variable("WORKFLOW_MOCK_URL", "").replaceAll("/+$", "");
        var url = given.isEmpty() ? start() : given;
        String version;
        try {
            version = ControlPlane.send("GET", url + "/__admin/health", null).path("version").asString();
        } catch (IOException error) {
            throw new IllegalStateException("no workflow-mock answers at WORKFLOW_MOCK_URL, " + url + ": " + error, error);
        }
        if (Version.parse(version).compareTo(Version.parse(OLDEST)) < 0) {
            throw new IllegalStateException(
                    "these tests need workflow-mock " + OLDEST + " or newer; at " + url + " is " + version);
        }
        return url;
    }

    private static String start() throws IOException, InterruptedException {
        var folder = Files.createTempDirectory("workflow-mock-");
        Path ready = folder.resolve("ready.json"), log = folder.resolve("log");
        try {
            var words = new ArrayList<>(List.of(variable("WORKFLOW_MOCK_COMMAND", "workflow-mock").split(" ")));
            words.addAll(List.of("serve", "--port", "0", "--ready-file", ready.toString(), "--until-stdin-closes"));
            words.addAll(List.of("--log-level", "warning"));
            var builder = new ProcessBuilder(words).redirectErrorStream(true).redirectOutput(log.toFile());
            // Settings of the environment are meant for another server than this one.
            builder.environment().keySet().removeIf(name -> name.startsWith("WORKFLOW_MOCK_"));
            try {
                child = builder.start();
            } catch (IOException error) {
                throw new IOException(NO_SERVER + ": " + error.getMessage(), error);
            }
            for (var turns = 0; turns < START_SECONDS * 100 && child.isAlive(); turns++, Thread.sleep(10)) {
                if (Files.exists(ready)) return ControlPlane.JSON.readTree(Files.readString(ready)).get("url").asString();
            }
            var status = child.isAlive() ? " was not ready within " + START_SECONDS + " s" : " has ended";
            child.destroyForcibly().waitFor();
            throw new IllegalStateException(String.join(" ", words) + status + ":\n" + Files.readString(log));
        } finally {
            for (var file : List.of(ready, log, folder)) Files.deleteIfExists(file);
        }
    }

    private static String variable(String name, String otherwise) {
        var value = System.getenv(name);
        return value == null || value.isBlank() ? otherwise : value.strip();
    }
}
