/** The contract as an OpenAPI 3.1 document. */
import { ENDPOINTS, STREAMS } from "./contract.ts";
import { jsonSchemaOf } from "./json-schema.ts";

const ERROR_SCHEMA = {
  type: "object",
  properties: {
    error: {
      type: "object",
      properties: { code: { type: "string" }, message: { type: "string" }, hint: { type: "string" } },
      required: ["code", "message"],
    },
  },
  required: ["error"],
} as const;

/** @param version of the program */
export function openapiDocument(version: string): unknown {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [operationId, endpoint] of Object.entries(ENDPOINTS)) {
    const body =
      "request" in endpoint
        ? {
            requestBody: {
              required: true,
              content: { "application/json": { schema: jsonSchemaOf(endpoint.request) } },
            },
          }
        : {};
    paths[endpoint.path] = {
      [endpoint.method.toLowerCase()]: {
        operationId,
        summary: endpoint.summary,
        ...body,
        responses: responses("application/json", jsonSchemaOf(endpoint.response)),
      },
    };
  }
  for (const [operationId, { method, path, summary, contentType }] of Object.entries(STREAMS)) {
    paths[path] = {
      [method.toLowerCase()]: { operationId, summary, responses: responses(contentType, { type: "string" }) },
    };
  }
  return { openapi: "3.1.0", info: { title: "netloom", version }, paths };
}

function responses(contentType: string, schema: unknown): unknown {
  return {
    200: { description: "Done.", content: { [contentType]: { schema } } },
    default: { description: "Refused or failed.", content: { "application/json": { schema: ERROR_SCHEMA } } },
  };
}
