/**
 * YAML (or JSON) text to plain values that know where they stand.
 *
 * Aliases are expanded here and not by the YAML library, so that a file of a few lines cannot grow without
 * bound ("billion laughs"): the number of expanded values is limited.
 */
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLError,
} from "yaml";
import { type Complaint, formatPath, type Path, type Position } from "./mistakes.ts";

export type Plain = string | number | boolean | null | Plain[] | PlainMap;
export interface PlainMap {
  [key: string]: Plain;
}

export function isPlainMap(value: Plain | undefined): value is PlainMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A mistake that already has its place. */
export interface PlacedComplaint extends Complaint {
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
  const reader = new Reader(document, places, (offset, complaint) =>
    complaints.push({ ...complaint, position: position(offset) }),
  );
  const root = !readable || document.contents === null ? null : reader.read(document.contents, [], 0);
  return {
    root: readable && !reader.overflown ? root : undefined,
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

class Reader {
  readonly #document: Document.Parsed;
  readonly #places: Map<string, Place>;
  readonly #report: Report;
  #values = 0;

  /** The limits were exceeded: what was read is not whole. */
  get overflown(): boolean {
    return this.#values >= MAXIMUM_VALUES;
  }

  constructor(document: Document.Parsed, places: Map<string, Place>, report: Report) {
    this.#document = document;
    this.#places = places;
    this.#report = report;
  }

  read(node: Node, path: Path, depth: number): Plain {
    this.#values++;
    const offset = node.range?.[0] ?? 0;
    if (this.#values === MAXIMUM_VALUES) {
      this.#report(offset, {
        path: [],
        reason: `the file holds more than ${MAXIMUM_VALUES} values once its aliases are written out`,
        remedy: "use fewer aliases (*name)",
      });
    }
    if (this.#values >= MAXIMUM_VALUES) return null;
    if (depth > MAXIMUM_DEPTH) {
      this.#report(offset, {
        path: path.slice(0, 2),
        reason: "lists or maps are nested too deeply, or an alias holds itself",
        remedy: TOO_DEEP.remedy,
      });
      this.#values = MAXIMUM_VALUES;
      return null;
    }
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      return target === undefined ? null : this.read(target, path, depth + 1);
    }
    if (isSeq(node)) {
      return node.items.map((item, index) => {
        const child = item as Node;
        const start = child.range?.[0] ?? offset;
        this.#place([...path, index], { key: start, value: start });
        return this.read(child, [...path, index], depth + 1);
      });
    }
    if (isMap(node)) return this.#map(node.items, path, depth);
    return isScalar(node) ? scalar(node.value, node.source) : null;
  }

  #map(items: readonly unknown[], path: Path, depth: number): PlainMap {
    const map: PlainMap = {};
    for (const pair of items) {
      if (!isPair(pair)) continue;
      const keyNode = pair.key as Node;
      const keyOffset = keyNode.range?.[0] ?? 0;
      if (!isScalar(keyNode)) {
        this.#report(keyOffset, {
          path,
          reason: "a key is a list, a map or an alias",
          remedy: "write a plain word as key",
        });
        continue;
      }
      const key = String(keyNode.source ?? keyNode.value);
      if (RESERVED_KEYS.has(key)) {
        this.#report(keyOffset, {
          path: [...path, key],
          reason: `"${key}" cannot be a key`,
          remedy: "choose another name",
        });
        continue;
      }
      const value = pair.value as Node | null;
      this.#place([...path, key], { key: keyOffset, value: value?.range?.[0] ?? keyOffset });
      map[key] = value === null ? null : this.read(value, [...path, key], depth + 1);
    }
    return map;
  }

  #place(path: Path, place: Place): void {
    this.#places.set(formatPath(path), place);
  }
}

function scalar(value: unknown, source: string | undefined): Plain {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean" || value === null)
    return value;
  return source ?? "";
}
