/**
 * DHCPv4 on a network's bridge for the machines that are known, and for nobody else: one packet socket, and for each
 * machine the server that serves one. The bridge has the server's address, so the kernel answers ARP for it.
 *
 * A renewal comes by unicast to that address. The kernel would refuse it as "port unreachable" beside our answer, so a
 * UDP socket that nobody reads holds the port.
 */
import type { Ipv4Address, MacAddress } from "../base/address.ts";
import type { Logger } from "../base/logger.ts";
import { closeDescriptor, openNamespace, PacketSocket, type ReceivedFrame } from "../kernel/native.ts";
import { DHCP_SERVER_FILTER } from "../kernel/packet-filter.ts";
import type { OfferedLease } from "../protocol/dhcp4/lease-options.ts";
import { SingleDhcp4Server, type SingleServerEvent } from "../protocol/dhcp4/single-server.ts";
import { DHCP4_SERVER_PORT } from "../wire/dhcp4/message.ts";
import { decodeEthernet, ETHERTYPE_IPV4 } from "../wire/ethernet.ts";
import { Malformed } from "../wire/malformed.ts";
import { BoundedLog } from "./bounded-log.ts";
import { holdPort } from "./hold-port.ts";

export interface NetworkDhcpOptions {
  readonly namespacePath: string;
  readonly interfaceIndex: number;
  /** The bridge's own. */
  readonly serverMac: MacAddress;
  readonly serverAddress: Ipv4Address;
  readonly hosts: readonly { readonly clientMac: MacAddress; readonly lease: OfferedLease }[];
  readonly logger: Logger;
}

/** Serve until closed. @throws NetloomError bad-dhcp-lease, bad-option, bad-domain-name; SystemCallError */
export class NetworkDhcpServer {
  readonly #machines: ReadonlyMap<MacAddress, SingleDhcp4Server>;
  readonly #log: BoundedLog;
  readonly #received: Record<string, number> = {};
  readonly #sent: Record<string, number> = {};
  #ignored = 0;
  #notSent = 0;
  #socket: PacketSocket | undefined;
  #portHolder: number | undefined;

  constructor({ namespacePath, interfaceIndex, serverMac, serverAddress, hosts, logger }: NetworkDhcpOptions) {
    this.#machines = new Map(
      hosts.map(({ clientMac, lease }) => [
        clientMac,
        new SingleDhcp4Server({ clientMac, serverAddress, serverMac, lease }),
      ]),
    );
    this.#log = new BoundedLog(logger, { interfaceIndex, serverAddress });
    const namespace = openNamespace(namespacePath);
    try {
      this.#socket = new PacketSocket({
        interfaceIndex,
        namespace,
        filter: DHCP_SERVER_FILTER,
        batch: 64,
        onFrames: (frames) => {
          for (const frame of frames) this.#handle(frame);
        },
        onError: (error) => this.#log.write("warn", "DHCP link error", { error: error.message }),
      });
      this.#portHolder = holdPort(serverAddress, DHCP4_SERVER_PORT, namespace);
      if (this.#portHolder === undefined)
        this.#log.write("warn", "another DHCP server holds port 67 of this address", {});
    } catch (error) {
      this.close();
      throw error;
    } finally {
      closeDescriptor(namespace);
    }
  }

  stats(): Readonly<Record<string, unknown>> {
    return {
      received: { ...this.#received },
      sent: { ...this.#sent },
      ignored: this.#ignored,
      notSent: this.#notSent,
    };
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
    if (this.#portHolder !== undefined) closeDescriptor(this.#portHolder);
    this.#portHolder = undefined;
  }

  #handle({ buffer, offset, length, checksumNotReady }: ReceivedFrame): void {
    const bytes = buffer.subarray(offset, offset + length);
    const frame = decodeEthernet(bytes);
    if (frame instanceof Malformed || frame.etherType !== ETHERTYPE_IPV4) return;
    const machine = this.#machines.get(frame.source);
    if (machine === undefined) {
      this.#ignored++;
      return;
    }
    const { frames, events } = machine.handle({ frame: bytes, checksumNotReady }, performance.now() / 1000);
    const taken = frames.length === 0 ? 0 : (this.#socket?.send(frames) ?? 0);
    this.#notSent += frames.length - taken;
    for (const event of events) this.#record(frame.source, event);
  }

  #record(client: MacAddress, event: SingleServerEvent): void {
    switch (event.event) {
      case "received":
        this.#received[event.message] = (this.#received[event.message] ?? 0) + 1;
        return;
      case "sent":
        this.#sent[event.message] = (this.#sent[event.message] ?? 0) + 1;
        this.#log.write("info", `DHCP ${event.message}`, {
          client,
          ...(event.address === undefined ? {} : { address: event.address }),
        });
        return;
      case "declined":
        this.#log.write("warn", "DHCP address declined: somebody else on the network uses it", {
          client,
          address: event.address,
        });
        return;
      case "ignored":
        this.#ignored++;
        return;
      case "released":
      case "answered-arp":
    }
  }
}
