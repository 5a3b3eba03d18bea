import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

import { expect, test } from "vitest";

import { openDescriptors, until } from "./support.ts";

const holder = new URL("./holder.ts", import.meta.url);

/** A thread of its own that holds one of everything. */
async function startWorker(): Promise<Worker> {
  const worker = new Worker(holder, { execArgv: [], workerData: "wait" });
  await Promise.race([
    once(worker, "message"),
    once(worker, "error").then(([error]) => {
      throw error;
    }),
  ]);
  return worker;
}

test("a worker thread that ends with everything open closes it all, again and again", async () => {
  await (await startWorker()).terminate();
  const before = openDescriptors().length;
  for (let round = 0; round < 5; round++) {
    const workers = await Promise.all([startWorker(), startWorker()]);
    expect(openDescriptors().length).toBeGreaterThan(before);
    const started = performance.now();
    await Promise.all(workers.map((worker) => worker.terminate()));
    // What the workers wait for would take a minute.
    expect(performance.now() - started).toBeLessThan(30_000);
    await until("descriptors closed", () => openDescriptors().length === before);
  }
});

/** The holder as a process of its own. */
function run(task: string): { status: number | null; signal: string | null; stderr: string } {
  const { status, signal, stderr } = spawnSync(process.execPath, [fileURLToPath(holder), task], {
    encoding: "utf8",
    timeout: 30_000,
  });
  return { status, signal, stderr };
}

test("process.exit() with everything open and under way", () => {
  expect(run("exit")).toEqual({ status: 0, signal: null, stderr: "" });
});

test("a process ends by itself once all is closed and answered", () => {
  expect(run("end")).toEqual({ status: 0, signal: null, stderr: "" });
});

test("what a callback throws is an uncaught exception", () => {
  const { status, stderr } = run("throw");
  expect(status).toBe(1);
  expect(stderr).toContain("thrown by a callback");
});
