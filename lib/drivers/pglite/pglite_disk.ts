/*
 * Fault: Emscripten's file system over a directory has no fsync, so PostgreSQL believes that a commit is on the disk
 *   when it is only in the kernel's memory.
 * Seen in: PGlite 0.5.16.
 * Upstream: electric-sql/pglite#1107.
 * Delete when: NodeFS of PGlite passes fsync and fdatasync on to the host.
 */

import { NodeFS } from "@electric-sql/pglite/nodefs";
import { closeSync, fsyncSync, openSync } from "node:fs";

type Init = Parameters<NodeFS["init"]>;

/**
 * PGlite's directory with a working `fsync`: else a power cut could undo or tear a commit. Needs `wal_sync_method=fsync`,
 * because Emscripten answers `fdatasync` itself.
 */
export class PgliteDisk extends NodeFS {
  override async init(pg: Init[0], options: Init[1]): ReturnType<NodeFS["init"]> {
    const { emscriptenOpts } = await super.init(pg, options);
    emscriptenOpts.preRun = [...(emscriptenOpts.preRun ?? []), (module) => addFsync(module as unknown as WithNodeFs)];
    return { emscriptenOpts };
  }
}

interface WithNodeFs {
  readonly NODEFS: {
    readonly stream_ops: { fsync?: (stream: NodeStream) => number };
    realPath(node: unknown): string;
  };
}

interface NodeStream {
  readonly node: unknown;
  /** The file descriptor; directories have none. */
  readonly nfd?: number;
}

const EIO = 29; // of WASI, which Emscripten answers with

function addFsync(module: WithNodeFs): void {
  const { NODEFS } = module;
  NODEFS.stream_ops.fsync = (stream) => {
    try {
      if (stream.nfd !== undefined) fsyncSync(stream.nfd);
      else fsyncDirectory(NODEFS.realPath(stream.node));
      return 0;
    } catch {
      return EIO;
    }
  };
}

function fsyncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
