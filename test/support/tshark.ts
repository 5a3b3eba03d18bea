/**
 * tshark as an oracle of wire formats: what it calls malformed, warns about, or whose checksum it rejects.
 *
 * It does not notice a missing DHCP message type or server identifier, duplicate options, an MTU below 68 or bytes
 * after END: tests assert those themselves.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PCAP_MAGIC = 0xa1b2c3d4;
const LINK_TYPE_ETHERNET = 1;
const CHECKSUMS = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"];
/** Severity of an expert entry: 0x600000 is a warning, 0x800000 an error. */
const BAD = [
  "_ws.malformed",
  "_ws.short",
  "_ws.expert.severity >= 0x600000",
  "ip.checksum.status == 0",
  "udp.checksum.status == 0",
  "(data && !icmp)",
].join(" || ");

/** A capture file of Ethernet frames, one a second. */
function encodePcap(frames: readonly Uint8Array[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(PCAP_MAGIC, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(LINK_TYPE_ETHERNET, 20);
  const records = frames.flatMap((frame, i) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(i, 0);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, Buffer.from(frame)];
  });
  return Buffer.concat([header, ...records]);
}

function withPcap<T>(frames: readonly Uint8Array[], use: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "netloom-tshark-"));
  try {
    const path = join(folder, "frames.pcap");
    writeFileSync(path, encodePcap(frames));
    return use(path);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function lines(output: string): string[] {
  return output.split("\n").filter((line) => line !== "");
}

function runTshark(path: string, options: readonly string[]): string[] {
  // Name resolution off, and no profile of the person who runs the tests.
  const environment = { ...process.env, HOME: "/nonexistent", WIRESHARK_CONFIG_DIR: "/nonexistent" };
  const args = ["-n", "-2", "-r", path, ...CHECKSUMS, ...options];
  return lines(
    execFileSync("tshark", args, { encoding: "utf8", env: environment, stdio: ["ignore", "pipe", "ignore"] }),
  );
}

/** One line for each thing that tshark objects to in a capture file; `filter` selects the frames. */
export function tsharkFindingsOfFile(path: string, filter = "frame"): string[] {
  const fields = ["frame.number", "_ws.col.Protocol", "_ws.col.Info", "_ws.expert.message"];
  return runTshark(path, [
    "-Y",
    `(${filter}) && (${BAD})`,
    "-T",
    "fields",
    ...fields.flatMap((field) => ["-e", field]),
  ]);
}

/** One line for each thing that tshark objects to in the frames. */
export function tsharkFindings(frames: readonly Uint8Array[]): string[] {
  return withPcap(frames, (path) => tsharkFindingsOfFile(path));
}

/** The values of some fields of every frame as tshark decodes them; several values of one field are joined with ",". */
export function tsharkFields(frames: readonly Uint8Array[], fields: readonly string[]): Record<string, string>[] {
  return withPcap(frames, (path) => tsharkFieldsOfFile(path, fields));
}

/** The same of a capture file, for the frames that a display filter selects. */
export function tsharkFieldsOfFile(
  path: string,
  fields: readonly string[],
  filter = "frame",
): Record<string, string>[] {
  const rows = runTshark(path, ["-Y", filter, "-T", "fields", ...fields.flatMap((field) => ["-e", field])]);
  return rows.map((row) => Object.fromEntries(row.split("\t").map((value, i) => [fields[i]!, value])));
}
