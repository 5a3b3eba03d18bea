/** What is told with an address: the settings of network, subnet, range, classes and host in one, made when first needed. */
import { broadcastOf, type Ipv4Address, IPV4_ANY, netmaskOf } from "../../../base/address.ts";
import { DHCP4_OPTION, optionEntry } from "../../../wire/dhcp4/option-table.ts";
import type { Dhcp4Message } from "../../../wire/dhcp4/message.ts";
import type { Dhcp4Options } from "../../../wire/dhcp4/options.ts";
import { isHttpFirmware, isIpxe } from "../../pxe/client.ts";
import { fitsFileField } from "../../pxe/offer.ts";
import { selectOptions } from "../lease-options.ts";
import type { Dhcp4Class, Dhcp4Host, Dhcp4ServerConfig, Dhcp4Settings, LeaseSeconds } from "./config.ts";
import type { Place } from "./layout.ts";

/** Lists of wishes are as many as there are kinds of client; hostile ones shall not fill the memory. */
const REMEMBERED_WISHES = 64;
const REMEMBERED_PROFILES = 256;
/** RFC 8925 §3.3: never sent to a client that does not ask for it. Option 249 is the same as 121. */
const ONLY_WHEN_ASKED: ReadonlySet<number> = new Set([
  DHCP4_OPTION.ipv6OnlyPreferred.code,
  DHCP4_OPTION.microsoftClasslessRoutes.code,
]);
const NAMES_BOOT_FILE: ReadonlySet<number> = new Set([
  DHCP4_OPTION.tftpServerName.code,
  DHCP4_OPTION.bootFileName.code,
]);
const NO_WISHES = new Uint8Array(0);

export class Profile {
  readonly leaseSeconds: LeaseSeconds;
  readonly nextServer: Ipv4Address;
  readonly serverName: string;
  readonly bootFile: string;
  /** All that can be told, in the order for a client that states no wishes. */
  readonly options: Dhcp4Options;
  readonly #unasked: readonly number[];
  readonly #selected = new Map<string, Dhcp4Options>();
  /** Most clients of a network are of one kind. */
  #last: { readonly wishes: Uint8Array; readonly options: Dhcp4Options } | undefined;

  /** @param settings the first that says something counts */
  constructor({ subnet }: Place, settings: readonly Dhcp4Settings[], network: Dhcp4ServerConfig) {
    const first = <Value>(read: (settings: Dhcp4Settings) => Value | undefined): Value | undefined => {
      for (const each of settings) {
        const value = read(each);
        if (value !== undefined) return value;
      }
      return undefined;
    };
    const minimum = first(({ leaseSeconds }) => leaseSeconds?.minimum) ?? network.leaseSeconds.minimum;
    const longest = first(({ leaseSeconds }) => leaseSeconds?.maximum) ?? network.leaseSeconds.maximum;
    const maximum = Math.max(minimum, longest);
    const usual = first(({ leaseSeconds }) => leaseSeconds?.default) ?? network.leaseSeconds.default;
    this.leaseSeconds = { minimum, maximum, default: Math.min(maximum, Math.max(minimum, usual)) };
    this.nextServer = first(({ nextServer }) => nextServer) ?? IPV4_ANY;
    this.serverName = first(({ serverName }) => serverName) ?? "";
    this.bootFile = first(({ bootFile }) => bootFile) ?? "";
    // The mask must precede the routers (RFC 2132 §3.3).
    const options = new Map<number, Uint8Array>([
      optionEntry(DHCP4_OPTION.subnetMask, netmaskOf(subnet.length)),
      optionEntry(DHCP4_OPTION.broadcastAddress, broadcastOf(subnet)),
    ]);
    for (const each of settings.toReversed()) for (const [code, value] of each.options ?? []) options.set(code, value);
    for (const [code, value] of options) if (value.length === 0) options.delete(code);
    this.options = options;
    this.#unasked = [...options.keys()].filter((code) => !ONLY_WHEN_ASKED.has(code));
  }

  /** Those that a client wishes, in its order; without wishes all. The same ones are the same object, mostly. */
  select(wishes: Uint8Array = NO_WISHES): Dhcp4Options {
    const last = this.#last;
    if (last !== undefined && isEqual(last.wishes, wishes)) return last.options;
    const options = this.#lookUp(wishes);
    this.#last = { wishes: wishes.slice(), options };
    return options;
  }

