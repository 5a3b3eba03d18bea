import { describe, expect, test } from "vitest";
import { parseIpv6 } from "../../../../src/base/address.ts";
import { Dhcp6Client } from "../../../../src/protocol/dhcp6/client/client.ts";
import type { Dhcp6ClientConfig } from "../../../../src/protocol/dhcp6/client/input-output.ts";
import type { Dhcp6Lease } from "../../../../src/protocol/dhcp6/client/lease.ts";
import {
  CLIENT6,
  CLIENT6_DUID,
  readClientFrame6,
  serverFrame6,
  type ServerMessage6,
} from "../../../support/dhcp6-server.ts";
import { tsharkFields, tsharkFindings } from "../../../support/tshark.ts";

const address = { t1: 10, t2: 60, leases: [["2001:db8::17", 100, 200]] } as const;
const prefix = { t1: 10, t2: 60, leases: [["2001:db8:100::/56", 100, 200]] } as const;

/** One client; what it sends is collected. */
function speak(config: Partial<Dhcp6ClientConfig>, sent: Uint8Array[]) {
  const wishes = { address: true, prefix: { length: 56 } };
  const fixed = { ...CLIENT6, duid: CLIENT6_DUID, hostName: "vm1", rapidCommit: true, random: () => 0.5, wishes };
  const client = new Dhcp6Client({ ...fixed, ...config });
  let now = 100;
  let transactionId = 0;
  let lease: Dhcp6Lease | undefined;
  const give = (input: Parameters<Dhcp6Client["handle"]>[0]): void => {
    const { frames, events } = client.handle(input, now);
    for (const frame of frames) {
      sent.push(frame);
      ({ transactionId } = readClientFrame6(frame).message);
    }
    for (const event of events) if (event.event === "bound") ({ lease } = event);
  };
  return {
    give,
    says: (message: Partial<ServerMessage6>) =>
      give({
        input: "frame",
        frame: serverFrame6({ type: "REPLY", transactionId, ...message }),
        checksumNotReady: false,
      }),
    waitFor: (state: Dhcp6Client["state"]) => {
      while (client.state !== state) {
        now = client.nextDeadline() ?? now;
        give({ input: "time" });
      }
    },
    lease: () => lease,
  };
}

/** Everything that a client ever says. */
function everything(): Uint8Array[] {
  const sent: Uint8Array[] = [];
  const first = speak({}, sent);
  first.give({ input: "start" });
  first.waitFor("soliciting");
  first.says({ type: "ADVERTISE", preference: 255, address, prefix });
  first.says({ address, prefix });
  first.waitFor("rebinding");
  first.says({ address, prefix });
  first.give({ input: "conflict", address: parseIpv6("2001:db8::17") });
  first.says({});
  first.says({ address, prefix });
  first.give({ input: "release" });
  const lease = first.lease();
  if (lease === undefined) throw new Error("no lease");
  const again = { ...lease, prefixes: [] };
  speak({ wishes: { address: true }, remembered: again, hostName: "vm1.example.org" }, sent).give({ input: "start" });
  speak({ remembered: lease }, sent).give({ input: "start" });
  const asking = speak({ wishes: { address: false } }, sent);
  asking.give({ input: "start" });
  asking.waitFor("informing");
  return sent;
}

describe("what the client sends, as tshark sees it", () => {
  const sent = everything();

  test("nothing is malformed, no warning, every checksum right", () => {
    expect(tsharkFindings(sent)).toEqual([]);
  });

  test("all kinds of messages are among it", () => {
    const types = tsharkFields(sent, ["dhcpv6.msgtype"], "dhcpv6").map((fields) => fields["dhcpv6.msgtype"]);
    expect(new Set(types)).toEqual(new Set(["1", "3", "4", "5", "6", "8", "9", "11"]));
  });

  test("it reads identity associations, prefix and name as they are meant", () => {
    const [solicit] = tsharkFields(sent, ["dhcpv6.iaid", "dhcpv6.iaprefix.pref_len", "dhcpv6.client_domain"], "dhcpv6");
    expect(solicit).toMatchObject({ "dhcpv6.iaid": "00000007,00000007", "dhcpv6.iaprefix.pref_len": "56" });
  });
});
