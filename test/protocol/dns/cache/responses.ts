/** Messages for the cache, written by hand so that no other code has to be right. */
import { encodeDomainName } from "../../../../src/wire/domain-name.ts";

export interface TestRecord {
  readonly type: number;
  readonly ttlSeconds: number;
  readonly data: readonly number[];
}

export const address = (ttlSeconds: number, last = 1): TestRecord => ({ type: 1, ttlSeconds, data: [192, 0, 2, last] });

/** An SOA record with that MINIMUM. */
export const authority = (ttlSeconds: number, minimum: number): TestRecord => ({
  type: 6,
  ttlSeconds,
  data: [0, 0, ...uint32(1), ...uint32(2), ...uint32(3), ...uint32(4), ...uint32(minimum)],
});

const uint16 = (value: number): number[] => [value >>> 8, value & 255];
const uint32 = (value: number): number[] => [...uint16(value >>> 16), ...uint16(value & 0xffff)];

/** Each record has the question's name, as a pointer. */
export function response(message: {
  name: string;
  type?: number;
  responseCode?: number;
  flags?: number;
  answers?: readonly TestRecord[];
  authorities?: readonly TestRecord[];
}): Uint8Array {
  const { name, type = 1, responseCode = 0, flags = 0x8080, answers = [], authorities = [] } = message;
  const records = [...answers, ...authorities].flatMap((record) => [
    0xc0,
    12,
    ...uint16(record.type),
    ...uint16(1),
    ...uint32(record.ttlSeconds),
    ...uint16(record.data.length),
    ...record.data,
  ]);
  return Uint8Array.from([
    ...uint16(0),
    ...uint16(flags | responseCode),
    ...uint16(1),
    ...uint16(answers.length),
    ...uint16(authorities.length),
    ...uint16(0),
    ...encodeDomainName(name),
    ...uint16(type),
    ...uint16(1),
    ...records,
  ]);
}

/** @param extension UDP payload size and DO of an OPT record */
export function query(asked: {
  name: string;
  type?: number;
  id?: number;
  flags?: number;
  extension?: { bytes: number; dnssecOk?: boolean; options?: readonly number[] };
}): Uint8Array {
  const { name, type = 1, id = 0x1234, flags = 0x0100, extension } = asked;
  const options = extension?.options ?? [];
  return Uint8Array.from([
    ...uint16(id),
    ...uint16(flags),
    ...uint16(1),
    ...uint16(0),
    ...uint16(0),
    ...uint16(extension === undefined ? 0 : 1),
    ...encodeDomainName(name),
    ...uint16(type),
    ...uint16(1),
    ...(extension === undefined
      ? []
      : [
          0,
          0,
          41,
          ...uint16(extension.bytes),
          0,
          0,
          extension.dnssecOk === true ? 0x80 : 0,
          0,
          ...uint16(options.length),
          ...options,
        ]),
  ]);
}
