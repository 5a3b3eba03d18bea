/** What is shown of files on their way. */
import { expect, test } from "vitest";
import { type Transfer, Transfers } from "../../../src/services/netboot/transfers.ts";

test("a disc that is read in pieces goes on after one that failed, and is told of once", () => {
  const ended: Transfer[] = [];
  const transfers = new Transfers("http", (transfer) => ended.push(transfer));
  const begin = () => transfers.begin({ client: "192.0.2.17", file: "disc.iso", totalBytes: 4096, isPiece: true });
  const first = begin();
  first.add(1024);
  first.end("the client broke it off");
  expect(transfers.list()).toMatchObject([{ state: "failed", error: "the client broke it off" }]);
  const second = begin();
  expect(transfers.list()).toMatchObject([{ state: "running", bytes: 1024 }]);
  second.add(1024);
  second.end();
  expect(transfers.list()).toMatchObject([{ file: "disc.iso", state: "done", bytes: 2048 }]);
  expect(ended).toHaveLength(1);
});
