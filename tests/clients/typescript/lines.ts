/** Calls as lines of JSON on standard input; to each one line of what the client made of it. */
import { createInterface } from "node:readline";

export const server = process.env.WORKFLOW_MOCK_URL!;

export interface Delay {
  type: "uniform" | "lognormal";
  lower?: number | null;
  upper?: number | null;
  median?: number | null;
  sigma?: number | null;
}

export interface Fault {
  status?: number | null;
  code?: string | null;
  times?: number | null;
  retryAfter?: string | null;
  probability?: number | null;
  seed?: number | null;
  delay?: Delay | null;
}

export interface Calls {
  start(call: { customer: string; workflow: string; body: string; token: string }): Promise<object>;
  token(call: { client: string; secret: string; scope: string | null }): Promise<object>;
  add_fault(call: { customer: string; fault: Fault }): Promise<object>;
  get_fault(call: { id: string }): Promise<object>;
  find_faults(call: { customer: string }): Promise<object>;
  set_clock(call: { customer: string; to: string }): Promise<object>;
  restore(call: { customer: string }): Promise<object>;
  verify(call: { customer: string; status: number; exactly: number }): Promise<object>;
}

/** The members of a fault that a test looks at. */
export function shown(fault: Fault & { delayDistribution?: Delay | null }): Fault {
  const { status, code, times, retryAfter, probability, seed, delayDistribution: delay } = fault;
  return { status, code, times, retryAfter, probability, seed, delay } as Fault;
}

export async function answer(calls: Calls): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const { call, ...given } = JSON.parse(line) as { call: keyof Calls };
    const made = (calls[call] as (given: object) => Promise<object>)(given);
    console.log(JSON.stringify(await made.catch((error: Error) => ({ raised: error.stack }))));
  }
}
