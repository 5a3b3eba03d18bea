/**
 * The client of rtnetlink: carries out requests of src/netlink and gathers dumps.
 *
 * Requests travel many in one write. The kernel carries them out one after the other inside that write, and reports
 * every failure but only the last success, which is the one that is asked for: an acknowledgement less for each
 * request. A window is at most 200 requests, because were all of them to fail, more answers than that overflow the
 * socket. The exchanges of one client follow each other; several clients run side by side.
 */
import { NetloomError } from "../base/errors.ts";
import { sourceOf } from "../netlink/codec.ts";
import {
  decodeAnswer,
  encodeRequest,
  NLM_F_ACK,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  type NetlinkAnswer,
  type NetlinkMessage,
  type NetlinkRequest,
  requestBytes,
} from "../netlink/message.ts";
import { closeDescriptor, openNamespace } from "./native.ts";
import { lostAnswer, NetlinkError, notSent, refusal } from "./netlink/error.ts";
import { NetlinkSocket } from "./netlink/socket.ts";

export { NetlinkError } from "./netlink/error.ts";

const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;
const WINDOW_REQUESTS = 200;
/** Less than the send buffer's 212,992 bytes, which one write has to fit. */
const WINDOW_BYTES = 128 * 1024;
const DUMP_ATTEMPTS = 10;

