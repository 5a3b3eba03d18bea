/** Where `netloom netboot` shows what happens: a screen on a terminal, else lines of text or of JSON. */
import { formatPrefix } from "../../base/address.ts";
import type { Logger } from "../../base/logger.ts";
import type { NetbootOptions, NetbootSession } from "../../engine/netboot.ts";
import { steadySeconds } from "../../services/clock.ts";
import { AskedClients } from "../../services/netboot/clients.ts";
import { explainBeside, explainFiles } from "../../services/netboot/explain.ts";
import { Pace } from "../../services/netboot/pace.ts";
import {
  addressesLine,
  arrivingLine,
  askedJson,
  askedLine,
  folderJson,
  folderLines,
  oneLine,
  transferJson,
  transferLine,
} from "./netboot-lines.ts";
import { NetbootScreen } from "./netboot-screen.ts";
import { complain, lineLogger, print, printJson, STDERR_LOGGER } from "./output.ts";

export interface NetbootDisplay
  extends Pick<NetbootOptions, "onLook" | "onAsked" | "onFolder" | "onGiver" | "onTransfer"> {
  readonly logger: Logger;
  /** It serves now. Dispose of what is returned when it ends. */
  serving(session: NetbootSession, share: string | undefined): Disposable;
}

const NOTHING: Disposable = { [Symbol.dispose]: () => undefined };
/** Of transfers; with --json all are told. */
const MOST_LINES_PER_SECOND = 100;
/** Kept for the screen, and told again when it goes. */
const REMEMBERED_LINES = 20;

export function jsonDisplay(): NetbootDisplay {
  const clients = new AskedClients();
  return {
    onAsked: (event) => {
      if (clients.take(event, steadySeconds())) printJson(askedJson(event));
    },
    onFolder: (change) => printJson(folderJson(change)),
    onGiver: (giver) => printJson({ event: "addresses", ...giver }),
    onTransfer: (transfer) => printJson(transferJson(transfer)),
    logger: STDERR_LOGGER,
    serving({ interfaceName, address, giver, boot }, share) {
      const { folder, files, place } = boot;
      printJson({
        event: "serving",
        interface: interfaceName,
        address: formatPrefix(address),
        root: folder.root,
        httpPort: place.httpPort,
        ...giver,
        ...(share === undefined ? {} : { share }),
        files,
        arriving: folder.arriving,
        notes: folder.notes,
      });
      return NOTHING;
    },
  };
}

export function lineDisplay(): NetbootDisplay {
  const clients = new AskedClients();
  const pace = new Pace(MOST_LINES_PER_SECOND);
  return {
    onLook: tellLook,
    onAsked: (event) => {
      if (clients.take(event, steadySeconds())) print(askedLine(event));
    },
    onFolder: (change) => folderLines(change).forEach(print),
    onGiver: (giver, interfaceName) => print(addressesLine(giver, interfaceName)),
    onTransfer: (transfer) => {
      if (pace.take(steadySeconds())) print(transferLine(transfer));
    },
    logger: STDERR_LOGGER,
    serving(session, share) {
      for (const line of headOf(session, share)) print(oneLine(line));
      for (const line of remarksOf(session)) complain(line);
      return NOTHING;
    },
  };
}

export function screenDisplay(): NetbootDisplay {
  const clients = new AskedClients();
  const log: string[] = [];
  const remember = (line: string): void => {
    log.push(line);
    if (log.length > REMEMBERED_LINES) log.shift();
  };
  return {
    onLook: tellLook,
    onAsked: (event) => void clients.take(event, steadySeconds()),
    onFolder: (change) => folderLines(change).forEach(remember),
    onGiver: () => undefined,
    onTransfer: () => undefined,
    logger: lineLogger((line) => {
      if (/^(?:warning|error): /.test(line)) remember(line);
    }),
    serving(session, share) {
      for (const line of remarksOf(session)) remember(line);
      const screen = new NetbootScreen(() => ({
        head: headOf(session, share),
        clients: clients.list(),
        transfers: session.boot.transfers(),
        log,
      }));
      return {
        [Symbol.dispose]() {
          screen[Symbol.dispose]();
          for (const line of log) complain(line);
        },
      };
    },
  };
}

/** What is not as one may think it is. */
function remarksOf({ address, boot: { folder, files }, giver }: NetbootSession): string[] {
  const isElsewhere = giver.mode === "proxy" && giver.server !== address.address;
  const notes = [...folder.notes, ...(isElsewhere ? explainBeside(folder, files, giver.server) : [])];
  return [...folder.arriving.map(arrivingLine), ...notes.map((note) => `note: ${note}`)];
}

function tellLook(interfaceName: string): void {
  complain(`Looking for a DHCP server on ${interfaceName}…`);
}

function headOf({ interfaceName, address, giver, boot }: NetbootSession, share: string | undefined): string[] {
  const { folder, files, place } = boot;
  return [
    `Booting from ${folder.root} on ${interfaceName} as ${formatPrefix(address)}.`,
    addressesLine(giver, interfaceName),
    ...explainFiles(folder, files).map((line) => `  ${line}`),
    ...(share === undefined ? [] : [`  ${"Windows".padEnd(18)} \\\\${place.address}\\${share}`]),
  ];
}
