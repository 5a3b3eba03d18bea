/** One change as a program of its own, to be killed in the middle: `node reconcile-program.ts STATE UNIT DESIRED.json`. */
import { readFileSync } from "node:fs";
import { reconcile } from "../../src/engine/reconcile.ts";
import { startKeeper } from "../../src/services/keeper/start.ts";
import type { Desired } from "../../src/state/desired.ts";
import { UnitStore } from "../../src/store/unit.ts";
import { KEEPER } from "../kernel/vm/support.ts";

const [, , state = "", name = "", file = ""] = process.argv;
const desired = JSON.parse(readFileSync(file, "utf8")) as Desired;
await reconcile(UnitStore.open(state, name), desired, {
  source: file,
  services: {
    async converge(unit, services, options): Promise<void> {
      await (await startKeeper(state, KEEPER)).putServices(unit, services, options);
    },
  },
});
