import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { CommandError } from "../base/errors.ts";
import { compressing, type Compression, compressionOf, type EndingSink } from "./compress.ts";
import { asFolder, openOutputFile, type OutputFile } from "./output_file.ts";

/** What the manifest says of a file. Event ids are decimal text. */
export interface PartFacts {
  readonly name: string;
  readonly bytes: number;
  readonly lines: number;
  readonly firstEventId: string | null;
  readonly lastEventId: string | null;
  /** Empty where nobody asked. */
  readonly sha256: string;
}

/** Which lines some bytes are: how many, and the ids of their first and last event. */
export interface LineSpan {
  readonly lines: number;
  readonly first: string | null;
  readonly last: string | null;
}

export interface PartTarget {
  /** Of the first file; those that follow are numbered. */
  readonly path: string;
  readonly compression: Compression;
  readonly splitBytes: number | null;
  /** Whether anybody asks for the sha256 of the files. */
  readonly hashed: boolean;
}

/** Where the files go: one file by its name, or numbered ones in a folder or beside each other. */
export async function partTarget(
  out: string,
  { split, view, extension, hashed }: {
    readonly split: number | null;
    readonly view: string;
    readonly extension: string;
    readonly hashed: boolean;
  },
): Promise<PartTarget> {
  const isFolder = await asFolder(out);
  const path = isFolder ? join(out, `${view}.${extension}`) : out;
  const target: PartTarget = { path, compression: compressionOf(path), splitBytes: split, hashed };
  // One file, too: its manifest would take the place of theirs, and whoever reads the folder would read everything twice.
  if (split !== null || isFolder) await refuseOlderParts(target);
  return target;
}

function nameParts(path: string): readonly [stem: string, rest: string] {
  const name = basename(path);
  const dot = name.indexOf(".", 1);
  return dot < 0 ? [name, ""] : [name.slice(0, dot), name.slice(dot)];
}

/** Of a folder that cannot be read nothing: that it cannot be written to is found when it is tried. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  } catch {
    return [];
  }
}

/** `events.jsonl.gz` and 3: `events-00003.jsonl.gz`. */
function numbered(path: string, number: number): string {
  const [stem, rest] = nameParts(path);
  return join(dirname(path), `${stem}-${String(number).padStart(5, "0")}${rest}`);
}

/** Files of an earlier export among those of this one would be read as a part of it. */
async function refuseOlderParts(target: PartTarget): Promise<void> {
  const folder = dirname(target.path);
  const [stem, rest] = nameParts(target.path);
  for (const name of await namesIn(folder)) {
    const number = name.slice(stem.length + 1, name.length - rest.length);
    if (name !== `${stem}-${number}${rest}` || !/^\d{5,}$/.test(number)) continue;
    const wanted = target.splitBytes === null ? target.path : numbered(target.path, 1);
    throw new CommandError(
      `Cannot write ${wanted}: ${name} is there already, from an earlier export`,
      {
        hint: "name another folder, or remove its files first",
      },
    );
  }
}

interface OpenPart {
  readonly file: OutputFile;
  readonly sink: EndingSink;
  readonly hash: ReturnType<typeof createHash>;
  readonly name: string;
  written: number;
  lines: number;
  first: string | null;
  last: string | null;
}

/**
 * The files of one export. All of them get their names at the end, when every byte is on the disk: until then, and when it is
 * disposed of without that, nothing is there. The first one gets its name last: a set that was cut short by a kill begins with
 * a higher number, so that nobody takes it for a whole one.
 */
export class PartFiles implements AsyncDisposable {
  readonly #finished: { readonly file: OutputFile; readonly facts: PartFacts }[] = [];
  #open: OpenPart | null = null;

  constructor(private readonly target: PartTarget) {}

  /** Nothing is in the file in hand: one line that is larger than a file may be goes into it. */
  get isEmpty(): boolean {
    return (this.#open?.lines ?? 0) === 0;
  }

  /** Bytes that still fit the file in hand, as far as one can know while they are compressed; the next one is empty. */
  get room(): number {
    const { splitBytes } = this.target;
    return splitBytes === null ? Infinity : splitBytes - (this.#open?.written ?? 0);
  }

  /** Opens a file when none is. */
  async begin(): Promise<void> {
    if (this.#open !== null) return;
    const { path, splitBytes, compression, hashed } = this.target;
    const name = splitBytes === null ? path : numbered(path, this.#finished.length + 1);
    const file = await openOutputFile(name);
    const hash = createHash("sha256");
    const part: OpenPart = {
      file,
      hash,
      name: basename(name),
      sink: compressing({
        write: async (bytes) => {
          if (hashed) hash.update(bytes);
          part.written += bytes.length;
          await file.write(bytes);
        },
      }, compression),
      written: 0,
      lines: 0,
      first: null,
      last: null,
    };
    this.#open = part;
  }

  async write(bytes: Uint8Array, span: LineSpan = { lines: 0, first: null, last: null }): Promise<void> {
    await this.begin();
    const part = this.#open;
    if (part === null) return;
    await part.sink.write(bytes);
    part.lines += span.lines;
    part.first ??= span.first;
    part.last = span.last ?? part.last;
  }

  /** The file in hand is whole; the next write begins another. */
  async finishPart(): Promise<void> {
    const part = this.#open;
    if (part === null) return;
    await part.sink.end();
    await part.file.finish();
    const { name, written: bytes, lines, first: firstEventId, last: lastEventId } = part;
    const facts = {
      name,
      bytes,
      lines,
      firstEventId,
      lastEventId,
      sha256: this.target.hashed ? part.hash.digest("hex") : "",
    };
    this.#finished.push({ file: part.file, facts });
    this.#open = null;
  }

  /** What the finished files hold. */
  get facts(): PartFacts[] {
    return this.#finished.map(({ facts }) => facts);
  }

  /** Gives the finished files their names, or none of several. */
  async commit(): Promise<void> {
    const named: string[] = [];
    try {
      for (const { file, facts } of this.#finished.toReversed()) {
        await file.commit();
        named.push(join(dirname(this.target.path), facts.name));
      }
    } catch (error) {
      for (const path of named) await Deno.remove(path).catch(() => {});
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#open !== null) {
      await this.#open.sink.end().catch(() => {});
      await this.#open.file[Symbol.asyncDispose]();
    }
    for (const { file } of this.#finished) await file[Symbol.asyncDispose]();
  }
}
