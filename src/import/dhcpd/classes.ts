/** Classes, subclasses and conditionals of a dhcpd.conf as the classes of one network, in the order in which they count. */
import type { Budget } from "../budget.ts";
import {
  bothMatch,
  cleanName,
  type DraftClass,
  type Located,
  type Match,
  MOST_CLASSES,
  Names,
  type Settings,
  valuesOf,
} from "../draft.ts";
import type { Origin, Problems } from "../problem.ts";
import { matchOf, parseCondition } from "./condition.ts";
import type { Token } from "./lexer.ts";
import type { ClassDeclaration, DhcpdConfiguration } from "./read.ts";
import { type Conditional, type Scope, settle } from "./scope.ts";

const NO_CLASS = "no class of clients is made of this condition";
const WRITE_CLASS = "write a class with vendor, user, architecture or mac; all of its keys must match";

/** Conditions that are put together; in each other they multiply. */
const MOST_TRIED = 5_000;

/** By the name of a class, pools whose ranges are its members'. */
export type ClassPools = ReadonlyMap<string, readonly Scope[]>;

/** What is made of a declaration or a condition, whatever the network. */
interface Made {
  readonly name: string;
  readonly origin: Origin;
  readonly match: Match;
  readonly settings: Settings;
}

/** Of one file: what holds for all of its networks is worked out once. */
export class Classes {
  readonly #configuration: DhcpdConfiguration;
  readonly #problems: Problems;
  readonly #budget: Budget;
  readonly #conditions = new Map<readonly Token[], readonly Match[] | undefined>();
  readonly #conditionals = new Map<Conditional, readonly Made[]>();
  /** Those that say something, by name; the others count only with a range. */
  readonly #declared: ReadonlyMap<string, readonly Made[]>;
  readonly #order: ReadonlyMap<string, number>;
  #isLimitTold = false;
  #tried = 0;

