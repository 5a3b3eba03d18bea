/**
 * A graph of steps that wait for one another, and its topological order. Nodes 0 to `size` − 1 are the steps
 * in the order they would like to run; further nodes stand for "all of these are done" and run nothing.
 */
export class Graph {
  readonly #size: number;
  readonly #followers: number[][] = [];
  readonly #waitsFor: number[] = [];

  constructor(size: number) {
    this.#size = size;
    for (let i = 0; i < size; i++) this.addNode();
  }

  addNode(): number {
    this.#waitsFor.push(0);
    return this.#followers.push([]) - 1;
  }

  /** `later` waits for `earlier`. */
  addEdge(earlier: number, later: number): void {
    this.#followers[earlier]!.push(later);
    this.#waitsFor[later]! += 1;
  }

  /** Steps in order, lowest number first among those that wait for nothing; `stuck` are those of a cycle or behind one. */
  sort(): { readonly order: number[]; readonly stuck: number[] } {
    const waits = [...this.#waitsFor];
    const ready = new MinimumHeap();
    const silent: number[] = [];
    const order: number[] = [];
    const release = (node: number): void => {
      if (node < this.#size) ready.push(node);
      else silent.push(node);
    };
    for (let node = 0; node < waits.length; node++) if (waits[node] === 0) release(node);
    for (;;) {
      const node = silent.pop() ?? ready.pop();
      if (node === undefined) break;
      if (node < this.#size) order.push(node);
      for (const follower of this.#followers[node]!) if (--waits[follower]! === 0) release(follower);
    }
    const stuck: number[] = [];
    if (order.length < this.#size) {
      for (let node = 0; node < this.#size; node++) if (waits[node]! > 0) stuck.push(node);
    }
    return { order, stuck };
  }
}

/**
 * Meeting places of steps by name. The `hosts` of a name are made known first; a guest then waits for all of
 * them, or all of them wait for the guest, by way of one node where there are several.
 */
export class Meetings {
  readonly #graph: Graph;
  readonly #guestsFirst: boolean;
  readonly #places = new Map<string, number>();
  readonly #shared = new Set<number>();

  constructor(graph: Graph, order: "hosts first" | "guests first") {
    this.#graph = graph;
    this.#guestsFirst = order === "guests first";
  }

  host(name: string, node: number): void {
    const place = this.#places.get(name);
    if (place === undefined) {
      this.#places.set(name, node);
      return;
    }
    if (place === node) return;
    let shared = place;
    if (!this.#shared.has(place)) {
      shared = this.#graph.addNode();
      this.#shared.add(shared);
      this.#places.set(name, shared);
      this.#connect(place, shared);
    }
    this.#connect(node, shared);
  }

  /** No effect where nobody is host, or only the guest itself. */
  guest(name: string, node: number): void {
    const place = this.#places.get(name);
    if (place !== undefined && place !== node) this.#connect(place, node);
  }

  #connect(hostSide: number, guestSide: number): void {
    if (this.#guestsFirst) this.#graph.addEdge(guestSide, hostSide);
    else this.#graph.addEdge(hostSide, guestSide);
  }
}

class MinimumHeap {
  readonly #items: number[] = [];

  push(value: number): void {
    const items = this.#items;
    let at = items.push(value) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent]! <= value) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = value;
  }

  pop(): number | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (top === undefined || last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1]! < items[child]!) child += 1;
      if (items[child]! >= last) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return top;
  }
}
