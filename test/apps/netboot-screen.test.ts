/** What people see while machines boot. */
import { expect, test } from "vitest";
import { macFromBytes, parseIpv4 } from "../../src/base/address.ts";
import { askedLine, transferLine } from "../../src/apps/cli/netboot-lines.ts";
import { displayWidth } from "../../src/apps/cli/fit-text.ts";
import { renderScreen, type ScreenView } from "../../src/apps/cli/netboot-screen.ts";
import { ProxyDhcp } from "../../src/protocol/pxe/proxy.ts";
import { AskedClients } from "../../src/services/netboot/clients.ts";
import type { Transfer } from "../../src/services/netboot/transfers.ts";
import { CONFIG } from "../protocol/pxe/world.ts";
import { bootFrame, type BootRequest, secondStep } from "../support/boot-client.ts";
import { macOf } from "../protocol/dhcp4/server/world.ts";

function asked(frame: Uint8Array) {
  const { event } = new ProxyDhcp(CONFIG).handle(frame, false);
  if (event.event !== "asked") throw new Error(event.event);
  return event;
}

const transfer = (changes: Partial<Transfer>): Transfer => ({
  protocol: "http",
  client: "192.0.2.17",
  file: "vmlinuz",
  bytes: 5_000_000,
  totalBytes: 10_000_000,
  seconds: 2,
  bytesPerSecond: 2_500_000,
  state: "running",
  ...changes,
});

function show(view: Partial<ScreenView>, size = { columns: 100, rows: 30 }): string[] {
  return renderScreen({ head: ["Booting"], clients: [], transfers: [], log: [], ...view }, size, 1000);
}

test("who asked, what it got, how far each file is, what went wrong", () => {
  const clients = new AskedClients();
  clients.take(asked(bootFrame({ architecture: 10, mac: macOf(3) })), 700);
  clients.take(
    asked(secondStep({ architecture: 7 }, { client: parseIpv4("192.0.2.17"), server: CONFIG.address })),
    997,
  );
  const transfers = [
    transfer({ state: "done", file: "efi/shimx64.efi", protocol: "tftp", bytes: 900_000, totalBytes: 900_000 }),
    transfer({}),
    transfer({ state: "failed", file: "nope", bytes: 0, totalBytes: undefined, error: "no such file" }),
  ];
  expect(show({ clients: clients.list(), transfers, log: ["warning: something"] })).toEqual([
    "Booting",
    "",
    "CLIENTS  2",
    "  52:54:00:00:00:17  192.0.2.17  UEFI x64         efi/shimx64.efi                         3 s ago",
    "  02:00:00:00:00:03              UEFI ARM 32-bit  nothing: the folder has nothing for it  5 min ago",
    "",
    "FILES  1 on their way, 2 before",
    "  192.0.2.17  http  vmlinuz          ##########.......... 50%  5.0 MB of 10.0 MB  2.5 MB/s",
    "  192.0.2.17  http  nope             FAILED: no such file",
    "  192.0.2.17  tftp  efi/shimx64.efi  done                      900 kB of 900 kB   2.5 MB/s",
    "",
    "LOG",
    "  warning: something",
  ]);
});

test("a crowd leaves room for everything that is there to see, and no line is longer than the terminal is wide", () => {
  const clients = new AskedClients();
  for (let i = 0; i < 200; i++) clients.take(asked(bootFrame({ architecture: 0, mac: macOf(i) })), 900 + i);
  const transfers = Array.from({ length: 200 }, (_, i) => transfer({ client: `192.0.2.${i}`, file: "x".repeat(200) }));
  const log = Array.from({ length: 200 }, (_, i) => `line ${i}`);
  const lines = show({ clients: clients.list(), transfers, log }, { columns: 60, rows: 24 });
  expect(lines.length).toBeLessThanOrEqual(24);
  expect(Math.max(...lines.map((line) => line.length))).toBe(60);
  expect(lines).toContain("CLIENTS  200, 4 shown");
  expect(lines).toContain("FILES  200 on their way, 0 before, 8 shown");
  expect(lines.at(-1)).toBe("  line 199");
});

test("where there are few files there is room for clients, and the other way round", () => {
  const clients = new AskedClients();
  for (let i = 0; i < 200; i++) clients.take(asked(bootFrame({ architecture: 0, mac: macOf(i) })), 900 + i);
  const count = (view: Partial<ScreenView>, what: RegExp) => show(view).filter((line) => what.test(line)).length;
  expect(count({ clients: clients.list() }, /^ {2}02:/)).toBe(23);
  expect(count({ transfers: Array.from({ length: 200 }, () => transfer({})) }, /vmlinuz/)).toBe(23);
});

