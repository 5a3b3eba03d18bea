/** import: a network file from the configuration of another DHCP server. */
import { closeSync, openSync, readSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { NetloomError, reasonOf } from "../../../base/errors.ts";
import { FORMATS, importConfiguration } from "../../../import/import.ts";
import { formatProblem } from "../../../import/problem.ts";
import { type Command, usageError } from "../command.ts";
import { complain, print, printJson } from "../output.ts";

const MOST_BYTES = 4 * 1024 * 1024;
const PIECE_BYTES = 256 * 1024;

export const importCommand: Command = {
  name: "import",
  operands: ["FILE"],
  summary: "Make a network file of the configuration of ISC dhcpd or dnsmasq.",
  details:
    "The network file is printed, and netloom plan takes it. What could not be taken, or is not quite the same, is told " +
    "on standard error line by line: where it stands, why, and what to do. The exit code is 0 all the same; it is 1 when " +
    "nothing that could be served is in FILE. With --json file, text and problems are printed as data.",
  options: {
    format: { value: FORMATS.join("|"), help: "what FILE is written for (default: what it looks like)" },
    output: { value: "FILE", help: "write the network file there, where nothing is yet, instead of printing it" },
  },
  example: "netloom import /etc/dhcp/dhcpd.conf --output office.yaml",
  run(invocation) {
    const path = invocation.positionals[0]!;
    const format = readFormat(invocation.option("format"));
    const output = invocation.option("output");
    const imported = importConfiguration(readBounded(path), basename(path), format);
    const { file, problems } = imported;
    if (file !== undefined && output !== undefined) writeNew(output, file.text);
    if (invocation.flag("json"))
      printJson({
        format: imported.format,
        ...(file === undefined ? {} : { file: file.content, text: file.text }),
        problems: problems.map((problem) => ({ file: path, ...problem })),
      });
    else {
      for (const problem of problems) complain(formatProblem(path, problem));
      if (file !== undefined && output === undefined) print(file.text.trimEnd());
    }
    if (file !== undefined) return Promise.resolve(0);
    throw new NetloomError("nothing-imported", `import ${path}: it declares nothing that netloom could serve`, {
      hint: "Is it a dhcpd.conf or a dnsmasq.conf? --format says which.",
    });
  },
};

function readFormat(text: string | undefined) {
  const format = FORMATS.find((known) => known === text);
  if (text !== undefined && format === undefined)
    throw usageError(`import: --format ${text}: it is not known`, `Formats: ${FORMATS.join(", ")}.`);
  return format;
}

/** The text of a file that people give. @throws NetloomError bad-file */
export function readBounded(path: string, mostBytes = MOST_BYTES): string {
  try {
    return readAtMost(path, mostBytes)
      .toString("utf8")
      .replace(/^\ufeff/, "");
  } catch (cause) {
    throw new NetloomError("bad-file", `read ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/** A pipe or a device does not tell its size. */
function readAtMost(path: string, mostBytes: number): Buffer {
  const descriptor = openSync(path, "r");
  try {
    const pieces: Buffer[] = [];
    for (let size = 0; ; ) {
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      const read = readSync(descriptor, piece);
      if (read === 0) return Buffer.concat(pieces);
      size += read;
      if (size > mostBytes) throw new Error(`it is larger than ${mostBytes / 1024 / 1024} MiB`);
      pieces.push(piece.subarray(0, read));
    }
  } finally {
    closeSync(descriptor);
  }
}

function writeNew(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: "wx" });
  } catch (cause) {
    throw new NetloomError("write-failed", `write ${path}: ${reasonOf(cause)}`, {
      cause,
      hint: "Give the name of a file that is not there yet.",
    });
  }
}
