/**
 * YAML (or JSON) text to plain values that know where they stand.
 *
 * Aliases are expanded here and not by the YAML library, so that a file of a few lines cannot grow without
 * bound ("billion laughs"): the number of expanded values is limited.
 */
import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLError } from "yaml";
import { type Complaint, extendPath, formatPath, type Path, type Position } from "./mistakes.ts";

export type Plain = string | number | boolean | null | Plain[] | PlainMap;
export interface PlainMap {
  [key: string]: Plain;
}

export function isPlainMap(value: Plain | undefined): value is PlainMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A mistake that already has its place. */
interface PlacedComplaint extends Complaint {
  readonly position: Position;
}

/** A file read into plain values. */
export interface SourceDocument {
  /** undefined: the text is not YAML at all, see `complaints`. */
  readonly root: Plain | undefined;
  readonly complaints: readonly PlacedComplaint[];
  /** Where the value of a path (or, `atKey`, its key) stands; for a path that is not there, its nearest ancestor. */
  locate(path: Path, atKey?: boolean): Position;
}

const MAXIMUM_CHARACTERS = 4 * 1024 * 1024;
const MAXIMUM_VALUES = 100_000;
const MAXIMUM_DEPTH = 64;
/** After the first syntax errors most others follow from them. */
const MAXIMUM_SYNTAX_ERRORS = 10;
/** Keys that are special to JavaScript objects; as names they would be lost silently. */
const RESERVED_KEYS = new Set(["__proto__", "prototype", "constructor"]);

interface Place {
  readonly key: number;
  readonly value: number;
}

export function readDocument(text: string): SourceDocument {
  if (text.length > MAXIMUM_CHARACTERS) {
    return nothing({ reason: "the file is larger than 4 MiB", remedy: "a network file is a few pages; is this one?" });
  }
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false, logLevel: "error" });
  const position = (offset: number): Position => {
    const { line, col } = counter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const complaints: PlacedComplaint[] = [];
  for (const error of document.errors.slice(0, MAXIMUM_SYNTAX_ERRORS))
    complaints.push({ ...explain(error), path: [], position: position(error.pos[0]) });
  for (const warning of document.warnings) {
    complaints.push({
      path: [],
      reason: `YAML: ${warning.message}`,
      remedy: "write the value without a tag, in quotes if it is text",
      position: position(warning.pos[0]),
    });
  }
  // A key that stands twice leaves the rest readable, other syntax errors do not.
  const readable = document.errors.every((error) => error.code === "DUPLICATE_KEY");
  const places = new Map<string, Place>();
  const reader = new Reader(places, (offset, complaint) =>
    complaints.push({ ...complaint, position: position(offset) }),
  );
  const root = !readable || document.contents === null ? null : reader.read(document.contents, TOP);
  return {
    root: readable && !reader.incomplete ? root : undefined,
    complaints,
    locate(path, atKey = false) {
      for (let length = path.length; length > 0; length--) {
        const place = places.get(formatPath(path.slice(0, length)));
        if (place !== undefined) return position(atKey || length < path.length ? place.key : place.value);
      }
      return { line: 1, column: 1 };
    },
  };
}

function nothing(words: { reason: string; remedy: string }): SourceDocument {
  const position = { line: 1, column: 1 };
  return { root: undefined, complaints: [{ ...words, path: [], position }], locate: () => position };
}

const TOO_DEEP = { reason: "lists or maps are nested too deeply", remedy: `use at most ${MAXIMUM_DEPTH} levels` };

function explain(error: YAMLError): { reason: string; remedy: string } {
  switch (error.code) {
    case "TAB_AS_INDENT":
      return { reason: "a tab stands where YAML wants blanks", remedy: "indent with blanks, two a level" };
    case "DUPLICATE_KEY":
      return { reason: "the same key stands twice in one map", remedy: "keep one of the two" };
    case "MULTIPLE_DOCS":
      return { reason: "the file holds more than one YAML document", remedy: 'keep one; remove the line "---"' };
    default:
      // The library's parser is recursive and says so when its stack ends.
      if (error.message.includes("call stack")) return TOO_DEEP;
      return {
        reason: `not valid YAML: ${error.message}`,
        remedy: "check indentation, colons, brackets and quotes here",
      };
  }
}

