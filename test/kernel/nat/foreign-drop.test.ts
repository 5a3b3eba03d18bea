/** Beside software whose forward chain drops by default, as Docker's does. */
import { writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findForeignInputDrops } from "../../../src/kernel/foreign-filter.ts";
import { hostSnapshot } from "../../support/host-snapshot.ts";
import { done, Folder, netloom, shell } from "../../support/network.ts";
import { GOOD, makeHost, planAndTry, reach, removeHost, savedRules } from "./host.ts";

const folder = new Folder();
let file: string;

beforeAll(() => {
  file = makeHost(folder);
  // Frames inside a bridge meet forward chains of the family ip only with it.
  writeFileSync("/proc/sys/net/bridge/bridge-nf-call-iptables", "1");
});
afterEach(async () => {
  await netloom(["destroy", file]);
});
afterAll(() => {
  removeHost();
  folder[Symbol.dispose]();
});

const BACKENDS = ["nft", "legacy"] as const;

describe.each(BACKENDS)("iptables-%s", (backend) => {
  const iptables = `iptables-${backend}`;
  const chainName = backend === "nft" ? "ip filter FORWARD" : "legacy filter FORWARD";

  afterEach(() => {
    shell(`${iptables} -P FORWARD ACCEPT; ${iptables} -P INPUT ACCEPT; ${iptables} -F; ${iptables} -X`);
  });

  test("an input chain that drops is found", async () => {
    expect(await findForeignInputDrops()).toEqual([]);
    shell(`${iptables} -P INPUT DROP`);
    expect(await findForeignInputDrops()).toEqual([chainName.replace("FORWARD", "INPUT")]);
  });

  test.each([
    { where: "FORWARD", rules: "" },
    {
      where: "DOCKER-USER",
      rules: `${iptables} -N DOCKER-USER
        ${iptables} -A FORWARD -j DOCKER-USER
        ${iptables} -A DOCKER-USER -j RETURN`,
    },
  ])("policy drop, accept rules go into $where", async ({ where, rules }) => {
    shell(`${rules}
      ${iptables} -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
      ${iptables} -P FORWARD DROP`);
    const rulesBefore = savedRules(backend);
    const before = hostSnapshot();
    const plan = await planAndTry(file, async () => {
      const meanwhile = savedRules(backend).split("\n");
      const ours = meanwhile.filter((rule) => rule.includes("netloom:"));
      expect(ours.length).toBeGreaterThan(0);
      expect(ours.every((rule) => rule.startsWith(`-A ${where} `) && rule.endsWith("-j ACCEPT"))).toBe(true);
      expect(meanwhile.filter((rule) => !ours.includes(rule)).join("\n")).toBe(rulesBefore);
      expect(await reach(GOOD)).toEqual(GOOD);
    });
    expect(plan).toContain(`the forward chain ${chainName} of other software drops by default`);
    expect(plan).toContain(where === "FORWARD" ? "go into it" : "go into DOCKER-USER");
    expect(savedRules(backend)).toBe(rulesBefore);
    expect(hostSnapshot()).toEqual(before);
  });
});

describe("a native table of somebody else", () => {
  beforeEach(() => {
    shell(`nft -f - <<'END'
table inet firewalld {
  chain filter_FORWARD {
    type filter hook forward priority 10; policy drop;
    iifname "docker0" accept
  }
}
END`);
  });
  afterEach(() => {
    shell("nft delete table inet firewalld");
  });

  test("is told by name and left alone: the person who owns it lets the network through", async () => {
    const before = hostSnapshot();
    const plan = await planAndTry(file, async () => {
      const closed = {
        "second sees first as": undefined,
        "first sees second as": undefined,
        "outside sees first as": undefined,
        "first sees outside as": undefined,
      };
      expect(await reach(closed)).toEqual(closed);
      shell(`nft add rule inet firewalld filter_FORWARD 'iifname "lan" accept'
        nft add rule inet firewalld filter_FORWARD 'oifname "lan" ct state established accept'`);
      expect(await reach(GOOD)).toEqual(GOOD);
      shell(`nft flush chain inet firewalld filter_FORWARD
        nft add rule inet firewalld filter_FORWARD 'iifname "docker0" accept'`);
    });
    expect(plan).toContain(
      "the forward chain inet firewalld filter_FORWARD of other software drops by default and takes no rule of ours: allow this file's networks there",
    );
    expect(hostSnapshot()).toEqual(before);
  });
});

test("a chain that accepts by default is not spoken of", async () => {
  shell("iptables-nft -P FORWARD ACCEPT");
  expect(await done(["plan", file])).not.toContain("forward chain");
});
