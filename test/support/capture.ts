/** Frames on a link, both ways, kept while a test runs. */
import { bindSocket, closeDescriptor, DatagramSocket, openNamespace, openSocket } from "../../src/kernel/native.ts";
import { RouteNetlink } from "../../src/kernel/netlink.ts";
import { decodeLink, getLink } from "../../src/netlink/route/link.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL = 3;

export class Capture implements Disposable {
  readonly #frames: Uint8Array[] = [];
  readonly #socket: DatagramSocket;

  private constructor(descriptor: number) {
    this.#socket = new DatagramSocket({
      descriptor,
      onDatagrams: (datagrams) => {
        for (const { buffer, offset, length } of datagrams) this.#frames.push(buffer.slice(offset, offset + length));
      },
      onError: () => {
        // The link went down or away, as it may: there is nothing more to see.
      },
    });
  }

  /** @param namespace name under /run/netns; "" is our own. @throws NetlinkError when there is no such link */
  static async open(namespace: string, link: string): Promise<Capture> {
    const namespacePath = namespace === "" ? "/proc/self/ns/net" : `/run/netns/${namespace}`;
    const netlink = RouteNetlink.open({ namespacePath });
    const { index } = await netlink.get(getLink({ name: link }), decodeLink).finally(() => netlink.close());
    const entered = openNamespace(namespacePath);
    const descriptor = openSocket({ namespace: entered, family: AF_PACKET, type: SOCK_RAW, protocol: 0 });
    closeDescriptor(entered);
    bindSocket(descriptor, linkAddress(index));
    return new Capture(descriptor);
  }

  /** What was seen so far, in order. */
  frames(): Uint8Array[] {
    return [...this.#frames];
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** struct sockaddr_ll for every EtherType on one interface. */
function linkAddress(interfaceIndex: number): Uint8Array {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(ETH_P_ALL, 2);
  address.writeInt32LE(interfaceIndex, 4);
  return address;
}
