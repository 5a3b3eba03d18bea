/**
 * What the daemon can be asked, in one table: the server checks requests by it, the client and its callers get their
 * types from it, and GET /v1/openapi.json is made of it. JSON over HTTP on the Unix socket STATE/netloom.sock.
 *
 * An error is {"error": {"code", "message", "hint"?}} with a status of 400 or more.
 */
import { join } from "node:path";
import { BINDING_KINDS } from "../compile/binding/binding.ts";
import * as v from "valibot";
import { attachment, attachRequest, detachRequest, guestRunRequest, runningGuest } from "./contract-attach.ts";
import { interfaceName, name, namespace, network as networkName, path, queues } from "./contract-values.ts";

const MAXIMUM_FILE_BYTES = 8 * 1024 * 1024;
/** Of a request's body. */
export const MAXIMUM_BODY_BYTES = MAXIMUM_FILE_BYTES + 64 * 1024;

export const daemonSocket = (stateFolder: string): string => join(stateFolder, "netloom.sock");

const seconds = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(24 * 3600));

/** `before`, `after` and `along` are objects of the network; each kind has its own properties. */
const step = v.object({
  key: v.string(),
  before: v.exactOptional(v.unknown()),
  after: v.exactOptional(v.unknown()),
  along: v.exactOptional(v.array(v.unknown())),
  summary: v.string(),
  commands: v.array(v.string()),
});
const steps = v.array(step);
const notes = v.array(v.string());

const service = v.object({
  unit: v.string(),
  key: v.string(),
  origin: v.string(),
  kind: v.string(),
  name: v.string(),
  state: v.picklist(["starting", "running", "stopping", "stopped", "exited", "killed", "failed"]),
  reason: v.exactOptional(v.string()),
  details: v.record(v.string(), v.unknown()),
});

const unit = v.object({
  name: v.string(),
  source: v.string(),
  state: v.picklist(["applied", "drifted", "unfinished", "unknown"]),
  objects: v.array(v.object({ key: v.string(), name: v.string(), origin: v.string() })),
  drift: v.array(v.string()),
  /** When the change is undone unless it is confirmed before; milliseconds since 1970. */
  confirmBy: v.exactOptional(v.number()),
  /** Services that nobody runs; absent in the daemon's answers, as it runs them. */
  unserved: v.exactOptional(v.array(v.string())),
  setAside: v.exactOptional(v.array(v.string())),
  fight: v.exactOptional(v.object({ about: v.string(), sinceSeconds: v.number(), pauseSeconds: v.number() })),
  failure: v.exactOptional(v.string()),
});

const status = v.object({
  stateFolder: v.string(),
  units: v.array(unit),
  keeper: v.exactOptional(
    v.object({
      pid: v.number(),
      version: v.string(),
      startedAt: v.number(),
      daemon: v.exactOptional(v.boolean()),
      services: v.array(service),
    }),
  ),
  keeperLog: v.string(),
  /** Files of the state folder itself that could not be read. */
  setAside: v.exactOptional(v.array(v.string())),
});

const change = v.object({ name: v.string(), steps, notes, milliseconds: v.number() });
const binding = v.object({
  tap: v.string(),
  tapType: v.picklist(["tap", "macvtap"]),
  device: v.exactOptional(v.object({ major: v.number(), minor: v.number(), path: v.exactOptional(v.string()) })),
  mac: v.string(),
  mtuBytes: v.number(),
  queues: v.number(),
  addresses: v.array(v.string()),
  qemuArguments: v.array(v.string()),
});
const guest = v.object({
  name: v.string(),
  state: v.string(),
  reason: v.exactOptional(v.string()),
  details: v.record(v.string(), v.unknown()),
});
const target = { namespace, interfaceName };
const guestPort = v.object({
  protocol: v.picklist(["tcp", "udp"]),
  port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)),
});
const fileRequest = v.object({ source: path, text: v.pipe(v.string(), v.maxLength(MAXIMUM_FILE_BYTES)) });

interface Endpoint {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly summary: string;
  readonly request?: v.GenericSchema;
  readonly response: v.GenericSchema;
}

