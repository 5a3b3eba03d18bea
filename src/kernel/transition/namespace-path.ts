/** Where a namespace of the vocabulary is found in the file system. */

/** Path of the namespace called `name`: "" is our own, a path stands for itself, a name is under /run/netns. */
export function namespacePath(name: string): string {
  if (name === "") return "/proc/self/ns/net";
  return name.startsWith("/") ? name : `/run/netns/${name}`;
}
