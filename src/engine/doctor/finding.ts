/** What the doctor says about one thing. */
export interface Finding {
  /** Stable, for programs: "kvm", "forward-drop ip filter FORWARD". */
  readonly id: string;
  /** problem: something that networks need does not work. warning: it may fail. info: good to know. */
  readonly level: Level;
  readonly what: string;
  /** What it means for networks of ours; absent: nothing. */
  readonly consequence?: string;
  /** A command line where there is one, else a sentence. */
  readonly remedy?: string;
}

type Level = (typeof LEVELS)[number];

/** The worst first. */
export const LEVELS = ["problem", "warning", "info", "ok"] as const;

export function ok(id: string, what: string): Finding {
  return { id, level: "ok", what };
}
