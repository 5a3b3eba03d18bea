/** From a decision to the frame that tells it: options, addresses, and where it goes (RFC 2131 §4.1, table 3). */
import {
  type Ipv4Address,
  IPV4_ANY,
  IPV4_BROADCAST,
  MAC_BROADCAST,
  type MacAddress,
  macFromBytes,
} from "../../../base/address.ts";
import {
  type Dhcp4Message,
  DHCP4_CLIENT_PORT,
  DHCP4_SERVER_PORT,
  encodeDhcp4,
  HARDWARE_ETHERNET,
} from "../../../wire/dhcp4/message.ts";
import { DHCP4_OPTION, optionEntry } from "../../../wire/dhcp4/option-table.ts";
import type { Dhcp4Options } from "../../../wire/dhcp4/options.ts";
import { DHCP4_HEADROOM_BYTES, wrapDhcp4 } from "../frame.ts";
import { maximumReplyBytes, replyTo } from "../reply-message.ts";
import { bootpOptions } from "./bootp.ts";
import { CommonOptions, type Settings } from "./common-options.ts";
import type { Dhcp4Host, Dhcp4ServerConfig } from "./config.ts";
import { clientNameAnswer } from "./names.ts";
import type { Profile } from "./profile.ts";

export interface Request {
  readonly message: Dhcp4Message;
  /** Of the frame: the client's, its router's or its relay's. */
  readonly sourceMac: MacAddress;
  readonly source: Ipv4Address;
  /** By what address the client knows the server (RFC 5107). */
  readonly serverIdentifier: Ipv4Address;
  readonly host: Dhcp4Host | undefined;
}

export type Reply =
  | Settings
  /** To a client that knows no message types. */
  | { readonly type: "BOOTP"; readonly address: Ipv4Address; readonly profile: Profile }
  | { readonly type: "NAK"; readonly address: Ipv4Address; readonly reason: string };

export class ReplyEncoder {
  readonly #config: Dhcp4ServerConfig;
  readonly #common = new CommonOptions();

  constructor(config: Dhcp4ServerConfig) {
    this.#config = config;
  }

  /** @returns the frame, and which options the client wanted and had no room for */
  encode(request: Request, reply: Reply): { readonly frame: Uint8Array; readonly omittedOptions: readonly number[] } {
    const { message } = request;
    const isRefusal = reply.type === "NAK";
    const profile = isRefusal ? undefined : reply.profile;
    const isRelayed = message.relayAddress !== IPV4_ANY;
    const encoded = encodeComplete(
      replyTo(message, {
        // The client behind a relay may not have the address to which a unicast would go (RFC 2131 §4.3.2).
        broadcast: message.broadcast || (isRefusal && isRelayed),
        clientAddress: reply.type === "ACK" && reply.rapid !== true ? message.clientAddress : IPV4_ANY,
        yourAddress: isRefusal ? IPV4_ANY : reply.address,
        nextServerAddress: profile?.nextServer,
        serverName: profile?.serverName,
        bootFile: profile?.bootFile,
        options: this.#options(request, reply),
      }),
      maximumReplyBytes(message, this.#config.mtuBytes),
    );
    const { serverMac: sourceMac, serverAddress: source } = this.#config;
    wrapDhcp4(encoded.bytes, { sourceMac, source, ...destinationOf(request, reply) });
    return { frame: encoded.bytes, omittedOptions: encoded.omittedOptions };
  }

  #options({ message, serverIdentifier, host }: Request, reply: Reply): Dhcp4Options {
    if (reply.type === "BOOTP") return bootpOptions(reply.profile.options);
    const echoes = echoesOf(message.options);
    if (reply.type === "NAK") return new Map([...refusalOptions(serverIdentifier, reply.reason), ...echoes]);
    const wishes = message.options.get(DHCP4_OPTION.parameterRequestList.code);
    const common = this.#common.of(reply, serverIdentifier, wishes);
    const name = this.#name(message, host, reply);
    if (name === undefined && echoes.length === 0) return common;
    return new Map([...common, ...(name === undefined ? [] : [name]), ...echoes]);
  }

