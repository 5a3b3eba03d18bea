/** dhcp leases --watch and dhcp6 leases --watch: the leases as they come and go, read from the files that the servers write. */
import { statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { untilInterrupted } from "../interrupt.ts";
import { changesBetween, formatChange, type LeaseView, viewOf } from "../lease-changes.ts";
import { formatPoolUse, type KeptLease, type LeaseFamily, readLastLeases } from "../lease-family.ts";
import { isMeant, type LeaseFile, leaseFiles, nameOfServer } from "../lease-files.ts";
import { print, printJson } from "../output.ts";
import { formatLeaseTable, type ShownLease } from "../shown-lease.ts";

/** Leases end without anybody writing, so that notices of written files alone would not do. */
const LOOK_MILLISECONDS = 200;
/** Reading takes this part of the time at most, however many leases there are. */
const MOST_BUSY = 0.2;
const CLEAR = "\u001b[H\u001b[J";

/** Files are read again only when they have changed. */
class Reader<Kept extends KeptLease> {
  readonly #family: LeaseFamily<Kept>;
  readonly #known = new Map<string, { readonly stamp: string; readonly leases: readonly Kept[] }>();

  constructor(family: LeaseFamily<Kept>) {
    this.#family = family;
  }

  read({ path }: LeaseFile): readonly Kept[] {
    const status = statSync(path, { throwIfNoEntry: false });
    const stamp = status === undefined ? "" : `${status.ino} ${status.size} ${status.mtimeMs}`;
    const known = this.#known.get(path);
    if (known?.stamp === stamp) return known.leases;
    const leases = readLastLeases(this.#family, path);
    this.#known.set(path, { stamp, leases });
    return leases;
  }
}

/**
 * Until Ctrl-C. On a terminal a table that is drawn again with every change, else one line for each change.
 * @param wanted an interface or a network; undefined: all
 * @param json one object a line
 * @param all also leases that have ended, in the table
 */
export async function watchLeases<Kept extends KeptLease>(
  family: LeaseFamily<Kept>,
  stateFolder: string,
  { wanted, json, all }: { readonly wanted: string | undefined; readonly json: boolean; readonly all: boolean },
): Promise<number> {
  using interrupt = untilInterrupted();
  const { signal } = interrupt;
  const reader = new Reader(family);
  let view: LeaseView | undefined;
  let drawn = "";
  const isTable = !json && process.stdout.isTTY;
  while (!signal.aborted) {
    const started = performance.now();
    const now = Date.now() / 1000;
    // Servers come and go meanwhile.
    const files = leaseFiles(stateFolder, family.name, view === undefined ? wanted : undefined);
    const meant = files.filter(({ server }) => wanted === undefined || isMeant(server, wanted));
    const read = meant.map((file) => ({ ...file, leases: reader.read(file) }));
    const shown = read.flatMap(({ server, leases }) => leases.map((lease) => family.show(server, lease, now)));
    const pools = read.flatMap(({ path, server, leases }) => {
      const use = family.poolUse(path, leases, now);
      return use === undefined ? [] : [{ server, use }];
    });
    const next = viewOf(shown);
    if (isTable) {
      const lines = pools.map(({ server, use }) => formatPoolUse(server, use));
      const text = [formatLeaseTable(shown.filter((lease) => all || isHeld(lease))), ...lines].join("\n");
      if (text !== drawn) process.stdout.write(`${CLEAR}${text}\n`);
      drawn = text;
    } else {
      const clock = new Date().toTimeString().slice(0, 8);
      for (const change of changesBetween(view, next)) {
        const pool = pools.find(({ server }) => nameOfServer(server) === nameOfServer(change.lease))?.use;
        if (json) printJson({ change: change.change, ...change.lease, ...(pool === undefined ? {} : { pool }) });
        else print(formatChange(change, clock));
      }
    }
    view = next;
    const pause = Math.max(LOOK_MILLISECONDS, (performance.now() - started) / MOST_BUSY);
    // The signal ends it early.
    await sleep(pause, undefined, { signal }).catch(() => undefined);
  }
  return 0;
}

function isHeld({ state }: ShownLease): boolean {
  return state === "leased" || state === "declined";
}
