/**
 * A link with two ends for tests with real IPv6 clients: `eth0` in namespace "client", `tap0` in namespace "server",
 * where the kernel has no IPv6 of its own, as on a bridge port. Every frame is kept.
 */
import { parseIpv6, parseMac } from "../../../src/base/address.ts";
import { RouteNetlink } from "../../../src/kernel/netlink.ts";
import { decodeLink, getLink } from "../../../src/netlink/route/link.ts";
import type { GuestLease6, GuestPlace6 } from "../../../src/protocol/guest-lease6.ts";
import { SingleIp6Server } from "../../../src/services/ip6-single.ts";
import { Capture } from "../../support/capture.ts";
import { Folder, json, Running, shell } from "../../support/network.ts";

export const GUEST_MAC = parseMac("52:54:00:00:00:17");
export const ROUTER_MAC = parseMac("02:00:00:00:00:01");
export const SERVER_MAC = parseMac("02:00:00:00:00:fe");
export const ROUTER = parseIpv6("fe80::6e6c:2");
const SERVER = parseIpv6("fe80::6e6c:1");

/** Applies the address, tells the event and what came with it on standard error. */
const DHCLIENT_SCRIPT = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
case $reason in
BOUND6 | RENEW6 | REBIND6) ip address replace "$new_ip6_address/128" dev eth0 nodad ;;
RELEASE6 | EXPIRE6 | STOP6 | DEPREF6) [ -z "$old_ip6_address" ] || ip address del "$old_ip6_address/128" dev eth0 ;;
esac
echo "EVENT $reason address=$new_ip6_address servers=$new_dhcp6_name_servers search=$new_dhcp6_domain_search" >&2
exit 0
`;

/** dhcpcd configures the link by itself; this only tells. */
const DHCPCD_SCRIPT = `#!/bin/sh
echo "EVENT $reason address=$new_dhcp6_ia_na1_ia_addr1 servers=$new_dhcp6_name_servers search=$new_dhcp6_domain_search" >&2
exit 0
`;

export function placeWith(lease: Partial<GuestLease6>): GuestPlace6 {
  return {
    clientMac: GUEST_MAC,
    routerAddress: ROUTER,
    routerMac: ROUTER_MAC,
    serverAddress: SERVER,
    serverMac: SERVER_MAC,
    lease: {
      addresses: [],
      prefixes: [],
      defaultRouter: true,
      routes: [],
      nameServers: [],
      searchDomains: [],
      leaseSeconds: 3600,
      ...lease,
    },
  };
}

export class World implements AsyncDisposable {
  readonly #folder = new Folder();
  readonly #clients: Running[] = [];
  readonly #servers: SingleIp6Server[] = [];
  readonly #capture: Capture;
  readonly #interfaceIndex: number;
  /** Messages of all servers. */
  readonly log: string[] = [];

  private constructor(capture: Capture, interfaceIndex: number) {
    this.#capture = capture;
    this.#interfaceIndex = interfaceIndex;
  }

  /** @param guestMac of eth0, which is still down */
  static async open(guestMac: string = GUEST_MAC): Promise<World> {
    shell(`ip netns add client
      ip netns add server
      nsenter --net=/run/netns/server sh -c 'cd /proc/sys/net/ipv6/conf; for n in all default; do echo 1 >$n/disable_ipv6; done'
      ip -n client link add eth0 address ${guestMac} type veth peer name tap0 netns server
      ip -n server link set tap0 up
      nsenter --net=/run/netns/client sh -c 'cd /proc/sys/net/ipv6/conf/eth0
        echo 0 >accept_dad; echo 0 >dad_transmits; echo 2 >accept_ra; echo 128 >accept_ra_rt_info_max_plen; echo 0 >router_solicitation_delay'`);
    const capture = await Capture.open("server", "tap0");
    const netlink = RouteNetlink.open({ namespacePath: "/run/netns/server" });
    const { index } = await netlink.get(getLink({ name: "tap0" }), decodeLink).finally(() => netlink.close());
    return new World(capture, index);
  }

  serve(place: GuestPlace6): SingleIp6Server {
    const write = (message: string): void => {
      this.log.push(message);
    };
    const server = new SingleIp6Server({
      namespacePath: "/run/netns/server",
      interfaceIndex: this.#interfaceIndex,
      place,
      logger: { debug: () => undefined, info: write, warn: write, error: write },
    });
    this.#servers.push(server);
    return server;
  }

  linkUp(): void {
    shell("ip -n client link set eth0 up");
  }

  start(words: readonly string[]): Running {
    const client = new Running(["nsenter", "--net=/run/netns/client", "--", ...words]);
    this.#clients.push(client);
    return client;
  }

  /** @param words more options, "-r" gives the address back. Its lease file stays as long as the world. */
  startDhclient(words: readonly string[] = []): Running {
    const script = this.#folder.write("dhclient-script", DHCLIENT_SCRIPT);
    shell(`chmod +x ${script}; touch ${this.#folder.join("leases")}`);
    const configuration = this.#folder.write("dhclient.conf", `send dhcp6.client-id 0:3:0:1:${GUEST_MAC};\n`);
    const files = [
      "-cf",
      configuration,
      "-lf",
      this.#folder.join("leases"),
      "-pf",
      this.#folder.join("pid"),
      "-sf",
      script,
    ];
    return this.start(["dhclient", "-6", "-d", "-v", ...files, ...words, "eth0"]);
  }

  startDhcpcd(): Running {
    const script = this.#folder.write("dhcpcd-script", DHCPCD_SCRIPT);
    shell(`chmod +x ${script}`);
    const configuration = this.#folder.write(
      "dhcpcd.conf",
      `ipv6only
noipv6rs
nodelay
duid
nohook resolv.conf, hostname
option dhcp6_name_servers, dhcp6_domain_search
interface eth0
ia_na 1
`,
    );
    return this.start(["dhcpcd", "-B", "-d", "--nodelay", "-f", configuration, "-c", script, "eth0"]);
  }

  /** Global addresses of eth0 with their prefix lengths, sorted. */
  addresses(): string[] {
    const [link] = json("ip -n client -j -6 address show dev eth0 scope global");
    const infos = (link?.["addr_info"] ?? []) as { readonly local?: string; readonly prefixlen?: number }[];
    // iproute2 leaves an empty entry for each address that it does not show.
    return infos.flatMap(({ local, prefixlen }) => (local === undefined ? [] : [`${local}/${prefixlen}`])).toSorted();
  }

  /** "default via fe80::1" and the like, of the routes that came by router advertisement through a gateway. */
  advertisedRoutes(): string[] {
    return json("ip -n client -j -6 route show proto ra")
      .filter((route) => route["gateway"] !== undefined)
      .map(({ dst, gateway }) => `${String(dst)} via ${String(gateway)}`)
      .toSorted();
  }

  frames(): Uint8Array[] {
    return this.#capture.frames();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.stop();
    for (const server of this.#servers) server.close(false);
    this.#capture[Symbol.dispose]();
    this.#folder[Symbol.dispose]();
    shell("ip netns delete client; ip netns delete server");
  }
}