  #lookUp(wishes: Uint8Array): Dhcp4Options {
    const key = String.fromCharCode(...wishes);
    const known = this.#selected.get(key);
    if (known !== undefined) return known;
    if (this.#selected.size >= REMEMBERED_WISHES) this.#selected.clear();
    const selected = selectOptions(this.options, wishes.length === 0 ? this.#unasked : [...wishes]);
    this.#selected.set(key, selected);
    return selected;
  }
}

/** Without a call for each byte. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whom something is told. */
interface ProfileClient {
  readonly host: Dhcp4Host | undefined;
  /** Numbers of its classes in the configuration, rising. */
  readonly classes: readonly number[];
  readonly message: Dhcp4Message;
}

export class Profiles {
  readonly #config: Dhcp4ServerConfig;
  readonly #classes: readonly Dhcp4Class[];
  readonly #plain = new Map<Place, Profile>();
  readonly #special = new Map<string, Profile>();
  readonly #numbers: ReadonlyMap<Dhcp4Host, number>;
  /** Something is not for iPXE. */
  readonly #tellsIpxeApart: boolean;
  /** Something is told to firmware that boots by HTTP in another way. */
  readonly #tellsHttpApart: boolean;

  constructor(config: Dhcp4ServerConfig) {
    this.#config = config;
    this.#classes = config.classes ?? [];
    const { hosts = [], classes = [], furtherSubnets = [] } = config;
    this.#numbers = new Map(hosts.map((host, i) => [host, i]));
    const subnets = [config, ...furtherSubnets];
    const all: readonly Dhcp4Settings[] = [
      ...hosts,
      ...classes,
      ...subnets,
      ...subnets.flatMap(({ ranges }) => ranges),
    ];
    this.#tellsIpxeApart = all.some(({ bootsIpxe }) => bootsIpxe === true);
    this.#tellsHttpApart = all.some(({ bootUrl }) => bootUrl !== undefined);
  }

  of(place: Place, { host, classes, message }: ProfileClient): Profile {
    const isSelf = this.#tellsIpxeApart && isIpxe(message.options);
    const isHttp = this.#tellsHttpApart && isHttpFirmware(message.options);
    if (host === undefined && classes.length === 0 && !isSelf && !isHttp) {
      let plain = this.#plain.get(place);
      if (plain === undefined) this.#plain.set(place, (plain = new Profile(place, place.settings, this.#config)));
      return plain;
    }
    const key = `${place.index} ${host === undefined ? "" : this.#numbers.get(host)} ${classes.join(",")} ${isSelf} ${isHttp}`;
    const known = this.#special.get(key);
    if (known !== undefined) return known;
    if (this.#special.size >= REMEMBERED_PROFILES) this.#special.clear();
    const settings = [
      ...(host === undefined ? [] : settingsOf(host)),
      ...classes.map((index) => this.#classes[index]!),
      ...place.settings,
    ];
    const fitting = isSelf ? settings.map(withoutIpxe) : isHttp ? settings.map(withUrl) : settings;
    const profile = new Profile(place, fitting, this.#config);
    this.#special.set(key, profile);
    return profile;
  }
}

function withoutIpxe(settings: Dhcp4Settings): Dhcp4Settings {
  if (settings.bootsIpxe !== true) return settings;
  const { bootFile: _, nextServer: __, options, ...rest } = settings;
  return { ...rest, options: new Map([...(options ?? [])].filter(([code]) => !NAMES_BOOT_FILE.has(code))) };
}

/** UEFI 2.10 §24.7.3.2: firmware that boots by HTTP takes an answer with its own vendor class only. */
function withUrl(settings: Dhcp4Settings): Dhcp4Settings {
  const { bootUrl, options = new Map<number, Uint8Array>() } = settings;
  if (bootUrl === undefined) return settings;
  const told = [
    optionEntry(DHCP4_OPTION.vendorClass, "HTTPClient"),
    ...options,
    optionEntry(DHCP4_OPTION.bootFileName, bootUrl),
  ];
  return { ...settings, bootFile: fitsFileField(bootUrl) ? bootUrl : "", options: new Map(told) };
}

/** With its name, unless its own options name it otherwise. */
function settingsOf(host: Dhcp4Host): Dhcp4Settings[] {
  if (host.name === undefined) return [host];
  return [host, { options: new Map([optionEntry(DHCP4_OPTION.hostName, host.name)]) }];
}
