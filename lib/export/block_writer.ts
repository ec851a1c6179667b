import type { ByteSink } from "./byte_sink.ts";

const BLOCK_BYTES = 256 * 1024;
/** Blocks that may wait for a slow reader before the source is asked to pause. */
const MOST_WAITING = 4;

/**
 * Gathers many small rows into blocks and writes them in order while the next ones come in. Memory stays at a few blocks as
 * long as the source heeds {@link BlockWriter.isFull}.
 */
export class BlockWriter {
  #block = new Uint8Array(BLOCK_BYTES);
  #used = 0;
  readonly #waiting: Uint8Array<ArrayBuffer>[] = [];
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  #writing: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  /** @param onDrain Runs when the writer is no longer full, or has failed. */
  constructor(private readonly sink: ByteSink, private readonly onDrain: () => void = () => {}) {}

  get isFull(): boolean {
    return this.#waiting.length >= MOST_WAITING;
  }

  /** Set once writing failed: nothing more will be written. */
  get failure(): { readonly error: unknown } | null {
    return this.#failure;
  }

  /** Takes a copy of the bytes. */
  add(bytes: Uint8Array): void {
    if (this.#failure !== null) return;
    let rest = bytes;
    while (this.#used + rest.length > BLOCK_BYTES) {
      const room = BLOCK_BYTES - this.#used;
      this.#block.set(rest.subarray(0, room), this.#used);
      this.#used = BLOCK_BYTES;
      this.#flush();
      rest = rest.subarray(room);
    }
    this.#block.set(rest, this.#used);
    this.#used += rest.length;
  }

  /** Waits until everything so far is written; throws what writing threw. */
  async drain(): Promise<void> {
    this.#flush();
    while (this.#writing !== null) await this.#writing;
    if (this.#failure !== null) throw this.#failure.error;
  }

  #flush(): void {
    if (this.#used === 0 || this.#failure !== null) return;
    this.#waiting.push(this.#block.subarray(0, this.#used));
    this.#block = this.#spare.pop() ?? new Uint8Array(BLOCK_BYTES);
    this.#used = 0;
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    try {
      for (let block = this.#waiting[0]; block !== undefined; block = this.#waiting[0]) {
        await this.sink.write(block);
        const wasFull = this.isFull;
        this.#waiting.shift();
        if (this.#spare.length < MOST_WAITING) this.#spare.push(new Uint8Array(block.buffer));
        if (wasFull && !this.isFull) this.onDrain();
      }
    } catch (error) {
      this.#failure = { error };
      this.#waiting.length = 0;
      this.onDrain();
    } finally {
      this.#writing = null;
    }
  }
}
