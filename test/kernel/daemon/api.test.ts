/** The API as any HTTP client sees it. */
import { once } from "node:events";
import { statSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ENDPOINTS, STREAMS } from "../../../src/daemon/contract.ts";
import { done, Folder, makeUplink, netloom, removeUplink, shell } from "../../support/network.ts";
import { Daemon, fileText } from "./support.ts";

let folder: Folder;
let daemon: Daemon;

beforeAll(async () => {
  makeUplink();
  folder = new Folder();
  daemon = await Daemon.start(folder.join("state"), ["--metrics", "127.0.0.1:9754"]);
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
  removeUplink();
});

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
}

async function ask(method: string, path: string, body?: string): Promise<Answer> {
  const request = httpRequest({ socketPath: folder.join("state/netloom.sock"), method, path });
  // An answer may come before the whole body was taken, and end the connection.
  request.on("error", () => undefined);
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  for await (const piece of response.setEncoding("utf8")) text += String(piece);
  return { status: response.statusCode, text };
}

describe("requests that are wrong", () => {
  test.for([
    ["an unknown path", "GET", "/v1/nothing", undefined, 404, "not-found"],
    ["a path out of the tree", "GET", "/../../etc/passwd", undefined, 404, "not-found"],
    ["a wrong method", "GET", "/v1/apply", undefined, 405, "method-not-allowed"],
    ["a wrong method of a stream", "POST", "/v1/events", "{}", 405, "method-not-allowed"],
    ["no JSON", "POST", "/v1/apply", "{", 400, "bad-request"],
    ["no body", "POST", "/v1/apply", undefined, 400, "bad-request"],
    ["a body of another type", "POST", "/v1/apply", "[]", 400, "bad-request"],
    ["a missing property", "POST", "/v1/apply", '{"source":"/x.yaml"}', 400, "bad-request"],
    ["a relative path", "POST", "/v1/apply", '{"source":"x.yaml","text":""}', 400, "bad-request"],
    ["a path with ..", "POST", "/v1/destroy", '{"source":"/x/../y.yaml"}', 400, "bad-request"],
    ["a time of no seconds", "POST", "/v1/apply", '{"source":"/x","text":"","confirmSeconds":0}', 400, "bad-request"],
    ["a name with a slash", "POST", "/v1/unbind", '{"namespace":"a/b","interfaceName":"eth0"}', 400, "bad-request"],
    ["a wrong network file", "POST", "/v1/apply", '{"source":"/x.yaml","text":"nonsense: 1"}', 400, "bad-file"],
    ["an unknown guest", "POST", "/v1/vm/run", '{"name":"nobody"}', 404, "no-such-vm"],
  ] as const)("%s", async ([, method, path, body, status, code]) => {
    const answer = await ask(method, path, body);
    expect(answer.status).toBe(status);
    const { error } = JSON.parse(answer.text) as { error: { code: string; message: string } };
    expect(error.code).toBe(code);
    expect(error.message).not.toBe("");
  });

  test("a body without end is cut off", async () => {
    const answer = await ask("POST", "/v1/apply", JSON.stringify({ source: "/x", text: "x".repeat(9 * 1024 * 1024) }));
    expect(answer.status).toBe(413);
    expect((await ask("GET", "/v1/status")).status).toBe(200);
  });
});

test("is for its owner alone, or for a group as well", async () => {
  expect(statSync(folder.join("state/netloom.sock")).mode & 0o777).toBe(0o600);
  using other = new Folder();
  await using grouped = await Daemon.start(other.join("state"), ["--group", "0"]);
  expect(statSync(`${grouped.state}/netloom.sock`).mode & 0o777).toBe(0o660);
  expect(statSync(grouped.state).mode & 0o777).toBe(0o710);
  const { code, stderr } = await netloom(["daemon", "--state", other.join("b"), "--group", "no such group"]);
  expect(code).toBe(1);
  expect(stderr).toContain("group no such group");
});

test("describes all of itself", async () => {
  const document = JSON.parse((await ask("GET", STREAMS.openapi.path)).text) as {
    openapi: string;
    paths: Record<string, Record<string, { requestBody?: unknown }>>;
  };
  expect(document.openapi).toBe("3.1.0");
  expect(Object.keys(document.paths).sort()).toEqual(
    [...Object.values(ENDPOINTS), ...Object.values(STREAMS)].map(({ path }) => path).sort(),
  );
  expect(document.paths["/v1/destroy"]?.["post"]?.requestBody).toMatchObject({
    content: { "application/json": { schema: { type: "object", required: ["source"] } } },
  });
});

test("replays the events that a listener missed", async () => {
  const file = folder.write("api.yaml", fileText("api", "192.168.68"));
  await daemon.netloom("apply", file);
  await daemon.untilTold("applied");
  const applied = daemon.toldOf("applied")[0]!;
  await daemon.netloom("destroy", file);
  await daemon.untilTold("destroyed");
  const client = await daemon.client();
  const controller = new AbortController();
  const replayed: { id: number; kind: string }[] = [];
  for await (const text of client.events({ lastId: applied.id - 1, signal: controller.signal })) {
    replayed.push(JSON.parse(text) as { id: number; kind: string });
    if (replayed.at(-1)?.kind === "destroyed") controller.abort();
  }
  expect(replayed[0]).toMatchObject({ id: applied.id, kind: "applied" });
  expect(replayed.at(-1)).toMatchObject({ kind: "destroyed" });
});

test("gives figures to Prometheus, on its socket and by TCP", async () => {
  const { text } = await ask("GET", STREAMS.metrics.path);
  const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  for (const line of samples) expect(line).toMatch(/^[a-z_]+(?:\{[^{}]*\})? [\d.e+-]+$/);
  expect(text).toContain('netloom_requests_total{endpoint="apply",status="400"}');
  expect(text).toMatch(/netloom_change_duration_seconds_count \d/);
  const byTcp = shell("curl --silent http://127.0.0.1:9754/metrics");
  expect(byTcp).toContain("netloom_units 0");
});

test("commands without a daemon where one is needed say so", async () => {
  using other = new Folder();
  for (const words of [["events"], ["bind", "--netns", "nowhere"]]) {
    const { code, stderr } = await netloom([...words, "--state", other.join("state")]);
    expect(code).toBeGreaterThan(0);
    expect(stderr).toContain("netloom daemon");
  }
  expect(await done(["confirm", "--state", other.join("state")])).toBe("Nothing waits to be confirmed.\n");
});
