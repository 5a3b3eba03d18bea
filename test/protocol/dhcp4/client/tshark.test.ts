import { describe, expect, test } from "vitest";
import { parseIpv4, parseMac } from "../../../../src/base/address.ts";
import { Dhcp4Client } from "../../../../src/protocol/dhcp4/client/client.ts";
import { arpFrame, readClientFrame, serverFrame } from "../../../support/dhcp4-server.ts";
import { tsharkFields, tsharkFindings } from "../../../support/tshark.ts";

const mac = parseMac("52:54:00:00:00:17");
const address = parseIpv4("192.0.2.17");
const common = { server: parseIpv4("192.0.2.1"), serverMac: parseMac("02:00:00:00:00:fe"), clientMac: mac, address };

/** Everything that a client ever says: through a whole lease to its end, and once more to a conflict. */
function everything(): Uint8Array[] {
  const client = new Dhcp4Client({ mac, random: () => 0.5, hostName: "vm1" });
  const sent: Uint8Array[] = [];
  let now = 0;
  let transactionId = 0;
  const give = (input: Parameters<Dhcp4Client["handle"]>[0]): void => {
    for (const frame of client.handle(input, now).frames) {
      sent.push(frame);
      const read = readClientFrame(frame);
      if ("dhcp" in read) ({ transactionId } = read.dhcp.message);
    }
  };
  const says = (type: "OFFER" | "ACK"): void =>
    give({ input: "frame", frame: serverFrame({ ...common, type, transactionId }), checksumNotReady: false });
  const waitFor = (state: Dhcp4Client["state"]): void => {
    while (client.state !== state) {
      now = client.nextDeadline() ?? now;
      give({ input: "time" });
    }
  };
  give({ input: "start" });
  says("OFFER");
  says("ACK");
  waitFor("rebinding");
  waitFor("selecting");
  says("OFFER");
  says("ACK");
  const conflict = arpFrame({ senderMac: parseMac("52:54:00:00:00:99"), senderAddress: address });
  give({ input: "frame", frame: conflict, checksumNotReady: false });
  waitFor("selecting");
  says("OFFER");
  says("ACK");
  waitFor("bound");
  give({ input: "release" });
  return sent;
}

describe("what the client sends, as tshark sees it", () => {
  const sent = everything();

  test("nothing is malformed, no warning, every checksum right", () => {
    expect(tsharkFindings(sent)).toEqual([]);
  });

  test("all kinds of messages are among it", () => {
    const types = tsharkFields(sent, ["dhcp.option.dhcp"], "dhcp").map((fields) => fields["dhcp.option.dhcp"]);
    expect(new Set(types)).toEqual(new Set(["1", "3", "4", "7"]));
    expect(tsharkFields(sent, ["arp.opcode"], "arp").length).toBeGreaterThan(3);
  });
});
