/** The daemon's figures in Prometheus' text format, version 0.0.4. */
import type { ServiceStatus } from "../services/keeper/protocol.ts";
import type { DaemonEvent } from "./events.ts";
import { addNetworkServers } from "./network-metrics.ts";
import { labelText, Page } from "./metrics-page.ts";

/** Upper bounds of a change's duration. */
const DURATION_BUCKETS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

interface MetricsSource {
  /** How many are looked after. */
  readonly units: () => number;
  readonly fights: () => number;
  readonly services: () => readonly ServiceStatus[];
  readonly startedAt: number;
  readonly version: string;
}

export class Metrics {
  readonly #events = new Map<string, number>();
  readonly #requests = new Map<string, number>();
  readonly #buckets = DURATION_BUCKETS_SECONDS.map(() => 0);
  #changes = 0;
  #changeSeconds = 0;
  #healedSteps = 0;

  countEvent(event: DaemonEvent): void {
    this.#events.set(event.kind, (this.#events.get(event.kind) ?? 0) + 1);
    if (event.kind === "healed") this.#healedSteps += event.steps.length;
  }

  countRequest(endpoint: string, status: number): void {
    const labels = labelText({ endpoint, status: String(status) });
    this.#requests.set(labels, (this.#requests.get(labels) ?? 0) + 1);
  }

  /** A change asked for took so long, whether it succeeded or not. */
  countChange(seconds: number): void {
    this.#changes++;
    this.#changeSeconds += seconds;
    DURATION_BUCKETS_SECONDS.forEach((bound, i) => {
      if (seconds <= bound) this.#buckets[i] = (this.#buckets[i] ?? 0) + 1;
    });
  }

  text(source: MetricsSource): string {
    const page = new Page();
    page.add("netloom_info", "gauge", "The running version.", [[{ version: source.version }, 1]]);
    page.add("netloom_units", "gauge", "Applied files and binds that are looked after.", [[{}, source.units()]]);
    page.add("netloom_fights", "gauge", "Units that somebody else undoes again and again.", [[{}, source.fights()]]);
    for (const [kind, help] of COUNTED_EVENTS) {
      page.add(`netloom_${kind.replaceAll("-", "_")}_total`, "counter", help, [[{}, this.#events.get(kind) ?? 0]]);
    }
    page.add("netloom_healed_steps_total", "counter", "Objects put back.", [[{}, this.#healedSteps]]);
    page.addHistogram("netloom_change_duration_seconds", "Changes that were asked for.", {
      bounds: DURATION_BUCKETS_SECONDS,
      counts: this.#buckets,
      sum: this.#changeSeconds,
      count: this.#changes,
    });
    page.addLines("netloom_requests_total", "counter", "Requests to the API.", this.#requests);
    addServices(page, source.services());
    addProcess(page, source.startedAt);
    return page.toString();
  }
}

const COUNTED_EVENTS: readonly (readonly [DaemonEvent["kind"], string])[] = [
  ["healed", "Times that something of ours was put back."],
  ["heal-failed", "Times that this was impossible, each reason once in a row."],
  ["fight", "Fights that began."],
  ["events-lost", "Times that kernel events were lost and a namespace was read anew."],
  ["applied", "Files applied."],
  ["destroyed", "Files destroyed."],
  ["undone", "Changes undone because nobody confirmed them."],
];

function addServices(page: Page, services: readonly ServiceStatus[]): void {
  const byState = new Map<string, number>();
  const messages = new Map<string, number>();
  let leases = 0;
  for (const { kind, state, details } of services) {
    const labels = labelText({ kind, state });
    byState.set(labels, (byState.get(labels) ?? 0) + 1);
    if (kind === "vm") continue;
    for (const direction of ["received", "sent"]) {
      const counts = details[direction];
      if (typeof counts !== "object" || counts === null) continue;
      for (const [type, count] of Object.entries(counts)) {
        if (typeof count !== "number") continue;
        const key = labelText({ kind, direction, type });
        messages.set(key, (messages.get(key) ?? 0) + count);
        if (kind !== "dhcp-network" && direction === "sent" && type.toLowerCase() === "ack" && count > 0) leases++;
      }
    }
  }
  page.addLines("netloom_services", "gauge", "DHCP servers and guests by state.", byState);
  page.addLines("netloom_dhcp_messages_total", "counter", "DHCP messages by type.", messages);
  page.add("netloom_dhcp_leases", "gauge", "Servers for one client whose client has its lease.", [[{}, leases]]);
  addNetworkServers(page, services);
}

function addProcess(page: Page, startedAt: number): void {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  page.add("process_cpu_seconds_total", "counter", "CPU time.", [[{}, (user + system) / 1e6]]);
  page.add("process_resident_memory_bytes", "gauge", "Resident memory.", [[{}, rss]]);
  page.add("nodejs_heap_size_used_bytes", "gauge", "Live and dead objects.", [[{}, heapUsed]]);
  page.add("nodejs_heap_size_total_bytes", "gauge", "Room for objects.", [[{}, heapTotal]]);
  page.add("nodejs_external_memory_bytes", "gauge", "Buffers outside of the heap.", [[{}, external]]);
  page.add("process_start_time_seconds", "gauge", "Seconds since 1970.", [[{}, startedAt / 1000]]);
}
