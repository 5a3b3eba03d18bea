/** Who a client is to the configuration: a host, a member of classes, one to be ignored. All by look-ups in tables. */
import { macToBytes } from "../../../base/address.ts";
import { equalBytes, utf8Encode } from "../../../base/bytes.ts";
import type { Dhcp4Message } from "../../../wire/dhcp4/message.ts";
import { HARDWARE_ETHERNET } from "../../../wire/dhcp4/message.ts";
import { DHCP4_OPTION, readOption } from "../../../wire/dhcp4/option-table.ts";
import type { Dhcp4Class, Dhcp4Host, Dhcp4ServerConfig, MacPrefix } from "./config.ts";
import { type BootClient, isOfKind, readBootClient } from "../../pxe/client.ts";
import { type ClientKey, hardwareKeyOf, hardwareOf, identifierKeyOf } from "./lease.ts";

export interface Identity {
  /** Under which the client's address is kept. */
  readonly key: ClientKey;
  /** What it would be if the client were not a host that is known by its hardware address. */
  readonly ownKey: ClientKey;
  readonly host: Dhcp4Host | undefined;
  /** Numbers of the classes in the configuration, rising. */
  readonly classes: readonly number[];
}

const NO_CLASSES: readonly number[] = [];

/** A client as its classes see it. */
interface Asking {
  readonly message: Dhcp4Message;
  readonly hardware: string;
  /** Read when the first class asks for it. */
  boots?: BootClient | string;
}

type Test = (client: Asking) => boolean;

export class Identifier {
  readonly #byMac = new Map<ClientKey, Dhcp4Host>();
  readonly #byIdentifier = new Map<ClientKey, Dhcp4Host>();
  readonly #byCircuit = new Map<string, Dhcp4Host>();
  /** By number of characters of `hardwareOf`. */
  readonly #ignored = new Map<number, Set<string>>();
  readonly #classes: readonly (readonly Test[])[];
  readonly #knownOnly: boolean;

  constructor({ hosts = [], classes = [], ignore = [], knownOnly = false }: Dhcp4ServerConfig) {
    for (const host of hosts) {
      const { identity } = host;
      if ("mac" in identity)
        this.#byMac.set(
          hardwareKeyOf({ hardwareType: HARDWARE_ETHERNET, hardwareAddress: macToBytes(identity.mac) }),
          host,
        );
      else if ("clientIdentifier" in identity) this.#byIdentifier.set(identifierKeyOf(identity.clientIdentifier), host);
      else this.#byCircuit.set(String.fromCharCode(...identity.circuitId), host);
    }
    for (const prefix of ignore) {
      const beginning = hardwareBeginning(prefix);
      const known = this.#ignored.get(beginning.length);
      if (known === undefined) this.#ignored.set(beginning.length, new Set([beginning]));
      else known.add(beginning);
    }
    this.#classes = classes.map(testsOf);
    this.#knownOnly = knownOnly;
  }

  /** @returns why the client gets no answer, if it does not */
  identify(message: Dhcp4Message, ownKey: ClientKey, circuitId: Uint8Array | undefined): Identity | string {
    if (this.#isIgnored(message)) return "a client to be ignored";
    const host = this.#hostOf(message, ownKey, circuitId);
    if (host === undefined && this.#knownOnly) return "a client that is no known host";
    // A host has its address under whatever identifier its boot loader and its system tell.
    const isByMac = host?.address !== undefined && "mac" in host.identity;
    return { key: isByMac ? hardwareKeyOf(message) : ownKey, ownKey, host, classes: this.#classesOf(message) };
  }

  #isIgnored(message: Dhcp4Message): boolean {
    if (this.#ignored.size === 0) return false;
    const hardware = hardwareOf(message);
    for (const [length, beginnings] of this.#ignored) if (beginnings.has(hardware.slice(0, length))) return true;
    return false;
  }

  #hostOf(message: Dhcp4Message, key: ClientKey, circuitId: Uint8Array | undefined): Dhcp4Host | undefined {
    const byIdentifier = this.#byIdentifier.size === 0 ? undefined : this.#byIdentifier.get(key);
    if (byIdentifier !== undefined) return byIdentifier;
    const byMac = this.#byMac.size === 0 ? undefined : this.#byMac.get(hardwareKeyOf(message));
    if (byMac !== undefined || circuitId === undefined || this.#byCircuit.size === 0) return byMac;
    return this.#byCircuit.get(String.fromCharCode(...circuitId));
  }

  #classesOf(message: Dhcp4Message): readonly number[] {
    if (this.#classes.length === 0) return NO_CLASSES;
    const client: Asking = { message, hardware: hardwareOf(message) };
    const found: number[] = [];
    for (const [index, tests] of this.#classes.entries()) if (tests.every((test) => test(client))) found.push(index);
    return found;
  }
}

function hardwareBeginning(prefix: MacPrefix): string {
  const bytes = prefix.split(":").map((byte) => Number.parseInt(byte, 16));
  return String.fromCharCode(HARDWARE_ETHERNET, ...bytes);
}

function testsOf({ vendorClass, userClass, architectures, boots, macPrefix }: Dhcp4Class): Test[] {
  const tests: Test[] = [];
  if (macPrefix !== undefined) {
    const beginning = hardwareBeginning(macPrefix);
    tests.push(({ hardware }) => hardware.startsWith(beginning));
  }
  if (vendorClass !== undefined) {
    const beginning = utf8Encode(vendorClass);
    tests.push(({ message }) => {
      const value = message.options.get(DHCP4_OPTION.vendorClass.code);
      return value !== undefined && equalBytes(value.subarray(0, beginning.length), beginning);
    });
  }
  if (userClass !== undefined) {
    const wanted = utf8Encode(userClass);
    tests.push(({ message }) => isOfUserClass(message.options.get(DHCP4_OPTION.userClass.code), wanted));
  }
  if (architectures !== undefined) {
    tests.push(
      ({ message }) =>
        readOption(message.options, DHCP4_OPTION.clientArchitecture)?.some((each) => architectures.includes(each)) ===
        true,
    );
  }
  if (boots !== undefined) tests.push((client) => isOfKind((client.boots ??= readBootClient(client.message)), boots));
  return tests;
}

/** RFC 3004 §4: each class behind a byte that tells its length. iPXE and others send one class without that byte. */
function isOfUserClass(value: Uint8Array | undefined, wanted: Uint8Array): boolean {
  if (value === undefined) return false;
  if (equalBytes(value, wanted)) return true;
  for (let offset = 0; offset < value.length; ) {
    const end = offset + 1 + value[offset]!;
    if (end > value.length) return false;
    if (equalBytes(value.subarray(offset + 1, end), wanted)) return true;
    offset = end;
  }
  return false;
}
