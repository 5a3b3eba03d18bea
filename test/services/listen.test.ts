import { expect, test } from "vitest";
import { parseIp } from "../../src/base/address.ts";
import { listenFailure } from "../../src/services/listen.ts";

const PLACE = { address: parseIp("2001:db8::53"), port: 53 };

test.each([
  ["EADDRINUSE", "address-in-use", "another program has this port"],
  ["EADDRNOTAVAIL", "no-such-address", "no interface has this address"],
  ["EACCES", "no-privilege", "ports below 1024 are root's"],
])("%s is told by place, in words, with a remedy", (errno, code, reason) => {
  const cause = Object.assign(new Error(errno), { code: errno });
  expect(listenFailure(PLACE, "tcp", cause)).toMatchObject({
    code,
    message: `listen on 2001:db8::53 port 53 over TCP: ${reason}`,
    hint: expect.stringMatching(/./),
    cause,
  });
});

test("what else goes wrong is told as it is", () => {
  const cause = Object.assign(new Error("too many files"), { code: "EMFILE" });
  expect(listenFailure(PLACE, "udp", cause)).toBe(cause);
});
