/**
 * The network file's shape as JSON Schema (draft 2020-12), for editors and other programs.
 *
 * The shape's own schemas decide in code and cannot be read from outside. So whoever makes one says beside it what it
 * accepts, by `described`, and a schema of parts is put together from what is said of them. JSON Schema judges values
 * one by one: references, arithmetic of addresses and what two keys mean together are left to `netloom plan`.
 */
import type * as v from "valibot";
import { NetloomError } from "../base/errors.ts";

type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonSchema;
export interface JsonSchema {
  readonly [keyword: string]: JsonValue;
}

/** What a person reads about a key; the words are those of docs/network-file.md. */
export interface KeyText {
  readonly title: string;
  readonly description?: string;
  /** The value of a key that is left out. */
  readonly default?: JsonValue;
  /** The same where it is not one and the same value: "the network's name". */
  readonly otherwise?: string;
}

const DESCRIBED = new WeakMap<v.GenericSchema, JsonSchema>();

/** The same schema; `json` is what it accepts. */
export function described<S extends v.GenericSchema>(schema: S, json: JsonSchema): S {
  DESCRIBED.set(schema, json);
  return schema;
}

/** What a schema accepts. @throws NetloomError internal for one of which nothing was said */
export function jsonOf(schema: v.GenericSchema): JsonSchema {
  const json = DESCRIBED.get(schema);
  if (json === undefined) throw new NetloomError("internal", `describe a schema of type ${schema.type}: nobody did`);
  return json;
}

/** A map with these keys and no others; a key whose schema is not optional has to be there. */
export function mapJson(entries: v.ObjectEntries, texts: Readonly<Record<string, KeyText>>): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  const required: string[] = [];
  for (const [key, entry] of Object.entries(entries)) {
    const optional = isOptional(entry);
    if (!optional) required.push(key);
    const text = texts[key];
    properties[key] = {
      ...(text === undefined ? {} : textJson(text)),
      ...jsonOf(optional ? entry.wrapped : entry),
    };
  }
  return {
    type: "object",
    ...(required.length === 0 ? {} : { required }),
    properties,
    additionalProperties: false,
  };
}

function isOptional(entry: v.ObjectEntries[string]): entry is v.ExactOptionalSchema<v.GenericSchema, undefined> {
  return entry.type === "exact_optional";
}

function textJson({ title, description, default: value, otherwise }: KeyText): JsonSchema {
  const sentences = [description, otherwise === undefined ? undefined : `Default: ${otherwise}`];
  const told = sentences.filter((sentence) => sentence !== undefined).map(withEnd);
  return {
    title,
    ...(told.length === 0 ? {} : { description: told.join(" ") }),
    ...(value === undefined ? {} : { default: value }),
  };
}

function withEnd(words: string): string {
  return words.endsWith(".") ? words : `${words}.`;
}

/** `consequence` for the values that fit `condition`. By `else`, as an object with `then` passes for a promise. */
export function when(condition: JsonSchema, consequence: JsonSchema): JsonSchema {
  return { if: { not: condition }, else: consequence };
}

/** A whole JSON Schema document. */
export function jsonSchemaOf(schema: v.GenericSchema, title: string): JsonSchema {
  return { $schema: "https://json-schema.org/draft/2020-12/schema", title, ...jsonOf(schema) };
}
