/*
 * Fault: PGlite starts PostgreSQL with -F (no fsync), keeps every answer of its plain call for ever, and calls a
 *   crashed engine again without end.
 * Seen in: PGlite 0.5.16.
 * Upstream: electric-sql/pglite#1107 for the first; none known for the others.
 * Delete when: PGlite starts with fsync, bounds what it keeps, and ends with an error when its engine crashed. What is
 *   left then is a thin wrapper.
 */

import type { PGlite, PGliteOptions } from "@electric-sql/pglite";
import { PgliteGate } from "./pglite_gate.ts";

/**
 * PGlite writes zeros over all of its buffers when it opens: of the default 128 MB that took half a second of CPU and as much
 * memory. A database keeps the zone of the machine that made it; ours is UTC wherever it came from.
 */
const IN_MEMORY = ["-c", "shared_buffers=32MB", "-c", "TimeZone=UTC"];
/** PGlite starts PostgreSQL with `-F` (no fsync), so a power cut could lose what was acknowledged, or the directory. */
const ON_DISK = [...IN_MEMORY, "-c", "wal_sync_method=fsync"];

/** Emscripten's exit status of PostgreSQL's `longjmp` to its main loop: an ordinary SQL error. */
const SQL_ERROR = 100;
const ERROR_RESPONSE = "E".charCodeAt(0);
const CLOSE_BROKEN_MS = 1_000;
const LATIN1 = new TextDecoder("latin1");

/**
 * One PostgreSQL in this process. It has one session and is synchronous: a statement blocks the process while it runs.
 */
export class PgliteEngine {
  readonly gate: PgliteGate;
  #broken: Error | null = null;
  #crashed = false;
  #executed = 0;

  private constructor(
    private readonly pg: PGlite,
    readonly serverVersion: string,
    patienceMs?: number,
  ) {
    this.gate = new PgliteGate(patienceMs);
    this.#stopOnCrash();
  }

  /**
   * @param dataDir An initialised directory, or `null` for a database in memory. Into an empty directory, or memory without
   * `loadDataDir`, PGlite's `initdb` makes a new one, by a second engine: some 980 MB (lib/state/template.ts has a made one).
   */
  static async open(dataDir: string | null, options: EngineOptions = {}): Promise<PgliteEngine> {
    // Loaded here: a state on a server needs none of it, and each start would take its time.
    const [{ PGlite }, { PgliteDisk }] = await Promise.all([
      import("@electric-sql/pglite"),
      import("./pglite_disk.ts"),
    ]);
    const defaults = PGlite.defaultStartParams; // which it does not merge
    const pg = await PGlite.create({
      ...(dataDir === null
        ? { startParams: [...defaults, ...IN_MEMORY] }
        : { fs: new PgliteDisk(dataDir), startParams: [...defaults.filter((one) => one !== "-F"), ...ON_DISK] }),
      ...options.pglite,
    });
    const { rows } = await pg.query<{ server_version: string }>("show server_version");
    return new PgliteEngine(pg, rows[0]?.server_version ?? "", options.patienceMs);
  }

  /** Why the engine can no longer be used: a crash inside it, such as a full disk. `null` while it works. */
  get broken(): Error | null {
    return this.#broken;
  }

  /** How many messages were executed: whether anything happened since one last looked. */
  get executed(): number {
    return this.#executed;
  }

  /**
   * Executes one message of the frontend protocol; `onData` gets the answer, whole messages, in pieces of its own.
   *
   * The stream form on purpose: the plain one parses every answer and keeps it for ever.
   */
  async execute(message: Uint8Array, onData: (bytes: Uint8Array) => void): Promise<void> {
    this.#requireSound();
    this.#executed++;
    // The bytes are a view into the engine's memory, which the next message overwrites.
    await this.pg.execProtocolRawStream(message, {
      syncToFs: false,
      onRawData: (bytes) => {
        this.#stopOnSystemError(bytes);
        onData(bytes.slice());
      },
    });
  }

  /** The whole database directory as a tar file, for PGlite's `loadDataDir`. */
  dump(): Promise<File | Blob> {
    return this.pg.dumpDataDir("none");
  }

  async close(): Promise<void> {
    if (this.pg.closed) return;
    this.gate.close();
    // A crashed engine has nothing left to say; its write-ahead log is replayed at the next opening.
    if (this.#crashed) return;
    if (this.#broken === null) return await this.pg.close();
    // It frees its files; what it cannot write is in the log already, and whether it ends at all is not sure.
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, CLOSE_BROKEN_MS);
    await Promise.race([this.pg.close().catch(() => {}), late.promise]);
    clearTimeout(timer);
  }

  /**
   * Throws an error of its own each time: the driver notes on an error which query it was of, once, so that a query that nobody
   * waits for (isStrayRejection) would pass for the first one that failed, and end the process.
   */
  #requireSound(): void {
    if (this.#broken !== null) throw new Error(this.#broken.message, { cause: this.#broken });
  }

  /**
   * Class 58 of SQLSTATE, "error external to PostgreSQL". After a file could not be made (no inode left), Emscripten's file system
   * believes for ever that it is there, and the engine fails with 58P02 when there is room again: only a new one knows better.
   */
  #stopOnSystemError(bytes: Uint8Array): void {
    if (bytes[0] !== ERROR_RESPONSE) return;
    const text = LATIN1.decode(bytes.subarray(0, 1024));
    if (text.includes("\0C58")) {
      this.#broken ??= new Error("The embedded database met an error of the disk and is opened anew");
    }
  }

  /**
   * PGlite's loop swallows whatever its engine throws and calls it again: after a crash (out of disk, out of memory) that
   * spins for ever. Remember the crash, and throw it where the loop does not catch.
   */
  #stopOnCrash(): void {
    const module = this.pg.Module as unknown as EngineModule;
    const mainLoopOnce = module._PostgresMainLoopOnce;
    const stackRestore = module.stackRestore;
    module._PostgresMainLoopOnce = () => {
      try {
        mainLoopOnce();
      } catch (error) {
        if ((error as { status?: unknown }).status !== SQL_ERROR) {
          this.#crashed = true;
          this.#broken = error instanceof Error ? error : new Error(`The embedded database stopped: ${error}`);
        }
        throw error;
      }
    };
    module.stackRestore = (pointer) => {
      this.#requireSound();
      stackRestore(pointer);
    };
  }
}

export interface EngineOptions {
  /** A dump to begin with (`loadDataDir`); tests pass a compiled module, too. */
  readonly pglite?: PGliteOptions;
  readonly patienceMs?: number;
}

interface EngineModule {
  _PostgresMainLoopOnce: () => void;
  stackRestore: (pointer: unknown) => void;
}
