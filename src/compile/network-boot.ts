/** A network's boot files: what its DHCP server tells each kind of firmware, and the server of the files themselves. */
import type { Ipv4Address } from "../base/address.ts";
import { toHex } from "../base/bytes.ts";
import type { Path } from "../model/mistakes.ts";
import type { DhcpSettings, Network } from "../model/model.ts";
import type { Dhcp4Class } from "../protocol/dhcp4/server/config.ts";
import { BOOT_PLATFORMS, type BootPlatform } from "../protocol/pxe/client.ts";
import { bootClasses, type BootFiles, bootUrl, type PlatformFiles } from "../protocol/pxe/offer.ts";
import type { BootServerObject, NamedBootFiles } from "../state/object/boot-server.ts";
import type { DhcpTold, NetworkDhcpObject } from "../state/object/network-dhcp.ts";
import { DHCP4_OPTION, optionEntry } from "../wire/dhcp4/option-table.ts";
import type { BootFolder, Facts } from "./facts.ts";
import type { Layout } from "./layout.ts";
import { networkLinkKey } from "./networks.ts";

const HTTP_PORT = 80;
const IPXE_USER_CLASS = "iPXE";
/** Options by which a client finds another file, or another server. */
const NAMES_ANOTHER: ReadonlySet<number> = new Set([DHCP4_OPTION.tftpServerName.code, DHCP4_OPTION.bootFileName.code]);
/** What is known of a folder that was not looked into so far down. */
const IPXE_NAME = /(^|\/)(ipxe|undionly|snp|snponly)[^/]*$|\.k{1,2}pxe$/i;

/** What the file names, and beside it what the folder has. */
export function bootFilesOf(
  { bios, uefi, ipxe }: NamedBootFiles,
  { files, ipxeLoaders }: Pick<BootFolder, "files" | "ipxeLoaders">,
): BootFiles {
  return Object.fromEntries(
    BOOT_PLATFORMS.flatMap((platform) => {
      const named = platform === "bios" ? bios : platform === "efi-x64" ? uefi : undefined;
      const own = { ...files[platform], ...(named === undefined ? {} : filesOf(platform, named, ipxeLoaders)) };
      const all: PlatformFiles = ipxe === undefined ? own : { ...own, ipxe };
      return Object.keys(all).length === 0 ? [] : [[platform, all]];
    }),
  );
}

function filesOf(platform: BootPlatform, loader: string, ipxeLoaders: readonly string[]): PlatformFiles {
  const byHttp = platform === "bios" ? {} : { httpFile: loader };
  return {
    loader,
    ...byHttp,
    ...(isIpxe(loader, ipxeLoaders) ? {} : { ipxe: loader }),
  };
}

function isIpxe(file: string, ipxeLoaders: readonly string[]): boolean {
  return IPXE_NAME.test(file) || ipxeLoaders.includes(file.toLowerCase());
}

/** Classes of the network's DHCP server; none where it has no boot files. */
export function bootClassesOf({ name, gateway, boot }: Network, { bootFolders }: Facts): NetworkDhcpObject["classes"] {
  const folder = bootFolders?.[name];
  return boot === undefined || folder === undefined ? [] : classesFor(bootFilesOf(boot, folder), gateway);
}

/** What the network's DHCP server tells of these files. @param address of the server of the files */
export function classesFor(files: BootFiles, address: Ipv4Address): NetworkDhcpObject["classes"] {
  return bootClasses(files, { address, httpPort: HTTP_PORT }).map(classOf);
}

function classOf(declared: Dhcp4Class): NetworkDhcpObject["classes"][number] {
  const { name, boots, options = new Map<number, Uint8Array>(), nextServer, bootFile } = declared;
  return {
    name,
    ...(boots === undefined ? {} : { boots }),
    options: Array.from(options, ([code, bytes]) => ({ code, hex: toHex(bytes) })),
    ...(nextServer === undefined ? {} : { nextServer }),
    ...(bootFile === undefined ? {} : { bootFile }),
  };
}

/**
 * A boot file that somebody is told in the message's own field must stand in its option too: there a class of
 * {@link bootClassesOf} would say another one.
 */