test("on a terminal of 80 columns long names give way, and what follows them is there", () => {
  const clients = new AskedClients();
  const event = asked(
    secondStep({ architecture: 7, ipxe: true }, { client: parseIpv4("192.0.2.17"), server: CONFIG.address }),
  );
  const file = "images/of the third floor/a very long name of a disc.iso";
  clients.take({ ...event, offer: { ...event.offer!, file } }, 990);
  const transfers = [transfer({ file }), transfer({ file, state: "failed", error: "the client broke it off" })];
  const lines = show({ clients: clients.list(), transfers }, { columns: 80, rows: 24 });
  expect(lines).toContain("  52:54:00:00:00:17  192.0.2.17  UEFI x64, iPXE  images/of the third …  10 s ago");
  expect(lines).toContain("  192.0.2.17  http  images/of the …  #####..... 50%  5.0 MB of 10.0 MB  2.5 MB/s");
  expect(lines).toContain("  192.0.2.17  http  images/of the …  FAILED: the client broke it off, after 5.0…");
});

test("the head is told whole, in several lines, where there is room for it", () => {
  const head = ["Booting from here.", `  BIOS               nothing: put ${"undionly.kpxe of iPXE, ".repeat(3)}there`];
  const narrow = { columns: 60, rows: 12 };
  expect(show({ head }, narrow).slice(0, 5)).toEqual([
    "Booting from here.",
    "  BIOS               nothing: put undionly.kpxe of iPXE,",
    "                     undionly.kpxe of iPXE, undionly.kpxe of",
    "                     iPXE, there",
    "",
  ]);
  const cut = ["Booting from here.", "  BIOS               nothing: put undionly.kpxe of iPXE, un…", ""];
  expect(show({ head, transfers: [transfer({}), transfer({}), transfer({})] }, narrow).slice(0, 3)).toEqual(cut);
  expect(show({ head: [...head, ...head, ...head] }, narrow).slice(0, 5)).toEqual([
    ...cut.slice(0, 2),
    "Booting from here.",
    "  …",
    "",
  ]);
});

test("a name in wide characters takes no more columns than there are", () => {
  const lines = show({ transfers: [transfer({ file: "安装光盘".repeat(20) })] }, { columns: 80, rows: 24 });
  const line = lines.find((each) => each.includes("安")) ?? "";
  expect(line).toMatch(/^ {2}192\.0\.2\.17 {2}http {2}(安装光盘)+安?装?光?…/);
  expect(displayWidth(line)).toBeLessThanOrEqual(80);
  expect(line.endsWith("2.5 MB/s")).toBe(true);
});

test("a client cannot write to the terminal", () => {
  const file = "a\u001b[2Jb\nc\u0007";
  expect(show({ transfers: [transfer({ file })] }).join("")).not.toMatch(/\p{Cc}/u);
  expect(transferLine(transfer({ file, state: "done" }))).toBe("192.0.2.17 http ab c: 5.0 MB at 2.5 MB/s");
});

test("lines for files and pipes", () => {
  const line = (request: BootRequest) => askedLine(asked(bootFrame(request)));
  expect(line({ architecture: 0 })).toBe("52:54:00:00:00:17 (BIOS) gets undionly.kpxe");
  expect(line({ architecture: 7, ipxe: true })).toBe(
    "52:54:00:00:00:17 (UEFI x64, iPXE) gets http://192.0.2.1/boot.ipxe",
  );
  expect(transferLine(transfer({ state: "failed", error: "the client broke it off" }))).toBe(
    "192.0.2.17 http vmlinuz: failed: the client broke it off, after 5.0 MB of 10.0 MB",
  );
});

test("what a client repeats is told once in a while", () => {
  const clients = new AskedClients();
  const first = asked(bootFrame({ architecture: 7 }));
  const second = asked(bootFrame({ architecture: 7, ipxe: true }));
  expect([first, first, second, second].map((event, i) => clients.take(event, i))).toEqual([true, false, true, false]);
  expect(clients.take(second, 60)).toBe(true);
  expect(clients.list()).toHaveLength(1);
});

test("no number of clients fills the memory, or the terminal", () => {
  const clients = new AskedClients();
  const event = asked(bootFrame({ architecture: 0 }));
  let told = 0;
  for (let i = 0; i < 5000; i++) {
    const mac = macFromBytes(Uint8Array.of(2, 0, 0, 0, i >> 8, i));
    if (clients.take({ ...event, client: { ...event.client, mac } }, i / 1000)) told++;
  }
  expect(told).toBe(250);
  expect(clients.list().length).toBeLessThanOrEqual(1024);
});

test("a file's name does nothing to a terminal", () => {
  const files = { bios: { loader: "\u001b]0;title\u0007un\u001b[2Jdi\nonly.kpxe" } };
  const { event } = new ProxyDhcp({ ...CONFIG, files }).handle(bootFrame({ architecture: 0 }), false);
  if (event.event !== "asked") throw new Error(event.event);
  expect(askedLine(event)).toMatch(/^52:54:[0-9a-f:]+ \(BIOS\) gets \]0;titleundi only\.kpxe$/);
});
