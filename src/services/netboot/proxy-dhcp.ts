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
  readonly onError: (error: Error) => void;
}

export class ProxyService implements Disposable {
  readonly #machine: ProxyDhcp;
  readonly #onAsked: ProxyServiceOptions["onAsked"];
  readonly #holders: number[] = [];
  #socket: PacketSocket | undefined;

  /** Answer until closed. @throws SystemCallError no such link, no privilege for a packet socket */
  constructor({ namespacePath, interfaceIndex, config, onAsked, onError }: ProxyServiceOptions) {
    this.#machine = new ProxyDhcp(config);
    this.#onAsked = onAsked;
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
      this.#hold(
        config.address,
        { namespace, interfaceIndex },
        config.besideOwnServer === true ? [PXE_PORT] : [DHCP4_SERVER_PORT, PXE_PORT],
      );
    } catch (error) {
      this.close();
      throw error;
    } finally {
      if (namespace !== undefined) closeDescriptor(namespace);
    }
  }

  /** Somebody else of this host may have one of them: answers go out all the same. */
  #hold(
    address: Ipv4Address,
    { namespace, interfaceIndex }: { readonly namespace: number | undefined; readonly interfaceIndex: number },
    ports: readonly number[],
  ): void {
    for (const port of ports) {
      const holder = holdPort(address, port, namespace, interfaceIndex);
      if (holder !== undefined) this.#holders.push(holder);
    }
  }

  #handle(received: readonly ReceivedFrame[]): void {
    const answers: Uint8Array[] = [];
    for (const { buffer, offset, length, checksumNotReady } of received) {
      // A copy: what events hold must not change with the socket's buffer.
      const { frames, event } = this.#machine.handle(buffer.slice(offset, offset + length), checksumNotReady);
      answers.push(...frames);
      if (event.event === "asked") this.#onAsked(event);
    }
    // What the kernel does not take is asked for again.
    if (answers.length > 0) this.#socket?.send(answers);
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
    for (const holder of this.#holders.splice(0)) closeDescriptor(holder);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
