/** The boot files of a network, served on its bridge's address, as one of the keeper's services. */
import { NetloomError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import type { BootFiles } from "../protocol/pxe/offer.ts";
import type { BootServerObject } from "../state/object/boot-server.ts";
import { BoundedLog } from "./bounded-log.ts";
import type { LinkServer, Place } from "./keeper/link-service.ts";
import { BootServer } from "./netboot/boot-server.ts";
import { ProxyService } from "./netboot/proxy-dhcp.ts";
import type { Transfer } from "./netboot/transfers.ts";

/** The network's DHCP server tells URLs without a port. */
const HTTP_PORT = 80;
const PROTOCOLS = ["tftp", "http"] as const;
/** Of each protocol in a report, which goes over the keeper's socket. */
const TRANSFERS_TOLD = 20;

export class NetworkBootServer implements LinkServer {
  readonly #server: BootServer;
  readonly #counts: Counts;
  readonly #resources: AsyncDisposableStack;

  private constructor(server: BootServer, counts: Counts, resources: AsyncDisposableStack) {
    this.#server = server;
    this.#counts = counts;
    this.#resources = resources;
  }

  /** @throws NetloomError bad-folder, address-in-use, no-such-address; tool-missing and share-failed of Samba */
  static async open(object: BootServerObject, place: Place, logger: Logger): Promise<NetworkBootServer> {
    const { address, root, network, share, proxy } = object;
    const { namespacePath } = place;
    const counts: Counts = { fetched: 0, failed: 0 };
    const log = new BoundedLog(logger, { network });
    const onTransfer = (transfer: Transfer): void => {
      const { client, protocol, file, state, bytes, error } = transfer;
      if (state === "failed") counts.failed++;
      else counts.fetched++;
      counts.latest = `${client} ${file}`;
      const what = { client, protocol, file, bytes };
      if (state === "failed") log.write("info", "boot file not fetched", { ...what, error });
      else log.write("info", "boot file", error === undefined ? what : { ...what, error });
    };
    await using resources = new AsyncDisposableStack();
    const named = share === undefined ? {} : { share };
    const server = resources.use(await BootServer.open({ namespacePath, address, root, ...named, onTransfer, logger }));
    if (server.place.httpPort !== HTTP_PORT)
      throw new NetloomError("address-in-use", `serve boot files on ${address}: port ${HTTP_PORT} is somebody else's`, {
        hint: `End what listens there: ss -ltnp 'sport = :${HTTP_PORT}'`,
      });
    if (proxy !== undefined) resources.use(openProxy(object, proxy, place, counts, log));
    return new NetworkBootServer(server, counts, resources.move());
  }

  stats(): object {
    const transfers = this.#server.transfers();
    return {
      ...this.#counts,
      fetching: transfers.filter(({ state }) => state === "running").length,
      transfers: PROTOCOLS.flatMap((each) =>
        transfers.filter(({ protocol }) => protocol === each).slice(-TRANSFERS_TOLD),
      ),
    };
  }

  async close(): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/** Tells machines their files, and no addresses. */
function openProxy(
  { address }: BootServerObject,
  files: BootFiles,
  { namespacePath, interfaceIndex, macAddress }: Place,
  counts: Counts,
  log: BoundedLog,
): ProxyService {
  counts.asked = 0;
  return new ProxyService({
    namespacePath,
    interfaceIndex,
    config: { address, httpPort: HTTP_PORT, mac: macAddress, files },
    onAsked: ({ offer }) => {
      if (offer !== undefined) counts.asked = (counts.asked ?? 0) + 1;
    },
    onError: (error) => log.write("warn", "boot requests", { error: error.message }),
  });
}

interface Counts {
  fetched: number;
  failed: number;
  /** Requests that were answered beside another DHCP server. */
  asked?: number;
  /** Client and file. */
  latest?: string;
}
