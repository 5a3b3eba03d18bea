import { expect, test } from "vitest";
import { formatSource } from "../../src/engine/source.ts";

test.each([
  ["/etc/netloom/office.yaml", "/etc/netloom/office.yaml"],
  [
    { attach: { network: "office/lan", target: { kind: "namespace", namespace: "theirs", interfaceName: "eth0" } } },
    "namespace theirs, eth0 on office/lan",
  ],
  [
    {
      attach: { network: "office/lan", target: { kind: "tap", tapName: "vnet0", dhcp: "single" }, dns: ["192.0.2.53"] },
    },
    "tap vnet0 on office/lan, dhcp single, name servers 192.0.2.53",
  ],
  [
    { attach: { network: "office/lan", target: { kind: "interface", interfaceName: "eth7" } } },
    "interface eth7 on office/lan",
  ],
  [
    { vm: { name: "x", nics: [{ network: "office/lan" }, { network: "lab/lab" }], image: "/x.img" } },
    "guest on office/lan and lab/lab, image /x.img",
  ],
  [{ profile: "modern", tap: "tap0" }, "binding bridge, profile modern, tap tap0"],
  [
    { binding: "masquerade", profile: "modern", tap: "tap0", ports: [{ port: 80, protocol: "tcp" }], queues: 2 },
    "binding masquerade, profile modern, tap tap0, queues 2, ports 80/tcp",
  ],
])("%j reads %j", (source, words) => {
  expect(formatSource(typeof source === "string" ? source : JSON.stringify(source))).toBe(words);
});
