/** What a DHCPv6 server tells beside leases, as a client reads it, and what a client says of itself. */
import { type Ipv6Address, ipFromBytes } from "../../base/address.ts";
import { concatBytes } from "../../base/bytes.ts";
import { decodeDomainName, encodeDomainName } from "../domain-name.ts";
import { Malformed } from "../malformed.ts";
import { decodeDhcp6Options, type Dhcp6Option } from "./message.ts";
import { DHCP6_OPTION, optionsOf } from "./options.ts";

const ADDRESS_BYTES = 16;
const NTP_SERVER_ADDRESS = 1;
/** The server shall put the name into the DNS (RFC 4704 §4.1). */
const NAME_FLAG_SERVER = 0x01;

/** Addresses of an option that is a list of them; a rest that is no address is left out. */
export function readAddresses(options: readonly Dhcp6Option[], code: number): readonly Ipv6Address[] {
  return optionsOf(options, code).flatMap((data) =>
    Array.from(
      { length: Math.floor(data.length / ADDRESS_BYTES) },
      (_, i) => ipFromBytes(data.subarray(ADDRESS_BYTES * i, ADDRESS_BYTES * (i + 1))) as Ipv6Address,
    ),
  );
}

/** Names of the search list up to the first that is malformed (RFC 3646 §4). */
export function readSearchList(options: readonly Dhcp6Option[]): readonly string[] {
  return optionsOf(options, DHCP6_OPTION.searchList).flatMap((data) => {
    const names: string[] = [];
    for (let offset = 0; offset < data.length; ) {
      const decoded = decodeDomainName(data, offset);
      if (decoded instanceof Malformed) break;
      names.push(decoded.name);
      offset = decoded.next;
    }
    return names;
  });
}

/** NTP servers that are told by their addresses (RFC 5908 §4.1). */
export function readNtpServers(options: readonly Dhcp6Option[]): readonly Ipv6Address[] {
  return optionsOf(options, DHCP6_OPTION.ntpServer).flatMap((data) => {
    const parts = decodeDhcp6Options(data);
    return parts instanceof Malformed ? [] : readAddresses(parts, NTP_SERVER_ADDRESS);
  });
}

/** An option that is one number of 32 bits. */
export function readNumber(options: readonly Dhcp6Option[], code: number): number | undefined {
  const [data] = optionsOf(options, code);
  return data?.length === 4 ? new DataView(data.buffer, data.byteOffset).getUint32(0) : undefined;
}

/** RFC 8415 §21.8; without one it is 0. */
export function readPreference(options: readonly Dhcp6Option[]): number {
  return optionsOf(options, DHCP6_OPTION.preference)[0]?.[0] ?? 0;
}

/** RFC 8415 §21.7 */
export function encodeOptionRequest(codes: readonly number[]): Dhcp6Option {
  return {
    code: DHCP6_OPTION.optionRequest,
    data: Uint8Array.from(codes.flatMap((code) => [code >>> 8, code & 0xff])),
  };
}

/** RFC 8415 §21.9. @param seconds from 0; what does not fit is told as the most */
export function encodeElapsedTime(seconds: number): Dhcp6Option {
  const hundredths = Math.min(0xffff, Math.floor(seconds * 100));
  return { code: DHCP6_OPTION.elapsedTime, data: Uint8Array.of(hundredths >>> 8, hundredths & 0xff) };
}

/**
 * What the client calls itself (RFC 4704 §4.2): a name without a dot is only the beginning of one, which has no zero
 * at its end.
 * @throws NetloomError bad-domain-name
 */
export function encodeClientName(name: string): Dhcp6Option {
  const encoded = encodeDomainName(name);
  const bytes = name.includes(".") ? encoded : encoded.subarray(0, -1);
  return { code: DHCP6_OPTION.clientName, data: concatBytes([Uint8Array.of(NAME_FLAG_SERVER), bytes]) };
}
