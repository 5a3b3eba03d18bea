/** What the cases of mistakes have in common. */

/** Each case is one mistake in one file: where it is told, what is said and what would be right. */
export interface Case {
  readonly what: string;
  readonly text: string;
  readonly at: string;
  readonly line: number;
  readonly reason: RegExp;
  readonly remedy: RegExp;
  readonly value?: string;
}

export const LAN = "version: 1\nnetworks:\n  lan: { subnet: 192.0.2.0/24 }\n";
const PODS = `${LAN}machines:\n  pod1: { kind: namespace, nics: [{ network: lan }] }\n`;

export function network(rest: string): string {
  return `version: 1\nnetworks:\n  lan: { ${rest} }\n`;
}

export function nic(rest: string): string {
  return `${LAN}machines:\n  pod1: { kind: namespace, nics: [{ network: lan, ${rest} }] }\n`;
}

export function vm(rest: string): string {
  return `${PODS}  vm1: { kind: vm, ${rest} }\n`;
}
