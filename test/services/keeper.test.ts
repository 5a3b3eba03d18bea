/** What a keeper does with services whatever they are. */
import { expect, test } from "vitest";
import { SILENT } from "../../src/base/logger.ts";
import { Keeper } from "../../src/services/keeper/keeper.ts";
import type { Service } from "../../src/services/service.ts";
import type { ServiceObject } from "../../src/state/object.ts";
import type { VmObject } from "../../src/state/object/vm.ts";

function guest(name: string): VmObject {
  return {
    kind: "vm",
    key: `vm/${name}`,
    origin: `machine ${name}`,
    name,
    memoryMebibytes: 32,
    cpus: 1,
    accelerator: "tcg",
    namespace: "",
    nics: [],
  };
}

test("a guest that lets itself be waited for is not waited for by the others", async () => {
  const taken: string[] = [];
  const hung = Promise.withResolvers<void>();
  const create = (object: ServiceObject): Service => ({
    object,
    start: async () => {},
    resume: async () => {
      if (object.key === "vm/hung") await hung.promise;
      taken.push(object.key);
      // Only once the others are there does it answer.
      if (taken.length === 2) hung.resolve();
    },
    stop: async () => {},
    release: async () => {},
    report: () => ({ state: "running", details: {} }),
  });
  const keeper = new Keeper("/nowhere", create, SILENT);
  await keeper.resume({ file: [guest("hung"), guest("one")], other: [guest("two")] });
  expect(taken).toEqual(["vm/one", "vm/two", "vm/hung"]);
});
