/** dns cache, dns flush, dns stats: the DNS servers of networks, asked of the keeper or the daemon that runs them. */
import { DaemonClient } from "../../../daemon/client.ts";
import type { ResponseOf } from "../../../daemon/contract.ts";
import { NetloomError } from "../../../base/errors.ts";
import type { AskedServer } from "../../../services/dns-details.ts";
import { isMeant } from "../../../services/dns-operations.ts";
import { KeeperClient } from "../../../services/keeper/client.ts";
import { stateFolderPath } from "../../../store/state-folder.ts";
import { encodeDomainName } from "../../../wire/domain-name.ts";
import type { Command } from "../command.ts";
import { formatTable, print, printJson } from "../output.ts";
import { attempt } from "./serve-options.ts";

type Answers = ResponseOf<"dnsCache">;
type Details = Readonly<Record<string, unknown>>;

const USUALLY_SHOWN = 1000;
const MOST_SHOWN = 1_000_000;
const OF_NETWORKS = "NETWORK is a network of an applied file, as NETWORK or FILE/NETWORK; without one all are meant.";

export const dnsCacheCommand: Command = {
  name: "dns cache",
  operands: ["[NETWORK]"],
  summary: "Show what the DNS servers of networks remember, the most asked first.",
  details: `${OF_NETWORKS} A life of 0 is that of an answer which has ended and is told only while nobody answers.`,
  options: { all: { help: `all answers, not only the first ${USUALLY_SHOWN} of each network` } },
  example: "netloom dns cache lan",
  async run(invocation) {
    const [network] = invocation.positionals;
    const most = invocation.flag("all") ? MOST_SHOWN : USUALLY_SHOWN;
    const request = { ...(network === undefined ? {} : { network }), most };
    const state = stateFolderPath(invocation.option("state"));
    const daemon = await DaemonClient.find(state);
    const answers: Answers =
      daemon === undefined ? await new KeeperClient(state).dnsCache(request) : await daemon.call("dnsCache", request);
    if (invocation.flag("json")) printJson(answers);
    else print(formatAnswers(answers));
    return 0;
  },
};

export const dnsFlushCommand: Command = {
  name: "dns flush",
  operands: ["[NETWORK]", "[NAME]"],
  summary: "Have the DNS servers of networks forget a name, or all that they remember.",
  details: `${OF_NETWORKS} A name is forgotten with all its types, names below it are not.`,
  options: {},
  example: "netloom dns flush lan www.example.org",
  async run(invocation) {
    const [network, name] = invocation.positionals;
    attempt(dnsFlushCommand, () => encodeDomainName(name ?? ""));
    const request = { ...(network === undefined ? {} : { network }), ...(name === undefined ? {} : { name }) };
    const state = stateFolderPath(invocation.option("state"));
    const daemon = await DaemonClient.find(state);
    const { networks } =
      daemon === undefined ? await new KeeperClient(state).dnsFlush(request) : await daemon.call("dnsFlush", request);
    if (invocation.flag("json")) printJson({ networks });
    else print(networks.length === 0 ? "no network has a DNS server" : `forgotten on ${networks.join(", ")}`);
    return 0;
  },
};

export const dnsStatsCommand: Command = {
  name: "dns stats",
  operands: ["[NETWORK]"],
  summary: "Show what the DNS servers of networks were asked, and how those that they ask answer.",
  details: OF_NETWORKS,
  options: {},
  example: "netloom dns stats --json",
  async run(invocation) {
    const [wanted] = invocation.positionals;
    const servers = await runningServers(stateFolderPath(invocation.option("state")));
    const meant = servers.filter(({ network }) => wanted === undefined || isMeant(network, wanted));
    if (meant.length === 0 && wanted !== undefined)
      throw new NetloomError("no-such-network", `dns stats ${wanted}: no DNS server of such a network runs`);
    if (invocation.flag("json")) printJson(meant.map(({ network, details }) => ({ network, ...details })));
    else for (const { network, details } of meant) print(formatStats(network, details));
    return 0;
  },
};

async function runningServers(
  state: string,
): Promise<readonly { readonly network: string; readonly details: Details }[]> {
  const daemon = await DaemonClient.find(state);
  const services =
    daemon === undefined
      ? (await new KeeperClient(state).status()).services
      : ((await daemon.call("status", undefined)).keeper?.services ?? []);
  return services.flatMap(({ kind, state: now, details }) =>
    // What is attached to a network has no counters of its own.
    kind === "dns-network" && now === "running" && typeof details["network"] === "string" && "queries" in details
      ? [{ network: details["network"], details }]
      : [],
  );
}

function formatAnswers(answers: Answers): string {
  if (answers.length === 0) return "nothing is remembered";
  const rows = answers.map(({ network, name, type, result, answers: told, remainingSeconds, hits }) => [
    network,
    name === "" ? "." : name,
    type,
    `${remainingSeconds}s`,
    String(hits),
    told.length === 0 ? result : told.join(", "),
  ]);
  return formatTable([["NETWORK", "NAME", "TYPE", "LIFE", "HITS", "ANSWER"], ...rows]);
}

/** "office/lan: 12 answers remembered" and tables below it. */
function formatStats(network: string, details: Details): string {
  const { queries, replies, remembered, upstreams, badAnswers } = details;
  const counts = (what: unknown): string =>
    Object.entries(what ?? {})
      .filter(([, count]) => count !== 0)
      .map(([name, count]) => `${name} ${String(count)}`)
      .join(", ");
  const rows = (Array.isArray(upstreams) ? (upstreams as AskedServer[]) : []).map((server) => [
    server.server,
    String(server.asked),
    String(server.answered),
    String(server.timeouts),
    server.rttMilliseconds === undefined ? "" : `${server.rttMilliseconds} ms`,
    server.dead ? "does not answer" : "",
  ]);
  const told = (title: string, what: unknown): string[] => (counts(what) === "" ? [] : [`  ${title}: ${counts(what)}`]);
  return [
    `${network}: ${String(remembered)} answers remembered`,
    ...told("questions", queries),
    ...told("replies", replies),
    ...told("not believed", badAnswers),
    ...(rows.length === 0 ? [] : [formatTable([["SERVER", "ASKED", "ANSWERED", "SILENT", "TIME", "REMARK"], ...rows])]),
  ].join("\n");
}
