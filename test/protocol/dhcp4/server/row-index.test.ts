import fc from "fast-check";
import { expect, test } from "vitest";
import { RowIndex } from "../../../../src/protocol/dhcp4/server/row-index.ts";

test("finds what is in it and nothing else, however much comes, goes and collides", () => {
  const step = fc.record({ row: fc.nat(200), isAdded: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 600 }), fc.integer({ min: 1, max: 300 }), (steps, hashes) => {
      const hashOf = (row: number): number => row % hashes;
      const index = new RowIndex(hashOf);
      const rows = new Set<number>();
      for (const { row, isAdded } of steps) {
        if (!isAdded) index.remove(row);
        else if (!rows.has(row)) index.add(row);
        if (isAdded) rows.add(row);
        else rows.delete(row);
      }
      for (let row = 0; row <= 200; row++)
        expect(index.find(hashOf(row), (candidate) => candidate === row)).toBe(rows.has(row) ? row : undefined);
    }),
    { numRuns: 200 },
  );
});
