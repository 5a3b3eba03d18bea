/** The screen of `netloom netboot` on a terminal: who asked, what it got, how far each file is, what went wrong. */
import type { AskedClient } from "../../services/netboot/clients.ts";
import type { Transfer } from "../../services/netboot/transfers.ts";
import { printable } from "../../services/vm/printable.ts";
import { clientName, formatBytes } from "./netboot-lines.ts";
import { formatTable } from "./output.ts";

export interface ScreenView {
  /** What is served, to whom: these lines stay. */
  readonly head: readonly string[];
  /** The latest first. */
  readonly clients: readonly AskedClient[];
  readonly transfers: readonly Transfer[];
  /** What was told besides, the latest last. */
  readonly log: readonly string[];
}

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

const REDRAW_MILLISECONDS = 250;
const USUAL_SIZE: ScreenSize = { columns: 80, rows: 24 };
const BAR_CHARACTERS = 20;
const MOST_LOG_LINES = 5;
/** Of the rows that are left: clients may have a third, the rest is for files. */
const CLIENTS_SHARE = 3;

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

/** At most `rows` lines of at most `columns` characters; what has no room is the oldest. */
export function renderScreen(view: ScreenView, { columns, rows }: ScreenSize, nowSeconds: number): string[] {
  const log = view.log.slice(-MOST_LOG_LINES);
  const room = Math.max(2, rows - view.head.length - (log.length > 0 ? log.length + 2 : 0) - 5);
  const clientRoom = Math.max(1, Math.floor(room / CLIENTS_SHARE));
  const clients = view.clients.slice(0, clientRoom);
  // Those on their way are what one watches for.
  const running = view.transfers.filter(({ state }) => state === "running");
  const ended = view.transfers.filter(({ state }) => state !== "running").toReversed();
  const files = [...running, ...ended].slice(0, Math.max(1, room - clients.length));
  const lines = [
    ...view.head,
    "",
    `CLIENTS  ${view.clients.length}`,
    ...table(
      clients.map((client) => clientRow(client, nowSeconds)),
      "  nobody has asked yet",
    ),
    "",
    `FILES  ${running.length} on their way, ${ended.length} before`,
    ...table(files.map(fileRow), "  nothing was fetched yet"),
    ...(log.length > 0 ? ["", "LOG", ...log.map((line) => `  ${line}`)] : []),
  ];
  return lines.slice(0, rows).map((line) =>
    printable(line)
      .replaceAll(/[\n\t]/g, " ")
      .slice(0, columns),
  );
}

function table(rows: readonly (readonly string[])[], none: string): string[] {
  return rows.length === 0 ? [none] : formatTable(rows.map((row) => ["", ...row])).split("\n");
}

function clientRow({ mac, address, client, offer, reason, latestSeconds }: AskedClient, nowSeconds: number): string[] {
  const gets = offer === undefined ? `nothing: ${reason ?? ""}` : offer.bootFile;
  const ago = Math.max(0, Math.round(nowSeconds - latestSeconds));
  return [
    mac ?? "",
    address ?? "",
    clientName(client),
    gets,
    ago < 120 ? `${ago} s ago` : `${Math.round(ago / 60)} min ago`,
  ];
}

function fileRow({ client, protocol, file, bytes, totalBytes, bytesPerSecond, state, error }: Transfer): string[] {
  const amount = totalBytes === undefined ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(totalBytes)}`;
  const speed = `${formatBytes(bytesPerSecond)}/s`;
  if (state === "failed") return [client, protocol, file, `FAILED: ${error ?? ""}`, bytes === 0 ? "" : amount, ""];
  return [client, protocol, file, state === "done" ? "done" : bar(bytes, totalBytes), amount, speed];
}

function bar(bytes: number, totalBytes: number | undefined): string {
  if (totalBytes === undefined || totalBytes === 0) return "…";
  // A disc that is read in pieces may be read more than once.
  const share = Math.min(1, bytes / totalBytes);
  const full = Math.floor(share * BAR_CHARACTERS);
  return `${"#".repeat(full).padEnd(BAR_CHARACTERS, ".")} ${Math.floor(share * 100)}%`;
}

/** Takes the terminal until it is disposed, and leaves it as it was. */
export class NetbootScreen implements Disposable {
  readonly #view: () => ScreenView;
  readonly #timer: NodeJS.Timeout;

  constructor(view: () => ScreenView) {
    this.#view = view;
    process.stdout.write(ENTER);
    this.#timer = setInterval(() => this.#draw(), REDRAW_MILLISECONDS);
    this.#draw();
  }

  #draw(): void {
    // A serial console tells a size of nothing.
    const columns = process.stdout.columns || USUAL_SIZE.columns;
    const rows = process.stdout.rows || USUAL_SIZE.rows;
    const lines = renderScreen(this.#view(), { columns, rows }, Date.now() / 1000);
    process.stdout.write(HOME + lines.map((line) => line + CLEAR_LINE).join("\r\n") + CLEAR_BELOW);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    process.stdout.write(LEAVE);
  }
}
