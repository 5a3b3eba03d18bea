/** What becomes of the options of a request: RFC 2347, 2348 (blksize), 2349 (timeout, tsize), 7440 (windowsize). */
import type { Family } from "../../base/address.ts";
import { TFTP_HEADER_BYTES, type TftpRequest } from "../../wire/tftp.ts";
import type { Rollover } from "./block-number.ts";

/** Of a transfer without options. */
const USUAL_BLOCK_BYTES = 512;
const LEAST_BLOCK_BYTES = 8;
const MOST_BLOCK_BYTES = 65_464;
const UDP_HEADER_BYTES = 8;

export interface TftpLimits {
  /** Of the path to the client; a larger packet would travel in fragments, which many boot ROMs cannot put together. */
  readonly mtuBytes: number;
  readonly family: Family;
  /** Of a window, from 1. */
  readonly windowBlocks: number;
  readonly windowBytes: number;
}

export interface TftpTerms {
  readonly blockBytes: number;
  readonly windowBlocks: number;
  readonly timeoutSeconds?: number;
  readonly rollover: Rollover;
  /** The size that the writer of a file told. */
  readonly announcedBytes?: number;
  /** For the option acknowledgement; empty: there is none, and the transfer begins at once. */
  readonly accepted: ReadonlyMap<string, string>;
}

/**
 * An option that is unknown or makes no sense is left out of the answer, as RFC 2347 wants it, and so does not count.
 * @param fileBytes of a file that is read, as it travels; undefined when that is not known
 */
export function negotiate(request: TftpRequest, limits: TftpLimits, fileBytes: number | undefined): TftpTerms {
  const accepted = new Map<string, string>();
  const read = (name: string, least: number, most: number): number | undefined => {
    const text = request.options.get(name);
    if (text === undefined || !/^\d{1,15}$/.test(text)) return undefined;
    const value = Number(text);
    return value >= least && value <= most ? value : undefined;
  };
  const asked = read("blksize", LEAST_BLOCK_BYTES, 0xffff_ffff);
  const blockBytes = asked === undefined ? USUAL_BLOCK_BYTES : Math.min(asked, largestBlock(limits));
  if (asked !== undefined) accepted.set("blksize", String(blockBytes));
  const timeoutSeconds = read("timeout", 1, 255);
  if (timeoutSeconds !== undefined) accepted.set("timeout", String(timeoutSeconds));
  const size = read("tsize", 0, Number.MAX_SAFE_INTEGER);
  const told = request.kind === "read" ? fileBytes : size;
  // curl takes the size of an empty file for an error.
  const isTold = told !== undefined && (told > 0 || request.kind === "write");
  if (size !== undefined && isTold) accepted.set("tsize", String(told));
  const window = read("windowsize", 1, 0xffff);
  const windowBlocks = window === undefined ? 1 : fittingWindow(window, blockBytes, limits);
  if (window !== undefined) accepted.set("windowsize", String(windowBlocks));
  const rollover = read("rollover", 0, 1);
  if (rollover !== undefined) accepted.set("rollover", String(rollover));
  return {
    blockBytes,
    windowBlocks,
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    rollover: rollover === 1 ? 1 : 0,
    ...(request.kind === "write" && size !== undefined ? { announcedBytes: size } : {}),
    accepted,
  };
}

function largestBlock({ mtuBytes, family }: TftpLimits): number {
  const headers = (family === 4 ? 20 : 40) + UDP_HEADER_BYTES + TFTP_HEADER_BYTES;
  return Math.min(MOST_BLOCK_BYTES, Math.max(LEAST_BLOCK_BYTES, mtuBytes - headers));
}

function fittingWindow(asked: number, blockBytes: number, { windowBlocks, windowBytes }: TftpLimits): number {
  return Math.max(1, Math.min(asked, windowBlocks, Math.floor(windowBytes / blockBytes)));
}
