/** Boot files of a network. */
import { type Case, network } from "./case.ts";

const boot = (words: string): string => network(`subnet: 192.0.2.0/24, boot: ${words}`);

export const BOOT_SHAPE: readonly Case[] = [
  {
    what: "boot files without a folder",
    text: boot("{ bios: pxelinux.0 }"),
    at: "networks.lan.boot.root",
    line: 3,
    reason: /missing/,
    remedy: /add it/,
  },
  {
    what: "a folder by itself",
    text: boot("./boot"),
    at: "networks.lan.boot",
    line: 3,
    reason: /not a map/,
    remedy: /key: value/,
  },
  {
    what: "a boot file for a kind of firmware that nobody has",
    text: boot("{ root: ./boot, uefi64: bootx64.efi }"),
    at: "networks.lan.boot.uefi64",
    line: 3,
    reason: /not a key|unknown/,
    remedy: /uefi/,
  },
  ...["../../etc/shadow", "/etc/shadow", "a//b", "./pxelinux.0", "Boot\\\\x64", "é.efi"].map(
    (file): Case => ({
      what: `the boot file ${file}`,
      text: boot(`{ root: ./boot, bios: "${file}" }`),
      at: "networks.lan.boot.bios",
      line: 3,
      reason: /below root|plain path|cannot be asked for/,
      remedy: /below root/,
    }),
  ),
  {
    what: "a share with a blank in its name",
    text: boot('{ root: ./boot, share: "win pe" }'),
    at: "networks.lan.boot.share",
    line: 3,
    reason: /name of a share/,
    remedy: /winpe/,
  },
];
