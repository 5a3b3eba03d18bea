/** The text of dhcpd.conf as statements: each a row of words, ended by a semicolon or followed by a block. */
import { brief, type Origin, type Problems } from "../problem.ts";
import { type Token, tokenize } from "./lexer.ts";

export interface Statement {
  readonly tokens: readonly Token[];
  readonly origin: Origin;
  readonly block?: readonly Statement[];
}

/** dhcpd's own examples have five. */
const MOST_DEPTH = 32;

/** @param problems where it is told what cannot be read @param file the name of an included one */
export function parseStatements(text: string, problems: Problems, file?: string): Statement[] {
  const originOf = (words: readonly Token[]): Origin => locate(text, words, file);
  const tokens = tokenize(text);
  const top: Statement[] = [];
  const open: { statements: Statement[]; origin: Origin }[] = [];
  let words: Token[] = [];
  const inner = (): Statement[] => open.at(-1)?.statements ?? top;
  // `option NAME code NUMBER = { TYPE, TYPE };` is no block.
  const isRecord = (): boolean => words.at(-1)?.text === "=" || words.some(({ text }) => text === "{");
  for (const token of tokens) {
    const { kind, text: mark } = token;
    if (kind === "end") break;
    if (kind !== "punctuation" || !";{}".includes(mark) || (mark !== ";" && isRecord())) {
      words.push(token);
      continue;
    }
    if (mark === ";") {
      if (words.length > 0) inner().push({ tokens: words, origin: originOf(words) });
    } else if (mark === "{") {
      const origin = originOf(words.length > 0 ? words : [token]);
      const block: Statement[] = [];
      if (open.length >= MOST_DEPTH) {
        problems.tell(
          origin,
          "the blocks are nested too deeply, nothing is read from here",
          "write it with fewer blocks",
        );
        return top;
      }
      inner().push({ tokens: words, origin, block });
      open.push({ statements: block, origin });
    } else {
      if (words.length > 0) tellEnd(originOf(words), problems);
      if (open.pop() === undefined)
        problems.tell(
          { ...originOf([token]), text: "}" },
          "it closes no block",
          "look for a { that is missing above it",
        );
    }
    words = [];
  }
  if (words.length > 0) tellEnd(originOf(words), problems);
  for (const { origin } of open) problems.tell(origin, "the block has no end", "look for a } that is missing");
  return top;
}

function tellEnd(origin: Origin, problems: Problems): void {
  problems.tell(origin, "the statement has no end", "put a semicolon behind it");
}

function locate(text: string, words: readonly Token[], file: string | undefined): Origin {
  const [first, last] = [words[0], words.at(-1)];
  return {
    line: first?.line ?? 1,
    text: brief(text.slice(first?.start, last?.end)),
    ...(file === undefined ? {} : { file }),
  };
}

/** The words without their kinds, in lower case up to the first that is a string: keywords have no case. */
export function keywords({ tokens }: Statement): string[] {
  return tokens.map(({ kind, text }) => (kind === "string" ? text : text.toLowerCase()));
}
