/**
 * The words of zone files (RFC 1035 §5.1): an entry is a line, parentheses carry it over line ends, quotes hold blanks,
 * a semicolon begins a comment.
 */
import { NetloomError } from "../../base/errors.ts";

export interface Word {
  /** As it stands there: escapes \X and \DDD are still in it, quotes are not. */
  readonly text: string;
  readonly quoted: boolean;
}

export interface Entry {
  /** Of its first word, from 1. */
  readonly line: number;
  /** The line begins with blanks: the name is that of the entry before. */
  readonly indented: boolean;
  readonly words: readonly Word[];
}

/** A quote or a parenthesis that does not match. */
export class MasterFileError extends NetloomError {
  readonly line: number;

  constructor(line: number, reason: string) {
    super("bad-record", `zone file line ${line}: ${reason}`);
    this.line = line;
  }
}

/** What ends a word. */
const SPECIAL = /[\s;()"]/;

/** Entries without words are left out. @throws MasterFileError */
export function* readEntries(text: string): Generator<Entry> {
  const reader = new EntryReader(text);
  for (let entry = reader.next(); entry !== undefined; entry = reader.next()) if (entry.words.length > 0) yield entry;
}

class EntryReader {
  readonly #text: string;
  #position = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  next(): Entry | undefined {
    if (this.#position >= this.#text.length) return undefined;
    const words: Word[] = [];
    const indented = /[ \t]/.test(this.#text[this.#position]!);
    let line = this.#line;
    let depth = 0;
    while (this.#position < this.#text.length) {
      const character = this.#text[this.#position]!;
      if (character === "\n") {
        this.#position++;
        this.#line++;
        if (depth === 0) break;
      } else if (character === ";") this.#skipComment();
      else if (character === "(" || character === ")") {
        depth += character === "(" ? 1 : -1;
        if (depth < 0) throw this.#wrong("a ) without a (");
        this.#position++;
      } else if (/\s/.test(character)) this.#position++;
      else {
        if (words.length === 0) line = this.#line;
        words.push(character === '"' ? this.#quoted() : this.#plain());
      }
    }
    if (depth > 0) throw this.#wrong("a ( that is not closed");
    return { line, indented, words };
  }

  #skipComment(): void {
    const end = this.#text.indexOf("\n", this.#position);
    this.#position = end < 0 ? this.#text.length : end;
  }

  #quoted(): Word {
    const start = ++this.#position;
    for (;;) {
      const character = this.#text[this.#position];
      if (character === undefined || character === "\n") throw this.#wrong('a " that is not closed');
      if (character === '"') break;
      this.#position += character === "\\" ? 2 : 1;
    }
    return { text: this.#text.slice(start, this.#position++), quoted: true };
  }

  #plain(): Word {
    const start = this.#position;
    while (this.#position < this.#text.length && !SPECIAL.test(this.#text[this.#position]!)) {
      const escapes = this.#text[this.#position] === "\\" && this.#text[this.#position + 1] !== "\n";
      this.#position += escapes ? 2 : 1;
    }
    // key="value" of SVCB is one word.
    const quote = this.#text[this.#position] === '"' && this.#text[this.#position - 1] === "=";
    const text = this.#text.slice(start, this.#position);
    return { text: quote ? text + this.#quoted().text : text, quoted: false };
  }

  #wrong(reason: string): MasterFileError {
    return new MasterFileError(this.#line, reason);
  }
}
