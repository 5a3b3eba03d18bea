/** A word on each statement of named.conf that is not read. */
import type { Problems } from "../problem.ts";
import type { NamedConfiguration } from "./configuration.ts";
import { READ_OPTIONS } from "./options.ts";
import type { Statement } from "./statements.ts";
import { UNTAKEN, WITHOUT_EFFECT } from "./untaken.ts";

const READ_IN_ZONES = new Set([
  "type",
  "file",
  "forwarders",
  "forward",
  "masters",
  "primaries",
  "server-addresses",
  "allow-query",
]);

export function tellUntaken({ options, zones, others }: NamedConfiguration, problems: Problems): void {
  for (const statement of options.values()) tell(statement, READ_OPTIONS, problems);
  for (const { settings } of zones) for (const statement of settings.values()) tell(statement, READ_IN_ZONES, problems);
  for (const statement of others) tell(statement, new Set(), problems);
}

function tell({ words, block, origin }: Statement, read: ReadonlySet<string>, problems: Problems): void {
  const key = words[0]?.toLowerCase() ?? "";
  const inner = block?.map((each) => each.words.join(" ")).join("; ");
  const whole = [...words.map((word) => word.toLowerCase()), ...(inner === undefined ? [] : [`{ ${inner} }`])].join(
    " ",
  );
  if (read.has(key) || WITHOUT_EFFECT.has(key) || WITHOUT_EFFECT.has(whole)) return;
  const [reason, remedy] = UNTAKEN.get(key) ?? ["it is not known here", "look up in named.conf(5) what it does"];
  problems.tell(origin, reason, remedy);
}
