/** Statements of named.conf: words, and blocks of statements between them, up to a semicolon. */
import type { Included } from "../included.ts";
import { brief, type Origin, type Problems } from "../problem.ts";
import { type Token, tokenize } from "./lexer.ts";

export interface Statement {
  /** All words up to the first block: "zone", "example.org", "IN". */
  readonly words: readonly string[];
  /** What stands between the first braces; undefined: there are none. */
  readonly block: readonly Statement[] | undefined;
  readonly origin: Origin;
}

const MOST_DEPTH = 16;

/** What includes bring stands in their place. */
export function readStatements(
  text: string,
  { included, problems, file }: { readonly included: Included; readonly problems: Problems; readonly file?: string },
): Statement[] {
  return new Reader(tokenize(text), included, problems, file).statements(0);
}

class Reader {
  readonly #tokens: readonly Token[];
  readonly #included: Included;
  readonly #problems: Problems;
  readonly #file: string | undefined;
  #position = 0;

  constructor(tokens: readonly Token[], included: Included, problems: Problems, file: string | undefined) {
    this.#tokens = tokens;
    this.#included = included;
    this.#problems = problems;
    this.#file = file;
  }

  get #token(): Token {
    return this.#tokens[this.#position] ?? this.#tokens.at(-1)!;
  }

  get #before(): Token {
    return this.#tokens[this.#position - 1] ?? this.#token;
  }

  statements(depth: number): Statement[] {
    const statements: Statement[] = [];
    for (;;) {
      const { kind } = this.#token;
      if (kind === "end" || (kind === "}" && depth > 0)) return statements;
      if (kind === "}") this.#tell(this.#token, "there is no { that it closes", "remove it");
      if (kind === "}" || kind === ";") this.#position++;
      else {
        const statement = this.#statement(depth);
        if (statement.words[0] === "include" && statement.words.length === 2)
          this.#include(statement.words[1]!, statement.origin, statements);
        else statements.push(statement);
      }
    }
  }

  #include(path: string, origin: Origin, statements: Statement[]): void {
    this.#included.follow(path, origin, ({ name, text }) => {
      const inner = { included: this.#included, problems: this.#problems, file: name };
      for (const statement of readStatements(text, inner)) statements.push(statement);
    });
  }

  #statement(depth: number): Statement {
    const first = this.#token;
    const words: string[] = [];
    const shown: string[] = [];
    let block: readonly Statement[] | undefined;
    for (let line = first.line; ; ) {
      const token = this.#token;
      if (token.kind === ";") {
        this.#position++;
        break;
      }
      // named-checkconf: missing ';'. In the middle of a line it cannot be seen.
      if (token.kind === "end" || token.kind === "}") {
        this.#tell(this.#before, "a semicolon is missing behind this", "write ; there");
        break;
      }
      if (token.kind === "{") {
        const inner = this.#block(depth);
        block ??= inner;
        shown.push("{ ... }");
        line = this.#before.line;
        continue;
      }
      if (token.line > line && block !== undefined) {
        this.#tell(this.#before, "a semicolon is missing behind this", "write ; there");
        break;
      }
      if (block === undefined) words.push(token.text);
      shown.push(token.text);
      this.#position++;
    }
    return { words, block, origin: this.#origin(first, shown.join(" ")) };
  }

  #block(depth: number): readonly Statement[] {
    const open = this.#token;
    this.#position++;
    if (depth >= MOST_DEPTH) {
      this.#tell(open, "blocks stand too deep in each other", "write it with fewer");
      this.#skip();
      return [];
    }
    const statements = this.statements(depth + 1);
    if (this.#token.kind === "end") this.#tell(open, "the { is not closed", "write }; where it ends");
    else this.#position++;
    return statements;
  }

  /** To behind the brace that closes. */
  #skip(): void {
    for (let open = 1; open > 0 && this.#token.kind !== "end"; this.#position++) {
      if (this.#token.kind === "{") open++;
      else if (this.#token.kind === "}") open--;
    }
  }

  #origin({ line }: Token, text: string): Origin {
    return { line, text: brief(text), ...(this.#file === undefined ? {} : { file: this.#file }) };
  }

  #tell(token: Token, reason: string, remedy: string): void {
    this.#problems.tell(this.#origin(token, token.text), reason, remedy);
  }
}
