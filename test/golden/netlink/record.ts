/**
 * Records what `ip` and `bridge` send for the commands in the golden files beside this program, and writes the bytes
 * under them. Run it in the sandbox, after adding a command to a file:
 *
 *   scripts/sandbox.sh node test/golden/netlink/record.ts
 *
 * It needs strace. Every command meets the same links: br0 is 2, v1 is 3, v0 is 4 (v1's peer and a port of br0),
 * tap0 is 5. A command that the kernel refuses, for want of the feature, was sent all the same.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const SETUP = [
  "sysctl -qw net.ipv6.conf.default.disable_ipv6=0",
  "ip link add br0 type bridge",
  "ip link add v0 type veth peer name v1",
  "ip link set v0 master br0 up",
  "ip link set v1 up",
  "ip link set br0 up",
  "ip address add 192.0.2.1/24 dev br0",
  "ip -6 address add 2001:db8::1/64 dev br0 nodad",
  "ip tuntap add tap0 mode tap",
  "ip netns add pod1",
];
const TEARDOWN = ["ip netns del pod1"];

function shell(command: string): string {
  return execFileSync("unshare", ["--net", "bash", "-ec", command], { encoding: "utf8" });
}

function record(command: string): string[] {
  const log = "/run/netlink-strace.txt";
  const trace = `strace -f -qq -o ${log} -e trace=sendmsg -e write=3,4,5,6 ${command} >/dev/null 2>&1 || true`;
  shell([...SETUP, trace, ...TEARDOWN].join("\n"));
  const lines: string[] = [];
  for (const call of readFileSync(log, "utf8")
    .split(/^\d+ +sendmsg\(/m)
    .slice(1)) {
    const dump = Array.from(call.matchAll(/^ \| [0-9a-f]{5}  ((?:[0-9a-f]{2} {1,2})+)/gm), ([, bytes]) => bytes!);
    const hex = dump.join("").replaceAll(" ", "");
    const bytes = Uint8Array.from({ length: hex.length / 2 }, (_, i) =>
      Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
    );
    const view = new DataView(bytes.buffer);
    const type = view.getUint16(4, true);
    const asks = type % 4 === 2;
    if (asks) continue;
    lines.push(`type ${type} flags 0x${view.getUint16(6, true).toString(16)}`);
    for (let offset = 16; offset < bytes.length; offset += 16) {
      const part = hex.slice(2 * offset, 2 * offset + 32);
      lines.push(`  ${part.match(/.{1,8}/g)!.join(" ")}`);
    }
  }
  if (lines.length === 0) throw new Error(`${command}: sent nothing`);
  return lines;
}

if (spawnSync("strace", ["-V"]).status !== 0) throw new Error("strace is not installed");
const folder = new URL(".", import.meta.url);
for (const name of readdirSync(folder).filter((file) => file.endsWith(".txt"))) {
  const file = new URL(name, folder);
  const lines = readFileSync(file, "utf8").split("\n");
  const head = lines.filter((line) => line.startsWith("#"));
  const commands = lines.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));
  const entries = commands.map((command) => [`$ ${command}`, ...record(command), ""].join("\n"));
  writeFileSync(file, `${head.join("\n")}\n\n${entries.join("\n")}`);
}
