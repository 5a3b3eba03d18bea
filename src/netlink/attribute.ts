/**
 * The attribute engine. A table has one row for each attribute: the public field's name, the kernel's name and
 * number, and the type of the payload. The same table encodes (in its own order, whatever the order of the value's
 * fields), decodes, and names an attribute that the kernel complains about.
 *
 * Decoding is bounded by the bytes given: unknown attributes are skipped, an attribute that reaches past the end
 * ends the list, a payload of an impossible length leaves its field absent. Nothing is thrown.
 */
import type { Codec, FixedCodec, Source } from "./codec.ts";
import { LITTLE_ENDIAN, type Writer } from "./writer.ts";

const NLA_F_NESTED = 0x8000;
/** The two upper bits are NLA_F_NESTED and NLA_F_NET_BYTEORDER (linux/netlink.h NLA_TYPE_MASK). */
export const NLA_TYPE_MASK = 0x3fff;
const HEADER_BYTES = 4;

export interface AttributeCodec<Value> extends Codec<Value> {
  /** The table of the attributes inside the payload, where there are any. */
  inner?(source: Source, start: number, end: number): AttributeTable;
}

export interface Attribute<Value> {
  readonly kernelName: string;
  readonly number: number;
  readonly codec: AttributeCodec<Value>;
  /** Bits that are set in the type beside the number. */
  readonly typeFlags: number;
}

/** A row of a table. `nestedFlag` sets NLA_F_NESTED, which only newer parts of the kernel ask for. */
export function attribute<Value>(
  kernelName: string,
  number: number,
  codec: AttributeCodec<Value>,
  { nestedFlag = false }: { nestedFlag?: boolean } = {},
): Attribute<Value> {
  return { kernelName, number, codec, typeFlags: nestedFlag ? NLA_F_NESTED : 0 };
}

export type Rows = Readonly<Record<string, Attribute<unknown>>>;

export interface AttributeTable<R extends Rows = Rows> {
  readonly rows: R;
  readonly list: readonly (Attribute<unknown> & { readonly field: string })[];
  readonly byNumber: readonly ((Attribute<unknown> & { readonly field: string }) | undefined)[];
}

type ValueOf<A> = A extends Attribute<infer Value> ? Value : never;
/** The plain value that a table encodes and decodes: every field optional. */
export type Values<T> = T extends AttributeTable<infer R> ? { readonly [Field in keyof R]?: ValueOf<R[Field]> } : never;

/** What a table encodes: as decoded, and undefined is as good as absent. */
type Encodable<T> =
  T extends AttributeTable<infer R> ? { readonly [Field in keyof R]?: ValueOf<R[Field]> | undefined } : never;

export function attributeTable<const R extends Rows>(rows: R): AttributeTable<R> {
  const list = Object.entries(rows).map(([field, row]) => ({ field, ...row }));
  const byNumber: (typeof list)[number][] = [];
  for (const row of list) byNumber[row.number] = row;
  return { rows, list, byNumber: Array.from(byNumber) };
}

/** The table reduced to some of its fields: decoding skips the others unread. */
export function pick<R extends Rows>(
  table: AttributeTable<R>,
  fields: readonly (keyof R & string)[],
): AttributeTable<R> {
  const chosen = new Set<string>(fields);
  return {
    rows: table.rows,
    list: table.list.filter(({ field }) => chosen.has(field)),
    byNumber: table.byNumber.map((row) => (row !== undefined && chosen.has(row.field) ? row : undefined)),
  };
}

/** Appends an attribute for each field of `values` that is in the table. @throws NetloomError bad-value */
export function encodeAttributes<R extends Rows>(
  writer: Writer,
  table: AttributeTable<R>,
  values: Encodable<AttributeTable<R>>,
): void {
  const fields = values as Readonly<Record<string, unknown>>;
  for (const row of table.list) {
    const value = fields[row.field];
    if (value !== undefined) encodeAttribute(writer, row, value);
  }
}

/** Appends one attribute. @throws NetloomError bad-value */
export function encodeAttribute<Value>(writer: Writer, row: Attribute<Value>, value: Value): void {
  const mark = writer.openAttribute(row.number | row.typeFlags);
  row.codec.encode(writer, value);
  writer.closeAttribute(mark);
}

