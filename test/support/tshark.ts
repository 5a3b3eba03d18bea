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

function runTshark(frames: readonly Uint8Array[], filter: string, fields: readonly string[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), "netloom-tshark-"));
  try {
    const path = join(folder, "frames.pcap");
    writeFileSync(path, encodePcap(frames));
    const shown = fields.flatMap((field) => ["-e", field]);
    const words = ["-n", "-2", "-r", path, ...CHECKSUMS, "-Y", filter, "-T", "fields", ...shown];
    // No settings of the person who runs the tests.
    const env = { PATH: process.env["PATH"], HOME: folder };
    const output = execFileSync("tshark", words, { encoding: "utf8", env, stdio: ["ignore", "pipe", "ignore"] });
    return output.split("\n").filter((line) => line !== "");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One line for each thing that tshark objects to in the frames that a display filter selects. */
export function tsharkFindings(frames: readonly Uint8Array[], filter = "frame"): string[] {
  const fields = ["frame.number", "_ws.col.Protocol", "_ws.col.Info", "_ws.expert.message"];
  return runTshark(frames, `(${filter}) && (${BAD})`, fields);
}

/** Fields as tshark decodes them, of the frames that a display filter selects; values of one field are joined with ",". */
export function tsharkFields(
  frames: readonly Uint8Array[],
  fields: readonly string[],
  filter = "frame",
): Record<string, string>[] {
  const rows = runTshark(frames, filter, fields);
  return rows.map((row) => Object.fromEntries(row.split("\t").map((value, i) => [fields[i]!, value])));
}
