/** The network file's shape: which keys there are and what each accepts by itself. References are checked later. */
import * as v from "valibot";
import { described, type JsonSchema, jsonSchemaOf } from "./json-schema.ts";
import { fileName, leaf, reference, Refused, word } from "./leaf.ts";
import { list, map, named } from "./schema/containers.ts";
import { machine } from "./schema/machine.ts";
import { network } from "./schema/network.ts";
import { uplink } from "./schema/uplink.ts";
import { FILE_TEXTS, ROUTER_TEXTS } from "./texts/file.ts";

const version = described(
  leaf<1>((value) => {
    if (value === 1) return 1;
    return new Refused(
      typeof value === "number" ? "is a version that this netloom does not read" : "is not a version",
      "write version: 1",
    );
  }),
  { const: 1 },
);

const router = map(
  {
    networks: list(reference, 256, "networks"),
    uplink: reference,
    nat: v.exactOptional(word(["masquerade", "none"], ["source"])),
  },
  ROUTER_TEXTS,
);

export const networkFile = map(
  {
    version,
    name: v.exactOptional(fileName),
    uplinks: v.exactOptional(named(uplink)),
    networks: v.exactOptional(named(network)),
    routers: v.exactOptional(named(router)),
    machines: v.exactOptional(named(machine)),
  },
  FILE_TEXTS,
);

/** A file of good shape. */
export type FileShape = v.InferOutput<typeof networkFile>;

/** The file's shape as JSON Schema, draft 2020-12. */
export function networkFileJsonSchema(): JsonSchema {
  return jsonSchemaOf(networkFile, "Network file of netloom");
}