  constructor(configuration: DhcpdConfiguration, problems: Problems, budget: Budget) {
    this.#configuration = configuration;
    this.#problems = problems;
    this.#budget = budget;
    const declared = [...configuration.classes.values()];
    this.#order = new Map(declared.map(({ name }, number) => [name, number]));
    this.#declared = new Map(
      declared
        .map((each) => {
          const { conditional, plain } = this.#makeDeclared(each, []);
          return [each.name, [...conditional, ...plain.filter(hasContent)]] as const;
        })
        .filter(([, made]) => made.length > 0),
    );
  }

  /**
   * Classes that stand by their name with the ranges that are theirs, and those of conditions.
   * @param scopes what holds for the network, from the inner to the outer
   */
  of(scopes: readonly Scope[], pools: ClassPools): DraftClass[] {
    const names = new Names();
    const classes: DraftClass[] = [];
    const add = (made: Made, ranges: Located<string>[]): boolean => {
      if (classes.length >= MOST_CLASSES) {
        if (!this.#isLimitTold)
          this.#problems.tell(
            made.origin,
            `a network has at most ${MOST_CLASSES} of these`,
            "part them among several networks",
          );
        return !this.#isLimitTold;
      }
      if (!this.#budget.take(4 + valuesOf(made.settings) + ranges.length, made.origin)) return false;
      const fallback = Object.values(made.match).flat().join("-");
      classes.push({ ...made, name: names.unused(cleanName(made.name || fallback, "class")), ranges });
      return true;
    };
    if (this.#addAll(scopes, pools, add) && classes.length >= MOST_CLASSES) this.#isLimitTold = true;
    return classes;
  }

  /** @returns whether all were added, or told that there is no room for them */
  #addAll(
    scopes: readonly Scope[],
    pools: ClassPools,
    add: (made: Made, ranges: Located<string>[]) => boolean,
  ): boolean {
    for (const name of this.#namesOf(pools)) {
      const own = pools.get(name);
      if (own === undefined) {
        for (const made of this.#declared.get(name) ?? []) if (!add(made, [])) return false;
        continue;
      }
      const { conditional, plain } = this.#makeDeclared(this.#configuration.classes.get(name)!, own);
      const ranges = this.#usableRanges(own, plain.length);
      for (const made of conditional) if (!add(made, [])) return false;
      for (const made of plain) if ((ranges.length > 0 || hasContent(made)) && !add(made, ranges)) return false;
    }
    for (const scope of scopes)
      for (const conditional of scope.conditionals)
        for (const made of this.#makeConditional(conditional)) if (!add(made, [])) return false;
    return true;
  }

  /** In the order in which they are declared. */
  #namesOf(pools: ClassPools): Iterable<string> {
    const ofPools = [...pools.keys()].filter((name) => this.#order.has(name) && !this.#declared.has(name));
    if (ofPools.length === 0) return this.#declared.keys();
    const numberOf = (name: string): number => this.#order.get(name) ?? 0;
    return [...this.#declared.keys(), ...ofPools].sort((a, b) => numberOf(a) - numberOf(b));
  }

  /** What holds for some members alone, and for each kind of them. @param own pools of the class */
  #makeDeclared(
    { scope, condition, subject, subclasses, name }: ClassDeclaration,
    own: readonly Scope[],
  ): { readonly conditional: readonly Made[]; readonly plain: readonly Made[] } {
    const conditional: Made[] = [];
    const within = condition === undefined ? undefined : this.#matchesOf(condition);
    for (const each of scope.conditionals) {
      if (within === undefined) this.#tell(each.branches[0]?.statement.origin ?? scope.origin);
      else for (const match of within) conditional.push(...this.#makeWithin(name, each, match));
    }
    if (condition === undefined && subclasses.length === 0 && !isEmpty(scope)) this.#tell(scope.origin);
    const all = [...own, ...othersOf(scope), scope];
    const shared = settle(all, this.#problems);
    const plain = (within ?? []).map((match): Made => ({ name, match, origin: condition!.origin, settings: shared }));
    for (const { scope: inner, value } of subclasses) {
      const match = subject === undefined ? undefined : matchOf(subject, value);
      if (match === undefined) this.#tell(inner.origin);
      else {
        const settings = isEmpty(inner) ? shared : settle([inner, ...all], this.#problems);
        plain.push({ name, match, origin: inner.origin, settings });
      }
    }
    return { conditional, plain };
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

  #makeConditional(conditional: Conditional): readonly Made[] {
    const known = this.#conditionals.get(conditional) ?? this.#makeWithin("", conditional);
    this.#conditionals.set(conditional, known);
    return known;
  }

  /** @param within what is so already */
  #makeWithin(name: string, { branches, otherwise }: Conditional, within?: Match): Made[] {
    const made: Made[] = [];
    for (const { statement, condition, scope } of branches) {
      if (++this.#tried > MOST_TRIED) {
        this.#problems.tell(statement.origin, "there are too many conditions within each other", WRITE_CLASS);
        return made.filter(hasContent);
      }
      const matches = this.#matchesOf({ value: condition, origin: statement.origin }) ?? [];
      const both = matches.flatMap((match) => (within === undefined ? match : (bothMatch(within, match) ?? [])));
      for (const inner of scope.conditionals)
        for (const match of both) made.push(...this.#makeWithin(name, inner, match));
      const settings = settle([...othersOf(scope), scope], this.#problems);
      for (const match of both) made.push({ name, origin: statement.origin, match, settings });
    }
    if (otherwise === undefined) return made.filter(hasContent);
    for (const [code, { origin }] of otherwise.settings.options) {
      if (branches.some(({ scope }) => !scope.settings.options.has(code)))
        this.#problems.tell(
          origin,
          "clients of the other branches are told this, too",
          "give their classes another value, where that matters",
        );
    }
    for (const inner of otherwise.conditionals) made.push(...this.#makeWithin(name, inner, within));
    return made.filter(hasContent);
  }

  #matchesOf({ value, origin }: Located<readonly Token[]>): readonly Match[] | undefined {
    if (this.#conditions.has(value)) return this.#conditions.get(value);
    const matches = parseCondition(value, (option) => this.#configuration.definitions.codeOf(option));
    if (matches === undefined) this.#tell(origin);
    this.#conditions.set(value, matches);
    return matches;
  }

  #tell(origin: Origin): void {
    this.#problems.tell(origin, NO_CLASS, WRITE_CLASS);
  }
}

/** What stands under `else`: it holds where no branch says something else. */
export function othersOf({ conditionals }: Scope): Scope[] {
  return conditionals.flatMap(({ otherwise }) => (otherwise === undefined ? [] : [...othersOf(otherwise), otherwise]));
}

function hasContent({ settings }: Made): boolean {
  return valuesOf(settings) > 0;
}

function isEmpty({ settings, conditionals, spaces }: Scope): boolean {
  return valuesOf(settings) === 0 && conditionals.length === 0 && spaces.size === 0;
}
