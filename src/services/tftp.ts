/**
 * The TFTP server: a folder's files for whoever asks, to thousands at one time.
 *
 * A socket on the port of each address takes requests; every transfer has a socket and a port of its own. Files are read
 * ahead by Node's threads into packets that all transfers share, so the event loop never waits for a disk.
 */
import type { IpAddress } from "../base/address.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { closeDescriptor, DatagramSocket, openNamespace, type ReceivedDatagram } from "../kernel/native.ts";
import { parseFileName } from "../protocol/tftp/file-name.ts";
import { toHex } from "../base/bytes.ts";
import { Malformed } from "../wire/malformed.ts";
import { decodeTftp, encodeTftp, TFTP_ERROR, type TftpRequest } from "../wire/tftp.ts";
import { BoundedLog } from "./bounded-log.ts";
import { openBound } from "./listen.ts";
import { TransferOpener, type TransferSettings } from "./tftp/open-transfer.ts";
import { refusalOf, type TftpRefusal } from "./tftp/refusal.ts";
import { decodeSocketAddress } from "../kernel/socket-address.ts";
import { hasBegun, type Started, type StartedLimits, StartedTransfers } from "./tftp/started.ts";
import type { RunningTransfer, TftpTransfer, TransferIdentity } from "./tftp/transfer.ts";
import { TransferSocket } from "./tftp/transfer-socket.ts";

export type { TftpTransfer } from "./tftp/transfer.ts";

const BATCH = 64;
/** Transfers that have ended and are still shown. */
const SHOWN_ENDED = 64;

export interface TftpServiceOptions extends TransferSettings {
  /** 0.0.0.0 and :: are all addresses, answered from the one that the route to the client has; a port is usually 69. */
  readonly listen: readonly { readonly address: IpAddress; readonly port: number }[];
  /** Most at one time, default 2000, and of one client's address, default 100. */
  readonly limits?: StartedLimits & TransferSettings["limits"];
  /** At its beginning and at its end. */
  readonly onTransfer?: (transfer: TftpTransfer) => void;
  /** Of a request that got an error in place of a transfer; absent: it is logged. */
  readonly onRefused?: (refused: TftpRefused) => void;
  readonly logger: Logger;
  /** Fields of every line of the log. */
  readonly about?: Readonly<Record<string, unknown>>;
}

export interface TftpRefused {
  readonly client: IpAddress;
  /** As the client named it. */
  readonly file: string;
  readonly reason: string;
}

/** What happened since the start. */
export interface TftpServiceStats {
  readonly requests: number;
  readonly done: number;
  readonly failed: number;
  /** Requests that got an error. */
  readonly refused: number;
  /** Datagrams that were no request. */
  readonly ignored: number;
  readonly running: number;
  readonly memoryBytes: number;
}

interface Listener {
  readonly address: IpAddress;
  readonly socket: DatagramSocket;
}

export class TftpService implements AsyncDisposable {
  readonly #options: TftpServiceOptions;
  readonly #log: BoundedLog;
  readonly #opener: TransferOpener;
  readonly #namespace: number | undefined;
  readonly #listeners: Listener[] = [];
  readonly #started: StartedTransfers;
  readonly #running = new Set<RunningTransfer>();
  /** Those that run, and those of which the last acknowledgement may still be asked for. */
  readonly #open = new Set<RunningTransfer>();
  readonly #opening = new Set<Promise<void>>();
  #ended: TftpTransfer[] = [];
  #lastId = 0;
  #requests = 0;
  #done = 0;
  #failed = 0;
  #refused = 0;
  #ignored = 0;
  #isClosed = false;

