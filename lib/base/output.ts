import { CommandError } from "./errors.ts";
import { redact } from "./secrets.ts";

/** Thrown when the reader of stdout has gone away (`| head`): main ends quietly with 0, it is nobody's mistake. */
export class OutputClosed extends Error {
  constructor(options?: ErrorOptions) {
    super("Output was closed by its reader", options);
    this.name = "OutputClosed";
  }
}

/**
 * Where results go. Lines, JSON and tables are redacted (P7); `writeBytes` is not, it is for bulk data. What people read has its control
 * characters made harmless: an LMS, a file's name or a colleague's reason must not write to a terminal as it likes.
 */
export interface Output {
  readonly isTerminal: boolean;
  /** One line for people, or several when `text` has line breaks; ends with a line break. */
  writeLine(text?: string): void;
  /** One line for programs (a row of CSV), as it is. */
  writeRow(row: string): void;
  /** One JSON value on one line, or indented for a person at a terminal. */
  writeJson(value: unknown): void;
  /** A plain table. */
  table(head: readonly string[], rows: readonly (readonly (string | number | null)[])[]): Promise<void>;
  /** Writes all of `chunk`, with back-pressure. */
  writeBytes(chunk: Uint8Array): Promise<void>;
}

interface SyncSink {
  writeSync(chunk: Uint8Array): number;
  write(chunk: Uint8Array): Promise<number>;
  isTerminal(): boolean;
}

const encoder = new TextEncoder();

export function createOutput(sink: SyncSink): Output {
  const writeRaw = (text: string) => {
    clearStatus(); // on a terminal a result would begin behind it
    try {
      writeAllSync(sink, encoder.encode(text));
    } catch (error) {
      throw outputError(error);
    }
  };
  const writeText = (text: string) => writeRaw(redact(text));
  return {
    isTerminal: sink.isTerminal(),
    writeLine: (text = "") => writeText(`${text.replace(CONTROLS, (sign) => /[\n\t]/.test(sign) ? sign : HARMLESS)}\n`),
    writeRow: (row) => writeText(`${row}\n`),
    writeJson: (value) => writeRaw(`${toJson(value, sink.isTerminal() ? 2 : 0)}\n`),
    table: async (head, rows) => {
      const { default: Table } = await import("cli-table3");
      const table = new Table({
        head: [...head],
        style: { head: [], border: [], compact: true, "padding-left": 0 },
        chars: PLAIN,
      });
      for (const row of rows) table.push(row.map((cell) => printable(cell === null ? "" : String(cell))));
      writeText(`${table.toString().replace(/[ \t]+$/gm, "")}\n`);
    },
    writeBytes: async (chunk) => {
      try {
        for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await sink.write(rest));
      } catch (error) {
        throw outputError(error);
      }
    },
  };
}

export const standardOutput: Output = createOutput(Deno.stdout);

/** Logs and errors. A closed or full stderr is no reason to stop working, so failures are ignored. */
export function writeStderr(text: string): void {
  writeStderrRaw(redact(text));
}

/** For text that was redacted already, such as `toJson` gives. */
export function writeStderrRaw(text: string): void {
  try {
    writeAllSync(Deno.stderr, encoder.encode(status === "" ? text : `${ERASE_LINE}${text}${status}`));
  } catch {
    // Nobody is left to tell.
  }
}

const ERASE_LINE = "\r\x1b[K";
/** The line at the bottom of the terminal; what is logged goes above it. */
let status = "";

/** Draws `line` at the bottom of a terminal on stderr, in place of the one before. */
export function showStatus(line: string): void {
  status = "";
  const shown = [...printable(redact(line))].slice(0, terminalWidth() - 1).join("");
  writeStderrRaw(`${ERASE_LINE}${shown}`);
  status = shown;
}

/** Takes that line away. */
export function clearStatus(): void {
  if (status === "") return;
  status = "";
  writeStderrRaw(ERASE_LINE);
}

/** Whether a person may be looking at what is logged. */
export const stderrIsTerminal = (): boolean => Deno.stderr.isTerminal();

/** A line that wraps could not be drawn over. */
export function terminalWidth(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 80;
  }
}

// deno-lint-ignore no-control-regex
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const HARMLESS = "\ufffd";

/** LMS text for a terminal, in one line: control characters and direction overrides (escape sequences in a name) become `�`. */
export function printable(text: string): string {
  return text.replace(CONTROLS, HARMLESS);
}

/**
 * JSON with every text in it redacted. Redacting the JSON itself could break it: the password "1234" is not to be taken out
 * of `{"poll":1234}`.
 */
export function toJson(value: unknown, indent = 0): string {
  return JSON.stringify(
    value,
    (key, part) => {
      const plain = jsonValue(key, part);
      return typeof plain === "string" ? redact(plain) : plain;
    },
    indent,
  );
}

/** For JSON.stringify: ids as bigint, and maps, as people expect them. */
export function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") {
    return value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : value.toString();
  }
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  return value;
}

function writeAllSync(sink: Pick<SyncSink, "writeSync">, bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0;) {
    try {
      rest = rest.subarray(sink.writeSync(rest));
    } catch (error) {
      // A pipe that another process made non-blocking is full: wait for its reader instead of losing the line.
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

/** What a failed write means: OutputClosed, or CommandError. */
export function outputError(error: unknown): Error {
  const isClosed = error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset;
  if (isClosed) return new OutputClosed({ cause: error });
  return new CommandError(`Cannot write the output: ${error instanceof Error ? error.message : error}`, {
    cause: error,
  });
}

const PLAIN = {
  "top": "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  "bottom": "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  "left": "",
  "left-mid": "",
  "mid": "",
  "mid-mid": "",
  "right": "",
  "right-mid": "",
  "middle": "  ",
};