type Report = (offset: number, complaint: Complaint) => void;

/** Where in the file's values a node stands. */
interface Spot {
  readonly path: Path;
  /** The same as text, a key of `places`. */
  readonly name: string;
  readonly depth: number;
  /** Inside an alias: these anchors were seen before. */
  readonly aliased: boolean;
}

const TOP: Spot = { path: [], name: "", depth: 0, aliased: false };

class Reader {
  readonly #places: Map<string, Place>;
  readonly #report: Report;
  readonly #anchors = new Map<string, Node>();
  #values = 0;
  #dangling = false;

  constructor(places: Map<string, Place>, report: Report) {
    this.#places = places;
    this.#report = report;
  }

  /** The limits were exceeded or an alias stands for nothing. */
  get incomplete(): boolean {
    return this.#overflown || this.#dangling;
  }

  get #overflown(): boolean {
    return this.#values >= MAXIMUM_VALUES;
  }

  read(node: Node, spot: Spot): Plain {
    const offset = node.range?.[0] ?? 0;
    if (!this.#count(offset, spot)) return null;
    if (isAlias(node)) return this.#alias(node.source, offset, spot);
    if (!spot.aliased && (isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined) {
      this.#anchors.set(node.anchor, node);
    }
    if (isSeq(node)) {
      return node.items.map((item, index) => {
        const child = item as Node;
        const start = child.range?.[0] ?? offset;
        return this.read(child, this.#step(spot, index, { key: start, value: start }));
      });
    }
    if (isMap(node)) return this.#map(node.items, spot);
    return isScalar(node) ? scalar(node.value, node.source) : null;
  }

  /** Whether one value more is within the limits. */
  #count(offset: number, spot: Spot): boolean {
    if (this.#overflown) return false;
    this.#values++;
    if (this.#overflown) {
      const reason = `the file holds more than ${MAXIMUM_VALUES} values once its aliases are written out`;
      this.#report(offset, { path: [], reason, remedy: "use fewer aliases (*name)" });
    } else if (spot.depth > MAXIMUM_DEPTH) {
      const reason = "lists or maps are nested too deeply, or an alias holds itself";
      this.#report(offset, { path: spot.path.slice(0, 2), reason, remedy: TOO_DEEP.remedy });
      this.#values = MAXIMUM_VALUES;
    }
    return !this.#overflown;
  }

  /** What an alias stands for: the anchor of its name that came last before it (YAML 1.2 §7.1). */
  #alias(name: string, offset: number, spot: Spot): Plain {
    const target = this.#anchors.get(name);
    if (target !== undefined) return this.read(target, { ...spot, depth: spot.depth + 1, aliased: true });
    this.#dangling = true;
    this.#report(offset, {
      path: spot.path,
      reason: `there is no anchor &${name} before *${name}`,
      remedy: "write the value itself",
    });
    return null;
  }

  #map(items: readonly unknown[], spot: Spot): PlainMap {
    const map: PlainMap = {};
    for (const pair of items) {
      if (!isPair(pair)) continue;
      const keyNode = pair.key as Node;
      const keyOffset = keyNode.range?.[0] ?? 0;
      const key = isScalar(keyNode) ? String(keyNode.source ?? keyNode.value) : undefined;
      if (key === undefined) {
        const reason = "a key is a list, a map or an alias";
        this.#report(keyOffset, { path: spot.path, reason, remedy: "write a plain word as key" });
      } else if (RESERVED_KEYS.has(key)) {
        const reason = `"${key}" cannot be a key`;
        this.#report(keyOffset, { path: [...spot.path, key], reason, remedy: "choose another name" });
      } else {
        const value = pair.value as Node | null;
        const inner = this.#step(spot, key, { key: keyOffset, value: value?.range?.[0] ?? keyOffset });
        map[key] = value === null ? null : this.read(value, inner);
      }
    }
    return map;
  }

  #step(spot: Spot, part: string | number, place: Place): Spot {
    const name = extendPath(spot.name, part);
    this.#places.set(name, place);
    return { path: [...spot.path, part], name, depth: spot.depth + 1, aliased: spot.aliased };
  }
}

function scalar(value: unknown, source: string | undefined): Plain {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean" || value === null)
    return value;
  return source ?? "";
}
