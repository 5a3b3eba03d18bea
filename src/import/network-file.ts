/**
 * Networks that were imported, as a network file. What the file's own reader refuses is left out and told, so that the
 * result is always one that it takes.
 */
import { Document, isMap, isPair, isScalar, isSeq, Scalar, visit } from "yaml";
import { NetworkFileError } from "../model/mistakes.ts";
import type { PlainMap } from "../model/document.ts";
import { parseNetworkFile } from "../model/parse.ts";
import { type DraftDns, type DraftNetwork, type DraftSubnet, MOST_CLASSES, MOST_HOSTS } from "./draft.ts";
import type { Origin, Problems } from "./problem.ts";
import { buildFile } from "./build-file.ts";

/** Each round finds what was hidden behind the mistakes of the one before. */
const MOST_ROUNDS = 20;

/** After so many what is wrong somewhere is left out as a whole network. */
const FINE_ROUNDS = 5;

const LINE_WIDTH = 120;

export interface NetworkFile {
  /** YAML. */
  readonly text: string;
  readonly content: PlainMap;
}

/** @param title the first line, a comment @returns undefined when nothing is left */
export function formatNetworkFile(
  networks: readonly DraftNetwork[],
  title: string,
  problems: Problems,
): NetworkFile | undefined {
  const dropped = new Set<Origin>();
  const limited = networks.map((network) => withinLimits(network, problems));
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const { content, origins } = buildFile(limited, dropped);
    if (Object.keys(content["networks"]).length === 0) return undefined;
    const text = writeYaml(content, limited, title);
    const mistakes = mistakesOf(text);
    if (mistakes.length === 0) return { text, content };
    for (const { path, reason, remedy, value } of mistakes) {
      const origin = originOf(path, origins, round >= FINE_ROUNDS);
      // Of the file as a whole: then nothing of it can be used.
      if (origin === undefined) {
        problems.tell({ line: 1, text: path }, reason, remedy);
        return undefined;
      }
      dropped.add(origin);
      problems.tell(origin, value === undefined ? reason : `${value} ${reason}`, remedy);
    }
  }
  return undefined;
}

/** What a network file takes of each kind. */
const MOST = {
  ranges: 256,
  ignore: 10_000,
  hosts: MOST_HOSTS,
  classes: MOST_CLASSES,
  also: 64,
  relayed: 1000,
  allow: 1000,
  records: 10_000,
  forward: 16,
} as const;

function withinLimits(network: DraftNetwork, problems: Problems): DraftNetwork {
  const limit = <T extends { readonly origin: Origin }>(kind: keyof typeof MOST, items: readonly T[]): T[] => {
    for (const { origin } of items.slice(MOST[kind]))
      problems.tell(origin, `a network has at most ${MOST[kind]} of these`, "part them among several networks");
    return items.slice(0, MOST[kind]);
  };
  const limitSubnets = (kind: "also" | "relayed", subnets: readonly DraftSubnet[]): DraftSubnet[] => {
    const located = subnets.map((subnet) => ({ subnet, origin: subnet.subnet.origin }));
    return limit(kind, located).map(({ subnet }) => ({ ...subnet, ranges: limit("ranges", subnet.ranges) }));
  };
  const limitDns = (dns: DraftDns): DraftDns => ({
    ...dns,
    forward: limit("forward", dns.forward),
    records: limit("records", dns.records),
    ...(dns.allow === undefined ? {} : { allow: limit("allow", dns.allow) }),
  });
  return {
    ...network,
    also: limitSubnets("also", network.also),
    relayed: limitSubnets("relayed", network.relayed),
    ranges: limit("ranges", network.ranges),
    ignore: limit("ignore", network.ignore),
    hosts: limit("hosts", network.hosts),
    classes: limit("classes", network.classes),
    ...(network.dns === undefined ? {} : { dns: limitDns(network.dns) }),
  };
}

function mistakesOf(text: string): NetworkFileError["mistakes"] {
  try {
    parseNetworkFile(text, "imported.yaml", { folder: "/" });
    return [];
  } catch (error) {
    if (error instanceof NetworkFileError) return error.mistakes;
    throw error;
  }
}

/** What stands at the path or around it: the nearest of it, or the outermost. */
function originOf(path: string, origins: ReadonlyMap<string, Origin>, isOutermost: boolean): Origin | undefined {
  let found: Origin | undefined;
  for (let at = path; at !== ""; at = at.replace(/(\.[^.[\]]+|\[[^[\]]*\]|^[^.[]+)$/, "")) {
    const origin = origins.get(at);
    if (origin !== undefined) found = origin;
    if ((found !== undefined && !isOutermost) || !/[.[]/.test(at)) return found;
  }
  return found;
}

/** Networks and their settings each in lines of their own, hosts, classes and options in one line each. */
function writeYaml(content: PlainMap, networks: readonly DraftNetwork[], title: string): string {
  const document = new Document(content);
  const comments = new Map(networks.map(({ name, comment }) => [name, comment]));
  visit(document, {
    Map(_, node, path) {
      const depth = path.filter((part) => isMap(part) || isSeq(part)).length;
      // The file, networks, one network, its DHCP section, then what stands in that.
      if (depth > 4 || (depth === 4 && node.items.length <= 3 && !isLong(path))) node.flow = true;
    },
    Seq(_, node, path) {
      if (!node.items.some(isMap) && !isLong(path)) node.flow = true;
    },
    Pair(_, pair, path) {
      const depth = path.filter((part) => isMap(part)).length;
      const key = isScalar(pair.key) ? String(pair.key.value) : "";
      const comment = depth === 2 ? comments.get(key) : undefined;
      if (comment !== undefined && isScalar(pair.key)) pair.key.commentBefore = ` ${comment}`;
      // An option by its number.
      if (isScalar(pair.key) && /^\d{1,3}$/.test(key)) pair.key.value = Number(key);
    },
    Scalar(position, node, path) {
      // Older readers of YAML take 12:34 for a number.
      const isValue = position !== "key" || !isPair(path.at(-1));
      if (isValue && typeof node.value === "string" && /^[0-9a-f]{2}(:[0-9a-f]{2})+$/i.test(node.value))
        node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  document.commentBefore = ` ${title}`;
  return document.toString({ lineWidth: LINE_WIDTH, flowCollectionPadding: true });
}

/** Whether these are options or records, which are read better in lines. */
function isLong(path: readonly unknown[]): boolean {
  const pair = path.at(-1);
  return isPair(pair) && isScalar(pair.key) && (pair.key.value === "options" || pair.key.value === "records");
}
