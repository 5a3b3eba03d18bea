/** Services of applied files run in the keeper, which is started when there is something to run and stopped when there is not. */
import { KeeperClient } from "../services/keeper/client.ts";
import { hasServiceList } from "../services/keeper/service-list.ts";
import { startKeeper } from "../services/keeper/start.ts";
import type { ServiceHost } from "./service-host.ts";

export function keeperServices(stateFolder: string): ServiceHost {
  return {
    async converge(unitName, services, options = {}): Promise<void> {
      const client = new KeeperClient(stateFolder);
      // A list without a keeper: it was killed, and the next one takes up what it left.
      if (services.length === 0 && (await client.statusIfRunning()) === undefined && !hasServiceList(stateFolder))
        return;
      const keeper = await startKeeper(stateFolder);
      const status = await keeper.putServices(unitName, services, options);
      if (status.services.length === 0 && status.daemon !== true) await keeper.stop();
    },
  };
}
