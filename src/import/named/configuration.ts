/** What a named.conf says: options, lists of addresses by name, zones. */
import type { ImportOptions } from "../options.ts";
import type { Origin, Problems } from "../problem.ts";
import { readStatements, type Statement } from "./statements.ts";

export interface NamedZone {
  /** In lower case, without a final dot; the root is "". */
  readonly name: string;
  /** As it is written: "master", "forward". */
  readonly type: string;
  readonly settings: ReadonlyMap<string, Statement>;
  readonly origin: Origin;
}

/** Its name and the class are not of interest; by the first word. */
type Settings = Map<string, Statement>;

export class NamedConfiguration {
  readonly options: Settings = new Map();
  readonly lists = new Map<string, Statement>();
  /** How servers are asked over TLS, by name. */
  readonly tls = new Map<string, Statement>();
  readonly zones: NamedZone[] = [];
  /** Statements of other kinds. */
  readonly others: Statement[] = [];
  readonly #problems: Problems;
  readonly #names = new Set<string>();
  #view: string | undefined;

  constructor(text: string, { included, problems }: Pick<ImportOptions, "included" | "problems">) {
    this.#problems = problems;
    for (const statement of readStatements(text, { included, problems })) this.#take(statement);
  }

  #take(statement: Statement): void {
    const { words, block = [], origin } = statement;
    switch (words[0]?.toLowerCase()) {
      case "options":
        for (const inner of block) this.#set(this.options, inner);
        return;
      case "acl":
      case "masters":
      case "primaries":
      case "remote-servers":
        this.lists.set(words[1] ?? "", statement);
        return;
      case "tls":
        this.tls.set(words[1] ?? "", statement);
        return;
      case "view":
        this.#takeView(words[1] ?? "", block, origin);
        return;
      case "zone":
        this.#takeZone(words[1] ?? "", block, origin);
        return;
      default:
        this.others.push(statement);
    }
  }

  #takeView(name: string, block: readonly Statement[], origin: Origin): void {
    this.#view ??= name;
    if (this.#view !== name) {
      this.#problems.tell(
        origin,
        `a network has one view of all names; taken is ${this.#view}`,
        "put this view's zones and options into a file of their own, and import it for another network",
      );
      return;
    }
    for (const statement of block) {
      if (["zone", "acl"].includes(statement.words[0] ?? "")) this.#take(statement);
      // What a view says counts before what is said for all.
      else this.options.set(statement.words[0]?.toLowerCase() ?? "", statement);
    }
  }

  #takeZone(text: string, block: readonly Statement[], origin: Origin): void {
    const name = text.toLowerCase().replace(/\.$/, "");
    if (this.#names.has(name)) {
      this.#problems.tell(origin, `the zone ${text} stands there twice`, "remove one of them");
      return;
    }
    this.#names.add(name);
    const settings: Settings = new Map();
    for (const statement of block) this.#set(settings, statement);
    const type = settings.get("type")?.words[1]?.toLowerCase() ?? "";
    if (type === "") this.#problems.tell(origin, "the zone has no type", "write type primary; with its file");
    this.zones.push({ name, type, settings, origin });
  }

  #set(settings: Settings, statement: Statement): void {
    const key = statement.words[0]?.toLowerCase() ?? "";
    if (settings.has(key)) this.#problems.tell(statement.origin, `${key} stands there twice`, "remove one of them");
    settings.set(key, statement);
  }
}
