/** What a relay agent adds to a client's message: option 82 with its sub-options (RFC 3046). */
import type { Ipv4Address } from "../../../base/address.ts";
import { ipv4 } from "../../../wire/dhcp4/codecs.ts";
import { DHCP4_OPTION } from "../../../wire/dhcp4/option-table.ts";
import type { Dhcp4Options } from "../../../wire/dhcp4/options.ts";

/** RFC 3046 §3.1. */
const CIRCUIT_ID = 1;
/** RFC 3527. */
const LINK_SELECTION = 5;
/** RFC 5107. */
const SERVER_IDENTIFIER_OVERRIDE = 11;

interface RelayInformation {
  /** The relay's port to the client. */
  readonly circuitId: Uint8Array | undefined;
  /** An address of the client's link, where giaddr is not one. */
  readonly linkSelection: Ipv4Address | undefined;
  /** By what address the client is to know the server, so that renewals come through the relay. */
  readonly serverIdentifier: Ipv4Address | undefined;
}

export const NO_RELAY_INFORMATION: RelayInformation = {
  circuitId: undefined,
  linkSelection: undefined,
  serverIdentifier: undefined,
};

/** A sub-option that is cut off or has another length than its address is as good as absent. */
export function relayInformationOf(options: Dhcp4Options): RelayInformation {
  const bytes = options.get(DHCP4_OPTION.relayAgentInformation.code);
  if (bytes === undefined) return NO_RELAY_INFORMATION;
  const address = (code: number): Ipv4Address | undefined => {
    const value = subOption(bytes, code);
    return value === undefined ? undefined : ipv4.decode(value);
  };
  return {
    circuitId: subOption(bytes, CIRCUIT_ID),
    linkSelection: address(LINK_SELECTION),
    serverIdentifier: address(SERVER_IDENTIFIER_OVERRIDE),
  };
}

function subOption(bytes: Uint8Array, code: number): Uint8Array | undefined {
  for (let offset = 0; offset + 2 <= bytes.length; ) {
    const end = offset + 2 + bytes[offset + 1]!;
    if (end > bytes.length) return undefined;
    if (bytes[offset] === code) return bytes.subarray(offset + 2, end);
    offset = end;
  }
  return undefined;
}
