/** Metrics over TCP, for a Prometheus elsewhere: GET /metrics and nothing else. */
import { once } from "node:events";
import { NetloomError, messageOf } from "../base/errors.ts";
import { createServer } from "../kernel/http.ts";

/** @param address ADDRESS:PORT, [ADDRESS]:PORT or :PORT @throws NetloomError bad-address */
export async function openMetricsServer(address: string, text: () => string): Promise<AsyncDisposable> {
  const { host, port } = parseAddress(address);
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    const found = request.method === "GET" && request.url === "/metrics";
    response.writeHead(found ? 200 : 404, { "content-type": "text/plain; version=0.0.4", connection: "close" });
    response.end(found ? text() : "GET /metrics\n");
  });
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (cause) {
    throw new NetloomError("bad-address", `serve metrics at ${address}: ${messageOf(cause)}`, { cause });
  }
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function parseAddress(text: string): { host: string; port: number } {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(found?.[3] ?? -1);
  if (found === null || port > 65_535) {
    throw new NetloomError("bad-address", `metrics address ${text}: it is not ADDRESS:PORT`, {
      hint: "For this host only: 127.0.0.1:9754",
    });
  }
  return { host: found[1] ?? (found[2] === "" ? "::" : (found[2] ?? "::")), port };
}
