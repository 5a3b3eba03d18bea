/**
 * Notices that two parties fight: what was healed is undone again and again. Each round of a fight doubles the pause
 * before the next, so that the other party wins most of the time and nobody's machine is kept busy.
 */

const WINDOW_MILLISECONDS = 10_000;
/** Of one object within the window: a person who tries things out deletes one a few times. */
const ROUNDS = 5;
const FIRST_PAUSE_MILLISECONDS = 1000;
const LONGEST_PAUSE_MILLISECONDS = 60_000;
/** The fight is over when nothing had to be healed for so many pauses. */
const QUIET_PAUSES = 2;

interface Fight {
  /** What is fought about, in a person's words. */
  readonly about: string;
  /** In the clock's milliseconds. */
  readonly since: number;
  readonly rounds: number;
  readonly pauseMilliseconds: number;
}

interface UnitFight extends Fight {
  /** Not healed before, in the clock's milliseconds. */
  readonly pauseUntil: number;
  readonly over: number;
}

export class Fights {
  /** By unit, then by object: when it was healed lately. */
  readonly #heals = new Map<string, Map<string, number[]>>();
  readonly #fights = new Map<string, UnitFight>();

  /**
   * Objects of a unit, by key with their names, were healed now.
   * @returns the fight that began by this; undefined: none, or it goes on
   */
  healed(unit: string, objects: ReadonlyMap<string, string>, now: number): Fight | undefined {
    const current = this.#fights.get(unit);
    if (current !== undefined) {
      const pause = Math.min(current.pauseMilliseconds * 2, LONGEST_PAUSE_MILLISECONDS);
      this.#fights.set(unit, { ...current, rounds: current.rounds + 1, ...pauseOf(pause, now) });
      return undefined;
    }
    const heals = this.#heals.get(unit) ?? new Map<string, number[]>();
    this.#heals.set(unit, heals);
    let worst: string | undefined;
    for (const [key, name] of objects) {
      const times = [...(heals.get(key) ?? []).filter((time) => now - time < WINDOW_MILLISECONDS), now];
      heals.set(key, times);
      if (times.length >= ROUNDS) worst ??= name;
    }
    for (const [key, times] of heals) if (now - (times.at(-1) ?? 0) >= WINDOW_MILLISECONDS) heals.delete(key);
    if (worst === undefined) return undefined;
    const pause = pauseOf(FIRST_PAUSE_MILLISECONDS, now);
    const fight: UnitFight = { about: worst, since: now, rounds: ROUNDS, ...pause };
    this.#fights.set(unit, fight);
    return fight;
  }

  /** It could not be healed now, as when the other party undid it before it was read back: a fight that is on goes on. */
  failed(unit: string, now: number): void {
    const current = this.#fights.get(unit);
    if (current !== undefined) this.#fights.set(unit, { ...current, ...pauseOf(current.pauseMilliseconds, now) });
  }

  /** The fight that the unit is in. */
  of(unit: string): Fight | undefined {
    return this.#fights.get(unit);
  }

  /** When the unit may be healed next, in the clock's milliseconds; 0: at any time. */
  pauseUntil(unit: string): number {
    return this.#fights.get(unit)?.pauseUntil ?? 0;
  }

  /** Units whose fight is over by now: they are forgotten. */
  ended(now: number): string[] {
    const over = [...this.#fights].filter(([, fight]) => fight.over <= now).map(([unit]) => unit);
    for (const unit of over) this.forget(unit);
    return over;
  }

  /** When {@link ended} should be asked next; undefined: nobody fights. */
  nextEnd(): number | undefined {
    const ends = [...this.#fights.values()].map((fight) => fight.over);
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  forget(unit: string): void {
    this.#fights.delete(unit);
    this.#heals.delete(unit);
  }
}

function pauseOf(pauseMilliseconds: number, now: number): Pick<UnitFight, "pauseMilliseconds" | "pauseUntil" | "over"> {
  return {
    pauseMilliseconds,
    pauseUntil: now + pauseMilliseconds,
    over: now + pauseMilliseconds * (1 + QUIET_PAUSES),
  };
}
