/** The words of dhcpd.conf and dhcpd.leases (dhcpd.conf(5), dhcp-eval(5)): comments, quotes, punctuation. */

export interface Token {
  /** `end`: the text is over. */
  readonly kind: "word" | "string" | "punctuation" | "end";
  /** Of a string: what it says, one character for each byte that is written as an escape. */
  readonly text: string;
  readonly line: number;
  /** Where it begins and ends in the text. */
  readonly start: number;
  readonly end: number;
}

const BLANKS = /(?:[ \t\r\f\v\n]|#[^\n]*)+/y;
const WORD = /[^\s{};,=()!"#~?&|]+/y;
/** A string that nobody closed ends with its line. */
const STRING = /"((?:[^"\\\n]|\\[^\n])*)"?/y;
const ESCAPE = /\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))/gs;
const ESCAPED: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b" };

/** All words, and a last one of kind `end`. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let offset = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = offset;
    return pattern.exec(text);
  };
  while (offset < text.length) {
    const blanks = take(BLANKS)?.[0];
    if (blanks !== undefined) {
      offset += blanks.length;
      line += blanks.split("\n").length - 1;
      continue;
    }
    const quoted = take(STRING);
    const word = quoted === null ? take(WORD)?.[0] : undefined;
    const source = quoted?.[0] ?? word ?? text.charAt(offset);
    const end = offset + source.length;
    const kind = quoted === null ? (word === undefined ? "punctuation" : "word") : "string";
    tokens.push({ kind, text: quoted === null ? source : unescape(quoted[1] ?? ""), line, start: offset, end });
    offset = end;
  }
  tokens.push({ kind: "end", text: "", line, start: text.length, end: text.length });
  return tokens;
}

function unescape(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replaceAll(
    ESCAPE,
    (_, octal: string | undefined, hexadecimal: string | undefined, other: string | undefined) => {
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 255);
      if (hexadecimal !== undefined) return String.fromCharCode(Number.parseInt(hexadecimal, 16));
      return ESCAPED[other ?? ""] ?? other ?? "";
    },
  );
}