/** By name, as the client calls them. */
export const ENDPOINTS = {
  status: {
    method: "GET",
    path: "/v1/status",
    summary: "What is applied, whether the kernel still shows it, and which services run.",
    response: status,
  },
  plan: {
    method: "POST",
    path: "/v1/plan",
    summary: "What applying a network file would do.",
    request: fileRequest,
    response: v.object({
      name: v.string(),
      steps,
      conflicts: v.array(v.object({ key: v.string(), message: v.string(), remedy: v.string() })),
      notes,
    }),
  },
  apply: {
    method: "POST",
    path: "/v1/apply",
    summary: "Apply a network file, verify it, and undo everything when that fails.",
    request: v.object({ ...fileRequest.entries, confirmSeconds: v.exactOptional(seconds) }),
    response: change,
  },
  confirm: {
    method: "POST",
    path: "/v1/confirm",
    summary: "Let an unconfirmed change last; without a source all that wait.",
    request: v.object({ source: v.exactOptional(path) }),
    response: v.object({ confirmed: v.array(v.string()) }),
  },
  destroy: {
    method: "POST",
    path: "/v1/destroy",
    summary: "Undo what was applied from a network file.",
    request: v.object({ source: path }),
    response: change,
  },
  bind: {
    method: "POST",
    path: "/v1/bind",
    summary: "Take a pod's interface over for a guest; the answer comes when the guest may start.",
    request: v.object({
      ...target,
      binding: v.exactOptional(v.picklist(BINDING_KINDS)),
      profile: v.picklist(["legacy", "modern"]),
      tapName: interfaceName,
      dhcp: v.exactOptional(v.picklist(["single", "none"])),
      leaseSeconds: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(0xffff_fffe))),
      ports: v.exactOptional(v.pipe(v.array(guestPort), v.readonly())),
      queues: v.exactOptional(queues),
      nicIndex: v.exactOptional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(99))),
      resolvConf: v.exactOptional(path),
    }),
    response: v.object({ binding, notes }),
  },
  unbind: {
    method: "POST",
    path: "/v1/unbind",
    summary: "Give a pod's interface back.",
    request: v.object(target),
    response: v.object({ steps, notes }),
  },
  attach: {
    method: "POST",
    path: "/v1/attach",
    summary: "Connect a namespace, a tap or an interface of somebody else to a network of an applied file.",
    request: attachRequest,
    response: v.object({ attachment, notes }),
  },
  detach: {
    method: "POST",
    path: "/v1/detach",
    summary: "Take an attachment back; what is gone already counts as done.",
    request: detachRequest,
    response: v.object({ steps, notes }),
  },
  vmList: {
    method: "GET",
    path: "/v1/vm",
    summary: "The guests of all applied files, and those run by hand.",
    response: v.array(guest),
  },
  vmRun: {
    method: "POST",
    path: "/v1/vm/run",
    summary: "Start a guest that has ended or was stopped.",
    request: v.object({ name }),
    response: v.array(guest),
  },
  vmNew: {
    method: "POST",
    path: "/v1/vm/new",
    summary: "Run a guest that no file declares on networks of applied files, until it is stopped.",
    request: guestRunRequest,
    response: v.object({ guest: runningGuest, notes }),
  },
  dnsCache: {
    method: "POST",
    path: "/v1/dns/cache",
    summary:
      "What the DNS servers of networks remember, of each network at most so many answers, the most asked first.",
    request: v.object({
      network: v.exactOptional(networkName),
      most: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000)),
    }),
    response: v.array(
      v.object({
        network: v.string(),
        name: v.string(),
        type: v.string(),
        result: v.string(),
        answers: v.array(v.string()),
        remainingSeconds: v.number(),
        hits: v.number(),
      }),
    ),
  },
  dnsFlush: {
    method: "POST",
    path: "/v1/dns/flush",
    summary: "Have the DNS servers of networks forget a name, or all that they remember.",
    request: v.object({
      network: v.exactOptional(networkName),
      name: v.exactOptional(v.pipe(v.string(), v.maxLength(1024))),
    }),
    response: v.object({ networks: v.array(v.string()) }),
  },
  vmStop: {
    method: "POST",
    path: "/v1/vm/stop",
    summary:
      "End a guest; with powerdownSeconds it is asked to shut down first. One that no file declares is taken back with its taps.",
    request: v.object({ name, powerdownSeconds: v.pipe(v.number(), v.minValue(0), v.maxValue(9999)) }),
    response: v.array(guest),
  },
} as const satisfies Record<string, Endpoint>;

type Endpoints = typeof ENDPOINTS;
export type EndpointName = keyof Endpoints;

/** What an endpoint takes, as its handler gets it; undefined: nothing. */
export type RequestOf<Name extends EndpointName> = Endpoints[Name] extends { readonly request: infer Schema }
  ? Schema extends v.GenericSchema
    ? v.InferOutput<Schema>
    : undefined
  : undefined;

export type ResponseOf<Name extends EndpointName> = Immutable<v.InferOutput<Endpoints[Name]["response"]>>;

type Immutable<Value> = Value extends object ? { readonly [Key in keyof Value]: Immutable<Value[Key]> } : Value;

/** Endpoints that do not answer with one JSON value. */
export const STREAMS = {
  events: {
    method: "GET",
    path: "/v1/events",
    summary: "Events as they happen (server-sent events); Last-Event-ID replays what was missed, as far as it is kept.",
    contentType: "text/event-stream",
  },
  metrics: {
    method: "GET",
    path: "/v1/metrics",
    summary: "Figures for Prometheus.",
    contentType: "text/plain",
  },
  openapi: {
    method: "GET",
    path: "/v1/openapi.json",
    summary: "This description.",
    contentType: "application/json",
  },
} as const;
