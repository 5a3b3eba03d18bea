/** netboot: machines of the network boot from a folder. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type MacAddress, parseMac } from "../../../base/address.ts";
import { NetloomError } from "../../../base/errors.ts";
import { type NetbootOptions, NetbootSession } from "../../../engine/netboot.ts";
import { requirePrivilege } from "../../../kernel/features.ts";
import { interfaceNameFault } from "../../../model/names.ts";
import { createStateFolder, stateFolderPath } from "../../../store/state-folder.ts";
import { type Command, usageError } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { leaseFileOf, leaseFolderOf } from "../lease-files.ts";
import { jsonDisplay, lineDisplay, screenDisplay } from "../netboot-display.ts";
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
    requirePrivilege("own namespace");
    const isScreen = process.stdout.isTTY && process.stderr.isTTY;
    const display = invocation.flag("json") ? jsonDisplay() : isScreen ? screenDisplay() : lineDisplay();
    const share = invocation.flag("share") ? SHARE : undefined;
    using interrupt = untilInterrupted();
    await using session = await openUnless(interrupt.signal, {
      ...display,
      folder,
      ...(interfaceName === undefined ? {} : { interfaceName }),
      proxy: invocation.flag("proxy"),
      ...(share === undefined ? {} : { share }),
      ...(known === undefined ? {} : { known }),
      leaseFileOf: (name) => {
        createStateFolder(leaseFolderOf(stateFolder, "dhcp"));
        return leaseFileOf(stateFolder, "dhcp", name);
      },
    });
    if (session === undefined) return 0;
    using _shown = display.serving(session, share);
    if (!interrupt.signal.aborted) await once(interrupt.signal, "abort");
    return 0;
  },
};

/** @returns undefined when it was interrupted while it looked around */
async function openUnless(
  signal: AbortSignal,
  options: Omit<NetbootOptions, "signal">,
): Promise<NetbootSession | undefined> {
  try {
    return await NetbootSession.open({ ...options, signal });
  } catch (error) {
    if (signal.aborted && error instanceof NetloomError && error.code === "interrupted") return undefined;
    throw error;
  }
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
