/**
 * The DHCPv4 options by name, with their code and the form of their value. Codes and names: IANA registry
 * "BOOTP Vendor Extensions and DHCP Options"; RFC 2132 unless another one is noted. Option 249 is Microsoft's
 * earlier number of option 121.
 */
import {
  classlessRoutes,
  domainList,
  flag,
  ipv4,
  ipv4List,
  messageType,
  opaque,
  type OptionCodec,
  text,
  u8,
  u8List,
  u16,
  u16List,
  u32,
} from "./codecs.ts";
import type { Dhcp4Options } from "./options.ts";

export interface Dhcp4Option<T> {
  readonly code: number;
  readonly codec: OptionCodec<T>;
}

function option<T>(code: number, codec: OptionCodec<T>): Dhcp4Option<T> {
  return { code, codec };
}

export const DHCP4_OPTION = {
  subnetMask: option(1, ipv4),
  routers: option(3, ipv4List),
  timeServers: option(4, ipv4List),
  nameServers: option(6, ipv4List),
  logServers: option(7, ipv4List),
  hostName: option(12, text),
  bootFileSize: option(13, u16),
  domainName: option(15, text),
  rootPath: option(17, text),
  ipForwarding: option(19, u8),
  defaultTimeToLive: option(23, u8),
  interfaceMtu: option(26, u16),
  broadcastAddress: option(28, ipv4),
  nisDomain: option(40, text),
  nisServers: option(41, ipv4List),
  ntpServers: option(42, ipv4List),
  vendorSpecific: option(43, opaque),
  netbiosNameServers: option(44, ipv4List),
  netbiosNodeType: option(46, u8),
  requestedAddress: option(50, ipv4),
  leaseTime: option(51, u32),
  overload: option(52, u8),
  messageType: option(53, messageType),
  serverIdentifier: option(54, ipv4),
  parameterRequestList: option(55, u8List),
  message: option(56, text),
  maximumMessageSize: option(57, u16),
  renewalTime: option(58, u32),
  rebindingTime: option(59, u32),
  vendorClass: option(60, text),
  clientIdentifier: option(61, opaque),
  tftpServerName: option(66, text),
  bootFileName: option(67, text),
  /** RFC 3004. */
  userClass: option(77, opaque),
  /** RFC 4039. */
  rapidCommit: option(80, flag),
  /** RFC 4702. */
  clientDomainName: option(81, opaque),
  /** RFC 3046. */
  relayAgentInformation: option(82, opaque),
  /** RFC 4578. */
  clientArchitecture: option(93, u16List),
  clientNetworkInterface: option(94, opaque),
  clientMachine: option(97, opaque),
  /** RFC 4833. */
  posixTimeZone: option(100, text),
  timeZoneName: option(101, text),
  /** RFC 8925. */
  ipv6OnlyPreferred: option(108, u32),
  /** RFC 8910. */
  captivePortal: option(114, text),
  /** RFC 2563. */
  autoConfigure: option(116, u8),
  /** RFC 3011. */
  subnetSelection: option(118, ipv4),
  /** RFC 3397. */
  domainSearch: option(119, domainList),
  /** RFC 3442. */
  classlessRoutes: option(121, classlessRoutes),
  /** RFC 5859. */
  tftpServers: option(150, ipv4List),
  microsoftClasslessRoutes: option(249, classlessRoutes),
  proxyAutoConfiguration: option(252, text),
} as const;

/** The option's value; undefined when it is absent or its bytes are not a value of its form. */
export function readOption<T>(options: Dhcp4Options, { code, codec }: Dhcp4Option<T>): T | undefined {
  const bytes = options.get(code);
  return bytes === undefined ? undefined : codec.decode(bytes);
}

/** Code and bytes, an entry of Dhcp4Options. @throws NetloomError bad-option when the option cannot hold the value */
export function optionEntry<T>({ code, codec }: Dhcp4Option<T>, value: T): readonly [number, Uint8Array] {
  return [code, codec.encode(value)];
}
