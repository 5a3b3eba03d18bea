/** The network file's text to a Model: read, check the shape, check what is between the parts, allocate. */
import { Context } from "./context.ts";
import { checkDelegated } from "./delegated.ts";
import { isPlainMap, type Plain, readDocument, type SourceDocument } from "./document.ts";
import { buildMachines, claimDeclaredMacs } from "./machines.ts";
import { type Complaint, formatPath, type Mistake, NetworkFileError, type Path, type Position } from "./mistakes.ts";
import type { Model } from "./model.ts";
import type { KnownNic } from "./nic-numbers.ts";
import { buildNetworks, buildRouters } from "./networks.ts";
import type { FileShape } from "./schema.ts";
import { checkShape } from "./shape.ts";
import { buildUplinks, checkUplinkSubnets } from "./uplinks.ts";

interface ParseOptions {
  /** Absolute path of the file's folder: relative paths in the file start here. */
  readonly folder: string;
  /** Addresses that an earlier run gave, by machine and NIC: "pod1/0". */
  readonly previous?: ReadonlyMap<string, string>;
  /** NICs straight on networks that guests have, by machine. */
  readonly previousNics?: ReadonlyMap<string, readonly KnownNic[]>;
  /** Addresses that something besides the file has, by network (placeIn of addresses.ts), with what has them. */
  readonly taken?: ReadonlyMap<string, string>;
}

/**
 * Read a network file.
 * @param file its name, for messages; its base name is the default of `name:`
 * @throws NetworkFileError (code bad-file) with every mistake in the file
 */
export function parseNetworkFile(text: string, file: string, options: ParseOptions): Model {
  const document = readDocument(text);
  const mistakes: Mistake[] = document.complaints.map((complaint) =>
    place(complaint, complaint.position, file, undefined),
  );
  if (document.root === undefined) throw new NetworkFileError(file, mistakes);
  if (document.root === null) {
    const empty = { path: [], reason: "the file is empty", remedy: "begin with version: 1" };
    throw new NetworkFileError(file, [place(empty, { line: 1, column: 1 }, file, undefined)]);
  }
  const shape = checkShape(document.root);
  const name = shape.file?.name ?? baseName(file);
  const context = new Context(document, name);
  const model = shape.file === undefined ? undefined : build(shape.file, file, name, options, context);
  for (const complaint of [...shape.complaints, ...context.complaints])
    mistakes.push(placeIn(document, complaint, file));
  mistakes.sort((a, b) => a.line - b.line || a.column - b.column);
  if (model === undefined || mistakes.length > 0) throw new NetworkFileError(file, mistakes);
  return model;
}

function build(file: FileShape, fileName: string, name: string, options: ParseOptions, context: Context): Model {
  if (file.name === undefined && !/^[a-z0-9][a-z0-9-]{0,62}$/.test(name)) {
    context.complain(
      ["name"],
      `the file's own name ${JSON.stringify(name)} is not a good name`,
      "add name: with 1 to 63 of a-z, 0-9 and -, no dash in front",
    );
  }
  context.value(["name"], file.name, name);
  claimDeclaredMacs(file, context);
  const uplinks = buildUplinks(file, context);
  const networks = buildNetworks(file, options.folder, context);
  checkUplinkSubnets(uplinks, networks, file, context);
  const routers = buildRouters(file, context);
  checkDelegated(networks, uplinks, routers, context);
  const devices = new Set([
    ...uplinks.map((uplink) => uplink.device),
    ...networks.flatMap((network) => [network.device, ...network.ports]),
  ]);
  const machines = buildMachines(
    file,
    {
      folder: options.folder,
      previous: options.previous ?? new Map(),
      previousNics: options.previousNics ?? new Map(),
      taken: options.taken ?? new Map(),
      networks,
      devices,
    },
    context,
  );
  return { name, file: fileName, uplinks, networks, routers, machines, origins: context.origins };
}

function baseName(file: string): string {
  return file.slice(file.lastIndexOf("/") + 1).replace(/\.[^.]*$/, "");
}

function placeIn(document: SourceDocument, complaint: Complaint, file: string): Mistake {
  const value = complaint.atKey === true ? undefined : valueAt(document.root, complaint.path);
  return place(complaint, document.locate(complaint.path, complaint.atKey), file, value);
}

function place(complaint: Complaint, position: Position, file: string, value: Plain | undefined): Mistake {
  const { reason, remedy } = complaint;
  const { line, column } = position;
  return {
    file,
    line,
    column,
    path: formatPath(complaint.path),
    value: value === undefined ? undefined : brief(value),
    reason,
    remedy,
  };
}

function valueAt(root: Plain | undefined, path: Path): Plain | undefined {
  let value = root;
  for (const part of path) {
    if (Array.isArray(value)) value = value[Number(part)];
    else value = isPlainMap(value) ? value[String(part)] : undefined;
  }
  return value;
}

function brief(value: Plain): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
