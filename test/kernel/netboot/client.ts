/** Firmware on a link of a namespace: what it sends, and all that it is answered. */
import { closeDescriptor, openNamespace, PacketSocket } from "../../../src/kernel/native.ts";
import { RouteNetlink } from "../../../src/kernel/netlink.ts";
import { DHCP_CLIENT_FILTER } from "../../../src/kernel/packet-filter.ts";
import { decodeLink, getLink } from "../../../src/netlink/route/link.ts";
import { readReply, type ServerReply } from "../../support/dhcp4-client.ts";
import { until } from "../../support/network.ts";

/** Behind the headers of Ethernet and IPv4. */
const UDP_CHECKSUM_OFFSET = 14 + 20 + 6;

export class FirmwareLink implements Disposable {
  readonly frames: Uint8Array[] = [];
  readonly #socket: PacketSocket;

  private constructor(namespace: number, interfaceIndex: number) {
    this.#socket = new PacketSocket({
      interfaceIndex,
      namespace,
      filter: DHCP_CLIENT_FILTER,
      onFrames: (received) => {
        for (const { buffer, offset, length, checksumNotReady } of received) {
          const frame = buffer.slice(offset, offset + length);
          // Left to hardware that is not there: none is said to be there.
          if (checksumNotReady) frame.fill(0, UDP_CHECKSUM_OFFSET, UDP_CHECKSUM_OFFSET + 2);
          this.frames.push(frame);
        }
      },
      onError: (error) => {
        throw error;
      },
    });
  }

  /** Of eth0 there. */
  static async open(namespaceName: string): Promise<FirmwareLink> {
    const namespacePath = `/run/netns/${namespaceName}`;
    await using netlink = RouteNetlink.open({ namespacePath });
    const { index } = await netlink.get(getLink({ name: "eth0" }), decodeLink);
    const namespace = openNamespace(namespacePath);
    try {
      return new FirmwareLink(namespace, index);
    } finally {
      closeDescriptor(namespace);
    }
  }

  send(frame: Uint8Array): void {
    this.#socket.send([frame]);
  }

  /** The answers of those servers, one of each. */
  async ask<const Servers extends readonly string[]>(
    frame: Uint8Array,
    servers: Servers,
  ): Promise<{ readonly [Index in keyof Servers]: ServerReply }> {
    const before = this.frames.length;
    this.send(frame);
    const of = (server: string): ServerReply | undefined =>
      this.frames
        .slice(before)
        .map(readReply)
        .find(({ packet }) => packet.source === server);
    await until(`answers of ${servers.join(", ")}`, () => servers.every((server) => of(server) !== undefined));
    return servers.map((server) => of(server)!) as { readonly [Index in keyof Servers]: ServerReply };
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
