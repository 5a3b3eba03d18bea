/**
 * All that a folder is served by on one address: TFTP, HTTP with a menu for iPXE, and where it is wished a share for
 * Windows. Who tells clients of it (a proxyDHCP server, the DHCP server of a network) takes `files` and `place`.
 */
import type { Ipv4Address } from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { BootFiles, BootPlace } from "../../protocol/pxe/offer.ts";
import { chooseFiles, type ChosenFiles, MENU_FILE } from "./choose.ts";
import { BootHttpServer } from "./http-server.ts";
import { makeMenu } from "./menu.ts";
import { type FoundFolder, scanFolder } from "./scan.ts";
import type { Transfer } from "./transfers.ts";

const HTTP_PORT = 80;

export interface BootServerOptions {
  /** Default: our own network namespace. */
  readonly namespacePath?: string;
  readonly address: Ipv4Address;
  /** The folder that is served. */
  readonly root: string;
  /** Before what is found there. */
  readonly chosen?: ChosenFiles;
  /** Of each file that came whole or failed. */
  readonly onTransfer?: (transfer: Transfer) => void;
  readonly logger: Logger;
}

export class BootServer implements AsyncDisposable {
  readonly folder: FoundFolder;
  readonly files: BootFiles;
  readonly place: BootPlace;
  readonly #http: BootHttpServer;

  private constructor(folder: FoundFolder, files: BootFiles, place: BootPlace, http: BootHttpServer) {
    this.folder = folder;
    this.files = files;
    this.place = place;
    this.#http = http;
  }

  /**
   * Look into the folder and serve it until closed. HTTP takes another port where 80 is somebody else's.
   * @throws NetloomError bad-folder; SystemCallError no such address
   */
  static async open(options: BootServerOptions): Promise<BootServer> {
    const { address, root, chosen, onTransfer = () => undefined } = options;
    const folder = scanFolder(root);
    const files = chooseFiles(folder, chosen);
    const generated = new Map<string, string>();
    const shared = { ...placeOf(options), address, root: folder.root, generated, onTransfer };
    const http = await openHttp(shared, options.logger);
    const place = { address, httpPort: http.port };
    generated.set(MENU_FILE, makeMenu(folder, place));
    return new BootServer(folder, files, place, http);
  }

  /** What is and was fetched, the oldest first. */
  transfers(): Transfer[] {
    return this.#http.transfers();
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function placeOf({ namespacePath }: BootServerOptions): { readonly namespacePath?: string } {
  return namespacePath === undefined ? {} : { namespacePath };
}

async function openHttp(
  options: Omit<Parameters<typeof BootHttpServer.open>[0], "port">,
  logger: Logger,
): Promise<BootHttpServer> {
  try {
    return await BootHttpServer.open({ ...options, port: HTTP_PORT });
  } catch (error) {
    if (!(error instanceof NetloomError && error.code === "address-in-use")) throw error;
    const http = await BootHttpServer.open({ ...options, port: 0 });
    logger.warn("port 80 is taken, HTTP is served on another one", { address: options.address, port: http.port });
    return http;
  }
}
