/** The DHCP options that a file may add for a guest: 42, 66, 67 and the private range 224 to 254 (RFC 2132, RFC 3942). */
import { ipToBytes, parseIpv4 } from "../base/address.ts";
import { concatBytes, fromHex, toHex, utf8Encode } from "../base/bytes.ts";
import { NetloomError } from "../base/errors.ts";
import { described } from "./json-schema.ts";
import { leaf, Refused } from "./leaf.ts";
import type { CustomOption } from "./model.ts";
import { DHCP_OPTIONS } from "./patterns.ts";

const ACCEPTED = "use 42 (time servers), 66 (TFTP server), 67 (boot file) or 224 to 254 (private)";
const MAXIMUM_BYTES = 255;

/** `{ 42: [192.0.2.123], 66: tftp.example.org, 67: boot.ipxe, 224: "text", 225: { hex: "0a0b" } }` */
export const customOptions = described(
  leaf<readonly CustomOption[]>((value) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return new Refused("is not a map", 'write it as { 66: "tftp.example.org" }');
    }
    const options: CustomOption[] = [];
    for (const [key, content] of Object.entries(value)) {
      const code = Number(key);
      const known = code === 42 || code === 66 || code === 67 || (code >= 224 && code <= 254);
      if (!/^\d+$/.test(key) || !known) return new Refused(`DHCP option ${key} cannot be set here`, ACCEPTED);
      const bytes = code === 42 ? timeServers(content) : octets(code, content);
      if (bytes instanceof Refused) return bytes;
      if (bytes.length === 0 || bytes.length > MAXIMUM_BYTES) {
        return new Refused(`DHCP option ${key} has ${bytes.length} bytes`, `write 1 to ${MAXIMUM_BYTES} bytes`);
      }
      options.push({ code, hex: toHex(bytes) });
    }
    return options.sort((a, b) => a.code - b.code);
  }),
  DHCP_OPTIONS,
);

function timeServers(content: unknown): Uint8Array | Refused {
  const refused = new Refused("DHCP option 42 is not a list of IPv4 addresses", "write 42: [192.0.2.123]");
  if (!Array.isArray(content) || content.length === 0) return refused;
  const addresses: Uint8Array[] = [];
  for (const entry of content) {
    if (typeof entry !== "string") return refused;
    try {
      addresses.push(ipToBytes(parseIpv4(entry)));
    } catch (thrown) {
      if (thrown instanceof NetloomError) return refused;
      throw thrown;
    }
  }
  return concatBytes(addresses);
}

function octets(code: number, content: unknown): Uint8Array | Refused {
  if (typeof content === "string") return utf8Encode(content);
  const hex = code >= 224 ? onlyHex(content) : undefined;
  const remedy = code >= 224 ? `write ${code}: "text" or ${code}: { hex: "0a0b0c" }` : `write ${code}: "text"`;
  if (typeof hex !== "string") return new Refused(`DHCP option ${code} is not text`, remedy);
  try {
    return fromHex(hex);
  } catch (thrown) {
    if (thrown instanceof NetloomError) return new Refused(`DHCP option ${code} is not hexadecimal`, remedy);
    throw thrown;
  }
}

/** The value of a map that holds `hex` and nothing else. */
function onlyHex(content: unknown): unknown {
  if (typeof content !== "object" || content === null || !("hex" in content)) return undefined;
  return Object.keys(content).length === 1 ? content.hex : undefined;
}
