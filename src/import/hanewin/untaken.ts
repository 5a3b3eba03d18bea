/** Keys of a DHCPsrv.ini that no network file has, or that it has no need of: why, and what to do. */
import type { Line } from "./lines.ts";

type Advice = readonly [reason: string, remedy: string];

/** Undefined: what the value asks for is what netloom does. */
type Judge = (value: string) => Advice | undefined;

/** Whether a switch of the file is on. */
export const isOn = (value: string): boolean => !/^(|0|no|false|off)$/i.test(value);

const UNTAKEN: Readonly<Record<string, Judge>> = {
  tftpport: (value) =>
    value === "" || value === "69" || value === "0"
      ? undefined
      : ["boot files are served on port 69, where clients ask for them", "nothing is to be done"],
  tftpmode: () => [
    "files are served to be read, to whoever is on the network",
    "clients that write files need netloom tftp serve FOLDER --write beside it",
  ],
  multicast: (value) =>
    isOn(value) ? ["boot files of a network are not sent by multicast", "nothing is to be done"] : undefined,
  testip: (value) =>
    isOn(value)
      ? undefined
      : ["netloom always asks whether an address of a range is in use before it offers it", "nothing is to be done"],
  changeip: (value) =>
    isOn(value)
      ? undefined
      : ["an address that somebody else uses is held back, and the client gets another one", "nothing is to be done"],
  // Whether the interface is served, and whether it has options of its own.
  used: (value) => (isOn(value) ? undefined : ["it switches a server off", "remove the network if it is not wanted"]),
  useopt: (value) =>
    isOn(value) ? undefined : ["it switches the options off", "remove options: of the network if they are not wanted"],
  sendoptions: () => ["clients are told the options that they ask for", "nothing is to be done"],
  enablemac: (value) =>
    isOn(value)
      ? ["a client is known by its identifier where it sends one", "write hosts with their MAC addresses"]
      : undefined,
};

/** Whether the key is one of them; what is to be told about its value. */
export function judge({ key, value }: Line): { readonly advice: Advice | undefined } | undefined {
  const known = Object.hasOwn(UNTAKEN, key) ? UNTAKEN[key] : undefined;
  return known === undefined ? undefined : { advice: known(value) };
}

export const UNKNOWN: Advice = [
  "this is no setting that netloom knows",
  "see what it did, and write that into the network file; docs/network-file.md lists its keys",
];
