/** What is told of a transfer, while it runs and when it has ended. */
import type { IpAddress } from "../../base/address.ts";

export type TftpTransferState = "running" | "done" | "failed";

export interface TftpTransfer {
  /** Counts up from 1; the same in all that is told of one transfer. */
  readonly id: number;
  readonly client: { readonly address: IpAddress; readonly port: number };
  /** The address that it asked. */
  readonly server: IpAddress;
  readonly direction: "read" | "write";
  /** As the client named it, with "/" between the parts. */
  readonly file: string;
  readonly mode: "octet" | "netascii";
  /** As agreed. */
  readonly blockBytes: number;
  readonly windowBlocks: number;
  /** Of the file that have arrived. */
  readonly bytes: number;
  /** Of the file; undefined: an upload that does not tell. */
  readonly totalBytes: number | undefined;
  readonly seconds: number;
  readonly bytesPerSecond: number;
  /** Packets that were sent again. */
  readonly resentPackets: number;
  readonly roundTripSeconds: number | undefined;
  readonly state: TftpTransferState;
  /** Why it failed, or what is odd about a transfer that is done. */
  readonly error?: string;
}

/** What the two directions have in common for the service. */
export interface RunningTransfer {
  /** The request came again: the client has not heard of us yet. */
  repeatOpening(): void;
  view(): TftpTransfer;
  /** Ends it, and tells the client, if it is there. Nothing is open afterwards. @param reason for client and list */
  close(reason: string): Promise<void>;
  /** Ends it without a word: whoever has the client's port now would take it for an answer. @param reason for the list */
  abandon(reason: string): void;
}

/** What both are made with. */
export interface TransferIdentity {
  readonly id: number;
  readonly client: { readonly address: IpAddress; readonly port: number };
  readonly server: IpAddress;
  readonly file: string;
}

/** How much of it in a second; nothing is that quick that it takes no time. */
export function rateOf(bytes: number, seconds: number): number {
  return bytes / Math.max(seconds, 0.001);
}
