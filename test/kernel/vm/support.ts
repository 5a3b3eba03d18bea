/** What the tests of guests share. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseIpv4, parseMac } from "../../../src/base/address.ts";
import type { SingleDhcpObject } from "../../../src/state/object/one-guest.ts";
import type { VmObject } from "../../../src/state/object/vm.ts";
import { type GUESTS, writeBootDisk } from "./boot-disk.ts";

/** The program of a keeper, for startKeeper. */
export const KEEPER: readonly string[] = [process.execPath, join(import.meta.dirname, "keeper-program.ts")];

/** A server for the guest on tap0 of pod1. */
export const DHCP: SingleDhcpObject = {
  key: "dhcp/pod1",
  origin: "machine pod1",
  kind: "dhcp-single",
  namespace: "pod1",
  linkKey: "link/tap0",
  interfaceName: "tap0",
  clientMac: parseMac("02:00:00:00:00:01"),
  serverAddress: parseIpv4("192.0.2.1"),
  serverMac: parseMac("02:00:00:00:00:02"),
  lease: {
    address: parseIpv4("192.0.2.7"),
    prefixLength: 24,
    routes: [],
    nameServers: [],
    searchDomains: [],
    leaseSeconds: 3600,
  },
};

/** A machine in our own namespace whose disk lies in the folder. */
export function machine(
  folder: string,
  name: string,
  guest: keyof typeof GUESTS,
  more: Partial<VmObject> = {},
): VmObject {
  return {
    key: `vm/${name}`,
    origin: `machine ${name}`,
    kind: "vm",
    name,
    namespace: "",
    memoryMebibytes: 32,
    cpus: 1,
    accelerator: "tcg",
    image: writeBootDisk(join(folder, `${name}.img`), guest),
    nics: [],
    ...more,
  };
}

/** Wait for a condition, at most a minute unless told otherwise: what a test that hangs is given. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMilliseconds = 60_000,
): Promise<void> {
  const deadline = performance.now() + limitMilliseconds;
  while (!(await condition())) {
    if (performance.now() >= deadline) throw new Error(`not within ${limitMilliseconds / 1000} s: ${what}`);
    await sleep(20);
  }
}

/** Ids of living processes by the kernel's name for them, of at most 15 characters. */
export function processesNamed(name: string): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && livingName(entry) === name)
    .map(Number);
}

function livingName(pid: string): string {
  try {
    const [, name = "", state] = /\((.*)\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    return state === "Z" ? "" : name;
  } catch {
    // It ended while we looked.
    return "";
  }
}
