/** The options of an answer that are the same for many clients: made once, and found again. */
import type { Ipv4Address } from "../../../base/address.ts";
import { DHCP4_OPTION, optionEntry } from "../../../wire/dhcp4/option-table.ts";
import type { Dhcp4Options } from "../../../wire/dhcp4/options.ts";
import { FOREVER_SECONDS } from "../../leases/time.ts";
import type { Profile } from "./profile.ts";

/** Kinds of answers to kinds of clients. With more of them, none is slower than one that is made anew. */
const REMEMBERED = 16;

/** What a client is told with its address, or, to INFORM, without one. */
export type Settings =
  | {
      readonly type: "OFFER" | "ACK";
      readonly address: Ipv4Address;
      readonly seconds: number;
      readonly rapid?: boolean;
      readonly profile: Profile;
    }
  | {
      readonly type: "ACK";
      readonly address?: never;
      readonly seconds?: never;
      readonly rapid?: never;
      readonly profile: Profile;
    };

interface Known {
  readonly reply: Settings;
  readonly serverIdentifier: Ipv4Address;
  readonly selected: Dhcp4Options;
  readonly options: Dhcp4Options;
}

export class CommonOptions {
  #known: Known[] = [];

  /** Message type, server identifier, durations, and of the settings what the client wishes. */
  of(reply: Settings, serverIdentifier: Ipv4Address, wishes: Uint8Array | undefined): Dhcp4Options {
    const selected = reply.profile.select(wishes);
    for (const known of this.#known)
      if (known.selected === selected && known.serverIdentifier === serverIdentifier && isAlike(known.reply, reply))
        return known.options;
    const options = new Map([...settingOptions(reply, serverIdentifier), ...selected]);
    if (this.#known.length >= REMEMBERED) this.#known = [];
    this.#known.push({ reply, serverIdentifier, selected, options });
    return options;
  }
}

function isAlike(a: Settings, b: Settings): boolean {
  return a.type === b.type && a.seconds === b.seconds && (a.rapid ?? false) === (b.rapid ?? false);
}

function settingOptions({ type, seconds, rapid }: Settings, serverIdentifier: Ipv4Address): Map<number, Uint8Array> {
  const options = new Map([
    optionEntry(DHCP4_OPTION.messageType, type),
    optionEntry(DHCP4_OPTION.serverIdentifier, serverIdentifier),
  ]);
  if (seconds !== undefined) {
    options.set(...optionEntry(DHCP4_OPTION.leaseTime, seconds));
    if (seconds !== FOREVER_SECONDS) {
      options.set(...optionEntry(DHCP4_OPTION.renewalTime, Math.floor(seconds / 2)));
      options.set(...optionEntry(DHCP4_OPTION.rebindingTime, Math.floor((seconds * 7) / 8)));
    }
  }
  if (type === "ACK" && rapid === true) options.set(...optionEntry(DHCP4_OPTION.rapidCommit, true));
  return options;
}
