/** How links are called in summaries and commands: before the plan, and after it. */
import type { StateObject } from "../state/object.ts";
import type { LinkObject } from "../state/object/kernel.ts";

/** A link by key as it is at one end of the plan. */
export type LinkByKey = (key: string) => LinkObject | undefined;

export interface Names {
  readonly before: LinkByKey;
  readonly after: LinkByKey;
}

/** The name of a link, or of a link of others ("foreign:INDEX/NAME"). */
export function linkName(links: LinkByKey, key: string): string {
  return links(key)?.name ?? /^foreign:\d+\/(.+)$/.exec(key)?.[1] ?? key;
}

export function inNamespace(namespace: string): string {
  return namespace === "" ? "" : ` in ${namespace}`;
}

/** `ip`, in that namespace. */
export function ipIn(namespace: string): string {
  if (namespace === "") return "ip";
  return namespace.startsWith("/") ? `nsenter --net=${namespace} ip` : `ip -n ${namespace}`;
}

/** Puts a program into that namespace. */
export function commandIn(namespace: string, command: string): string {
  if (namespace === "") return command;
  return namespace.startsWith("/") ? `nsenter --net=${namespace} ${command}` : `ip netns exec ${namespace} ${command}`;
}

export function destinationOf(object: StateObject & { kind: "route" }): string {
  const { address, length } = object.destination;
  return length === 0 ? "default" : `${address}/${length}`;
}
