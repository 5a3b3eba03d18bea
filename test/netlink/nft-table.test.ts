import { describe, expect, test } from "vitest";
import { fromHex } from "../../src/base/bytes.ts";
import { decodeNftTable, dumpNftTables } from "../../src/netlink/netfilter/table.ts";
import { messageOfBody } from "./message-of-body.ts";

const NEWTABLE = 0x0a00;

describe("nft tables", () => {
  // strace -e recvmsg nft list tables, of `table inet t`: nfgenmsg, NFTA_TABLE_NAME, NFTA_TABLE_FLAGS, NFTA_TABLE_USE
  const body = fromHex("01000002 06000100 74000000 08000200 00000000 08000300 00000000");

  test("a table's family and name", () => {
    expect(decodeNftTable(messageOfBody(NEWTABLE, body))).toEqual({ family: "inet", name: "t" });
  });

  test("other messages, short ones and unknown families are none", () => {
    expect(decodeNftTable(messageOfBody(0x0a03, body))).toBeUndefined();
    expect(decodeNftTable(messageOfBody(NEWTABLE, body.subarray(0, 3)))).toBeUndefined();
    expect(decodeNftTable(messageOfBody(NEWTABLE, body.subarray(0, 4)))).toBeUndefined();
    const unknown = body.slice();
    unknown[0] = 99;
    expect(decodeNftTable(messageOfBody(NEWTABLE, unknown))).toBeUndefined();
  });

  test("the request asks for all families", () => {
    expect(dumpNftTables()).toMatchObject({ type: 0x0a01, flags: 0x300, body: new Uint8Array(4) });
  });
});
