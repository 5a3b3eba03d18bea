/** import: a network file from the configuration of another DHCP or DNS server. */
import { writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type Ipv4Prefix, networkOf, parsePrefix } from "../../../base/address.ts";
import { NetloomError, reasonOf } from "../../../base/errors.ts";
import { FORMATS, importConfiguration } from "../../../import/import.ts";
import { formatProblem, type Problem } from "../../../import/problem.ts";
import { type Command, usageError } from "../command.ts";
import { filesBeside, readBounded } from "../files-beside.ts";
import { complain, print, printJson } from "../output.ts";

export const importCommand: Command = {
  name: "import",
  operands: ["FILE"],
  summary: "Make a network file of the configuration of ISC dhcpd, dnsmasq, haneWIN or BIND.",
  details:
    "The network file is printed, and netloom plan takes it. What could not be taken, or is not quite the same, is told " +
    "on standard error line by line: where it stands, why, and what to do. The exit code is 0 all the same; it is 1 when " +
    "nothing that could be served is in FILE. Files that it includes are read where they are in FILE's own folder or below. " +
    "Each subnet becomes a network on this host, those of a shared network one; with --link only the one that the host " +
    "is on, and all others are behind relay agents. With --json file, text and problems are printed as data.",
  options: {
    format: { value: FORMATS.join("|"), help: "what FILE is written for (default: what it looks like)" },
    link: { value: "SUBNET", help: "the subnet that this host is on; relay agents bring what the others say" },
    output: { value: "FILE", help: "write the network file there, where nothing is yet, instead of printing it" },
  },
  example: "netloom import /etc/dhcp/dhcpd.conf --output office.yaml",
  run(invocation) {
    const path = invocation.positionals[0]!;
    const format = readFormat(invocation.option("format"));
    const output = invocation.option("output");
    const link = readLink(invocation.option("link"));
    const files = filesBeside(path);
    const imported = importConfiguration(readBounded(path), basename(path), {
      ...(format === undefined ? {} : { format }),
      ...(link === undefined ? {} : { link }),
      ...(files === undefined ? {} : { files }),
    });
    const { file, problems } = imported;
    if (file !== undefined && output !== undefined) writeNew(output, file.text);
    if (invocation.flag("json"))
      printJson({
        format: imported.format,
        ...(file === undefined ? {} : { file: file.content, text: file.text }),
        problems: problems.map((problem) => ({ ...problem, file: pathOf(problem, path) })),
      });
    else {
      for (const problem of problems) complain(formatProblem(pathOf(problem, path), problem));
      if (file !== undefined && output === undefined) print(file.text.trimEnd());
    }
    if (file !== undefined) return Promise.resolve(0);
    throw new NetloomError("nothing-imported", `import ${path}: it declares nothing that netloom could serve`, {
      hint: "Is it a dhcpd.conf, a dnsmasq.conf, a DHCPsrv.ini or a named.conf? --format says which.",
    });
  },
};

function readFormat(text: string | undefined) {
  const format = FORMATS.find((known) => known === text);
  if (text !== undefined && format === undefined)
    throw usageError(`import: --format ${text}: it is not known`, `Formats: ${FORMATS.join(", ")}.`);
  return format;
}

function readLink(text: string | undefined): Ipv4Prefix | undefined {
  if (text === undefined) return undefined;
  try {
    const prefix = parsePrefix(text);
    if (!prefix.address.includes(":") && networkOf(prefix).address === prefix.address) return prefix as Ipv4Prefix;
  } catch (error) {
    if (!(error instanceof NetloomError)) throw error;
  }
  throw usageError(`import: --link ${text}: it is no IPv4 subnet`, "Give one such as 192.0.2.0/24.");
}

/** An included file is named beside the one that is imported. */
function pathOf({ file }: Problem, path: string): string {
  return file === undefined ? path : join(dirname(path), file);
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