export class RouteNetlink implements AsyncDisposable {
  readonly #socket: NetlinkSocket;
  #sequence = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #send = sourceOf(new Uint8Array(4096));

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
  }

  /**
   * Opens a socket in the namespace of that path or descriptor, else in our own.
   * @param options.protocol of netlink; default NETLINK_ROUTE
   * @throws SystemCallError ENOENT when there is no such namespace
   */
  static open(
    options: { readonly namespacePath?: string; readonly namespace?: number; readonly protocol?: number } = {},
  ): RouteNetlink {
    const { protocol = NETLINK_ROUTE } = options;
    if (options.namespacePath === undefined) return new RouteNetlink(new NetlinkSocket(protocol, options.namespace));
    const namespace = openNamespace(options.namespacePath);
    try {
      return new RouteNetlink(new NetlinkSocket(protocol, namespace));
    } finally {
      closeDescriptor(namespace);
    }
  }

  /**
   * Carries out requests in order. After a failure the rest of its window (at most 200) is still carried out, later
   * windows are not: who must know which were uses `executeAll`.
   * @throws NetlinkError of the first request that failed
   */
  execute(requests: readonly NetlinkRequest[]): Promise<void> {
    return this.#inTurn(async () => {
      for (let first = 0; first < requests.length; ) {
        const window = windowFrom(requests, first);
        const { failures } = await this.#exchangeWindow(requests, window);
        for (const failure of failures) if (failure !== undefined) throw failure;
        first = window.end;
      }
    });
  }

  /**
   * Carries out all requests in order, whatever becomes of those before.
   * @returns for each request its error, undefined where it was carried out
   */
  executeAll(requests: readonly NetlinkRequest[]): Promise<(NetlinkError | undefined)[]> {
    return this.#inTurn(async () => {
      const results: (NetlinkError | undefined)[] = [];
      while (results.length < requests.length) {
        const window = windowFrom(requests, results.length);
        const { failures, lost } = await this.#exchangeWindow(requests, window);
        results.push(...failures);
        if (lost !== undefined) {
          for (let i = window.end; i < requests.length; i++) results.push(notSent(requests[i]!, i, lost));
        }
      }
      return results;
    });
  }

  /**
   * The object that a request for a single one (`getLink`) shows.
   * @throws NetlinkError when there is none; NetloomError netlink-odd when the answer cannot be decoded
   */
  get<Value>(request: NetlinkRequest, decode: (message: NetlinkMessage) => Value | undefined): Promise<Value> {
    return this.#inTurn(async () => {
      let value: Value | undefined;
      let answer: NetlinkAnswer | undefined;
      const sequence = this.#takeSequence(1);
      const bytes = this.#encode([{ request, sequence, flags: NLM_F_REQUEST | NLM_F_ACK }]);
      await this.#exchange(request, bytes, (message) => {
        if (message.sequence !== sequence) return false;
        if (message.type === NLMSG_ERROR) answer = decodeAnswer(message);
        else value ??= decode(message);
        return answer !== undefined;
      });
      if (answer !== undefined && answer.errno !== 0) throw refusal(request, answer, 0);
      if (value === undefined) throw new NetloomError("netlink-odd", `${request.operation}: an answer of another kind`);
      return value;
    });
  }

  /**
   * All objects that a dump shows and `decode` does not answer undefined for. A dump during which the kernel's
   * tables changed is taken again, up to ten times.
   * @throws NetlinkError netlink-failed, netlink-lost, netlink-interrupted
   */
  dump<Value>(request: NetlinkRequest, decode: (message: NetlinkMessage) => Value | undefined): Promise<Value[]> {
    return this.#inTurn(async () => {
      for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
        const values = await this.#dumpOnce(request, decode);
        if (values !== undefined) return values;
      }
      throw new NetlinkError(
        "netlink-interrupted",
        `${request.operation}: something changed during each of ${DUMP_ATTEMPTS} attempts`,
        { requestIndex: 0 },
      );
    });
  }

  /** Closes the socket. What is under way ends with an error. */
  close(): void {
    this.#socket.close();
  }

  /** Waits for what is under way, then closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inTurn(async () => this.close());
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    // A failure is its caller's; the next in turn only waits for the end.
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** The first of `count` sequence numbers in a row, 32 bits, never 0. */
  #takeSequence(count: number): number {
    if (this.#sequence + count > 0xffff_ffff) this.#sequence = 0;
    this.#sequence += count;
    return this.#sequence - count + 1;
  }

  #encode(messages: readonly { request: NetlinkRequest; sequence: number; flags: number }[]): Uint8Array {
    let bytes = 0;
    for (const { request } of messages) bytes += requestBytes(request);
    if (bytes > this.#send.bytes.length) this.#send = sourceOf(new Uint8Array(Math.max(bytes, WINDOW_BYTES)));
    let offset = 0;
    for (const { request, sequence, flags } of messages) {
      offset = encodeRequest(this.#send, offset, request, { sequence, flags });
    }
    return this.#send.bytes.subarray(0, offset);
  }

  async #exchange(
    request: NetlinkRequest,
    bytes: Uint8Array,
    visit: (message: NetlinkMessage) => boolean,
  ): Promise<void> {
    try {
      await this.#socket.exchange(bytes, visit);
    } catch (cause) {
      throw lostAnswer(request, 0, cause);
    }
  }

  async #exchangeWindow(
    requests: readonly NetlinkRequest[],
    { start, end }: Window,
  ): Promise<{ failures: (NetlinkError | undefined)[]; lost?: unknown }> {
    const failures = new Array<NetlinkError | undefined>(end - start).fill(undefined);
    const firstSequence = this.#takeSequence(end - start);
    const lastSequence = firstSequence + end - start - 1;
    const messages = failures.map((_, i) => ({
      request: requests[start + i]!,
      sequence: firstSequence + i,
      flags: start + i === end - 1 ? NLM_F_REQUEST | NLM_F_ACK : NLM_F_REQUEST,
    }));
    try {
      await this.#socket.exchange(this.#encode(messages), (message) => {
        if (message.type !== NLMSG_ERROR || message.sequence < firstSequence || message.sequence > lastSequence) {
          return false;
        }
        const i = message.sequence - firstSequence;
        const answer = decodeAnswer(message);
        if (answer !== undefined && answer.errno !== 0) failures[i] = refusal(requests[start + i]!, answer, start + i);
        return message.sequence === lastSequence;
      });
      return { failures };
    } catch (lost) {
      return {
        failures: failures.map((failure, i) => failure ?? lostAnswer(requests[start + i]!, start + i, lost)),
        lost,
      };
    }
  }

  /** The dump's objects, or undefined when it was interrupted. */
  async #dumpOnce<Value>(
    request: NetlinkRequest,
    decode: (message: NetlinkMessage) => Value | undefined,
  ): Promise<Value[] | undefined> {
    const values: Value[] = [];
    let interrupted = false;
    let answer: NetlinkAnswer | undefined;
    const sequence = this.#takeSequence(1);
    const bytes = this.#encode([{ request, sequence, flags: NLM_F_REQUEST }]);
    await this.#exchange(request, bytes, (message) => {
      if (message.sequence !== sequence) return false;
      if ((message.flags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
      if (message.type === NLMSG_DONE || message.type === NLMSG_ERROR) {
        answer = decodeAnswer(message);
        return true;
      }
      const value = decode(message);
      if (value !== undefined) values.push(value);
      return false;
    });
    if (answer !== undefined && answer.errno !== 0) throw refusal(request, answer, 0);
    return interrupted ? undefined : values;
  }
}

interface Window {
  readonly start: number;
  readonly end: number;
}

/** The requests from `start` that go into one write. */
function windowFrom(requests: readonly NetlinkRequest[], start: number): Window {
  let bytes = 0;
  let end = start;
  while (end < requests.length && end - start < WINDOW_REQUESTS) {
    bytes += requestBytes(requests[end]!);
    if (bytes > WINDOW_BYTES && end > start) break;
    end++;
  }
  return { start, end };
}
