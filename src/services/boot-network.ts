/** The boot files of a network, served on its bridge's address, as one of the keeper's services. */
import { NetloomError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { bootFilesOf, classesFor } from "../compile/network-boot.ts";
import type { BootFiles } from "../protocol/pxe/offer.ts";
import type { ProxyConfig } from "../protocol/pxe/proxy.ts";
import type { BootServerObject } from "../state/object/boot-server.ts";
import { BoundedLog } from "./bounded-log.ts";
import type { NetworkDhcpServers } from "./dhcp4-network.ts";
import type { LinkServer, Place } from "./keeper/link-service.ts";
import { BootServer } from "./netboot/boot-server.ts";
import { chooseFiles, ipxeLoaders } from "./netboot/choose.ts";
import { ProxyService } from "./netboot/proxy-dhcp.ts";
import type { FoundFolder } from "./netboot/scan.ts";
import type { Transfer } from "./netboot/transfers.ts";

/** The network's DHCP server tells URLs without a port. */
const HTTP_PORT = 80;
/** Nobody watches, and there may be many networks. */
const LOOK_SECONDS = 5;
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
  static async open(
    object: BootServerObject,
    place: Place,
    { networks, logger }: { readonly networks: NetworkDhcpServers; readonly logger: Logger },
  ): Promise<NetworkBootServer> {
    const { address, root, network, named = {}, share, proxy } = object;
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
    let onFiles = (_: BootFiles): void => undefined;
    const filesOf = (folder: FoundFolder): BootFiles =>
      bootFilesOf(named, { files: chooseFiles(folder), ipxeLoaders: ipxeLoaders(folder) });
    const server: BootServer = resources.use(
      await BootServer.open({
        namespacePath,
        address,
        root,
        ...(share === undefined ? {} : { share }),
        lookSeconds: LOOK_SECONDS,
        onFolder: ({ added, removed, arriving, notes }) => {
          log.write("info", "the folder of boot files is another one", { added, removed, arriving, notes });
          onFiles(filesOf(server.folder));
        },
        onTransfer,
        logger,
      }),
    );
    if (server.place.httpPort !== HTTP_PORT)
      throw new NetloomError("address-in-use", `serve boot files on ${address}: port ${HTTP_PORT} is somebody else's`, {
        hint: `End what listens there: ss -ltnp 'sport = :${HTTP_PORT}'`,
      });
    const files = filesOf(server.folder);
    if (proxy === undefined) {
      onFiles = (now) => networks.tellBoot(network, classesFor(now, address));
      onFiles(files);
      resources.defer(() => networks.tellBoot(network, undefined));
    } else {
      const service = resources.use(openProxy(proxyConfig(object, place, files), place, counts, log));
      onFiles = (now) => service.change(proxyConfig(object, place, now));
    }
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

function proxyConfig({ address }: BootServerObject, { macAddress }: Place, files: BootFiles): ProxyConfig {
  return { address, httpPort: HTTP_PORT, mac: macAddress, files };
}

/** Tells machines their files, and no addresses. */
function openProxy(
  config: ProxyConfig,
  { namespacePath, interfaceIndex }: Place,
  counts: Counts,
  log: BoundedLog,
): ProxyService {
  counts.asked = 0;
  return new ProxyService({
    namespacePath,
    interfaceIndex,
    config,
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