export function withBootOptions<T extends DhcpTold>(told: T, network: Network): T {
  const { options, bootFile } = told;
  if (bootFile === undefined) return told;
  const isOwn = isOfFolder(told, network);
  const nextServer = isOwn ? network.gateway : told.nextServer;
  const own = new Map(options.map(({ code, hex }) => [code, hex]));
  const url = isOwn ? urlOf(bootFile, network.gateway) : /^https?:\/\//i.test(bootFile) ? bootFile : undefined;
  const entries = [
    optionEntry(DHCP4_OPTION.bootFileName, bootFile),
    ...(nextServer === undefined ? [] : [optionEntry(DHCP4_OPTION.tftpServerName, nextServer)]),
  ];
  for (const [code, bytes] of entries) if (!own.has(code)) own.set(code, toHex(bytes));
  const from = nextServer === undefined ? {} : { nextServer };
  const all = { ...told, ...from, options: Array.from(own, ([code, hex]) => ({ code, hex })) };
  return url === undefined || options.some(({ code }) => code === DHCP4_OPTION.bootFileName.code)
    ? all
    : { ...all, bootUrl: url };
}

/** Whether a host's or class's file is for the network's own server to give, as nothing says another one. */
function isOfFolder(
  {
    bootFile,
    nextServer,
    options,
  }: Pick<DhcpSettings, "bootFile" | "nextServer"> & {
    readonly options: readonly { readonly code: number }[];
  },
  { dhcp, gateway }: Network,
): boolean {
  if (bootFile === undefined || bootFile === "" || isUrl(bootFile)) return false;
  const server = nextServer ?? dhcp?.nextServer ?? gateway;
  return server === gateway && !options.some(({ code }) => NAMES_ANOTHER.has(code));
}

/** Files that hosts and classes of the network are to get from its folder, and where the network file names each. */
export function ownBootFiles(network: Network): readonly { readonly path: Path; readonly file: string }[] {
  const { name, boot, dhcp } = network;
  if (boot === undefined || dhcp === undefined) return [];
  const own = (key: "hosts" | "classes", all: readonly DhcpSettings[]) =>
    all.flatMap((each, index) =>
      each.bootFile === undefined || !isOfFolder(each, network)
        ? []
        : [{ path: ["networks", name, "dhcp", key, index, "boot-file"], file: each.bootFile }],
    );
  return [...own("hosts", dhcp.hosts), ...own("classes", dhcp.classes)];
}

function urlOf(file: string, address: Ipv4Address): string {
  return bootUrl({ address, httpPort: HTTP_PORT }, file.replace(/^\/+/, ""));
}

function isUrl(file: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(file);
}

/**
 * A boot file that is iPXE is not told to iPXE, which gets what the network's boot files have for it; unless a class says
 * in so many words that it is for iPXE.
 */
export function withIpxeTold<T extends Pick<DhcpTold, "bootFile"> & { readonly user?: string }>(
  told: T,
  { name, boot }: Network,
  { bootFolders }: Facts,
): T {
  const { bootFile, user } = told;
  if (boot === undefined || bootFile === undefined || user === IPXE_USER_CLASS) return told;
  return isIpxe(bootFile, bootFolders?.[name]?.ipxeLoaders ?? []) ? { ...told, bootsIpxe: true } : told;
}

/** @param file its name, before that of a network */
export function compileBootServers(layout: Layout, file: string): readonly BootServerObject[] {
  return [...layout.networks.values()].flatMap(({ network: { name, namespace, device, gateway, boot, dhcp } }) => {
    if (boot === undefined) return [];
    const { bios, uefi, ipxe } = boot;
    const named = {
      ...(bios === undefined ? {} : { bios }),
      ...(uefi === undefined ? {} : { uefi }),
      ...(ipxe === undefined ? {} : { ipxe }),
    };
    return [
      {
        kind: "boot-server",
        key: `boot/${name}`,
        origin: `network ${name}`,
        namespace,
        linkKey: networkLinkKey(name),
        interfaceName: device,
        network: `${file}/${name}`,
        address: gateway,
        root: boot.root,
        ...(Object.keys(named).length === 0 ? {} : { named }),
        ...(boot.share === undefined ? {} : { share: boot.share }),
        ...(dhcp === undefined ? { proxy: true as const } : {}),
      },
    ];
  });
}

/** Who has to give the addresses where the file does not say it. */
export function bootNotes({ networks }: Layout): readonly string[] {
  return [...networks.values()].flatMap(({ network: { name, boot, dhcp } }) =>
    boot === undefined || dhcp !== undefined
      ? []
      : [
          `network ${name} has no dhcp: machines get their addresses of another DHCP server, and their boot files beside it`,
        ],
  );
}
