/** From a request to the transfer that it asks for: its file, its terms, and a socket of its own. */
import { familyOf, type IpAddress } from "../../base/address.ts";
import { hasCode, messageOf } from "../../base/errors.ts";
import { parseFileName } from "../../protocol/tftp/file-name.ts";
import { negotiate, type TftpLimits } from "../../protocol/tftp/options.ts";
import { TFTP_ERROR, type TftpRequest } from "../../wire/tftp.ts";
import type { BoundedLog } from "../bounded-log.ts";
import { steadySeconds } from "../clock.ts";
import { type OpenedFile, openFile } from "./open-file.ts";
import { openText } from "./open-text.ts";
import { PacketStore } from "./packet-store.ts";
import { mtuBytesOf, USUAL_MTU_BYTES } from "./path-mtu.ts";
import { ReceiveTransfer } from "./receive-transfer.ts";
import { TftpRefusal } from "./refusal.ts";
import { SendTransfer } from "./send-transfer.ts";
import type { RunningTransfer, TftpTransfer, TransferIdentity } from "./transfer.ts";
import { UploadFolder, type UploadSettings } from "./upload.ts";

/** An interface's MTU is looked up again after that. */
const MTU_SECONDS = 60;
const DEFAULT_MEMORY_BYTES = 64 * 1024 * 1024;
const DEFAULT_WINDOW_BLOCKS = 256;
const WINDOW_BYTES = 1024 * 1024;

/** A text, or another file of the folder. */
export type StandIn = { readonly text: string } | { readonly file: readonly string[] };

export interface TransferSettings {
  /** Default: our own network namespace. */
  readonly namespacePath?: string;
  /** The folder; it may come later. */
  readonly root: string;
  /** Names without an exact file are looked for in any case: clients of Windows. */
  readonly ignoreCase?: boolean;
  /** What is given, by the parts of its path, where there is no such file. */
  readonly standIn?: (parts: readonly string[]) => StandIn | undefined;
  /** Absent: nothing is written. */
  readonly write?: UploadSettings;
  /** Of the path to the clients; default that of the interface with the address. */
  readonly mtuBytes?: number;
  readonly limits?: { readonly windowBlocks?: number };
  /** For packets in memory, default 64 MiB. */
  readonly memoryBytes?: number;
}

/** Who asks, and what becomes of the transfer. */
interface Asked {
  readonly identity: TransferIdentity;
  readonly namespace: number | undefined;
  readonly address: IpAddress;
  readonly peer: Uint8Array;
  /** The service has been closed meanwhile, or the client has asked for something else. */
  readonly isUnwanted: () => boolean;
  readonly onEnd: () => void;
  readonly onClosed: (transfer: RunningTransfer) => void;
}

interface Mtu {
  readonly bytes: Promise<number>;
  readonly untilSeconds: number;
}

export class TransferOpener {
  readonly #settings: TransferSettings;
  readonly #log: BoundedLog;
  readonly #store: PacketStore;
  readonly #uploads: UploadFolder | undefined;
  /** By the server's address. */
  readonly #mtus = new Map<IpAddress, Mtu>();

  constructor(settings: TransferSettings, log: BoundedLog) {
    this.#settings = settings;
    this.#log = log;
    this.#store = new PacketStore(settings.memoryBytes ?? DEFAULT_MEMORY_BYTES);
    this.#uploads = settings.write === undefined ? undefined : new UploadFolder(settings.write);
  }

  /** Of packets. */
  get memoryBytes(): number {
    return this.#store.bytes;
  }

