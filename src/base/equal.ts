/** Comparing plain JSON values; a property that is undefined counts as absent. */

/** Deep equality. */
export function equalValues(a: unknown, b: unknown): boolean {
  return a === b || (covers(a, b) && covers(b, a));
}

/** Whether every property that `wanted` specifies has the same value in `actual`. */
export function covers(wanted: unknown, actual: unknown): boolean {
  if (wanted === actual) return true;
  if (!isObject(wanted) || !isObject(actual)) return false;
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(actual) && wanted.length === actual.length && wanted.every((item, i) => covers(item, actual[i]))
    );
  }
  for (const name of Object.keys(wanted)) {
    const value = wanted[name];
    if (value !== undefined && value !== actual[name] && !covers(value, actual[name])) return false;
  }
  return true;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
