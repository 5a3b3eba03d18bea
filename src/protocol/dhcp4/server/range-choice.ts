/** Of which ranges a client gets its address. */
import type { Range } from "./bindings.ts";
import type { Identity } from "./identify.ts";
import { OWN_LINK, type Place } from "./layout.ts";

export interface Whereabouts extends Pick<Identity, "classes"> {
  /** Whose address a relay, or the client, named as the client's link; absent: the server's own. */
  readonly link: Place | undefined;
}

export class RangeChoice {
  /** Of each subnet, when it is the one that a relay named, and of none: its own first. */
  readonly #general: ReadonlyMap<Place | undefined, readonly Range[]>;
  readonly #ofClass: ReadonlyMap<number, readonly Range[]>;

  constructor(ranges: readonly Range[], subnets: readonly Place[]) {
    const general = ranges.filter(({ place }) => place.classIndex === undefined);
    const byLink = Map.groupBy(general, ({ place }) => place.link);
    this.#general = new Map<Place | undefined, readonly Range[]>([
      [undefined, byLink.get(OWN_LINK) ?? []],
      ...subnets.map((place): [Place, Range[]] => {
        const onLink = byLink.get(place.link) ?? [];
        const isOwn = (range: Range): boolean => range.place.subnet === place.subnet;
        return [place, [...onLink.filter(isOwn), ...onLink.filter((range) => !isOwn(range))]];
      }),
    ]);
    this.#ofClass = new Map(
      ranges.flatMap((range) => (range.place.classIndex === undefined ? [] : [[range.place.classIndex, [range]]])),
    );
  }

  /** In the order in which they are filled. What a class has is all that its clients get. */
  of({ classes, link }: Whereabouts): readonly Range[] {
    for (const index of classes) {
      const own = this.#ofClass.get(index);
      if (own?.[0]?.place.link === (link?.link ?? OWN_LINK)) return own;
    }
    return this.#general.get(link) ?? [];
  }
}
