/** What happens while machines boot, one line each. */
import { PLATFORM_NAMES } from "../../protocol/pxe/client.ts";
import type { AddressGiver } from "../../engine/netboot-announcer.ts";
import type { ProxyEvent } from "../../protocol/pxe/proxy.ts";
import type { FolderChange } from "../../services/netboot/folder-change.ts";
import type { Transfer } from "../../services/netboot/transfers.ts";
import { printable } from "../../services/vm/printable.ts";

type Asked = Extract<ProxyEvent, { event: "asked" }>;

/** Names of files, and what clients say, are in it. */
export function oneLine(text: string): string {
  return printable(text).replaceAll(/[\n\t]/g, " ");
}

/** "UEFI x64 by HTTP", "BIOS, iPXE". */
export function clientName({ platform, bootClass, isIpxe }: Asked["client"]): string {
  return `${PLATFORM_NAMES[platform]}${isIpxe ? ", iPXE" : bootClass === "HTTPClient" ? " by HTTP" : ""}`;
}

export function addressesLine(giver: AddressGiver, interfaceName: string): string {
  switch (giver.mode) {
    case "pool":
      return `No other DHCP server answered: gives addresses ${giver.ranges.map(({ first, last }) => `${first}-${last}`).join(", ")}.`;
    case "proxy":
      return `The network's DHCP server${giver.server === undefined ? "" : ` ${giver.server}`} gives the addresses (proxyDHCP).`;
    case "waiting":
      return `${interfaceName} has no carrier: waiting for the link.`;
    case "looking":
      return `Looking for a DHCP server on ${interfaceName}: no addresses are given before.`;
  }
}

export function askedLine({ client, offer, reason, address }: Asked): string {
  const who = `${client.mac ?? "unknown"}${address === undefined ? "" : ` ${address}`} (${clientName(client)})`;
  return oneLine(offer === undefined ? `${who} gets nothing: ${reason}` : `${who} gets ${offer.bootFile}`);
}

export function askedJson({ client, offer, reason, address, message, port }: Asked): unknown {
  return {
    event: "asked",
    mac: client.mac,
    address,
    platform: client.platform,
    architecture: client.architecture,
    bootClass: client.bootClass,
    ipxe: client.isIpxe,
    message,
    port,
    bootFile: offer?.bootFile,
    reason,
  };
}

/** In the order in which a person wants to know it. */
export function folderLines({ added, removed, arriving, notes }: FolderChange): string[] {
  return [
    ...removed.map((title) => `no more in the folder: ${title}`),
    ...arriving.map(arrivingLine),
    ...added.map((title) => `new in the folder: ${title}`),
    ...notes.map((note) => `note: ${note}`),
  ].map(oneLine);
}

export function arrivingLine(file: string): string {
  return `not offered yet: ${file} is being written, or is not whole`;
}

export function folderJson(change: FolderChange): unknown {
  return { event: "folder", ...change };
}

export function transferLine({
  protocol,
  client,
  file,
  state,
  error,
  bytes,
  totalBytes,
  bytesPerSecond,
}: Transfer): string {
  const who = `${client} ${protocol} ${file}`;
  const what =
    state !== "failed"
      ? `${formatBytes(bytes)} at ${formatBytes(bytesPerSecond)}/s`
      : `failed: ${error}${bytes === 0 ? "" : `, after ${formatBytes(bytes)} of ${formatBytes(totalBytes ?? bytes)}`}`;
  return oneLine(`${who}: ${what}`);
}

export function transferJson(transfer: Transfer): unknown {
  return { event: "transfer", ...transfer };
}

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** "1.4 MB"; a thousand of one unit is one of the next. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}
