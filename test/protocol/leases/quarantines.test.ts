import { expect, test } from "vitest";
import { Quarantines } from "../../../src/protocol/leases/quarantines.ts";

test("one of a file that lasts for a day does not keep the others from ending", () => {
  const quarantines = new Quarantines({ declined: 3, declinedPerClient: 2 });
  quarantines.add(86_400);
  for (const client of ["a", "b"]) quarantines.add(600, client);
  expect(quarantines.refusal("c", 599)).toBe("declined");
  expect(quarantines.refusal("c", 600)).toBeUndefined();
});
