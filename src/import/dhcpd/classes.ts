/** Classes, subclasses and conditionals of a dhcpd.conf as the classes of one network, in the order in which they count. */
import { bothMatch, cleanName, type DraftClass, type Located, type Match, unusedName } from "../draft.ts";
import type { Origin, Problems } from "../problem.ts";
import { matchOf, parseCondition } from "./condition.ts";
import type { Token } from "./lexer.ts";
import type { ClassDeclaration, DhcpdConfiguration } from "./read.ts";
import { type Conditional, type Scope, settle } from "./scope.ts";

const NO_CLASS = "no class of clients is made of this condition";
const WRITE_CLASS = "write a class with vendor, user, architecture or mac; all of its keys must match";

export interface ClassRange {
  /** Whose members alone get addresses of the ranges. */
  readonly className: string;
  readonly pool: Scope;
}

export class ClassBuilder {
  readonly #configuration: DhcpdConfiguration;
  readonly #problems: Problems;
  readonly #names = new Set<string>();
  readonly classes: DraftClass[] = [];

  constructor(configuration: DhcpdConfiguration, problems: Problems) {
    this.#configuration = configuration;
    this.#problems = problems;
  }

  /** Classes that stand by their name, with the ranges that are theirs; what holds for some members counts first. */
  addDeclared(declared: ClassDeclaration, ranges: readonly ClassRange[]): void {
    const own = ranges.filter(({ className }) => className === declared.name).map(({ pool }) => pool);
    const { scope, condition, subject, subclasses, name } = declared;
    const within = condition === undefined ? undefined : this.#matchesOf(condition);
    for (const conditional of scope.conditionals) {
      if (within === undefined) this.#tell(conditional.branches[0]?.statement.origin ?? scope.origin);
      else for (const match of within) this.addConditional(name, conditional, match);
    }
    if (condition === undefined && subclasses.length === 0 && !isEmpty(scope)) this.#tell(scope.origin);
    const all = [...own, ...othersOf(scope), scope];
    const found = (within ?? []).map((match) => ({ match, origin: condition!.origin, scopes: all }));
    for (const { scope: inner, value } of subclasses) {
      const match = subject === undefined ? undefined : matchOf(subject, value);
      if (match === undefined) this.#tell(inner.origin);
      else found.push({ match, origin: inner.origin, scopes: [inner, ...all] });
    }
    const pools = this.#usableRanges(own, found.length);
    for (const { match, origin, scopes } of found) this.#add(name, origin, match, scopes, pools);
  }

  /** A class has one range, which no other class has. */
  #usableRanges(pools: readonly Scope[], classes: number): Located<string>[] {
    const ranges = pools.flatMap((pool) => pool.ranges);
    const isShared = classes > 1;
    for (const { origin } of isShared ? ranges : ranges.slice(1))
      this.#problems.tell(
        origin,
        isShared ? `the range would be that of ${classes} classes` : "a class has one range, here the first",
        "give hosts addresses of their own, or part the range among the classes",
      );
    return isShared ? [] : ranges;
  }

  /** @param within what is so already */
  addConditional(name: string, { branches, otherwise }: Conditional, within?: Match): void {
    for (const { statement, condition, scope } of branches) {
      const matches = this.#matchesOf({ value: condition, origin: statement.origin }) ?? [];
      const both = matches.flatMap((match) => (within === undefined ? match : (bothMatch(within, match) ?? [])));
      for (const inner of scope.conditionals) for (const match of both) this.addConditional(name, inner, match);
      for (const match of both) this.#add(name, statement.origin, match, [...othersOf(scope), scope], []);
    }
    if (otherwise === undefined) return;
    for (const [code, { origin }] of otherwise.settings.options) {
      if (branches.some(({ scope }) => !scope.settings.options.has(code)))
        this.#problems.tell(
          origin,
          "clients of the other branches are told this, too",
          "give their classes another value, where that matters",
        );
    }
    for (const inner of otherwise.conditionals) this.addConditional(name, inner, within);
  }

  #matchesOf({ value, origin }: Located<readonly Token[]>): readonly Match[] | undefined {
    const matches = parseCondition(value, (option) => this.#configuration.definitions.codeOf(option));
    if (matches === undefined) this.#tell(origin);
    return matches;
  }

  #add(name: string, origin: Origin, match: Match, scopes: readonly Scope[], ranges: Located<string>[]): void {
    const settings = settle(scopes, this.#problems);
    const hasContent = settings.options.size > 0 || Object.keys(settings).length > 1 || ranges.length > 0;
    if (!hasContent) return;
    const fallback = Object.values(match).flat().join("-");
    this.classes.push({
      name: unusedName(cleanName(name || fallback, "class"), this.#names),
      origin,
      match,
      settings,
      ranges,
    });
  }

  #tell(origin: Origin): void {
    this.#problems.tell(origin, NO_CLASS, WRITE_CLASS);
  }
}

/** What stands under `else`: it holds where no branch says something else. */
export function othersOf({ conditionals }: Scope): Scope[] {
  return conditionals.flatMap(({ otherwise }) => (otherwise === undefined ? [] : [...othersOf(otherwise), otherwise]));
}

function isEmpty({ settings, conditionals }: Scope): boolean {
  return settings.options.size === 0 && Object.keys(settings).length === 1 && conditionals.length === 0;
}
