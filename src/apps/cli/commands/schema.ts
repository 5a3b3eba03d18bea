/** schema: the network file's shape for editors. */
import { networkFileJsonSchema } from "../../../model/schema.ts";
import type { Command } from "../command.ts";
import { print } from "../output.ts";

export const schemaCommand: Command = {
  name: "schema",
  operands: [],
  summary: "Print the JSON Schema of the network file, by which editors complete and check it.",
  options: {},
  example: "netloom schema > network-file.schema.json",
  run() {
    print(JSON.stringify(networkFileJsonSchema(), undefined, 2));
    return Promise.resolve(0);
  },
};
