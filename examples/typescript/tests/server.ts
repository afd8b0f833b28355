/** The server of a run of the tests: the one at WORKFLOW_MOCK_URL, else one in a child process, which ends with the run. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  export interface ProvidedContext {
    workflowMockUrl: string;
  }
}

const START_SECONDS = 30;
const END_SECONDS = 5; // Vitest waits 10
const NO_SERVER =
  "there is no workflow-mock: set WORKFLOW_MOCK_URL to the address of one that runs; or install it anywhere on PATH" +
  " (pipx install workflow-mock); or say in WORKFLOW_MOCK_COMMAND how to run it (uvx workflow-mock)";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.WORKFLOW_MOCK_URL?.replace(/\/+$/, "");
  if (!given) {
    const server = await start();
    project.provide("workflowMockUrl", server.url);
    return server.end;
  }
  await fetch(`${given}/__admin/health`, { signal: AbortSignal.timeout(START_SECONDS * 1000) }).catch((error: Error) => {
    throw new Error(`no workflow-mock answers at WORKFLOW_MOCK_URL, ${given}: ${error.cause ?? error.message}`);
  });
  project.provide("workflowMockUrl", given);
  return async () => {};
}

async function start() {
  const folder = mkdtempSync(join(tmpdir(), "workflow-mock-"));
  const [ready, log] = [join(folder, "ready.json"), join(folder, "log")];
  const given = process.env.WORKFLOW_MOCK_COMMAND?.trim();
  const [command = "", ...words] = (given || "workflow-mock").split(/\s+/);
  words.push("serve", "--port", "0", "--ready-file", ready, "--until-stdin-closes", "--log-level", "warning");
  // Settings of the environment are meant for another server than this one.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("WORKFLOW_MOCK_")));
  const output = openSync(log, "w");
  const child = spawn(command, words, { stdio: ["pipe", output, output], env });
  closeSync(output);
  const forget = () => rmSync(folder, { recursive: true, force: true });
  const isRunning = () => child.exitCode === null && child.signalCode === null;

  await once(child, "spawn").catch((error: Error) => {
    forget();
    throw new Error(given ? `WORKFLOW_MOCK_COMMAND can't be run: ${error.message}` : NO_SERVER);
  });
  const end = async () => {
    const force = setTimeout(() => child.kill("SIGKILL"), END_SECONDS * 1000);
    child.stdin?.end(); // and so it does when this process is killed
    if (isRunning()) await once(child, "exit");
    clearTimeout(force);
    forget();
  };
  for (let turns = 0; turns < START_SECONDS * 100 && isRunning(); turns += 1) {
    if (existsSync(ready)) return { url: JSON.parse(readFileSync(ready, "utf8")).url as string, end };
    await wait(10);
  }
  const status = isRunning() ? `was not ready within ${START_SECONDS} s` : "has ended";
  const written = readFileSync(log, "utf8").trim().slice(-2000);
  await end();
  throw new Error(`${[command, ...words].join(" ")} ${status}:\n${written}`);
}
