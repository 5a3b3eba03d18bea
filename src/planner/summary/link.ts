/** What a step does to a link, as a person would say it. */
import type { LinkObject } from "../../state/object/kernel.ts";
import { inNamespace, type LinkByKey, linkName, type Names } from "../names.ts";
import { GENERATION_MODES } from "../ip-words.ts";

export function linkCreation(object: LinkObject, links: LinkByKey): string {
  const details = linkDetails(object, links);
  const place = inNamespace(object.namespace);
  if (object.link.type === "veth-peer")
    return [`set up ${object.name}${place}, the peer of ${linkName(links, object.link.peerKey)}`, ...details].join(
      ", ",
    );
  if (object.link.type !== "veth") return [`create ${kindWord(object)} ${object.name}${place}`, ...details].join(", ");
  const peer = links(object.link.peerKey);
  const other =
    peer === undefined
      ? ""
      : ` with peer ${peer.name}${peer.namespace === object.namespace ? "" : inNamespace(peer.namespace)}`;
  return [`create veth ${object.name}${place}${other}`, ...details].join(", ");
}

export function kindWord(object: LinkObject): string {
  switch (object.link.type) {
    case "veth-peer":
      return "veth";
    case "adopted":
      return "link";
    default:
      return object.link.type;
  }
}

function linkDetails(object: LinkObject, links: LinkByKey): string[] {
  return [
    ...(object.macAddress === undefined ? [] : [`MAC ${object.macAddress}`]),
    ...(object.mtuBytes === undefined ? [] : [`MTU ${object.mtuBytes}`]),
    ...(typeof object.masterKey === "string" ? [`port of ${linkName(links, object.masterKey)}`] : []),
    ...(object.learning === undefined ? [] : [`learning ${object.learning ? "on" : "off"}`]),
    ...(object.allMulticast === undefined ? [] : [`all multicast ${object.allMulticast ? "on" : "off"}`]),
    ...(object.up === undefined ? [] : [object.up ? "up" : "down"]),
  ];
}

/** "rename eth0 to eth0-nic in pod1, give it MAC …, make it a port of k6t-eth0" */
export function linkChange(before: LinkObject, after: LinkObject, names: Names): string {
  const renamed = before.name !== after.name;
  const parts = linkChanges(before, after, names);
  if (renamed) return [`rename ${before.name} to ${after.name}${inNamespace(after.namespace)}`, ...parts].join(", ");
  const subject = `${kindWord(after)} ${after.name}${inNamespace(after.namespace)}`;
  return parts.length === 0 ? `mark ${subject} as netloom's` : `change ${subject}: ${parts.join(", ")}`;
}

function linkChanges(before: LinkObject, after: LinkObject, names: Names): string[] {
  const parts: string[] = [];
  if (after.macAddress !== undefined && after.macAddress !== before.macAddress)
    parts.push(`give it MAC ${after.macAddress}`);
  if (after.mtuBytes !== undefined && after.mtuBytes !== before.mtuBytes)
    parts.push(`MTU ${after.mtuBytes} instead of ${before.mtuBytes ?? "?"}`);
  if (after.masterKey !== undefined && after.masterKey !== (before.masterKey ?? null)) {
    parts.push(
      after.masterKey === null
        ? `take it out of ${linkName(names.before, before.masterKey ?? "")}`
        : `make it a port of ${linkName(names.after, after.masterKey)}`,
    );
  }
  if (after.learning !== undefined && after.learning !== before.learning)
    parts.push(`learning ${after.learning ? "on" : "off"}`);
  if (after.allMulticast !== undefined && after.allMulticast !== before.allMulticast)
    parts.push(`all multicast ${after.allMulticast ? "on" : "off"}`);
  if (after.ipv6AddressGeneration !== undefined && after.ipv6AddressGeneration !== before.ipv6AddressGeneration) {
    parts.push(
      `IPv6 address generation ${GENERATION_MODES[after.ipv6AddressGeneration] ?? after.ipv6AddressGeneration}`,
    );
  }
  if (before.link.type === "bridge" && after.link.type === "bridge") {
    const { stp, forwardDelayCentiseconds } = after.link;
    if (stp !== undefined && stp !== before.link.stp) parts.push(`spanning tree ${stp ? "on" : "off"}`);
    if (forwardDelayCentiseconds !== undefined && forwardDelayCentiseconds !== before.link.forwardDelayCentiseconds) {
      parts.push(`forward delay ${forwardDelayCentiseconds / 100} s`);
    }
  }
  if (after.up !== undefined && after.up !== before.up) parts.push(after.up ? "up" : "down");
  return parts;
}
