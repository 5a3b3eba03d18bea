/** Several networks that are one: subnets on one link, and those behind relay agents. */
import { formatPrefix, type Ipv4Address, type Ipv4Prefix } from "../base/address.ts";
import { equalBytes } from "../base/bytes.ts";
import { isOfSubnet } from "../protocol/dhcp4/server/layout.ts";
import { DHCP4_OPTION } from "../wire/dhcp4/option-table.ts";
import { type DraftClass, type DraftNetwork, type DraftSubnet, type Located, Names, type Settings } from "./draft.ts";
import type { Problems } from "./problem.ts";

const ROUTERS = DHCP4_OPTION.routers.code;

/** The network on the bridge, when this host is on that subnet. */
export function findLink(
  networks: readonly DraftNetwork[],
  link: Ipv4Prefix,
  problems: Problems,
): DraftNetwork | undefined {
  const words = formatPrefix(link);
  const found = networks.find(({ subnet, also }) =>
    [{ subnet }, ...also].some((each) => formatPrefix(each.subnet.value) === words),
  );
  if (found === undefined && networks.length > 0)
    problems.tell(
      { line: 1, text: "" },
      `${words} is no subnet that the file declares`,
      "give --link one of its subnets",
    );
  return found;
}

/** The networks become further subnets of the first. @param how where they are */
export function joinNetworks(
  main: DraftNetwork,
  others: readonly DraftNetwork[],
  how: "also" | "relayed",
  problems: Problems,
): void {
  if (others.length === 0) return;
  const all = [main, ...others];
  joinKnownOnly(main, all, problems);
  const hosts = new Names();
  for (const { name } of main.hosts) if (name !== undefined) hosts.unused(name);
  const ignored = new Set(main.ignore.map(({ value }) => value));
  const joined = new JoinedClasses(main.classes);
  for (const other of others) {
    main[how].push(subnetOf(other, main, how, problems));
    main.also.push(...other.also);
    main.relayed.push(...other.relayed);
    for (const host of other.hosts)
      main.hosts.push(host.name === undefined ? host : { ...host, name: hosts.unused(host.name) });
    for (const each of other.ignore) {
      if (!ignored.has(each.value)) main.ignore.push(each);
      ignored.add(each.value);
    }
    for (const each of other.classes) joined.add(each);
    if (other.authoritative !== main.authoritative)
      problems.tell(
        other.subnet.origin,
        `whether it is authoritative is said for the whole network, here ${main.authoritative}`,
        "write authoritative: as it shall be",
      );
  }
}

/** Only where all clients of ranges have to be known. */
function joinKnownOnly(main: DraftNetwork, all: readonly DraftNetwork[], problems: Problems): void {
  const open = all.filter(({ ranges, classes }) => ranges.length > 0 || classes.some((each) => each.ranges.length > 0));
  const known = open.filter(({ knownOnly }) => knownOnly !== undefined);
  const isForAll = open.length === known.length;
  const first = known[0]?.knownOnly ?? main.knownOnly;
  if (isForAll && first !== undefined) main.knownOnly = first;
  else delete main.knownOnly;
  if (isForAll) return;
  for (const { knownOnly } of known)
    problems.tell(
      knownOnly!.origin,
      "known hosts alone are served in all subnets of a network or in none",
      "write known-only: true, or give the known hosts addresses under hosts:",
    );
}

function subnetOf(
  { subnet, ranges, gateway, settings }: DraftNetwork,
  main: DraftNetwork,
  how: "also" | "relayed",
  problems: Problems,
): DraftSubnet {
  const own = ownSettings(subnet, settings, main.settings, problems);
  if (how === "also") return { subnet, ranges, settings: own, ...(gateway === undefined ? {} : { gateway }) };
  const router = onlyRouter(own);
  if (router !== undefined) own.options.delete(ROUTERS);
  return { subnet, ranges, settings: own, ...(router === undefined ? {} : { gateway: router }) };
}

function onlyRouter({ options }: Settings): Located<Ipv4Address> | undefined {
  const told = options.get(ROUTERS);
  const [router, ...more] = told === undefined ? [] : (DHCP4_OPTION.routers.codec.decode(told.value) ?? []);
  return told === undefined || router === undefined || more.length > 0 ? undefined : { ...told, value: router };
}

/** What a subnet says otherwise than the network; it is told where it says nothing and will be told the network's. */
function ownSettings(
  { value: prefix }: DraftNetwork["subnet"],
  { options, ...rest }: Settings,
  { options: common, ...commonRest }: Settings,
  problems: Problems,
): Settings {
  const differing = [...options].filter(([code, { value }]) => {
    const other = common.get(code)?.value;
    return isOfSubnet(code) || other === undefined || !equalBytes(other, value);
  });
  const own: Record<string, Located<unknown>> = {};
  const commonValues: Readonly<Record<string, Located<unknown>>> = commonRest;
  for (const [key, located] of Object.entries<Located<unknown>>(rest))
    if (commonValues[key]?.value !== located.value) own[key] = located;
  const missing = [
    ...[...common].filter(([code]) => !isOfSubnet(code) && !options.has(code)).map(([, located]) => located),
    ...Object.entries(commonValues).flatMap(([key, located]) => (key in rest ? [] : [located])),
  ];
  for (const { origin } of missing)
    problems.tell(
      origin,
      `clients of ${formatPrefix(prefix)} are told this, too`,
      "give that subnet a value of its own, where it matters",
    );
  return { ...own, options: new Map(differing) };
}

/** Those that say the same are one. */
class JoinedClasses {
  readonly #classes: DraftClass[];
  readonly #known = new Set<string>();
  readonly #names = new Names();

  constructor(classes: DraftClass[]) {
    this.#classes = classes;
    for (const each of classes) {
      this.#known.add(keyOf(each));
      this.#names.unused(each.name);
    }
  }

  add(each: DraftClass): void {
    const key = keyOf(each);
    if (each.ranges.length === 0 && this.#known.has(key)) return;
    this.#known.add(key);
    this.#classes.push({ ...each, name: this.#names.unused(each.name) });
  }
}

function keyOf({ match, ranges, settings: { options, ...rest } }: DraftClass): string {
  const values = Object.entries<Located<unknown>>(rest).map(([key, { value }]) => [key, value]);
  const told = Array.from(options, ([code, { value }]) => [code, value.join(".")]);
  return JSON.stringify([match, values, told, ranges.map(({ value }) => value)]);
}
