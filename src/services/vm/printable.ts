/** What a guest or QEMU wrote, made harmless for a terminal. */

/**
 * The text without escape sequences and control characters other than line ends and tabs: a guest that could send
 * them to a person's terminal could make it type.
 */
export function printable(text: string): string {
  const [start = "", ...escaped] = text.split("\u001b");
  const rest = escaped.map((part) => part.replace(/^\[[0-?]*[ -/]*[@-~]/, ""));
  return [start, ...rest].join("").replaceAll(/[^\P{Cc}\n\t]/gu, "");
}
