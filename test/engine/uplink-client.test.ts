import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { SILENT } from "../../src/base/logger.ts";
import { UplinkClient } from "../../src/engine/uplink-client.ts";
import type { UplinkFamily } from "../../src/engine/uplink-families.ts";
import type { DhcpClientObject } from "../../src/state/object/lease-client.ts";

const OBJECT: DhcpClientObject = {
  kind: "dhcp-client",
  key: "dhcp-client/wan",
  origin: "uplink wan",
  namespace: "",
  interfaceName: "eth0",
  metric: 1024,
};

test("whoever stops a client whose lease could not be applied waits until all is given back", async () => {
  const stateFolder = mkdtempSync(join(tmpdir(), "netloom-uplink-"));
  const order: string[] = [];
  const given = Promise.withResolvers<void>();
  let fail: (error: unknown) => void = () => expect.unreachable();
  const family: UplinkFamily<DhcpClientObject, string> = {
    protocol: "DHCP",
    unitName: (name) => `dhcp-${name}`,
    open: (_object, _stateFolder, _logger, { onFailure }) => {
      fail = onFailure;
      const session = { interfaceIndex: 2, state: "bound", lease: undefined, nextAttempt: undefined };
      return Promise.resolve({ ...session, giveBack: () => given.promise, letGo: () => expect.unreachable() });
    },
    summary: () => ({}),
    details: () => ({}),
    told: (lease) => lease,
  };
  const client = new UplinkClient(OBJECT, family, { stateFolder, logger: SILENT, onChange: () => {} });
  await client.start();
  fail(new Error("somebody has the address"));
  const stopped = client.stop().then(() => order.push("stopped"));
  await setImmediate();
  order.push("given back");
  given.resolve();
  await stopped;
  expect(order).toEqual(["given back", "stopped"]);
  rmSync(stateFolder, { recursive: true });
});
