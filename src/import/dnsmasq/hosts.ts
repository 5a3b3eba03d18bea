/** dhcp-host in all its forms: `[MAC][,id:ID|*][,set:TAG][,tag:TAG][,ADDRESS][,NAME][,TIME][,ignore]`. */
import { type Ipv4Address, parseIpv4 } from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import { type DraftHost, emptySettings } from "../draft.ts";
import type { Problems } from "../problem.ts";
import { type Line, parseLeaseTime } from "./lines.ts";
import { macPrefix } from "./matches.ts";

export interface HostLine {
  readonly line: Line;
  readonly macs: readonly string[];
  readonly clientId: string | undefined;
  readonly tags: readonly string[];
  readonly address: Ipv4Address | undefined;
  readonly name: string | undefined;
  readonly leaseSeconds: number | undefined;
  readonly isIgnored: boolean;
}

const MAC = /^(?:[0-9a-f]{1,2}-)?(?:[0-9a-f]{1,2}|\*)(?::(?:[0-9a-f]{1,2}|\*)){5}$/i;

export function readHost(line: Line, problems: Problems): HostLine {
  const host = {
    macs: [] as string[],
    tags: [] as string[],
    clientId: undefined as string | undefined,
    address: undefined as Ipv4Address | undefined,
    name: undefined as string | undefined,
    leaseSeconds: undefined as number | undefined,
    isIgnored: false,
  };
  for (const value of line.values) {
    const [, prefix = "", rest = ""] = /^(id|set|net|tag):(.*)$/.exec(value) ?? [];
    if (value === "") continue;
    else if (prefix === "id") host.clientId = rest === "*" ? undefined : rest;
    else if (prefix === "set" || prefix === "net") host.tags.push(rest);
    else if (prefix === "tag")
      problems.tell(
        line.origin,
        `the host is not told apart by the tag ${rest}`,
        "it holds in the network of its address",
      );
    else if (value === "ignore") host.isIgnored = true;
    else if (MAC.test(value)) host.macs.push(value);
    else if (value.startsWith("[")) problems.tell(line.origin, `${value} is of IPv6`, "give the network a subnet6");
    else if (/^\d+\.\d+\.\d+\.\d+$/.test(value)) host.address = address(value, line, problems);
    else if (parseLeaseTime(value) !== undefined) host.leaseSeconds = parseLeaseTime(value);
    else host.name = value;
  }
  return { line, ...host };
}

function address(text: string, { origin }: Line, problems: Problems): Ipv4Address | undefined {
  try {
    return parseIpv4(text);
  } catch (error) {
    if (!(error instanceof NetloomError)) throw error;
    problems.tell(origin, error.message, "put the address right");
    return undefined;
  }
}

/** How a network file knows the host; undefined: it cannot. */
export function identityOf(host: HostLine, problems: Problems): DraftHost["identity"] | undefined {
  const { line, macs, clientId } = host;
  const [first, ...more] = macs;
  if (more.length > 0)
    problems.tell(
      line.origin,
      "a host has one MAC address, here the first",
      "make a host with an address of its own of the others",
    );
  if (first === undefined) return clientId === undefined ? undefined : { clientId };
  if (clientId !== undefined)
    problems.tell(line.origin, "a host is told by one thing, here by its MAC address", "nothing is to be done");
  const mac = macPrefix(first)?.mac;
  return mac?.length === 17 ? { mac } : undefined;
}

/** A host of a network file. */
export function draftHost(
  { name, line, leaseSeconds }: HostLine,
  address: Ipv4Address,
  identity: DraftHost["identity"],
): DraftHost {
  const { origin } = line;
  const settings = emptySettings();
  if (leaseSeconds !== undefined) settings.leaseDefault = { value: leaseSeconds, origin };
  return { ...(name === undefined ? {} : { name }), origin, identity, address, settings };
}
