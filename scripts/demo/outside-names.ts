/**
 * The demo's name server in the outside world: answers A questions for outside.example.org with 198.51.100.1 and
 * says "no such name" to everything else (RFC 1035).
 */
import { createSocket } from "node:dgram";

const NAME = "outside.example.org";
const ADDRESS = [198, 51, 100, 1];
const HEADER_BYTES = 12;
const TYPE_A = 1;

const server = createSocket("udp4");
server.on("message", (query, client) => {
  const answer = answerTo(query);
  if (answer !== undefined) server.send(answer, client.port, client.address);
});
server.bind(53, ADDRESS.join("."));

function answerTo(query: Buffer): Buffer | undefined {
  const question = readQuestion(query);
  if (question === undefined) return undefined;
  const known = question.name.toLowerCase() === NAME;
  const found = known && question.type === TYPE_A;
  const header = Buffer.from(query.subarray(0, HEADER_BYTES));
  header.writeUInt16BE(known ? 0x8580 : 0x8583, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(found ? 1 : 0, 6);
  header.writeUInt32BE(0, 8);
  const record = Buffer.from([0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 60, 0, ADDRESS.length, ...ADDRESS]);
  return Buffer.concat([header, query.subarray(HEADER_BYTES, question.end), ...(found ? [record] : [])]);
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } | undefined {
  const labels: string[] = [];
  let offset = HEADER_BYTES;
  for (;;) {
    const length = query[offset];
    if (length === undefined || length > 63) return undefined;
    offset += 1;
    if (length === 0) break;
    labels.push(query.toString("latin1", offset, offset + length));
    offset += length;
  }
  if (query.length < offset + 4) return undefined;
  return { name: labels.join("."), type: query.readUInt16BE(offset), end: offset + 4 };
}
