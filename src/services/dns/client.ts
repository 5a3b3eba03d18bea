/** One question to one server, as a client asks: over UDP, again when nothing comes, over TCP when the answer is too long. */
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { familyOf, type IpAddress } from "../../base/address.ts";
import { concatBytes, equalBytes } from "../../base/bytes.ts";
import { messageOf, NetloomError } from "../../base/errors.ts";
import { decodeDnsMessage, encodeDnsMessage } from "../../wire/dns/codec.ts";
import type { DnsMessage } from "../../wire/dns/message.ts";
import { Malformed } from "../../wire/malformed.ts";

const ATTEMPTS = 3;
const ATTEMPT_MILLISECONDS = 2000;
const TCP_MILLISECONDS = 5000;

export interface DnsAnswer {
  readonly message: DnsMessage;
  readonly transport: "udp" | "tcp";
  readonly bytes: number;
  /** Of the attempt that was answered. */
  readonly milliseconds: number;
}

interface Server {
  readonly address: IpAddress;
  readonly port: number;
}

/**
 * @param query its id is nobody's to guess
 * @throws NetloomError no-answer when nothing comes within six seconds, or five over TCP
 */
export async function askDns(query: DnsMessage, server: Server, tcp: boolean): Promise<DnsAnswer> {
  const bytes = encodeDnsMessage(query);
  if (!tcp) {
    const answer = await askOverUdp(bytes, server);
    if (!answer.message.truncated) return answer;
  }
  return askOverTcp(bytes, server);
}

async function askOverUdp(query: Uint8Array, server: Server): Promise<DnsAnswer> {
  const socket = createSocket(familyOf(server.address) === 4 ? "udp4" : "udp6");
  const { promise, resolve, reject } = Promise.withResolvers<DnsAnswer>();
  let [sent, attempts] = [0, 0];
  const send = (): void => {
    if (attempts++ === ATTEMPTS) {
      reject(noAnswer(server, `nothing came after ${ATTEMPTS} questions over UDP`));
      return;
    }
    sent = performance.now();
    socket.send(query);
  };
  const timer = setInterval(send, ATTEMPT_MILLISECONDS);
  // A connected socket hears of nobody else, and of a port that is closed.
  socket.once("connect", send);
  socket.on("error", (error) => reject(noAnswer(server, messageOf(error))));
  socket.on("message", (bytes) => {
    const message = replyTo(query, bytes);
    if (message !== undefined)
      resolve({ message, transport: "udp", bytes: bytes.length, milliseconds: performance.now() - sent });
  });
  try {
    socket.connect(server.port, server.address);
    return await promise;
  } finally {
    clearInterval(timer);
    socket.close();
  }
}

async function askOverTcp(query: Uint8Array, server: Server): Promise<DnsAnswer> {
  const began = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<DnsAnswer>();
  const socket = connect({ host: server.address, port: server.port });
  let received: Uint8Array = new Uint8Array();
  const timer = setTimeout(() => reject(noAnswer(server, "nothing came over TCP in time")), TCP_MILLISECONDS);
  socket.on("error", (error) => reject(noAnswer(server, messageOf(error))));
  socket.on("close", () => reject(noAnswer(server, "the connection was closed without an answer")));
  socket.on("data", (chunk) => {
    received = concatBytes([received, chunk]);
    const length = received.length < 2 ? Infinity : (received[0]! << 8) | received[1]!;
    if (received.length < 2 + length) return;
    const message = replyTo(query, received.subarray(2, 2 + length));
    const milliseconds = performance.now() - began;
    if (message === undefined) reject(noAnswer(server, "what came over TCP is no answer to the question"));
    else resolve({ message, transport: "tcp", bytes: length, milliseconds });
  });
  try {
    socket.write(concatBytes([Uint8Array.of(query.length >>> 8, query.length), query]));
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** Undefined: it is no reply to that question. One to what a server could not read has no question in it. */
function replyTo(query: Uint8Array, bytes: Uint8Array): DnsMessage | undefined {
  if (bytes.length < 12 || !equalBytes(bytes.subarray(0, 2), query.subarray(0, 2)) || bytes[2]! < 0x80)
    return undefined;
  const asked = decodeDnsMessage(query);
  if (asked instanceof Malformed) return undefined;
  const reply = decodeDnsMessage(isBare(bytes) ? withQuestion(bytes, query) : bytes);
  if (reply instanceof Malformed) return undefined;
  const [a, b] = [asked.question, reply.question];
  const same = a.name.toLowerCase() === b.name.toLowerCase() && a.type === b.type && a.class === b.class;
  return same ? reply : undefined;
}

/** A header alone, or with OPT behind it: no question, answer or authority. */
function isBare(reply: Uint8Array): boolean {
  return reply.subarray(4, 10).every((byte) => byte === 0);
}

/** The header, with our question put behind it. */
function withQuestion(header: Uint8Array, query: Uint8Array): Uint8Array {
  const whole = query.slice();
  whole.set(header.subarray(0, 4));
  return whole;
}

function noAnswer({ address, port }: Server, reason: string): NetloomError {
  return new NetloomError("no-answer", `ask ${address}#${port}: ${reason}`, {
    hint: "Is a DNS server there, and does it answer you? --server names another one.",
  });
}