  /** RFC 4702 §4: only for a client that sent one. */
  #name(
    { options }: Dhcp4Message,
    host: Dhcp4Host | undefined,
    { address, profile }: Settings,
  ): readonly [number, Uint8Array] | undefined {
    const { code } = DHCP4_OPTION.clientDomainName;
    if (address === undefined || !options.has(code)) return undefined;
    const policy = { name: host?.name, offered: profile.options, updates: this.#config.updatesNames === true };
    const answer = clientNameAnswer(options, policy);
    return answer === undefined ? undefined : [code, answer];
  }
}

/** RFC 6842, RFC 4578 §2.3, RFC 3011 §2, RFC 3046 §2.2: as they came, and option 82 as the last one. */
const ECHOED = [
  DHCP4_OPTION.clientIdentifier.code,
  DHCP4_OPTION.clientMachine.code,
  DHCP4_OPTION.subnetSelection.code,
  DHCP4_OPTION.relayAgentInformation.code,
];

function echoesOf(options: Dhcp4Options): (readonly [number, Uint8Array])[] {
  const found: [number, Uint8Array][] = [];
  for (const code of ECHOED) {
    const value = options.get(code);
    if (value !== undefined) found.push([code, value]);
  }
  return found;
}

function refusalOptions(serverIdentifier: Ipv4Address, reason: string): Dhcp4Options {
  return new Map([
    optionEntry(DHCP4_OPTION.messageType, "NAK"),
    optionEntry(DHCP4_OPTION.serverIdentifier, serverIdentifier),
    optionEntry(DHCP4_OPTION.message, reason),
  ]);
}

/** Without option 82 a relay does not know where the client is: rather another option has no room than that one. */
function encodeComplete(message: Dhcp4Message, maximumBytes: number): ReturnType<typeof encodeDhcp4> {
  const encoded = encodeDhcp4(message, maximumBytes, DHCP4_HEADROOM_BYTES);
  const code = DHCP4_OPTION.relayAgentInformation.code;
  const information = message.options.get(code);
  if (information === undefined || !encoded.omittedOptions.includes(code)) return encoded;
  const [type, server, ...others] = message.options;
  const options = new Map([type!, server!, [code, information], ...others]);
  return encodeDhcp4({ ...message, options }, maximumBytes, DHCP4_HEADROOM_BYTES);
}

/** RFC 2131 §4.1; a frame goes back to whom it came from, whoever that is. */
function destinationOf(
  { message, sourceMac, source }: Request,
  reply: Reply,
): { destinationMac: MacAddress; destination: Ipv4Address; destinationPort: number } {
  if (message.relayAddress !== IPV4_ANY)
    return { destinationMac: sourceMac, destination: message.relayAddress, destinationPort: DHCP4_SERVER_PORT };
  const everybody = {
    destinationMac: MAC_BROADCAST,
    destination: IPV4_BROADCAST,
    destinationPort: DHCP4_CLIENT_PORT,
  };
  if (reply.type === "NAK") return everybody;
  const isInform = reply.address === undefined;
  const current = isInform && message.clientAddress === IPV4_ANY ? source : message.clientAddress;
  if (current !== IPV4_ANY && (isInform || reply.type !== "OFFER"))
    return { destinationMac: sourceMac, destination: current, destinationPort: DHCP4_CLIENT_PORT };
  const { hardwareType, hardwareAddress } = message;
  if (message.broadcast || reply.address === undefined) return everybody;
  if (hardwareType !== HARDWARE_ETHERNET || hardwareAddress.length !== 6) return everybody;
  return {
    destinationMac: macFromBytes(hardwareAddress),
    destination: reply.address,
    destinationPort: DHCP4_CLIENT_PORT,
  };
}
