/** The screen of `netloom netboot` on a terminal: who asked, what it got, how far each file is, what went wrong. */
import { steadySeconds } from "../../services/clock.ts";
import type { AskedClient } from "../../services/netboot/clients.ts";
import type { Transfer } from "../../services/netboot/transfers.ts";
import { cutEnd, fitTable, wrap } from "./fit-text.ts";
import { clientName, formatBytes, oneLine } from "./netboot-lines.ts";

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
const WIDE_COLUMNS = 100;
const BAR_CHARACTERS = { wide: 20, narrow: 10 };
/** Of a file, or of what a client gets. */
const LEAST_NAME = 8;
const CLIENT_GETS: ReadonlyMap<number, number> = new Map([[3, LEAST_NAME]]);
const MOST_LOG_LINES = 5;
/** Of the rows, at most. */
const HEAD_SHARE = 3;
const LOG_SHARE = 6;
/** Behind what each kind of client is called. */
const HEAD_INDENT = 21;
/** Of the rows that are left: clients may have a third, the rest is for files. */
const CLIENTS_SHARE = 3;

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

/** At most `rows` lines of at most `columns` characters; what has no room is the oldest. */
export function renderScreen(view: ScreenView, { columns, rows }: ScreenSize, nowSeconds: number): string[] {
  const log = view.log.slice(-Math.min(MOST_LOG_LINES, Math.max(1, Math.floor(rows / LOG_SHARE))));
  const below = 5 + (log.length > 0 ? log.length + 2 : 0);
  const wanted = Math.max(1, view.clients.length) + Math.max(1, view.transfers.length);
  const head = headLines(view.head.map(oneLine), columns, { most: rows / HEAD_SHARE, spare: rows - below - wanted });
  const room = Math.max(2, rows - head.length - below);
  // Those on their way are what one watches for.
  const running = view.transfers.filter(({ state }) => state === "running");
  const ended = view.transfers.filter(({ state }) => state !== "running").toReversed();
  const filesWanted = Math.max(1, running.length + ended.length);
  const clientRoom = Math.max(1, Math.floor(room / CLIENTS_SHARE), room - filesWanted);
  const clients = view.clients.slice(0, clientRoom);
  const files = [...running, ...ended].slice(0, Math.max(1, room - Math.max(1, clients.length)));
  const lines = [
    ...head,
    "",
    `CLIENTS  ${view.clients.length}${partOf(clients.length, view.clients.length)}`,
    ...(clients.length === 0
      ? ["  nobody has asked yet"]
      : table(
          clients.map((client) => clientRow(client, nowSeconds)),
          columns,
          CLIENT_GETS,
        )),
    "",
    `FILES  ${running.length} on their way, ${ended.length} before${partOf(files.length, running.length + ended.length)}`,
    ...(files.length === 0 ? ["  nothing was fetched yet"] : fileTable(files, columns)),
    ...(log.length > 0 ? ["", "LOG", ...log.map((line) => `  ${oneLine(line)}`)] : []),
  ];
  return lines.slice(0, rows).map((line) => cutEnd(line, columns));
}

/** Whole where there is room for it, else a line of each as far as they go. */
function headLines(
  head: readonly string[],
  columns: number,
  { most, spare }: { readonly most: number; readonly spare: number },
): string[] {
  const lines = head.flatMap((line) => wrap(line, columns, line.startsWith(" ") ? HEAD_INDENT : 2));
  if (lines.length <= spare) return lines;
  const shown = Math.max(1, Math.floor(most));
  return head.length <= shown ? [...head] : [...head.slice(0, shown - 1), "  …"];
}

function partOf(shown: number, all: number): string {
  return shown < all ? `, ${shown} shown` : "";
}

function fileTable(files: readonly Transfer[], columns: number): string[] {
  const barCharacters = columns < WIDE_COLUMNS ? BAR_CHARACTERS.narrow : BAR_CHARACTERS.wide;
  const flexible = new Map([
    [2, LEAST_NAME],
    [3, barCharacters + " 100%".length],
  ]);
  return table(
    files.map((file) => fileRow(file, barCharacters)),
    columns,
    flexible,
  );
}

function table(rows: readonly (readonly string[])[], columns: number, flexible: ReadonlyMap<number, number>): string[] {
  return fitTable(
    rows.map((row) => row.map(oneLine)),
    columns - 2,
    flexible,
  ).map((line) => `  ${line}`);
}

function clientRow({ mac, address, client, offer, reason, latestSeconds }: AskedClient, nowSeconds: number): string[] {
  const gets = offer === undefined ? `nothing: ${reason ?? ""}` : offer.file;
  const ago = Math.max(0, Math.round(nowSeconds - latestSeconds));
  return [
    mac ?? "",
    address ?? "",
    clientName(client),
    gets,
    ago < 120 ? `${ago} s ago` : `${Math.round(ago / 60)} min ago`,
  ];
}

function fileRow(transfer: Transfer, barCharacters: number): string[] {
  const { client, protocol, file, bytes, totalBytes, bytesPerSecond, state, error } = transfer;
  const amount = totalBytes === undefined ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(totalBytes)}`;
  const speed = `${formatBytes(bytesPerSecond)}/s`;
  if (state === "failed")
    return [client, protocol, file, `FAILED: ${error ?? ""}${bytes === 0 ? "" : `, after ${amount}`}`];
  return [client, protocol, file, state === "done" ? "done" : bar(bytes, totalBytes, barCharacters), amount, speed];
}

function bar(bytes: number, totalBytes: number | undefined, characters: number): string {
  if (totalBytes === undefined || totalBytes === 0) return "…";
  // A disc that is read in pieces may be read more than once.
  const share = Math.min(1, bytes / totalBytes);
  const full = Math.floor(share * characters);
  return `${"#".repeat(full).padEnd(characters, ".")} ${Math.floor(share * 100)}%`;
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
    const lines = renderScreen(this.#view(), { columns, rows }, steadySeconds());
    // Cleared first: behind a line of full width the cursor still stands on its last character.
    const text = lines.map((line) => CLEAR_LINE + line).join("\r\n");
    process.stdout.write(HOME + text + (lines.length < rows ? `\r\n${CLEAR_BELOW}` : ""));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    process.stdout.write(LEAVE);
  }
}
