/** A folder with something for most kinds of machine, and a proxyDHCP server of it. */
import { parseIpv4, parseMac } from "../../../src/base/address.ts";
import type { BootFiles } from "../../../src/protocol/pxe/offer.ts";
import type { ProxyConfig } from "../../../src/protocol/pxe/proxy.ts";

export const FILES: BootFiles = {
  bios: { loader: "undionly.kpxe", ipxe: "boot.ipxe" },
  "efi-ia32": { loader: "bootia32.efi", httpFile: "bootia32.efi", ipxe: "bootia32.efi" },
  "efi-x64": { loader: "efi/shimx64.efi", httpFile: "efi/shimx64.efi", ipxe: "boot.ipxe" },
  "efi-arm64": { httpFile: "installer image.iso" },
};
export const SERVER = parseIpv4("192.0.2.1");
export const CONFIG: ProxyConfig = {
  address: SERVER,
  mac: parseMac("02:00:00:00:00:fe"),
  httpPort: 80,
  files: FILES,
};
