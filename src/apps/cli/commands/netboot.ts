/** netboot: machines of the network boot from a folder. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { formatPrefix, type MacAddress, parseMac } from "../../../base/address.ts";
import { NetloomError } from "../../../base/errors.ts";
import { NetbootSession } from "../../../engine/netboot.ts";
import { requirePrivilege } from "../../../kernel/features.ts";
import { interfaceNameFault } from "../../../model/names.ts";
import { AskedClients } from "../../../services/netboot/clients.ts";
import { explainFiles } from "../../../services/netboot/explain.ts";
import { createStateFolder, stateFolderPath } from "../../../store/state-folder.ts";
import { type Command, usageError } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { leaseFileOf, leaseFolderOf } from "../lease-files.ts";
import { askedJson, askedLine, transferJson, transferLine } from "../netboot-lines.ts";
import { complain, print, printJson, STDERR_LOGGER } from "../output.ts";
import { attempt } from "./serve-options.ts";

const SHARE = "boot";
const COMMAND = { name: "netboot" } as const;

export const netbootCommand: Command = {
  ...COMMAND,
  operands: ["DIR"],
  summary: "Let machines of the network boot from a folder, until SIGTERM or Ctrl-C.",
  details:
    "Finds the interface, and what the folder can boot: a boot loader, a Linux kernel with its initrd, an ISO image, " +
    "Windows PE with wimboot. Each client gets what fits it, by TFTP or HTTP; iPXE gets a menu. Where another DHCP server " +
    "answers on the link, clients are told beside it (proxyDHCP); else they get addresses of the interface's subnet, too. " +
    "The words in KERNEL.cmdline or cmdline.txt beside a kernel become its command line; boot.ipxe of the folder's own " +
    "takes the place of the menu.",
  options: {
    interface: { value: "IF", help: "where clients are (default that of the default route, else the only one)" },
    proxy: { help: "give no addresses: the network has a DHCP server, which is not looked for" },
    share: { help: "a read-only SMB share of the folder as well, by Samba: \\\\ADDRESS\\boot for Windows PE" },
    known: { value: "MAC,…|FILE", help: "only clients with these hardware addresses; a file has one in each line" },
  },
  example: "netloom netboot /srv/boot",
  async run(invocation) {
    const [folder = ""] = invocation.positionals;
    const interfaceName = invocation.option("interface");
    const fault = interfaceName === undefined ? undefined : interfaceNameFault(interfaceName);
    if (fault !== undefined) throw usageError(`netboot: --interface ${interfaceName}: it ${fault}`);
    const known = readKnown(invocation.option("known"));
    const stateFolder = stateFolderPath(invocation.option("state"));
    const json = invocation.flag("json");
    requirePrivilege();
    using interrupt = untilInterrupted();
    const clients = new AskedClients();
    await using session = await NetbootSession.open({
      folder,
      ...(interfaceName === undefined ? {} : { interfaceName }),
      proxy: invocation.flag("proxy"),
      ...(invocation.flag("share") ? { share: SHARE } : {}),
      ...(known === undefined ? {} : { known }),
      leaseFileOf: (name) => {
        createStateFolder(leaseFolderOf(stateFolder, "dhcp"));
        return leaseFileOf(stateFolder, "dhcp", name);
      },
      onLook: (name) => {
        if (!json) complain(`Looking for a DHCP server on ${name}…`);
      },
      onAsked: (event) => {
        if (!clients.take(event, Date.now() / 1000)) return;
        if (json) printJson(askedJson(event));
        else print(askedLine(event));
      },
      onTransfer: (transfer) => {
        if (json) printJson(transferJson(transfer));
        else print(transferLine(transfer));
      },
      logger: STDERR_LOGGER,
      signal: interrupt.signal,
    });
    tell(session, json, invocation.flag("share"));
    if (!interrupt.signal.aborted) await once(interrupt.signal, "abort");
    return 0;
  },
};

function tell({ interfaceName, address, giver, boot }: NetbootSession, json: boolean, isShared: boolean): void {
  const { folder, files, place } = boot;
  if (json) {
    printJson({
      event: "serving",
      interface: interfaceName,
      address: formatPrefix(address),
      root: folder.root,
      httpPort: place.httpPort,
      ...giver,
      ...(isShared ? { share: SHARE } : {}),
      files,
      notes: folder.notes,
    });
    return;
  }
  const addresses =
    giver.mode === "pool"
      ? `No other DHCP server answered: addresses ${giver.ranges.map(({ first, last }) => `${first}-${last}`).join(", ")}.`
      : `The network's DHCP server${giver.server === undefined ? "" : ` ${giver.server}`} gives the addresses (proxyDHCP).`;
  print(`Booting from ${folder.root} on ${interfaceName} as ${place.address}. ${addresses}`);
  for (const line of explainFiles(folder, files)) print(`  ${line}`);
  if (isShared) print(`  ${"Windows".padEnd(18)} \\\\${place.address}\\${SHARE}`);
  for (const note of folder.notes) complain(`note: ${note}`);
}

function readKnown(text: string | undefined): ReadonlySet<MacAddress> | undefined {
  if (text === undefined) return undefined;
  const isList = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}(,|$)/i.test(text);
  const words = isList ? text.split(",") : readLines(text);
  return new Set(words.map((word) => attempt(COMMAND, () => parseMac(word))));
}

function readLines(path: string): string[] {
  try {
    const lines = readFileSync(path, "utf8").split("\n");
    return lines.map((line) => line.replace(/#.*/, "").trim()).filter((line) => line !== "");
  } catch (cause) {
    throw new NetloomError("usage", `netboot: --known ${path}: neither hardware addresses nor a file of them`, {
      cause,
    });
  }
}
