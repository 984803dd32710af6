/** Bits of one page of the map: 8,192 blocks, 64 MB of a table. */
const PAGE = 8_192;
const WORDS = PAGE / 32;

/**
 * Blocks of relations, by file: a bit each, so that a table of a terabyte takes 16 MB. A relation may also be in it from a
 * block on to its end, wherever that is by then.
 */
export class Blocks {
  private readonly pages = new Map<number, Map<number, Uint32Array>>();
  private readonly tails = new Map<number, number>();

  add(file: number, block: number): void {
    const at = Math.floor(block / PAGE);
    const pages = this.pages.get(file) ?? new Map<number, Uint32Array>();
    const page = pages.get(at) ?? new Uint32Array(WORDS);
    this.pages.set(file, pages.set(at, page));
    const bit = block % PAGE;
    page[bit >>> 5] = (page[bit >>> 5] ?? 0) | (1 << (bit & 31));
  }

  /** All of a relation from this block on; an earlier one that is there already counts. */
  addFrom(file: number, block: number): void {
    this.tails.set(file, Math.min(block, this.tails.get(file) ?? block));
  }

  remove(file: number, block: number): void {
    const page = this.pages.get(file)?.get(Math.floor(block / PAGE));
    const word = (block % PAGE) >>> 5;
    if (page !== undefined) page[word] = (page[word] ?? 0) & ~(1 << (block & 31));
  }

  /** Leaves less of a part that goes to the end, or none of it. */
  advance(file: number, to: number | undefined): void {
    if (to === undefined) this.tails.delete(file);
    else this.tails.set(file, to);
  }

  has(file: number, block: number): boolean {
    if (block >= (this.tails.get(file) ?? Number.POSITIVE_INFINITY)) return true;
    const word = this.pages.get(file)?.get(Math.floor(block / PAGE))?.[(block % PAGE) >>> 5] ?? 0;
    return (word & (1 << (block & 31))) !== 0;
  }

  /** Where the part that goes to the end begins. */
  tailOf(file: number): number | undefined {
    return this.tails.get(file);
  }

  files(): number[] {
    return [...new Set([...this.pages.keys(), ...this.tails.keys()])];
  }

  /** Single blocks of a relation in order, without those of its part to the end. */
  *of(file: number): Generator<number> {
    const tail = this.tails.get(file) ?? Number.POSITIVE_INFINITY;
    const pages = this.pages.get(file) ?? new Map<number, Uint32Array>();
    for (const at of [...pages.keys()].sort((a, b) => a - b)) {
      const page = pages.get(at) as Uint32Array;
      for (const [i, word] of page.entries())
        for (let bit = 0; word !== 0 && bit < 32; bit += 1)
          if ((word & (1 << bit)) !== 0 && at * PAGE + i * 32 + bit < tail) yield at * PAGE + i * 32 + bit;
    }
  }

  /** Single blocks, of all relations. */
  get size(): number {
    let count = 0;
    for (const file of this.pages.keys()) for (const _ of this.of(file)) count += 1;
    return count;
  }

  delete(file: number): void {
    this.pages.delete(file);
    this.tails.delete(file);
  }

  addAll(other: Blocks): void {
    for (const file of other.files()) {
      for (const block of other.of(file)) this.add(file, block);
      const tail = other.tailOf(file);
      if (tail !== undefined) this.addFrom(file, tail);
    }
  }

  toJSON(): PlainBlocks {
    const pages = [...this.pages].map(([file, of]) => [file, [...of].map(([at, p]) => [at, base64(p)] as [number, string])] as const);
    return { pages: pages.map(([file, of]) => [file, of]), tails: [...this.tails] };
  }

  static from({ pages, tails }: PlainBlocks): Blocks {
    const blocks = new Blocks();
    for (const [file, of] of pages) blocks.pages.set(file, new Map(of.map(([at, text]) => [at, words(text)])));
    for (const [file, from] of tails) blocks.tails.set(file, from);
    return blocks;
  }
}

/** As it is kept. */
export interface PlainBlocks {
  pages: [number, [number, string][]][];
  tails: [number, number][];
}

const base64 = (page: Uint32Array): string => Buffer.from(page.buffer, page.byteOffset, page.byteLength).toString("base64");

function words(text: string): Uint32Array {
  const page = new Uint32Array(WORDS);
  Buffer.from(page.buffer).set(Buffer.from(text, "base64").subarray(0, WORDS * 4));
  return page;
}
