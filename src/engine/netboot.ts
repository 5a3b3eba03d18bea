/**
 * `netloom netboot DIR`: machines boot from a folder, and nothing else has to be said. The interface and its address are
 * found; where a DHCP server answers on the link clients are told of their files beside it, as a proxyDHCP server, else
 * they also get their addresses here.
 */
import type { Ipv4Address, Ipv4Prefix, MacAddress } from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { findInterface } from "../kernel/find-interface.ts";
import { closeDescriptor } from "../kernel/native.ts";
import { readInterface, type ServedInterface } from "../kernel/read-interface.ts";
import type { BootFiles } from "../protocol/pxe/offer.ts";
import type { ProxyEvent } from "../protocol/pxe/proxy.ts";
import { holdPort } from "../services/hold-port.ts";
import { BootServer } from "../services/netboot/boot-server.ts";
import { chooseFiles } from "../services/netboot/choose.ts";
import { hasAnything } from "../services/netboot/explain.ts";
import type { FolderChange } from "../services/netboot/folder-change.ts";
import { firstLook } from "../services/netboot/scan.ts";
import type { Transfer } from "../services/netboot/transfers.ts";
import { DHCP4_SERVER_PORT } from "../wire/dhcp4/message.ts";
import { type AddressGiver, Announcer } from "./netboot-announcer.ts";
import { lookForServer } from "./netboot-look.ts";
import { findRanges } from "./netboot-pool.ts";

/** Whoever watches has just copied something into the folder. */
const LOOK_SECONDS = 2;

export interface NetbootOptions {
  readonly folder: string;
  /** Default: that of the default route, else the only one. */
  readonly interfaceName?: string;
  /** Do not look for a DHCP server: there is one. */
  readonly proxy?: boolean;
  /** Name of an SMB share of the folder; absent: none. */
  readonly share?: string;
  /** Only these get something; default all. */
  readonly known?: ReadonlySet<MacAddress>;
  /** Where leases are kept; called when addresses are to be given. */
  readonly leaseFileOf: (interfaceName: string) => string;
  readonly onLook?: (interfaceName: string) => void;
  readonly onAsked: (event: Extract<ProxyEvent, { event: "asked" }>) => void;
  /** What is in the folder is something else than before. */
  readonly onFolder: (change: FolderChange) => void;
  /** Another DHCP server gives the addresses from now on, or we, or nobody for the time being. */
  readonly onGiver: (giver: AddressGiver, interfaceName: string) => void;
  readonly onTransfer: (transfer: Transfer) => void;
  readonly logger: Logger;
  /** Gives up what takes long at the start. */
  readonly signal: AbortSignal;
}

export class NetbootSession implements AsyncDisposable {
  readonly interfaceName: string;
  readonly address: Ipv4Prefix;
  readonly boot: BootServer;
  readonly #announcer: Announcer;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    found: Pick<NetbootSession, "interfaceName" | "address" | "boot">,
    announcer: Announcer,
    resources: AsyncDisposableStack,
  ) {
    this.interfaceName = found.interfaceName;
    this.address = found.address;
    this.boot = found.boot;
    this.#announcer = announcer;
    this.#resources = resources;
  }

  get giver(): AddressGiver {
    return this.#announcer.giver;
  }

  /**
   * Serve until closed.
   * @throws NetloomError no-interface, unfit-interface, bad-folder, nothing-to-boot, no-addresses, interrupted
   */
  static async open(options: NetbootOptions): Promise<NetbootSession> {
    await using resources = new AsyncDisposableStack();
    const interfaceName = options.interfaceName ?? (await findInterface());
    const link = await readInterface(interfaceName);
    const [address] = link.addresses;
    if (address === undefined)
      throw new NetloomError("unfit-interface", `netboot on ${interfaceName}: it has no IPv4 address`, {
        hint: `ip address add 192.0.2.1/24 dev ${interfaceName}`,
      });
    const { folder, share, onTransfer, logger } = options;
    // Before it is served: nobody waits for what has no use.
    const root = await firstLook(folder);
    if (root.folder.arriving.length === 0 && !hasAnything(chooseFiles(root.folder)))
      throw nothingToBoot(root.folder.root);
    const giver = await findGiver({ interfaceName, link, address }, options);
    let tell = (_: BootFiles): void => undefined;
    const boot = resources.use(
      await BootServer.open({
        address: address.address,
        root,
        ...(share === undefined ? {} : { share }),
        lookSeconds: LOOK_SECONDS,
        onFolder: (change) => {
          options.onFolder(change);
          if (change.changesFiles) tell(change.files);
        },
        onTransfer,
        logger,
      }),
    );
    const { known, onAsked, onGiver } = options;
    const announcer = resources.use(
      await Announcer.open({
        interfaceName,
        link,
        address,
        giver,
        place: boot.place,
        files: boot.files,
        ...(known === undefined ? {} : { known }),
        leaseFile: () => options.leaseFileOf(interfaceName),
        onAsked,
        onGiver: (now) => onGiver(now, interfaceName),
        logger,
      }),
    );
    tell = (files) => announcer.tell(files);
    return new NetbootSession({ interfaceName, address, boot }, announcer, resources.move());
  }

  async close(): Promise<void> {
    await this.#resources.disposeAsync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

interface Place {
  readonly interfaceName: string;
  readonly link: ServedInterface;
  readonly address: Ipv4Prefix;
}

/** What answers on the link, or on this host, gives addresses; else we do, once the link could carry the question. */
async function findGiver(
  { interfaceName, link, address }: Place,
  { proxy = false, onLook, logger, signal }: NetbootOptions,
): Promise<AddressGiver> {
  if (proxy || hasOwnServer(address.address, link.index))
    return { mode: "proxy", server: proxy ? undefined : address.address };
  onLook?.(interfaceName);
  const look = await lookForServer(interfaceName, { signal });
  if (signal.aborted) throw new NetloomError("interrupted", `netboot on ${interfaceName}: interrupted`);
  if (look.found === "server") return { mode: "proxy", server: look.server };
  const ranges = await findRanges({ interfaceName, link, address });
  if (look.found === "no-carrier") return { mode: "waiting" };
  if (look.found === "nobody") return { mode: "pool", ranges };
  logger.warn("looking for a DHCP server", { interface: interfaceName, trouble: look.reason });
  return { mode: "looking" };
}

/** A DHCP server of this host does not hear what this host asks on the link. */
function hasOwnServer(address: Ipv4Address, interfaceIndex: number): boolean {
  const descriptor = holdPort(address, DHCP4_SERVER_PORT, undefined, interfaceIndex);
  if (descriptor !== undefined) closeDescriptor(descriptor);
  return descriptor === undefined;
}

function nothingToBoot(root: string): NetloomError {
  return new NetloomError("nothing-to-boot", `netboot ${root}: there is nothing in it that could be booted`, {
    hint:
      "What is looked for: a boot loader (pxelinux.0, undionly.kpxe, ipxe.efi, shimx64.efi with grubx64.efi,\n" +
      "BOOTX64.EFI, pxegrldr.0, wdsnbp.com), a Linux kernel with its initrd, an ISO image, or boot.wim with wimboot.",
  });
}
