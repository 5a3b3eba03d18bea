/** The bridge binding where the kernel has dummy links, as KubeVirt knows it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasLinkKind } from "../../src/kernel/features.ts";
import { EMPTY } from "../../src/state/desired.ts";
import { carryOut, planNow } from "../kernel/transition/carry-out.ts";
import { json, shell } from "../support/network.ts";
import { bindingOf, makePod, makePodNetwork, removePod } from "../kernel/transition/pods.ts";
import { namespaceSnapshot } from "../support/host-snapshot.ts";

const POD_MAC = "0a:58:c0:00:02:05";

beforeAll(makePodNetwork);
afterAll(() => shell("ip link delete br-pods"));

describe("modern profile with a dummy", () => {
  test("the dummy keeps the pod's identity, the pod does not answer ARP for it, and all comes back exactly", async () => {
    expect(await hasLinkKind("dummy")).toBe(true);
    expect(await hasLinkKind("no-such-kind")).toBe(false);
    makePod("pod1", [
      "address add 192.0.2.5/24 brd + dev eth0",
      "address add 2001:db8::5/64 dev eth0",
      "route add default via 192.0.2.1",
      "route add default via 2001:db8::1",
    ]);
    try {
      const before = namespaceSnapshot("pod1");
      const { desired } = await bindingOf("pod1", { profile: "modern", features: { dummy: true } });
      const { record } = await carryOut(desired);
      expect((await planNow(desired, record)).steps).toEqual([]);
      const [standIn] = json("ip -n pod1 -d -j address show dev eth0");
      expect(standIn).toMatchObject({ address: POD_MAC, mtu: 1440, linkinfo: { info_kind: "dummy" } });
      expect(standIn?.["addr_info"]).toMatchObject([
        { local: "192.0.2.5", prefixlen: 24 },
        { local: "2001:db8::5", prefixlen: 64 },
      ]);
      expect(shell("busybox arping -c 1 -w 1 -I br-pods 192.0.2.5 | grep -c 'reply from' || true").trim()).toBe("0");
      await carryOut(EMPTY, record);
      expect(namespaceSnapshot("pod1")).toEqual(before);
    } finally {
      removePod("pod1");
    }
  });
});
