/** `boot: { share }` of a network in a namespace: opened by a machine of the file, gone with the file. */
import { mkdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hostSnapshot } from "../support/host-snapshot.ts";
import { done, Folder, shell } from "../support/network.ts";

const FILE = `version: 1
networks:
  lan: { namespace: tenant, subnet: 192.0.2.0/24, dhcp: true, boot: { root: ./boot, bios: pxelinux.0, share: winpe } }
machines:
  desk: { kind: namespace, nics: [{ network: lan, address: 192.0.2.2 }] }
`;

let folder: Folder;

beforeAll(() => {
  folder = new Folder();
  shell(`chmod 755 ${folder.path}`);
  mkdirSync(folder.join("boot"));
  folder.write("boot/pxelinux.0", "the loader");
});

afterAll(() => {
  folder[Symbol.dispose]();
});

test("a machine reads the share and writes nothing; destroy leaves nothing", async () => {
  const file = folder.write("share.yaml", FILE);
  const state = ["--state", folder.join("state")];
  const before = hostSnapshot();
  await done(["apply", file, ...state]);
  const smb = (commands: string): string =>
    shell(
      `nsenter --net=/run/netns/desk -- smbclient --no-pass --configfile=/dev/null //192.0.2.1/winpe -c '${commands}' 2>&1 || true`,
    );
  smb(`get pxelinux.0 ${folder.join("got")}`);
  const denied = smb("put /etc/hostname new");
  await done(["destroy", file, ...state]);
  expect(readFileSync(folder.join("got"), "utf8")).toBe("the loader");
  expect(denied).toContain("NT_STATUS_ACCESS_DENIED");
  expect(hostSnapshot()).toEqual(before);
});
