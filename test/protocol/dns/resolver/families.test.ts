/** A host that has no way to the servers of one family. */
import { expect, test } from "vitest";
import { type Answerer, authorityOf, DnsWorld, reply, upstream } from "../../../support/dns-world.ts";

const ROOT = "192.0.2.1";
const OTHER = "192.0.2.4";

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  "a host without a route for IPv4 learns that from one message (seed %i)",
  (seed) => {
    const six = "2001:db8::53";
    const fours = Array.from({ length: 13 }, (_, index) => `192.0.2.${100 + index}`);
    const noRoute: Answerer = () => [{ after: 0, failed: "ENETUNREACH", isCutOff: true }];
    const world = new DnsWorld(
      { mode: "recursive", rootServers: [...fours, six].map(upstream) },
      {
        ...Object.fromEntries(fours.map((address) => [address, noRoute])),
        [six]: authorityOf("", ["www 60 A 192.0.2.80"]),
      },
      seed,
    );
    expect(world.lookup("www")).toEqual(["www 60 A 192.0.2.80"]);
    world.lookup("other");
    expect(world.log.filter((line) => !line.startsWith(six)).length).toBeLessThanOrEqual(1);
  },
);

test("that there is no route is learned over TCP, too", () => {
  const six = "2001:db8::53";
  const truncated: Answerer = (query, { transport }) =>
    transport === "tcp"
      ? [{ after: 0, failed: "ENETUNREACH", isCutOff: true }]
      : [{ message: reply(query, { truncated: true }) }];
  const world = new DnsWorld(
    { mode: "recursive", rootServers: [upstream(ROOT), upstream(OTHER), upstream(six)] },
    { [ROOT]: truncated, [OTHER]: truncated, [six]: authorityOf("", ["www 60 A 192.0.2.80"]) },
  );
  for (let index = 0; index < 20; index++) world.ask(`n${index}`);
  expect(world.log.filter((line) => line.includes(" tcp ")).length).toBeLessThanOrEqual(1);
});

test("that a network has no way to a server on it says nothing of the way to others", () => {
  const six = "2001:db8::53";
  const corp = { ...upstream("198.51.100.7"), onNetwork: true } as const;
  const root = authorityOf("", ["www 60 A 192.0.2.80"]);
  const world = new DnsWorld(
    {
      mode: "recursive",
      rootServers: [upstream(ROOT), upstream(six)],
      domains: [{ domain: "corp", upstreams: [corp] }],
    },
    {
      [corp.address]: () => [{ after: 0, failed: "ENETUNREACH", isCutOff: true }],
      [ROOT]: root,
      [six]: root,
    },
  );
  world.ask("files.corp");
  for (let index = 0; index < 20; index++) world.ask(`n${index}`);
  expect(world.log.filter((line) => line.startsWith(`${ROOT} `)).length).toBeGreaterThan(5);
});
