/** The proxyDHCP machine bound to a packet socket of a link: ports 67 and 4011. */
import type { Ipv4Address } from "../../base/address.ts";
import { closeDescriptor, openNamespace, PacketSocket, type ReceivedFrame } from "../../kernel/native.ts";
import { BOOT_REQUEST_FILTER } from "../../kernel/packet-filter.ts";
import { type ProxyConfig, ProxyDhcp, type ProxyEvent, PXE_PORT } from "../../protocol/pxe/proxy.ts";
import { DHCP4_SERVER_PORT } from "../../wire/dhcp4/message.ts";
import { holdPort } from "../hold-port.ts";

const BATCH_FRAMES = 64;

export interface ProxyServiceOptions {
  /** Default: our own network namespace. */
  readonly namespacePath?: string;
  readonly interfaceIndex: number;
  readonly config: ProxyConfig;
  /** Of clients that want to boot only. */
  readonly onAsked: (event: Extract<ProxyEvent, { event: "asked" }>) => void;
  /** Beside a server of ours: a client says that it takes an address of that one. Comes with each that does. */
  readonly onOtherServer?: (server: Ipv4Address) => void;
  readonly onError: (error: Error) => void;
}

export class ProxyService implements Disposable {
  readonly #options: ProxyServiceOptions;
  /** Descriptors by port. */
  readonly #holders = new Map<number, number>();
  #machine: ProxyDhcp;
  #socket: PacketSocket | undefined;

  /** Answer until closed. @throws SystemCallError no such link, no privilege for a packet socket */
  constructor(options: ProxyServiceOptions) {
    const { namespacePath, interfaceIndex, config, onError } = options;
    this.#options = options;
    this.#machine = new ProxyDhcp(config);
    const namespace = namespacePath === undefined ? undefined : openNamespace(namespacePath);
    try {
      this.#socket = new PacketSocket({
        interfaceIndex,
        ...(namespace === undefined ? {} : { namespace }),
        filter: BOOT_REQUEST_FILTER,
        batch: BATCH_FRAMES,
        onFrames: (frames) => this.#handle(frames),
        onError,
      });
      this.#hold(config, namespace);
    } catch (error) {
      this.close();
      throw error;
    } finally {
      if (namespace !== undefined) closeDescriptor(namespace);
    }
  }

  /** Go on with another one, of the same address; nothing once it is closed. @throws SystemCallError */
  change(config: ProxyConfig): void {
    if (this.#socket === undefined) return;
    this.#machine = new ProxyDhcp(config);
    const { namespacePath } = this.#options;
    const namespace = namespacePath === undefined ? undefined : openNamespace(namespacePath);
    try {
      this.#hold(config, namespace);
    } finally {
      if (namespace !== undefined) closeDescriptor(namespace);
    }
  }

  /** Somebody else of this host may have one of them: answers go out all the same. */
  #hold({ address, besideOwnServer }: ProxyConfig, namespace: number | undefined): void {
    const ports = besideOwnServer === true ? [PXE_PORT] : [DHCP4_SERVER_PORT, PXE_PORT];
    for (const port of ports) {
      if (this.#holders.has(port)) continue;
      const holder = holdPort(address, port, namespace, this.#options.interfaceIndex);
      if (holder !== undefined) this.#holders.set(port, holder);
    }
  }

  #handle(received: readonly ReceivedFrame[]): void {
    const answers: Uint8Array[] = [];
    for (const { buffer, offset, length, checksumNotReady } of received) {
      // A copy: what events hold must not change with the socket's buffer.
      const { frames, event } = this.#machine.handle(buffer.slice(offset, offset + length), checksumNotReady);
      answers.push(...frames);
      if (event.event === "asked") this.#options.onAsked(event);
      else if (event.event === "other-server") this.#options.onOtherServer?.(event.server);
    }
    // What the kernel does not take is asked for again.
    if (answers.length > 0) this.#socket?.send(answers);
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
    for (const holder of this.#holders.values()) closeDescriptor(holder);
    this.#holders.clear();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
