import { once } from "node:events";
import { pipeline, Readable } from "node:stream";
import { createGunzip, createGzip, createZstdCompress, createZstdDecompress } from "node:zlib";
import type { ByteSink } from "./byte_sink.ts";

export type Compression = "none" | "gzip" | "zstd";

/** By the name of the file, as people name such files. */
export function compressionOf(path: string): Compression {
  if (/\.gz$/i.test(path)) return "gzip";
  return /\.zst(d)?$/i.test(path) ? "zstd" : "none";
}

/** A sink that must be told when nothing more comes. */
export interface EndingSink extends ByteSink {
  end(): Promise<void>;
}

/** Compresses on the way to `sink`, with back-pressure. */
export function compressing(sink: ByteSink, compression: Compression): EndingSink {
  if (compression === "none") return { write: (bytes) => sink.write(bytes), end: () => Promise.resolve() };
  const stream = compression === "gzip" ? createGzip() : createZstdCompress();
  let failure: { readonly error: unknown } | null = null;
  const pump = (async () => {
    for await (const chunk of stream) await sink.write(chunk as Uint8Array);
  })().catch((error: unknown) => {
    failure = { error };
    stream.destroy();
  });
  const check = () => {
    if (failure !== null) throw failure.error;
  };
  return {
    write: async (bytes) => {
      check();
      // A copy: whoever wrote it uses the memory again, and the compressor may not have read it yet.
      if (!stream.write(bytes.slice())) await Promise.race([once(stream, "drain"), pump]);
      check();
    },
    end: async () => {
      if (failure === null) stream.end();
      await pump;
      check();
    },
  };
}

const ZSTD_BEGINS = [0x28, 0xb5, 0x2f, 0xfd];

/** What was compressed, by either of the two: its first bytes say by which, since a pipe has no name. */
export async function uncompressed(packed: AsyncGenerator<Uint8Array>): Promise<Readable> {
  let head = new Uint8Array();
  while (head.length < ZSTD_BEGINS.length) {
    const { done, value } = await packed.next();
    if (done) break;
    head = new Uint8Array([...head, ...value]);
  }
  const isZstd = ZSTD_BEGINS.every((byte, i) => head[i] === byte);
  const all = Readable.from((async function* () {
    yield head;
    yield* packed;
  })());
  // What fails on the way is thrown to whoever reads.
  return pipeline(all, isZstd ? createZstdDecompress() : createGunzip(), () => {});
}