  /**
   * Serves until closed.
   * @throws NetloomError address-in-use, no-such-address, no-privilege; SystemCallError ENOENT no such namespace
   */
  constructor(options: TftpServiceOptions) {
    this.#options = options;
    this.#log = new BoundedLog(options.logger, options.about ?? {});
    this.#started = new StartedTransfers(options.limits ?? {});
    this.#opener = new TransferOpener(options, this.#log);
    if (options.namespacePath !== undefined) this.#namespace = openNamespace(options.namespacePath);
    try {
      for (const { address, port } of options.listen) this.#listen(address, port);
    } catch (error) {
      this.#closeListeners();
      if (this.#namespace !== undefined) closeDescriptor(this.#namespace);
      throw error;
    }
  }

  #listen(address: IpAddress, port: number): void {
    const descriptor = openBound({ listen: { address, port }, namespace: this.#namespace }, "udp");
    const listener: Listener = {
      address,
      socket: new DatagramSocket({
        descriptor,
        batch: BATCH,
        onDatagrams: (datagrams) => this.#receive(listener, datagrams),
        onError: (error) => this.#log.write("warn", "TFTP socket", { address, error: error.message }),
      }),
    };
    this.#listeners.push(listener);
  }

  #receive(listener: Listener, datagrams: readonly ReceivedDatagram[]): void {
    for (const { buffer, offset, length, peer } of datagrams) {
      const packet = decodeTftp(buffer.subarray(offset, offset + length));
      if (packet instanceof Malformed || (packet.kind !== "read" && packet.kind !== "write")) this.#ignored++;
      else this.#request(listener, packet, peer.slice());
    }
  }

  #request(listener: Listener, request: TftpRequest, peer: Uint8Array): void {
    this.#requests++;
    const key = toHex(peer);
    const said = JSON.stringify([request.kind, request.file, request.mode, [...request.options]]);
    const before = this.#started.find(key);
    if (before?.request === said && !hasBegun(before)) return before.transfer?.repeatOpening();
    // It has begun something else from the same port: nobody is there for what was.
    before?.transfer?.abandon("the client asks for something else");
    const client = decodeSocketAddress(peer);
    const identity = { id: ++this.#lastId, client, server: listener.address, file: shownName(request.file) };
    let started: Started;
    try {
      started = this.#started.add({ key, request: said, clientAddress: client.address });
    } catch (error) {
      this.#refuse(listener, peer, identity, refusalOf(error));
      return;
    }
    const opening = this.#start(listener, request, peer, identity, started);
    this.#opening.add(opening);
    void opening.finally(() => this.#opening.delete(opening));
  }

  async #start(
    listener: Listener,
    request: TftpRequest,
    peer: Uint8Array,
    identity: TransferIdentity,
    started: Started,
  ): Promise<void> {
    const onEnd = (): void => this.#end(started);
    try {
      const onClosed = (transfer: RunningTransfer): void => void this.#open.delete(transfer);
      const isUnwanted = (): boolean => this.#isClosed || this.#started.find(started.key) !== started;
      const { address } = listener;
      const asked = { identity, namespace: this.#namespace, address, peer, isUnwanted, onEnd, onClosed };
      const transfer = await this.#opener.open(request, asked);
      if (transfer === undefined) return this.#started.remove(started);
      started.transfer = transfer;
      const view = transfer.view();
      this.#options.onTransfer?.({ ...view, state: "running" });
      // It has ended already when the client's port was closed at once.
      if (view.state !== "running") return this.#record(view);
      this.#running.add(transfer);
      this.#open.add(transfer);
    } catch (error) {
      this.#started.remove(started);
      this.#refuse(listener, peer, identity, refusalOf(error));
    }
  }

  /** The client is told from a port of its own, as of a transfer. */
  #refuse(listener: Listener, peer: Uint8Array, { client, file }: TransferIdentity, refusal: TftpRefusal): void {
    this.#refused++;
    const { code, message, cause } = refusal;
    const refused = { client: client.address, file, reason: message };
    const error = code === TFTP_ERROR.undefined && cause !== undefined ? { error: messageOf(cause) } : {};
    if (this.#options.onRefused === undefined)
      this.#log.write("warn", "TFTP request refused", { ...refused, ...error });
    else this.#options.onRefused(refused);
    if (this.#isClosed) return;
    try {
      const socket = new TransferSocket({
        namespace: this.#namespace,
        address: listener.address,
        peer,
        batch: 1,
        datagramBytes: 512,
        onDatagrams: () => undefined,
        onGone: () => undefined,
      });
      socket.send(encodeTftp({ kind: "error", code, message }));
      socket.close();
    } catch (error) {
      this.#log.write("warn", "TFTP error not sent", { client: client.address, error: messageOf(error) });
    }
  }

  #end(started: Started): void {
    const { transfer } = started;
    this.#started.remove(started);
    if (transfer === undefined) return;
    this.#running.delete(transfer);
    this.#record(transfer.view());
  }

  #record(view: TftpTransfer): void {
    if (view.state === "done") this.#done++;
    else this.#failed++;
    this.#ended.push(view);
    if (this.#ended.length > 2 * SHOWN_ENDED) this.#ended = this.#ended.slice(-SHOWN_ENDED);
    this.#options.onTransfer?.(view);
  }

  /** Those that run, and the last that have ended, in the order in which they began. */
  transfers(): readonly TftpTransfer[] {
    const running = Array.from(this.#running, (transfer) => transfer.view());
    return [...this.#ended.slice(-SHOWN_ENDED), ...running].sort((a, b) => a.id - b.id);
  }

  /** A copy as of now. */
  stats(): TftpServiceStats {
    return {
      requests: this.#requests,
      done: this.#done,
      failed: this.#failed,
      refused: this.#refused,
      ignored: this.#ignored,
      running: this.#running.size,
      memoryBytes: this.#opener.memoryBytes,
    };
  }

  #closeListeners(): void {
    this.#isClosed = true;
    for (const { socket } of this.#listeners) socket.close();
    this.#listeners.length = 0;
  }

  /** Clients of running transfers are told. Nothing is open afterwards. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#closeListeners();
    await Promise.all(this.#opening);
    await Promise.all(Array.from(this.#open, (transfer) => transfer.close("the server ends")));
    await this.#opener.end();
    if (this.#namespace !== undefined) closeDescriptor(this.#namespace);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** For lists and logs. */
function shownName(file: string): string {
  return parseFileName(file)?.join("/") ?? file.replaceAll(/[^\P{Cc}]/gu, "?").slice(0, 255);
}
