/** What serves guests, inside this process: `bind --foreground` has no keeper. */
import { NetloomError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { createLinkService } from "../services/keeper/create-service.ts";
import type { LinkService } from "../services/keeper/link-service.ts";
import type { ServiceHost } from "./service-host.ts";

type LocalServices = ServiceHost & AsyncDisposable;

/** @param log receives what the servers tell */
export function serveLocally(log: Logger): LocalServices {
  const running = new Map<string, LinkService>();
  const stop = async (key: string, service: LinkService): Promise<void> => {
    await service.stop();
    running.delete(key);
  };
  return {
    async converge(unitName, services, { start = true } = {}): Promise<void> {
      const wanted = new Set(services.map((service) => service.key));
      for (const [key, service] of running) if (!wanted.has(key)) await stop(key, service);
      for (const object of services) {
        if (object.kind !== "dhcp-single" && object.kind !== "ip6-single")
          throw new NetloomError("internal", `${unitName}: ${object.kind} cannot run in the foreground`);
        if (!start) continue;
        const service = running.get(object.key) ?? createLinkService(object, log);
        running.set(object.key, service);
        await service.start();
      }
    },
    async [Symbol.asyncDispose](): Promise<void> {
      for (const [key, service] of running) await stop(key, service);
    },
  };
}
