/**
 * A graph of steps that wait for one another, and its topological order. Nodes 0 to `size` − 1 are the steps
 * in the order they would like to run; further nodes stand for "all of these are done" and run nothing.
 */
export class Graph {
  readonly #size: number;
  readonly #followers: number[][] = [];
  readonly #waitsFor: number[] = [];
  readonly #tokens = new Map<string, number>();

  constructor(size: number) {
    this.#size = size;
    for (let i = 0; i < size; i++) this.addNode();
  }

  addNode(): number {
    this.#waitsFor.push(0);
    return this.#followers.push([]) - 1;
  }

  /** The node of that name, made when first asked for. */
  token(name: string): number {
    let node = this.#tokens.get(name);
    if (node === undefined) {
      node = this.addNode();
      this.#tokens.set(name, node);
    }
    return node;
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
