import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    globalSetup: "tests/server.ts",
    // Each test has a world of its own, so that they run side by side.
    sequence: { concurrent: true },
    testTimeout: 20_000,
    hookTimeout: 60_000,
    // A failure points at the line of the test, not into the helper.
    onStackTrace: (_error, { file }) => !file.endsWith("/workflow-mock.ts"),
  },
});
