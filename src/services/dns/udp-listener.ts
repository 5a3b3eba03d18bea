/**
 * One UDP address of a DNS server. What the cache knows is answered within the batch in which it came; the rest is
 * handed on as a copy, to be worked on later.
 */
import { PEER_SLOT_BYTES, ReplySocket, type SystemCallError } from "../../kernel/native.ts";
import type { AnswerCache } from "../../protocol/dns/cache/answer-cache.ts";
import { UDP_REPLY_BYTES } from "../../protocol/dns/cache/extension.ts";
import { type ListenPlace, openBound } from "../listen.ts";
import type { Askers } from "./allow-list.ts";
import { writeRefusal } from "./refusal.ts";

const BATCH = 128;
/** The longest query that is read; EDNS options may make one long, more than this is nothing that a resolver asks. */
const QUERY_BYTES = 2048;
/** Thousands of queries, for the time that a pause of the process takes. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const REPLIES_BYTES = 64 * 1024;

/** All listeners of the process take turns with it. */
const replies = new Uint8Array(REPLIES_BYTES);

interface UdpListenerOptions extends ListenPlace {
  readonly cache: AnswerCache;
  readonly allow: Askers;
  readonly now: () => number;
  /** A query that the cache does not answer, and its sender's sockaddr; copies. */
  readonly onQuery: (query: Uint8Array, peer: Uint8Array) => void;
  /** Once for each batch. */
  readonly onBatchEnd: () => void;
  readonly onError: (error: SystemCallError) => void;
}

export class UdpListener {
  readonly #options: UdpListenerOptions;
  readonly #socket: ReplySocket;
  #late: { readonly payload: Uint8Array; readonly peer: Uint8Array }[] = [];
  received = 0;
  /** By the cache, at once. */
  answered = 0;
  refused = 0;
  notSent = 0;

  /** @throws NetloomError address-in-use, no-such-address, no-privilege */
  constructor(options: UdpListenerOptions) {
    this.#options = options;
    this.#socket = new ReplySocket({
      descriptor: openBound(options, "udp"),
      batch: BATCH,
      datagramBytes: QUERY_BYTES,
      receiveBufferBytes: RECEIVE_BUFFER_BYTES,
      onBatch: (count) => this.#handle(count),
      onError: options.onError,
    });
  }

  #handle(count: number): void {
    const { cache, allow, onQuery } = this.#options;
    const socket = this.#socket;
    const { buffer, slotBytes, peers } = socket;
    const now = this.#options.now();
    let written = 0;
    let waiting = 0;
    let answered = 0;
    for (let slot = 0; slot < count; slot++) {
      const offset = slot * slotBytes;
      const length = socket.length(slot);
      const isAllowed = allow.allows(peers, slot * PEER_SLOT_BYTES);
      const replyBytes = isAllowed
        ? cache.answer(buffer, offset, length, replies, written, now)
        : writeRefusal(buffer, offset, Math.min(length, UDP_REPLY_BYTES), replies, written);
      if (!isAllowed) this.refused++;
      if (replyBytes > 0) {
        if (isAllowed) answered++;
        socket.setReply(waiting++, written, replyBytes, slot);
        written += replyBytes;
        if (written > REPLIES_BYTES - UDP_REPLY_BYTES) {
          this.#send(waiting);
          written = waiting = 0;
        }
      } else if (isAllowed && length > 0) onQuery(buffer.slice(offset, offset + length), socket.peer(slot));
    }
    this.received += count;
    this.answered += answered;
    this.#send(waiting);
    this.#options.onBatchEnd();
  }

  #send(count: number): void {
    if (count > 0) this.notSent += count - this.#socket.sendReplies(replies, count);
  }

  /** A reply that took longer; it leaves with the next {@link flush}. */
  send(payload: Uint8Array, peer: Uint8Array): void {
    this.#late.push({ payload, peer });
  }

  flush(): void {
    const late = this.#late;
    if (late.length === 0) return;
    this.#late = [];
    this.notSent += late.length - this.#socket.send(late);
  }

  close(): void {
    this.#socket.close();
  }
}
