/** Networks that have a part of the prefix that an uplink is given. */
import type { Context } from "./context.ts";
import type { Network, Router, Uplink } from "./model.ts";
import type { FileShape } from "./schema.ts";

/** Hosts make their own addresses from prefixes of this length (RFC 4862 §5.5.3, RFC 2464 §4). */
export const PART_LENGTH = 64;

/** The network's word for it, taken note of; what it refers to is checked once all is known. */
export function delegatedOf(
  name: string,
  shape: NonNullable<FileShape["networks"]>[string],
  context: Context,
): Pick<Network, "prefix6"> {
  const { prefix6 } = shape;
  if (prefix6 === undefined) return {};
  const path = ["networks", name, "prefix6"];
  context.checkReference([...path, "from"], prefix6.from, "uplinks", "uplink");
  context.record([...path, "from"], prefix6.from, "declared");
  context.record([...path, "number"], String(prefix6.number), "declared");
  return { prefix6: { uplink: prefix6.from, number: prefix6.number } };
}

/** An uplink that asks for a prefix which has such a part, a router that leads there, and nobody else with the part. */
export function checkDelegated(
  networks: readonly Network[],
  uplinks: readonly Uplink[],
  routers: readonly Router[],
  context: Context,
): void {
  const users = new Map<string, string>();
  for (const { name, namespace, prefix6 } of networks) {
    if (prefix6 === undefined) continue;
    const { uplink: from, number } = prefix6;
    const path = ["networks", name, "prefix6"];
    const uplink = uplinks.find((candidate) => candidate.name === from);
    if (uplink === undefined) continue;
    const length = uplink.prefix6Length;
    const most = 2 ** (PART_LENGTH - (length ?? 0)) - 1;
    const other = users.get(`${from} ${number}`);
    const router = routers.find((candidate) => candidate.networks.includes(name));
    if (namespace !== "")
      context.complain(path, `is for networks of this host, and ${name} is in ${namespace}`, "remove one of both");
    else if (length === undefined)
      context.complain([...path, "from"], `the uplink ${from} asks for no prefix`, `add prefix6: 56 to ${from}`);
    else if (number > most)
      context.complain(
        [...path, "number"],
        `a /${length} has /${PART_LENGTH} number 0 to ${most} only`,
        "use one of these",
      );
    else if (other !== undefined)
      context.complain([...path, "number"], `is that of ${other} already`, "give each network its own");
    else if (router?.uplink !== from)
      context.complain(
        path,
        `no router leads ${name} to ${from}`,
        `add a router with networks: [${name}], uplink: ${from}`,
      );
    users.set(`${from} ${number}`, name);
  }
}