/** The attributes in bytes start to end; see the head of this file for what becomes of odd ones. */
export function decodeAttributes<R extends Rows>(
  table: AttributeTable<R>,
  source: Source,
  start: number,
  end: number,
): Values<AttributeTable<R>> {
  const values: Values<AttributeTable<R>> = {};
  decodeAttributesInto(values, table, source, start, end);
  return values;
}

/** Adds the attributes' fields to an object that has others already: what a hot path does instead of merging. */
export function decodeAttributesInto(
  values: Record<string, unknown>,
  table: AttributeTable,
  source: Source,
  start: number,
  end: number,
): void {
  const { view } = source;
  const { byNumber } = table;
  for (let offset = start; offset + HEADER_BYTES <= end; ) {
    const length = view.getUint16(offset, LITTLE_ENDIAN);
    if (length < HEADER_BYTES || offset + length > end) break;
    const row = byNumber[view.getUint16(offset + 2, LITTLE_ENDIAN) & NLA_TYPE_MASK];
    if (row !== undefined) {
      if (row.codec.decodeInto !== undefined) {
        row.codec.decodeInto(values, source, offset + HEADER_BYTES, offset + length);
      } else {
        const value = row.codec.decode(source, offset + HEADER_BYTES, offset + length);
        if (value !== undefined) values[row.field] = value;
      }
    }
    offset += (length + 3) & ~3;
  }
}

/** Calls `visit` with type and payload of every attribute in bytes start to end. */
export function forEachAttribute(
  source: Source,
  start: number,
  end: number,
  visit: (type: number, start: number, end: number) => void,
): void {
  for (let offset = start; offset + HEADER_BYTES <= end; ) {
    const length = source.view.getUint16(offset, LITTLE_ENDIAN);
    if (length < HEADER_BYTES || offset + length > end) return;
    visit(source.view.getUint16(offset + 2, LITTLE_ENDIAN) & NLA_TYPE_MASK, offset + HEADER_BYTES, offset + length);
    offset += (length + 3) & ~3;
  }
}

/** An attribute that holds further attributes. */
export function nested<R extends Rows>(table: AttributeTable<R>): AttributeCodec<Values<AttributeTable<R>>> {
  return {
    inner: () => table,
    encode: (writer, values) => encodeAttributes(writer, table, values),
    decode: (source, start, end) => decodeAttributes(table, source, start, end),
  };
}

/** An attribute that holds any number of attributes of one kind. */
export function array<Value>(element: Attribute<Value>): Codec<readonly Value[]> {
  return {
    encode(writer, values) {
      for (const value of values) encodeAttribute(writer, element, value);
    },
    decode(source, start, end) {
      const values: Value[] = [];
      forEachAttribute(source, start, end, (type, from, to) => {
        if (type !== element.number) return;
        const value = element.codec.decode(source, from, to);
        if (value !== undefined) values.push(value);
      });
      return values;
    },
  };
}

export type StructFields = Readonly<Record<string, FixedCodec<number>>>;
export type StructValues<F extends StructFields> = { readonly [Field in keyof F]: number };

export interface Struct<F extends StructFields> extends Codec<StructValues<F>> {
  readonly size: number;
  /** Appends the structure as a message's fixed part; a field that is left out is 0. @throws NetloomError bad-value */
  append(writer: Writer, values: Partial<StructValues<F>>): void;
}

/** A C structure without holes: fields in the order of declaration. A longer payload is accepted, as the kernel does. */
export function struct<const F extends StructFields>(fields: F): Struct<F> {
  let size = 0;
  const list = Object.entries(fields).map(([field, codec]) => {
    const offset = size;
    size += codec.size;
    return { field, codec, offset };
  });
  const append = (writer: Writer, values: Partial<StructValues<F>>): void => {
    const start = writer.reserve(size);
    const given: Readonly<Record<string, number | undefined>> = values;
    for (const { field, codec, offset } of list) {
      const value = given[field];
      if (value !== undefined) codec.put(writer.view, start + offset, value);
    }
  };
  return {
    size,
    append,
    encode: append,
    decode(source, start, end) {
      if (end - start < size) return undefined;
      const values: Record<string, number> = {};
      for (const { field, codec, offset } of list) values[field] = codec.get(source.view, start + offset);
      return values as StructValues<F>;
    },
  };
}
