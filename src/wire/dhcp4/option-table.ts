/**
 * The DHCPv4 options, with their code, the form of their value and the names that people know them by: first that of
 * ISC dhcpd, then that of dnsmasq and others. Codes: IANA registry "BOOTP Vendor Extensions and DHCP Options"; RFC 2132
 * unless another one is noted. Option 249 is Microsoft's earlier number of
 * option 121.
 */
import {
  boolean,
  classlessRoutes,
  domainList,
  domainName,
  flag,
  i32,
  ipv4,
  ipv4List,
  ipv4Pairs,
  messageType,
  opaque,
  type OptionCodec,
  text,
  u16,
  u16List,
  u32,
  u8,
  u8List,
} from "./codecs.ts";
import type { Dhcp4Options } from "./options.ts";

export interface Dhcp4Option<T> {
  readonly code: number;
  readonly codec: OptionCodec<T>;
  /** At least one, in lower case. */
  readonly names: readonly string[];
}

function option<T>(code: number, codec: OptionCodec<T>, ...names: readonly string[]): Dhcp4Option<T> {
  return { code, codec, names };
}

export const DHCP4_OPTION = {
  subnetMask: option(1, ipv4, "subnet-mask", "netmask"),
  timeOffset: option(2, i32, "time-offset"),
  routers: option(3, ipv4List, "routers", "router"),
  timeServers: option(4, ipv4List, "time-servers", "time-server"),
  ien116NameServers: option(5, ipv4List, "ien116-name-servers"),
  nameServers: option(6, ipv4List, "domain-name-servers", "dns-server", "dns"),
  logServers: option(7, ipv4List, "log-servers", "log-server"),
  cookieServers: option(8, ipv4List, "cookie-servers"),
  lprServers: option(9, ipv4List, "lpr-servers", "lpr-server"),
  impressServers: option(10, ipv4List, "impress-servers"),
  resourceLocationServers: option(11, ipv4List, "resource-location-servers"),
  hostName: option(12, text, "host-name", "hostname"),
  bootFileSize: option(13, u16, "boot-size", "boot-file-size"),
  meritDump: option(14, text, "merit-dump"),
  domainName: option(15, text, "domain-name"),
  swapServer: option(16, ipv4, "swap-server"),
  rootPath: option(17, text, "root-path"),
  extensionsPath: option(18, text, "extensions-path", "extension-path"),
  ipForwarding: option(19, boolean, "ip-forwarding", "ip-forward-enable"),
  nonLocalSourceRouting: option(20, boolean, "non-local-source-routing"),
  policyFilter: option(21, ipv4Pairs, "policy-filter"),
  maximumDatagramReassembly: option(22, u16, "max-dgram-reassembly", "max-datagram-reassembly"),
  defaultTimeToLive: option(23, u8, "default-ip-ttl", "default-ttl"),
  pathMtuAgingTimeout: option(24, u32, "path-mtu-aging-timeout"),
  pathMtuPlateaus: option(25, u16List, "path-mtu-plateau-table"),
  interfaceMtu: option(26, u16, "interface-mtu", "mtu"),
  allSubnetsLocal: option(27, boolean, "all-subnets-local"),
  broadcastAddress: option(28, ipv4, "broadcast-address", "broadcast"),
  performMaskDiscovery: option(29, boolean, "perform-mask-discovery"),
  maskSupplier: option(30, boolean, "mask-supplier"),
  routerDiscovery: option(31, boolean, "router-discovery"),
  routerSolicitationAddress: option(32, ipv4, "router-solicitation-address", "router-solicitation"),
  staticRoutes: option(33, ipv4Pairs, "static-routes", "static-route"),
  trailerEncapsulation: option(34, boolean, "trailer-encapsulation"),
  arpCacheTimeout: option(35, u32, "arp-cache-timeout", "arp-timeout"),
  ethernetEncapsulation: option(36, boolean, "ieee802-3-encapsulation", "ethernet-encap"),
  defaultTcpTimeToLive: option(37, u8, "default-tcp-ttl", "tcp-ttl"),
  tcpKeepaliveInterval: option(38, u32, "tcp-keepalive-interval", "tcp-keepalive"),
  tcpKeepaliveGarbage: option(39, boolean, "tcp-keepalive-garbage"),
  nisDomain: option(40, text, "nis-domain"),
  nisServers: option(41, ipv4List, "nis-servers", "nis-server"),
  ntpServers: option(42, ipv4List, "ntp-servers", "ntp-server"),
  vendorSpecific: option(43, opaque, "vendor-encapsulated-options", "vendor-encap"),
  netbiosNameServers: option(44, ipv4List, "netbios-name-servers", "netbios-ns"),
  netbiosDatagramServers: option(45, ipv4List, "netbios-dd-server", "netbios-dd"),
  netbiosNodeType: option(46, u8, "netbios-node-type", "netbios-nodetype"),
  netbiosScope: option(47, text, "netbios-scope"),
  fontServers: option(48, ipv4List, "font-servers", "x-windows-fs"),
  displayManagers: option(49, ipv4List, "x-display-manager", "x-windows-dm"),
  requestedAddress: option(50, ipv4, "dhcp-requested-address", "requested-address"),
  leaseTime: option(51, u32, "dhcp-lease-time", "lease-time"),
  overload: option(52, u8, "dhcp-option-overload"),
  messageType: option(53, messageType, "dhcp-message-type"),
  serverIdentifier: option(54, ipv4, "dhcp-server-identifier", "server-identifier"),
  parameterRequestList: option(55, u8List, "dhcp-parameter-request-list"),
  message: option(56, text, "dhcp-message"),
  maximumMessageSize: option(57, u16, "dhcp-max-message-size"),
  renewalTime: option(58, u32, "dhcp-renewal-time", "t1"),
  rebindingTime: option(59, u32, "dhcp-rebinding-time", "t2"),
  vendorClass: option(60, text, "vendor-class-identifier", "vendor-class"),
  clientIdentifier: option(61, opaque, "dhcp-client-identifier", "client-id"),
  /** RFC 2242. */
  netwareDomain: option(62, text, "nwip-domain"),
  netwareInformation: option(63, opaque, "nwip-suboptions"),
  nisPlusDomain: option(64, text, "nisplus-domain", "nis+-domain"),
  nisPlusServers: option(65, ipv4List, "nisplus-servers", "nis+-server"),
  tftpServerName: option(66, text, "tftp-server-name", "tftp-server"),
  bootFileName: option(67, text, "bootfile-name", "boot-file-name"),
  mobileIpHomeAgents: option(68, ipv4List, "mobile-ip-home-agent", "mobile-ip-home"),
  smtpServers: option(69, ipv4List, "smtp-server"),
  popServers: option(70, ipv4List, "pop-server", "pop3-server"),
  nntpServers: option(71, ipv4List, "nntp-server"),
  webServers: option(72, ipv4List, "www-server"),
  fingerServers: option(73, ipv4List, "finger-server"),
  ircServers: option(74, ipv4List, "irc-server"),
  streetTalkServers: option(75, ipv4List, "streettalk-server"),
  streetTalkDirectoryServers: option(76, ipv4List, "streettalk-directory-assistance-server"),
  /** RFC 3004. */
  userClass: option(77, opaque, "user-class"),
  /** RFC 2610. */
  serviceLocationAgents: option(78, opaque, "slp-directory-agent"),
  serviceLocationScope: option(79, opaque, "slp-service-scope"),
  /** RFC 4039. */
  rapidCommit: option(80, flag, "rapid-commit"),
  /** RFC 4702. */
  clientDomainName: option(81, opaque, "fqdn", "client-fqdn"),
  /** RFC 3046. */
  relayAgentInformation: option(82, opaque, "relay-agent-information"),
  /** RFC 4174. */
  internetStorageNameServers: option(83, opaque, "isns"),
  /** RFC 2241. */
  directoryServers: option(85, ipv4List, "nds-servers"),
  directoryTree: option(86, text, "nds-tree-name"),
  directoryContext: option(87, text, "nds-context"),
  /** RFC 4280. */
  broadcastControllerNames: option(88, domainList, "bcms-controller-names"),
  broadcastControllers: option(89, ipv4List, "bcms-controller-address"),
  /** RFC 3118. */
  authentication: option(90, opaque, "authentication"),
  /** RFC 4388. */
  clientLastTransactionTime: option(91, u32, "client-last-transaction-time"),
  associatedAddresses: option(92, ipv4List, "associated-ip"),
  /** RFC 4578. */
  clientArchitecture: option(93, u16List, "client-arch", "pxe-system-type"),
  clientNetworkInterface: option(94, opaque, "client-interface-id", "pxe-interface-id"),
  ldap: option(95, text, "ldap", "ldap-url"),
  clientMachine: option(97, opaque, "client-machine-id", "pxe-client-id"),
  /** RFC 2485. */
  userAuthenticationServers: option(98, text, "uap-servers"),
  /** RFC 4776. */
  civicLocation: option(99, opaque, "geoconf-civic"),
  /** RFC 4833. */
  posixTimeZone: option(100, text, "posix-timezone", "pcode"),
  timeZoneName: option(101, text, "tzdb-timezone", "tcode"),
  /** RFC 8925. */
  ipv6OnlyPreferred: option(108, u32, "v6-only-preferred", "ipv6-only"),
  netinfoServers: option(112, ipv4List, "netinfo-server-address"),
  netinfoTag: option(113, text, "netinfo-server-tag"),
  /** RFC 8910. */
  captivePortal: option(114, text, "captive-portal", "v4-captive-portal", "default-url"),
  /** RFC 2563. */
  autoConfigure: option(116, u8, "auto-config"),
  /** RFC 2937. */
  nameServiceSearch: option(117, u16List, "name-service-search"),
  /** RFC 3011. */
  subnetSelection: option(118, ipv4, "subnet-selection"),
  /** RFC 3397. */
  domainSearch: option(119, domainList, "domain-search"),
  /** RFC 3361. */
  sipServers: option(120, opaque, "sip-servers", "sip-server"),
  /** RFC 3442. */
  classlessRoutes: option(
    121,
    classlessRoutes,
    "classless-static-routes",
    "classless-static-route",
    "rfc3442-classless-static-routes",
  ),
  /** RFC 3495. */
  cableLabs: option(122, opaque, "cablelabs-client-configuration"),
  /** RFC 6225. */
  location: option(123, opaque, "geoconf"),
  /** RFC 3925. */
  vendorIdentifyingClass: option(124, opaque, "vivco", "vendor-identifying-class"),
  vendorIdentifyingInformation: option(125, opaque, "vivso", "vendor-id-encap"),
  /** RFC 5192. */
  panaAgents: option(136, ipv4List, "pana-agent"),
  /** RFC 5223. */
  locationToServiceServer: option(137, domainName, "v4-lost"),
  /** RFC 5417. */
  wirelessControllers: option(138, ipv4List, "capwap-ac-v4"),
  /** RFC 5678. */
  mobilityServers: option(139, opaque, "mos-address"),
  mobilityServerNames: option(140, opaque, "mos-fqdn"),
  /** RFC 6011. */
  sipDomains: option(141, domainList, "sip-ua-cs-domains"),
  /** RFC 6153. */
  accessNetworkDiscovery: option(142, ipv4List, "andsf-address"),
  /** RFC 8572. */
  sztpRedirect: option(143, opaque, "sztp-redirect"),
  /** RFC 6225. */
  geographicLocation: option(144, opaque, "geoloc"),
  /** RFC 6704. */
  forceRenewNonce: option(145, opaque, "forcerenew-nonce-capable"),
  /** RFC 6731. */
  nameServerSelection: option(146, opaque, "rdnss-selection"),
  /** RFC 8973. */
  threatSignalingName: option(147, domainName, "v4-dots-ri"),
  threatSignalingServers: option(148, ipv4List, "v4-dots-address"),
  /** RFC 5859. */
  tftpServers: option(150, ipv4List, "tftp-server-address"),
  /** RFC 6926. */
  statusCode: option(151, opaque, "status-code"),
  baseTime: option(152, u32, "base-time"),
  startTimeOfState: option(153, u32, "start-time-of-state"),
  queryStartTime: option(154, u32, "query-start-time"),
  queryEndTime: option(155, u32, "query-end-time"),
  dhcpState: option(156, u8, "dhcp-state"),
  dataSource: option(157, u8, "data-source"),
  /** RFC 7291. */
  portControlServers: option(158, opaque, "v4-pcp-server"),
  /** RFC 7618. */
  portParameters: option(159, opaque, "v4-portparams"),
  /** RFC 8520. */
  manufacturerUsage: option(161, text, "mud-url"),
  /** RFC 9463. */
  encryptedNameServers: option(162, opaque, "v4-dnr"),
  /** RFC 5071. */
  pxelinuxMagic: option(208, opaque, "pxelinux-magic"),
  pxelinuxConfiguration: option(209, text, "pxelinux-configfile", "loader-configfile"),
  pxelinuxPathPrefix: option(210, text, "pxelinux-pathprefix", "loader-pathprefix"),
  pxelinuxRebootTime: option(211, u32, "pxelinux-reboottime", "loader-reboottime"),
  /** RFC 5969. */
  sixRd: option(212, opaque, "6rd"),
  /** RFC 5986. */
  accessDomain: option(213, domainName, "v4-access-domain"),
  /** RFC 6656. */
  subnetAllocation: option(220, opaque, "subnet-allocation"),
  /** RFC 6607. */
  virtualSubnetSelection: option(221, opaque, "vss"),
  microsoftClasslessRoutes: option(249, classlessRoutes, "ms-classless-static-routes"),
  proxyAutoConfiguration: option(252, text, "wpad", "wpad-url"),
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
