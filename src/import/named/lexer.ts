/** Words, strings, braces and semicolons of named.conf; comments of three kinds. */

export interface Token {
  readonly kind: "word" | "string" | "{" | "}" | ";" | "end";
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

/** One at a time: a pattern of millions of comments in a row is more than its stack holds. */
const BLANKS = /\s+|\/\/[^\n]*|#[^\n]*|\/\*[^]*?(?:\*\/|$)/y;
/** A string that nobody closed ends with its line. */
const STRING = /"((?:[^"\\\n]|\\[^\n])*)"?/y;
const WORD = /(?:[^\s{};"/#]|\/(?![/*]))+/y;

/** All tokens, and a last one of kind `end`. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (let offset = 0; offset < text.length; ) {
    const take = (pattern: RegExp): RegExpExecArray | null => {
      pattern.lastIndex = offset;
      return pattern.exec(text);
    };
    const blanks = take(BLANKS)?.[0];
    if (blanks !== undefined) {
      offset += blanks.length;
      line += blanks.split("\n").length - 1;
      continue;
    }
    const quoted = take(STRING);
    const source = quoted?.[0] ?? take(WORD)?.[0] ?? text.charAt(offset);
    if (quoted !== null) tokens.push({ kind: "string", text: (quoted[1] ?? "").replace(/\\(.)/g, "$1"), line });
    else if (source === "{" || source === "}" || source === ";") tokens.push({ kind: source, text: source, line });
    else tokens.push({ kind: "word", text: source, line });
    offset += source.length;
  }
  tokens.push({ kind: "end", text: "", line });
  return tokens;
}
