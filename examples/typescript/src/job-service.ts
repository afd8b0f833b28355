/** A service that starts workflows later, as a job queue does. */

import type { Client } from "./workflow-client.ts";

export class Service {
  readonly #jobs: Promise<unknown>[] = [];

  constructor(private readonly client: Client) {}

  enqueue(workflowId: string): void {
    this.#jobs.push(this.client.start(workflowId));
  }

  async close(): Promise<void> {
    await Promise.all(this.#jobs);
  }
}
