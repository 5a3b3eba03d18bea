/** tftp serve: a folder's files by TFTP, in the foreground and without a file. */
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { IpAddress } from "../../../base/address.ts";
import { reasonOf } from "../../../base/errors.ts";
import { TftpService, type TftpTransfer } from "../../../services/tftp.ts";
import { TFTP_PORT } from "../../../wire/tftp.ts";
import { type Command, type Invocation, usageError } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { print, printJson, STDERR_LOGGER } from "../output.ts";
import { printable } from "../../../services/vm/printable.ts";
import { attempt, parseEndpoint } from "./serve-options.ts";

const COMMAND = { name: "tftp serve" } as const;
const DEFAULT_QUOTA = "1G";
const BYTES_OF_UNIT: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

export const tftpServeCommand: Command = {
  ...COMMAND,
  operands: ["ROOT"],
  summary: "Give the files below a folder to whoever asks by TFTP, until SIGTERM or Ctrl-C.",
  details:
    "Only what is truly inside the folder is given: no name with .., no link that leads out of it, no device. A block " +
    "has at most what the interface carries in one packet. Nothing is written without --write; then files may be " +
    "uploaded that do not exist yet. Each transfer is told when it ends: who, which file, how much, how quick.",
  options: {
    listen: {
      value: "ADDRESS[#PORT]",
      repeatable: true,
      necessary: true,
      help: "where requests are taken, as 192.0.2.1 or 2001:db8::1#6969; the port is 69 by default",
    },
    write: { help: "take uploads as well, into ROOT" },
    "write-folder": { value: "DIR", help: "take uploads as well, into that folder" },
    quota: {
      value: "SIZE",
      help: `what all files of the folder of uploads may have: 500M, 2G (default ${DEFAULT_QUOTA}), and 100,000 of them`,
    },
    overwrite: { help: "an upload may replace a file" },
    "ignore-case": { help: "take a file whose name differs in upper and lower case only, for clients of Windows" },
    mtu: { value: "BYTES", help: "longest packet on the way to the clients (default that of the interface)" },
  },
  example: "netloom tftp serve /srv/boot --listen 192.0.2.1",
  async run(invocation) {
    const listen = invocation
      .optionList("listen")
      .map((text) => attempt(COMMAND, () => parseEndpoint(text, TFTP_PORT)));
    const root = await readFolder(invocation.positionals[0]!);
    const write = await readWrite(invocation, root);
    const mtu = invocation.option("mtu");
    if (mtu !== undefined && !(/^\d{2,5}$/.test(mtu) && Number(mtu) >= 68 && Number(mtu) <= 65_536))
      throw usageError(`tftp serve: --mtu ${mtu}: not a number from 68 to 65536`);
    using interrupt = untilInterrupted();
    const isJson = invocation.flag("json");
    await using _service = new TftpService({
      listen,
      root,
      ignoreCase: invocation.flag("ignore-case"),
      ...(write === undefined ? {} : { write }),
      ...(mtu === undefined ? {} : { mtuBytes: Number(mtu) }),
      onTransfer: (transfer) => tell(transfer, isJson),
      logger: STDERR_LOGGER,
    });
    if (isJson) printJson({ event: "serving", root, listen, write: write ?? null });
    else
      print(
        `Serving ${root} on ${listen.map(formatListen).join(", ")}${write === undefined ? "" : `; uploads go to ${write.folder}`}.`,
      );
    if (!interrupt.signal.aborted) await once(interrupt.signal, "abort");
    return 0;
  },
};

function tell(transfer: TftpTransfer, isJson: boolean): void {
  const { state, client, direction, file, bytes, error } = transfer;
  if (isJson) {
    printJson({ event: state === "running" ? "begun" : state, ...transfer });
    return;
  }
  if (state === "running") return;
  const way = direction === "read" ? "to" : "from";
  const speed = `${formatBytes(bytes)} in ${transfer.seconds.toFixed(2)} s, ${formatBytes(transfer.bytesPerSecond)}/s`;
  const terms = `blocks of ${transfer.blockBytes}, window ${transfer.windowBlocks}`;
  const resent = transfer.resentPackets === 0 ? "" : `, ${transfer.resentPackets} sent again`;
  const line = `${way} ${client.address}: ${file}: ${speed} (${terms}${resent})`;
  if (state === "failed") print(printable(`${line}: FAILED: ${error ?? ""}`));
  else print(printable(error === undefined ? line : `${line}; ${error}`));
}

async function readFolder(text: string): Promise<string> {
  const path = resolve(text);
  const status = await stat(path).catch((error: unknown) => {
    throw usageError(`tftp serve: ${text}: ${reasonOf(error)}`);
  });
  if (!status.isDirectory()) throw usageError(`tftp serve: ${text}: it is no folder`);
  return path;
}

async function readWrite(
  invocation: Invocation,
  root: string,
): Promise<{ folder: string; quotaBytes: number; overwrite: boolean } | undefined> {
  const folder = invocation.option("write-folder");
  const [quota, overwrite] = [invocation.option("quota"), invocation.flag("overwrite")];
  if (folder === undefined && !invocation.flag("write")) {
    if (quota !== undefined || overwrite) throw usageError("tftp serve: --quota and --overwrite need --write");
    return undefined;
  }
  const path = folder === undefined ? root : await readFolder(folder);
  return { folder: path, quotaBytes: readSize(quota ?? DEFAULT_QUOTA), overwrite };
}

function readSize(text: string): number {
  const [, number = "", unit = ""] = /^(\d{1,12})([KMGT]?)$/i.exec(text) ?? [];
  const bytes = Number(number) * (BYTES_OF_UNIT[unit.toUpperCase()] ?? 0);
  if (bytes < 1 || bytes > Number.MAX_SAFE_INTEGER)
    throw usageError(`tftp serve: --quota ${text}: not a size such as 500M or 2G`);
  return bytes;
}

function formatListen({ address, port }: { readonly address: IpAddress; readonly port: number }): string {
  return port === TFTP_PORT ? address : `${address}#${port}`;
}

/** "42 B", "1.5 MiB". */
function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
