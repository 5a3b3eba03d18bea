/** Which ports of which networks are kept from serving the others. */
import { describe, expect, test } from "vitest";
import { compile } from "../../src/compile/compile.ts";
import type { NftTableObject } from "../../src/state/object/kernel.ts";
import { compiled, HOST, link, model } from "./host.ts";

const file = (lan: string): string => `version: 1
networks:
  lan: { subnet: 192.0.2.0/24, subnet6: "fd00:50::/64", ports: [eth1], ${lan} }
  other: { subnet: 198.51.100.0/24 }
machines:
  one: { kind: namespace, nics: [{ network: lan }, { network: other }] }
  two: { kind: vm, image: /a.img, nics: [{ network: lan }] }
`;

const WITH_PORT = { ...HOST, links: { ...HOST.links, eth1: link(3, "203.0.113.6/32", { addresses: [] }) } };

function guards(text: string): NftTableObject[] {
  return compiled(text, WITH_PORT).desired.objects.filter(
    (object): object is NftTableObject => object.kind === "nft-table" && object.name.startsWith("netloom_guard"),
  );
}

describe("the guard of a network", () => {
  test.for(["dhcp: true", "ipv6: true", "dhcp: {}, ipv6: { guard: true }"])("with %s: its machines' ports", (lan) => {
    const [table, ...more] = guards(file(lan));
    expect(more).toEqual([]);
    expect(table).toMatchObject({ key: "nft/guard/lan", origin: "network lan", family: "bridge", namespace: "" });
    expect(table?.rules).toMatch(/^ {2}iifname \{ "one-eth0", "two-tap0" \} jump servers$/m);
    expect(table?.rules).not.toContain("eth1");
  });

  test.for(["dns: {}", "dhcp: false", "dhcp: { guard: false }", "dhcp: true, ipv6: { guard: false }"])(
    "with %s: none",
    (lan) => {
      expect(guards(file(lan))).toEqual([]);
    },
  );

  test("in the network's own namespace; without machines there is nothing to guard", () => {
    const one = "machines: { one: { kind: namespace, nics: [{ network: lan }] } }\n";
    const alone = "version: 1\nnetworks: { lan: { subnet: 192.0.2.0/24, namespace: red, dhcp: true } }\n";
    expect(guards(alone + one)).toMatchObject([{ namespace: "red", name: "netloom_guard_lan" }]);
    expect(guards(alone)).toEqual([]);
  });

  test("a host that cannot do it is told, and served all the same", () => {
    const facts = { ...WITH_PORT, features: { ...HOST.features, bridgeFilter: false } };
    const { desired, notes } = compile(model(file("dhcp: true")), facts);
    expect(desired.objects.filter((object) => object.kind === "nft-table" && object.name.includes("guard"))).toEqual(
      [],
    );
    expect(notes).toContainEqual(expect.stringMatching(/on lan a machine's own DHCP server .* reach the others/));
    expect(desired.declared?.guarded).toEqual(["lan"]);
  });
});
