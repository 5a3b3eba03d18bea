/** Which identifiers a message to a server must carry (RFC 8415 §16). */
import { equalBytes } from "../../base/bytes.ts";
import type { Dhcp6Message, Dhcp6MessageType } from "../../wire/dhcp6/message.ts";
import { DHCP6_OPTION, isDuid, optionsOf } from "../../wire/dhcp6/options.ts";

/** Clients say these to the one server that they have chosen. */
export const NEEDS_SERVER: ReadonlySet<Dhcp6MessageType> = new Set(["REQUEST", "RENEW", "RELEASE", "DECLINE"]);
const FORBIDS_SERVER: ReadonlySet<Dhcp6MessageType> = new Set(["SOLICIT", "CONFIRM", "REBIND"]);

/** Why a server with that identifier must not answer; undefined: it may. */
export function identifierFault({ type, options }: Dhcp6Message, serverDuid: Uint8Array): string | undefined {
  const client = optionsOf(options, DHCP6_OPTION.clientIdentifier);
  const server = optionsOf(options, DHCP6_OPTION.serverIdentifier);
  if (client.length > 1 || server.length > 1) return "an identifier twice";
  if (client[0] !== undefined && !isDuid(client[0])) return "a client identifier of a length that none has";
  if (client[0] === undefined && type !== "INFORMATION-REQUEST") return "no client identifier";
  if (FORBIDS_SERVER.has(type)) return server[0] === undefined ? undefined : "it names a server";
  if (server[0] === undefined) return NEEDS_SERVER.has(type) ? "it names no server" : undefined;
  return equalBytes(server[0], serverDuid) ? undefined : "it is for another server";
}
