/** A snapshot to compare with another: names in place of indexes, in a fixed order, without MACs that nobody chose. */
import type { Snapshot } from "../../src/state/snapshot.ts";

export function canonical(snapshot: Snapshot): unknown {
  const everyName = new Map<number, string>();
  for (const [name, state] of Object.entries(snapshot.namespaces)) {
    for (const link of state?.links ?? []) if (link.name !== "lo") everyName.set(link.index, `${name}/${link.name}`);
  }
  const nameOf = (index: number | undefined): string | undefined =>
    index === undefined ? undefined : everyName.get(index);
  const sorted = (values: readonly unknown[]): string[] => values.map((value) => JSON.stringify(value)).sort();
  return {
    files: Object.fromEntries(Object.entries(snapshot.files).sort()),
    namespaces: Object.fromEntries(
      Object.entries(snapshot.namespaces)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, state]) => [
          name,
          state && {
            links: sorted(
              state.links.map(({ index, masterIndex, linkIndex, macAddress, ...rest }) => ({
                ...Object.fromEntries(Object.entries(rest).sort()),
                mac: macAddress?.startsWith("02:00:00:00:") === true ? "chosen by the kernel" : macAddress,
                index: index < 100 ? index : "new",
                master: nameOf(masterIndex),
                peer: nameOf(linkIndex),
              })),
            ),
            addresses: sorted(
              state.addresses.map(({ linkIndex, ...rest }) => ({
                ...Object.fromEntries(Object.entries(rest).sort()),
                link: nameOf(linkIndex),
              })),
            ),
            routes: sorted(
              state.routes.map(({ nextHops, ...rest }) => ({
                ...Object.fromEntries(Object.entries(rest).sort()),
                nextHops: nextHops.map(({ linkIndex, ...hop }) => ({ ...hop, link: nameOf(linkIndex) })),
              })),
            ),
            neighbours: sorted(
              state.neighbours.map(({ linkIndex, ...rest }) => ({ ...rest, link: nameOf(linkIndex) })),
            ),
            sysctls: Object.fromEntries(Object.entries(state.sysctls).sort()),
            nftTables: sorted(state.nftTables.map(({ family, name: table, comment }) => ({ family, table, comment }))),
            foreignAccepts: sorted(state.foreignAccepts),
          },
        ]),
    ),
  };
}
