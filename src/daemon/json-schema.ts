/** The contract's schemas as JSON Schema 2020-12, which OpenAPI 3.1 uses. */
import type * as v from "valibot";
import { NetloomError } from "../base/errors.ts";

type JsonSchema = Readonly<Record<string, unknown>>;

/** @throws NetloomError internal for a kind of schema that the contract has not used yet */
export function jsonSchemaOf(schema: v.GenericSchema): JsonSchema {
  const described = schema as v.GenericSchema & Described;
  return { ...typeOf(described), ...constraintsOf(described.pipe ?? []) };
}

/** What valibot keeps in a schema, as far as the contract's kinds have it. */
interface Described {
  readonly entries?: Readonly<Record<string, v.GenericSchema>>;
  readonly item?: v.GenericSchema;
  readonly value?: v.GenericSchema;
  readonly wrapped?: v.GenericSchema;
  readonly options?: readonly unknown[];
  readonly literal?: unknown;
  readonly pipe?: readonly unknown[];
}

function typeOf(schema: v.GenericSchema & Described): JsonSchema {
  switch (schema.type) {
    case "string":
    case "number":
    case "boolean":
      return { type: schema.type };
    case "unknown":
      return {};
    case "literal":
      return { const: schema.literal };
    case "variant":
      return { oneOf: alternatives(schema) };
    case "union":
      return { anyOf: alternatives(schema) };
    case "array":
      return { type: "array", items: inner(schema.item, schema) };
    case "record":
      return { type: "object", additionalProperties: inner(schema.value, schema) };
    case "exact_optional":
      return inner(schema.wrapped, schema);
    case "picklist":
      return { enum: schema.options };
    case "object":
    case "loose_object":
    case "strict_object":
      return objectSchema(schema);
    default:
      throw new NetloomError("internal", `describe the contract: a schema of type ${schema.type}`);
  }
}

function objectSchema(schema: v.GenericSchema & Described): JsonSchema {
  const entries = Object.entries(schema.entries ?? {});
  const required = entries.filter(([, entry]) => entry.type !== "exact_optional").map(([key]) => key);
  return {
    type: "object",
    properties: Object.fromEntries(entries.map(([key, entry]) => [key, jsonSchemaOf(entry)])),
    ...(required.length === 0 ? {} : { required }),
    ...(schema.type === "strict_object" ? { additionalProperties: false } : {}),
  };
}

/** The schemas of a union or variant. */
function alternatives({ options = [] }: Described): JsonSchema[] {
  return options.map((option) => jsonSchemaOf(option as v.GenericSchema));
}

function inner(schema: v.GenericSchema | undefined, outer: v.GenericSchema): JsonSchema {
  if (schema === undefined) throw new NetloomError("internal", `describe the contract: an empty ${outer.type}`);
  return jsonSchemaOf(schema);
}

const CONSTRAINTS: Readonly<Record<string, (requirement: unknown) => JsonSchema>> = {
  min_length: (minLength) => ({ minLength }),
  max_length: (maxLength) => ({ maxLength }),
  min_value: (minimum) => ({ minimum }),
  max_value: (maximum) => ({ maximum }),
  integer: () => ({ type: "integer" }),
  regex: (expression) => (expression instanceof RegExp ? { pattern: expression.source } : {}),
};

function constraintsOf(pipe: readonly unknown[]): JsonSchema {
  const all = pipe.flatMap((action) => {
    const { kind, type, requirement } = action as { kind: string; type: string; requirement?: unknown };
    return kind === "validation" ? [CONSTRAINTS[type]?.(requirement) ?? {}] : [];
  });
  return Object.assign({}, ...all) as JsonSchema;
}
