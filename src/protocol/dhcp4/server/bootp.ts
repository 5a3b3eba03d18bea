/** Answers to BOOTP clients, which know no message types (RFC 951, RFC 1534 §2). */
import { DHCP4_OPTION } from "../../../wire/dhcp4/option-table.ts";
import { type Dhcp4Options, optionBytes } from "../../../wire/dhcp4/options.ts";

/** Of the 64 bytes that such a client reads, four are the magic cookie (RFC 1542 §2.1). */
const VENDOR_AREA_BYTES = 60;
/** From "requested address" on they are DHCP's; those before, and 62 and more, are vendor extensions (RFC 2132 §3 to §8). */
const FIRST_OF_DHCP = DHCP4_OPTION.requestedAddress.code;
const LAST_OF_DHCP = DHCP4_OPTION.clientIdentifier.code;

/** Those that are no options of DHCP, as many as there is room for. */
export function bootpOptions(options: Dhcp4Options): Dhcp4Options {
  const taken = new Map<number, Uint8Array>();
  for (const [code, value] of options) {
    if (code >= FIRST_OF_DHCP && code <= LAST_OF_DHCP) continue;
    taken.set(code, value);
    if (optionBytes(taken) > VENDOR_AREA_BYTES) taken.delete(code);
  }
  return taken;
}
