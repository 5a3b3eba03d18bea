/** Readers of maps and lists, and of values that have two forms. */
import * as v from "valibot";
import { described, jsonOf, type KeyText, mapJson } from "../json-schema.ts";
import { leaf, nameKey, Refused } from "../leaf.ts";
import { suggestion } from "../suggest.ts";

export const NOT_A_MAP = leaf<never>(
  (value) => new Refused(value === null ? "has no value" : "is not a map", "write a map, key: value"),
);

const NOT_A_LIST = leaf<never>(
  (value) => new Refused(value === null ? "has no value" : "is not a list", "write a list, [first, second]"),
);

export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A map with exactly these keys, and a text for each. The message of an unknown key's issue is the remedy. */
export function map<const E extends v.ObjectEntries>(entries: E, texts: { readonly [K in keyof E]: KeyText }) {
  const schema = v.strictObject(entries, (issue) =>
    issue.expected === "never" ? suggestion(String(issue.input), Object.keys(entries)) : "add it",
  );
  return described(
    v.lazy<typeof schema | typeof NOT_A_MAP>((input) => (isMap(input) ? schema : NOT_A_MAP)),
    mapJson(entries, texts),
  );
}

/** A map from names that the file chooses. */
export function named<const S extends v.GenericSchema>(value: S, key = nameKey) {
  const schema = v.record(key, value);
  return described(
    v.lazy<typeof schema | typeof NOT_A_MAP>((input) => (isMap(input) ? schema : NOT_A_MAP)),
    { type: "object", propertyNames: jsonOf(key), additionalProperties: jsonOf(value) },
  );
}

export function list<const S extends v.GenericSchema>(item: S, most: number, what: string) {
  const schema = v.array(item);
  const tooMany = leaf<never>(
    (value) => new Refused(`holds ${Array.isArray(value) ? value.length : 0} ${what}`, `use at most ${most}`),
  );
  return described(
    v.lazy<typeof schema | typeof NOT_A_LIST>((input) => {
      if (!Array.isArray(input)) return NOT_A_LIST;
      return input.length > most ? tooMany : schema;
    }),
    { type: "array", maxItems: most, items: jsonOf(item) },
  );
}

/** Two readers for two forms of one value. */
export function either<const A extends v.GenericSchema, const B extends v.GenericSchema>(
  isFirst: (input: unknown) => boolean,
  first: A,
  second: B,
) {
  return described(
    v.lazy<A | B>((input) => (isFirst(input) ? first : second)),
    { anyOf: [jsonOf(first), jsonOf(second)] },
  );
}

export const isList = (input: unknown): boolean => Array.isArray(input);
export const isBoolean = (input: unknown): boolean => typeof input === "boolean";
