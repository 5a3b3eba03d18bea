/** Domain names as a resolver compares them: text in lower case, no final dot, the root is "". */

export function canonicalName(name: string): string {
  return name.toLowerCase();
}

/** Whether the name is the domain or below it. Both in lower case. */
export function isWithin(name: string, domain: string): boolean {
  if (domain === "" || name === domain) return true;
  return name.endsWith(domain) && name[name.length - domain.length - 1] === ".";
}

/** Without the first label; of the root: undefined. A dot that is part of a label is written \046 and not seen here. */
export function parentOf(name: string): string | undefined {
  if (name === "") return undefined;
  const dot = name.indexOf(".");
  return dot < 0 ? "" : name.slice(dot + 1);
}

/** The name and those above it, from the longest to the root. */
export function* selfAndAncestors(name: string): Generator<string> {
  for (let current: string | undefined = name; current !== undefined; current = parentOf(current)) yield current;
}

export function labelCount(name: string): number {
  return name === "" ? 0 : name.split(".").length;
}

/** The last so many labels. */
export function lastLabels(name: string, count: number): string {
  return count === 0 ? "" : name.split(".").slice(-count).join(".");
}
