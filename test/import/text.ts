/** Imports of a few lines. */
import { expect } from "vitest";
import { type Format, importConfiguration, type Imported } from "../../src/import/import.ts";
import type { PlainMap } from "../../src/model/document.ts";

/** @param format default: found out */
export function importText(text: string, format?: Format): Imported {
  return importConfiguration(text, "test.conf", format === undefined ? {} : { format });
}

/** The DHCP section of the only network. */
export function dhcpOf(text: string, format?: Format): PlainMap {
  const networks = importText(text, format).file?.content["networks"] as Record<string, PlainMap>;
  expect(Object.keys(networks)).toHaveLength(1);
  return Object.values(networks)[0]!["dhcp"] as PlainMap;
}

/** Line and reason of each problem. */
export const told = (text: string, format?: Format): string[] =>
  importText(text, format).problems.map(({ line, reason }) => `${line}: ${reason}`);

/** A subnet of dhcpd with further words in it. */
export const inSubnet = (words: string): string =>
  `subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.10 192.0.2.20; ${words} }`;