  /**
   * @returns undefined when nobody wants it any more
   * @throws TftpRefusal; what the file system throws; SystemCallError
   */
  async open(request: TftpRequest, asked: Asked): Promise<RunningTransfer | undefined> {
    const mode = modeOf(request);
    const parts = parseFileName(request.file);
    if (parts === undefined) throw new TftpRefusal(TFTP_ERROR.accessViolation, "no such name is served");
    const limits: TftpLimits = {
      mtuBytes: await this.#mtuBytes(asked.address),
      family: familyOf(asked.address),
      windowBlocks: this.#settings.limits?.windowBlocks ?? DEFAULT_WINDOW_BLOCKS,
      windowBytes: WINDOW_BYTES,
    };
    return request.kind === "read"
      ? this.#send(request, mode, parts, limits, asked)
      : this.#receiveFile(request, mode, parts, limits, asked);
  }

  async #send(
    request: TftpRequest,
    mode: TftpTransfer["mode"],
    parts: readonly string[],
    limits: TftpLimits,
    asked: Asked,
  ): Promise<RunningTransfer | undefined> {
    const isNetascii = mode === "netascii";
    const opened = await this.#openFile(parts);
    if (asked.isUnwanted()) {
      await opened.handle.close();
      return undefined;
    }
    const terms = negotiate(request, limits, isNetascii ? undefined : opened.sizeBytes);
    const { blockBytes, rollover } = terms;
    const file = this.#store.open(opened, { blockBytes, rollover, isNetascii });
    return new SendTransfer({ ...asked, terms, store: this.#store, file });
  }

  async #openFile(parts: readonly string[]): Promise<OpenedFile> {
    const { root, ignoreCase = false, standIn } = this.#settings;
    try {
      return await openFile(root, parts, ignoreCase);
    } catch (error) {
      const other = hasCode(error, "ENOENT") ? standIn?.(parts) : undefined;
      if (other === undefined) throw error;
      return "text" in other ? openText(other.text) : openFile(root, other.file, false);
    }
  }

  async #receiveFile(
    request: TftpRequest,
    mode: TftpTransfer["mode"],
    parts: readonly string[],
    limits: TftpLimits,
    asked: Asked,
  ): Promise<RunningTransfer | undefined> {
    if (this.#uploads === undefined)
      throw new TftpRefusal(TFTP_ERROR.accessViolation, "nothing may be written to this server");
    const terms = negotiate(request, limits, undefined);
    const upload = await this.#uploads.begin(parts, terms.announcedBytes);
    if (asked.isUnwanted()) {
      await upload.discard();
      return undefined;
    }
    const logger = { warn: (message: string, fields = {}) => this.#log.write("warn", message, fields) };
    try {
      return new ReceiveTransfer({ ...asked, terms, mode, upload, logger });
    } catch (error) {
      await upload.discard();
      throw error;
    }
  }

  #mtuBytes(address: IpAddress): Promise<number> {
    const { mtuBytes, namespacePath } = this.#settings;
    if (mtuBytes !== undefined) return Promise.resolve(mtuBytes);
    const now = steadySeconds();
    let mtu = this.#mtus.get(address);
    if (mtu === undefined || now >= mtu.untilSeconds) {
      mtu = { bytes: this.#lookUpMtu(address, namespacePath), untilSeconds: now + MTU_SECONDS };
      this.#mtus.set(address, mtu);
    }
    return mtu.bytes;
  }

  async #lookUpMtu(address: IpAddress, namespacePath: string | undefined): Promise<number> {
    try {
      return await mtuBytesOf(address, namespacePath);
    } catch (error) {
      this.#log.write("warn", "TFTP: the MTU is not known", { address, error: messageOf(error) });
      return USUAL_MTU_BYTES;
    }
  }

  /** Once no transfer is left. */
  async end(): Promise<void> {
    await this.#store.end();
  }
}

function modeOf({ mode }: TftpRequest): TftpTransfer["mode"] {
  if (mode === "octet" || mode === "netascii") return mode;
  // Of before 1992, and refused by all.
  const reason = mode === "mail" ? "mail is not taken" : "the mode is neither octet nor netascii";
  throw new TftpRefusal(TFTP_ERROR.illegalOperation, reason);
}
