/**
 * All that a folder is served by on one address: TFTP, HTTP, menus for iPXE and GRUB, and where it is wished a share for
 * Windows. Who tells clients of it (a proxyDHCP server, the DHCP server of a network) takes `files` and `place`.
 */
import type { Ipv4Address } from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { BootFiles, BootPlace } from "../../protocol/pxe/offer.ts";
import { TFTP_PORT } from "../../wire/tftp.ts";
import type { StandIn } from "../tftp/open-transfer.ts";
import { TftpService, type TftpTransfer } from "../tftp.ts";
import { chooseFiles, MENU_FILE } from "./choose.ts";
import { makeGrubMenu } from "./grub-menu.ts";
import { BootHttpServer } from "./http-server.ts";
import { type FolderChange, folderChange } from "./folder-change.ts";
import { FolderFollower } from "./follow-folder.ts";
import { makeMenu } from "./menu.ts";
import { GRUB_FILE } from "./needs.ts";
import { firstLook, type FolderLook, type FoundFolder } from "./scan.ts";
import { SambaShare, unreachableFor } from "./share.ts";
import { isSearch } from "./search.ts";
import { type Transfer, Transfers } from "./transfers.ts";

const HTTP_PORT = 80;

export interface BootServerOptions {
  /** Default: our own network namespace. */
  readonly namespacePath?: string;
  readonly address: Ipv4Address;
  /** The folder that is served, or the look at it that was the first. */
  readonly root: string | FolderLook;
  /** The name of a share with the same files for Windows PE; absent: none. */
  readonly share?: string;
  /** How often the folder is looked at. */
  readonly lookSeconds: number;
  /** Clients get something else than before, or will. */
  readonly onFolder?: (change: FolderChange) => void;
  /** Of each file that came whole or failed. */
  readonly onTransfer?: (transfer: Transfer) => void;
  readonly logger: Logger;
}

interface Servers {
  readonly http: BootHttpServer;
  readonly tftp: TftpService;
  /** What is served besides, by its name. */
  readonly generated: Map<string, string>;
  /** What was asked for by TFTP and is not there. */
  readonly refused: Transfers;
}

export class BootServer implements AsyncDisposable {
  readonly place: BootPlace;
  readonly #servers: Servers;
  readonly #onFolder: BootServerOptions["onFolder"];
  #resources: AsyncDisposableStack;
  #folder: FoundFolder;
  #files: BootFiles;

  private constructor(
    { folder, files, place }: Pick<BootServer, "folder" | "files" | "place">,
    servers: Servers,
    { onFolder }: BootServerOptions,
    resources: AsyncDisposableStack,
  ) {
    this.#folder = folder;
    this.#files = files;
    this.#onFolder = onFolder;
    this.place = place;
    this.#servers = servers;
    this.#resources = resources;
  }

  /** As it is now. */
  get folder(): FoundFolder {
    return this.#folder;
  }

  /** What clients get of it now. */
  get files(): BootFiles {
    return this.#files;
  }

  /**
   * Look into the folder from time to time, and serve it until closed. HTTP takes another port where 80 is
   * somebody else's.
   * @throws NetloomError bad-folder, address-in-use, no-such-address, no-privilege; tool-missing and share-failed of Samba
   */
  static async open(options: BootServerOptions): Promise<BootServer> {
    const { address, root, share, lookSeconds, logger, onTransfer = () => undefined } = options;
    await using resources = new AsyncDisposableStack();
    const { folder, seen } = typeof root === "string" ? await firstLook(root) : root;
    const files = chooseFiles(folder);
    const generated = new Map<string, string>();
    let standIns = folder.standIns;
    const standIn = (parts: readonly string[]): StandIn | undefined => standInFor(parts, generated, standIns);
    const where = { ...namespaceOf(options), address, root: folder.root };
    const refused = new Transfers("tftp", onTransfer);
    // Nothing takes the place of its port: where that is taken no word of another one for HTTP is of use.
    const tftp = resources.use(
      new TftpService({
        ...namespaceOf(options),
        listen: [{ address, port: TFTP_PORT }],
        root: folder.root,
        ignoreCase: true,
        standIn,
        onTransfer: (transfer) => {
          if (transfer.state !== "running" && !isQuestion(transfer)) onTransfer(tftpView(transfer));
        },
        onRefused: ({ client, file, reason }) => {
          if (!isSearch(file)) refused.begin({ client, file, totalBytes: undefined, isPiece: true }).end(reason);
        },
        logger,
      }),
    );
    const http = resources.use(await openHttp({ ...where, standIn, onTransfer }, logger));
    const place = { address, httpPort: http.port };
    if (share !== undefined) {
      const closed = unreachableFor(folder.root);
      if (closed !== undefined) logger.warn("guests of the share may not pass a folder", { folder: closed });
      resources.use(await SambaShare.open({ ...where, name: share, logger }));
    }
    const servers = { http, tftp, refused, generated };
    const server = new BootServer({ folder, files, place }, servers, options, resources);
    server.#makeMenus();
    const onLook = (now: FoundFolder): void => {
      standIns = now.standIns;
      server.#take(now);
    };
    resources.use(new FolderFollower({ root: folder.root, seen, lookSeconds, onLook, logger }));
    server.#resources = resources.move();
    return server;
  }

  #take(folder: FoundFolder): void {
    const files = chooseFiles(folder);
    const change = folderChange({ folder: this.#folder, files: this.#files }, { folder, files });
    this.#folder = folder;
    this.#files = files;
    this.#makeMenus();
    if (change !== undefined) this.#onFolder?.(change);
  }

  #makeMenus(): void {
    const { generated } = this.#servers;
    generated.set(MENU_FILE, makeMenu(this.#folder, this.place));
    const grubMenu = makeGrubMenu(this.#folder);
    if (grubMenu === undefined) generated.delete(GRUB_FILE);
    else generated.set(GRUB_FILE, grubMenu);
  }

  /** What is and was fetched; of each protocol the oldest first. */
  transfers(): Transfer[] {
    const { tftp, http, refused } = this.#servers;
    const asked = tftp.transfers().filter((transfer) => !isQuestion(transfer));
    return [...refused.list(), ...asked.map(tftpView), ...http.transfers()];
  }

  async close(): Promise<void> {
    await this.#resources.disposeAsync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** @param generated texts by their names: GRUB's is given in every folder, since its image says in which it looks */
function standInFor(
  parts: readonly string[],
  generated: ReadonlyMap<string, string>,
  files: ReadonlyMap<string, string>,
): StandIn | undefined {
  const path = parts.join("/").toLowerCase();
  const text = generated.get(parts.at(-1)?.toLowerCase() === GRUB_FILE ? GRUB_FILE : path);
  const file = files.get(path);
  return text === undefined ? (file === undefined ? undefined : { file: file.split("/") }) : { text };
}

function namespaceOf({ namespacePath }: BootServerOptions): { readonly namespacePath?: string } {
  return namespacePath === undefined ? {} : { namespacePath };
}

/** Firmware asks for a file's size and breaks off, before it asks for the file. */
function isQuestion({ state, bytes, error }: TftpTransfer): boolean {
  return state === "failed" && bytes === 0 && error?.startsWith("the client says: ") === true;
}

function tftpView({ client, file, bytes, totalBytes, seconds, bytesPerSecond, state, error }: TftpTransfer): Transfer {
  const progress = { bytes, totalBytes, seconds, bytesPerSecond, state };
  return { protocol: "tftp", client: client.address, file, ...progress, ...(error === undefined ? {} : { error }) };
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
