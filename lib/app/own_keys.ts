import type { Output } from "../base/output.ts";
import type { LmsId } from "../model/event.ts";
import { isPairId, isTextId } from "../model/key_space.ts";

export type ShownKeys = (ids: readonly LmsId[]) => Promise<ReadonlyMap<LmsId, string>>;

/** A number of nineteen digits, perhaps below zero: ids that stand for texts and pairs look like that, and little else. */
const LONG_NUMBER = /(?<![\w.-])(?:[4-9]\d{18}|-\d{19})(?!\w)/g;

/**
 * What people or programs read (lines, JSON), with the LMS's own keys in place of ids that stand for texts or pairs: nobody could find
 * anything in the LMS by such a number.
 */
export async function withOwnKeys<T>(value: T, shown: ShownKeys): Promise<T> {
  const ids = new Set<LmsId>();
  mapped(value, (id) => {
    ids.add(id);
    return id;
  });
  if (ids.size === 0) return value;
  const keys = await shown([...ids]);
  return mapped(value, (id) => keys.get(id) ?? id) as T; // the same shape
}

/**
 * What a command writes, kept until the command ends and written then, in order, with the LMS's own keys. For what people read, not for bulk
 * data.
 */
export class OwnKeyOutput implements Output, AsyncDisposable {
  readonly isTerminal: boolean;
  readonly #kept: [how: "line" | "row" | "json" | "table", what: unknown][] = [];

  constructor(private readonly out: Output, private readonly shown: ShownKeys) {
    this.isTerminal = out.isTerminal;
  }

  writeLine(text = ""): void {
    this.#kept.push(["line", text]);
  }

  writeRow(row: string): void {
    this.#kept.push(["row", row]);
  }

  writeJson(value: unknown): void {
    this.#kept.push(["json", value]);
  }

  table(head: readonly string[], rows: readonly (readonly (string | number | null)[])[]): Promise<void> {
    this.#kept.push(["table", { head, rows }]);
    return Promise.resolve();
  }

  async writeBytes(chunk: Uint8Array): Promise<void> {
    await this.flush();
    await this.out.writeBytes(chunk);
  }

  async flush(): Promise<void> {
    const kept = await withOwnKeys(this.#kept.splice(0), this.shown);
    for (const [how, what] of kept) {
      if (how === "line") this.out.writeLine(what as string);
      else if (how === "row") this.out.writeRow(what as string);
      else if (how === "json") this.out.writeJson(what);
      else {
        const { head, rows } = what as {
          head: readonly string[];
          rows: readonly (readonly (string | number | null)[])[];
        };
        await this.out.table(head, rows);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush();
  }
}

function mapped(value: unknown, keyOf: (id: LmsId) => string): unknown {
  const own = (id: string) => isTextId(id) || isPairId(id) ? keyOf(id) : id;
  if (typeof value === "string") return value.replace(LONG_NUMBER, own);
  if (typeof value === "bigint") {
    const id = String(value), key = own(id);
    return key === id ? value : key;
  }
  if (Array.isArray(value)) return value.map((inner) => mapped(inner, keyOf));
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, mapped(inner, keyOf)]));
}
