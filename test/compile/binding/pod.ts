/** Pods as the kernel would show them, from a few words in the language of `ip`. */
import { contains, networkOf, parseIp, parseMac, parsePrefix, type Prefix } from "../../../src/base/address.ts";
import { discoverPodInterface, type PodInterface } from "../../../src/compile/binding/pod-interface.ts";
import type { ObservedLink, ObservedNamespace, ObservedRoute } from "../../../src/state/snapshot.ts";

export const POD_MAC = parseMac("0a:58:c0:00:02:05");
const INDEX = 2;
const PERMANENT = 0x80;

export interface PodText {
  /** As `ip address add` takes them: "192.0.2.5/24". The kernel's own routes are derived. */
  readonly addresses?: readonly string[];
  /** "DESTINATION [via GATEWAY] [metric N] [table N] [dev INDEX] [proto N] [type N] [onlink]", "default" is 0.0.0.0/0. */
  readonly routes?: readonly string[];
  /** Leave out the connected routes, as the CNI plugin ptp does. */
  readonly withoutPrefixRoutes?: boolean;
  readonly neighbours?: readonly string[];
  readonly link?: Partial<ObservedLink>;
  readonly links?: readonly ObservedLink[];
}

export function observedPod(text: PodText): ObservedNamespace {
  const eth0 = { index: INDEX, name: "eth0", kind: "veth", macAddress: POD_MAC, mtuBytes: 1450, up: true, group: 0 };
  const lo = { index: 1, name: "lo", macAddress: parseMac("00:00:00:00:00:00"), mtuBytes: 65536, up: true, group: 0 };
  const prefixes = (text.addresses ?? []).map(parsePrefix);
  const derived = text.withoutPrefixRoutes === true ? [] : derivedRoutes(prefixes);
  return {
    links: [lo, ...(text.links ?? []), { ...eth0, ...text.link }],
    addresses: prefixes.map(({ address, length }, i) => ({
      linkIndex: INDEX,
      address,
      prefixLength: length,
      scope: address.startsWith("fe80:") ? 253 : 0,
      flags: isSecondary(prefixes, i) ? PERMANENT | 1 : PERMANENT,
      ...(address.includes(":") ? {} : { label: "eth0" }),
    })),
    routes: [...derived, ...(text.routes ?? []).map(route)],
    neighbours: (text.neighbours ?? []).map((line) => {
      const [address = "", mac = "", state = String(PERMANENT)] = line.split(" ");
      return { linkIndex: INDEX, address: parseIp(address), macAddress: parseMac(mac), state: Number(state) };
    }),
    sysctls: {},
    nftTables: [],
    foreignAccepts: [],
  };
}

function isSecondary(prefixes: readonly Prefix[], i: number): boolean {
  const { address, length } = prefixes[i]!;
  if (address.includes(":")) return false;
  return prefixes.slice(0, i).some((earlier) => earlier.length === length && contains(earlier, address));
}

function derivedRoutes(prefixes: readonly Prefix[]): ObservedRoute[] {
  const withRoute = prefixes.filter(
    ({ address, length }, i) => length < (address.includes(":") ? 128 : 32) && !isSecondary(prefixes, i),
  );
  return withRoute.map((prefix) =>
    route(`${networkText(prefix)} proto 2${prefix.address.includes(":") ? " metric 256" : ""}`),
  );
}

function networkText(prefix: Prefix): string {
  const { address, length } = networkOf(prefix);
  return `${address}/${length}`;
}

function route(line: string): ObservedRoute {
  const words = line.split(" ");
  const value = (name: string): string | undefined =>
    words.includes(name) ? words[words.indexOf(name) + 1] : undefined;
  const via = value("via");
  const metric = value("metric");
  const gateway = via === undefined ? {} : { gateway: parseIp(via) };
  const onlink = words.includes("onlink") ? { onlink: true } : {};
  const devices = value("dev")?.split(",").map(Number) ?? [INDEX];
  const ipv6 = words[0] === "::/0" || (words[0] ?? "").includes(":");
  return {
    destination: parsePrefix(words[0] === "default" ? "0.0.0.0/0" : (words[0] ?? "")),
    nextHops: devices.map((linkIndex) => ({ linkIndex, ...gateway, ...onlink })),
    type: Number(value("type") ?? 1),
    table: Number(value("table") ?? 254),
    tos: 0,
    protocol: Number(value("proto") ?? 3),
    scope: via === undefined && !ipv6 ? 253 : 0,
    ...(metric === undefined ? {} : { metric: Number(metric) }),
  };
}

export function pod(text: PodText, dns: PodInterface["dns"] = { servers: [], search: [] }): PodInterface {
  return discoverPodInterface(observedPod(text), { namespace: "pod1", interfaceName: "eth0", dns, hostName: "web-0" });
}
