/** What a step does, as a person would say it. */
import { isService, type StateObject } from "../state/object.ts";
import type { NextHop, RouteObject } from "../state/object/kernel.ts";
import { differInPrefixRoute } from "../state/prefix-route.ts";
import { destinationOf, inNamespace, type LinkByKey, linkName, type Names } from "./names.ts";
import { routeType } from "./ip-words.ts";
import { kindWord, linkChange, linkCreation } from "./summary/link.ts";
import { serviceChange, serviceCreation, serviceDeletion } from "./summary/service.ts";

export function summarize(before: StateObject | undefined, after: StateObject | undefined, names: Names): string {
  if (after === undefined) return before === undefined ? "" : deletion(before, names);
  if (before === undefined) return creation(after, names);
  return change(before, after, names);
}

function creation(object: StateObject, names: Names): string {
  if (isService(object)) return serviceCreation(object);
  const links = names.after;
  switch (object.kind) {
    case "namespace":
      return `create namespace ${object.name}`;
    case "link":
      return linkCreation(object, links);
    case "address":
      return `give ${linkName(links, object.linkKey)} address ${object.address}/${object.prefixLength}${inNamespace(object.namespace)}`;
    case "route":
      return `add ${routeWords(object, links)}`;
    case "neighbour":
      return `add neighbour ${object.address} at ${object.macAddress} on ${linkName(links, object.linkKey)}${inNamespace(object.namespace)}`;
    case "sysctl":
      return `set ${object.path.replaceAll("/", ".")} to ${object.value}${inNamespace(object.namespace)}`;
    case "nft-table":
      return `load nft table ${object.family} ${object.name}${inNamespace(object.namespace)}`;
    case "foreign-accept":
      return `accept ${acceptWords(object)} in chain ${object.chain}${inNamespace(object.namespace)}`;
    case "file":
      return `write file ${object.path}`;
  }
}

function deletion(object: StateObject, names: Names): string {
  if (isService(object)) return serviceDeletion(object);
  const links = names.before;
  switch (object.kind) {
    case "namespace":
      return `delete namespace ${object.name}`;
    case "link": {
      const peer =
        object.link.type === "veth" || object.link.type === "veth-peer" ? links(object.link.peerKey) : undefined;
      const along =
        peer === undefined
          ? ""
          : ` and its peer ${peer.name}${peer.namespace === object.namespace ? "" : inNamespace(peer.namespace)}`;
      return `delete ${kindWord(object)} ${object.name}${inNamespace(object.namespace)}${along}`;
    }
    case "address":
      return `take address ${object.address}/${object.prefixLength} from ${linkName(links, object.linkKey)}${inNamespace(object.namespace)}`;
    case "route":
      return `delete ${routeWords(object, links)}`;
    case "neighbour":
      return `delete neighbour ${object.address} on ${linkName(links, object.linkKey)}${inNamespace(object.namespace)}`;
    case "sysctl":
      return `leave ${object.path.replaceAll("/", ".")}${inNamespace(object.namespace)}`;
    case "nft-table":
      return `delete nft table ${object.family} ${object.name}${inNamespace(object.namespace)}`;
    case "foreign-accept":
      return `no longer accept ${acceptWords(object)} in chain ${object.chain}${inNamespace(object.namespace)}`;
    case "file":
      return `delete file ${object.path}`;
  }
}

function change(before: StateObject, after: StateObject, names: Names): string {
  if (isService(after)) return serviceChange(before, after);
  switch (after.kind) {
    case "namespace":
      return `set up lo in ${after.name}`;
    case "link":
      return before.kind === "link" ? linkChange(before, after, names) : creation(after, names);
    case "address":
      if (before.kind === "address" && differInPrefixRoute(before, after))
        return `${after.prefixRoute === false ? "delete" : "restore"} the route to the prefix of ${after.address}/${after.prefixLength} on ${linkName(names.after, after.linkKey)}${inNamespace(after.namespace)}`;
      return creation(after, names);
    case "route":
      return `change route to ${destinationOf(after)}${inNamespace(after.namespace)}: ${hopWords(after.nextHops, names.after)}${
        before.kind === "route" ? ` instead of ${hopWords(before.nextHops, names.before)}` : ""
      }`;
    case "sysctl":
      return `${creation(after, names)}${before.kind === "sysctl" && before.value !== after.value ? ` (was ${before.value})` : ""}`;
    case "nft-table":
      return `load nft table ${after.family} ${after.name} anew${inNamespace(after.namespace)}`;
    case "file":
      return `rewrite file ${after.path}`;
    default:
      return creation(after, names);
  }
}

function routeWords(object: RouteObject, links: LinkByKey): string {
  const type = routeType(object);
  const what =
    object.destination.length === 0
      ? "the default route"
      : `${type === undefined ? "" : `${type} `}route to ${destinationOf(object)}`;
  const table = object.table === undefined || object.table === 254 ? "" : `, table ${object.table}`;
  return (
    [what, hopWords(object.nextHops, links)].filter((part) => part !== "").join(" ") +
    table +
    inNamespace(object.namespace)
  );
}

function hopWords(hops: readonly NextHop[], links: LinkByKey): string {
  return hops
    .map((hop) =>
      [
        ...(hop.gateway === undefined ? [] : [`via ${hop.gateway}`]),
        ...(hop.linkKey === undefined ? [] : [`on ${linkName(links, hop.linkKey)}`]),
      ].join(" "),
    )
    .join(" and ");
}

function acceptWords(object: StateObject & { kind: "foreign-accept" }): string {
  return [
    `${object.family === 6 ? "IPv6 " : ""}${object.establishedOnly === true ? "answers" : "packets"}`,
    ...(object.inInterface === undefined ? [] : [`from ${object.inInterface}`]),
    ...(object.outInterface === undefined ? [] : [`to ${object.outInterface}`]),
  ].join(" ");
}
