import { CommandError } from "../base/errors.ts";
import { type Output, outputError, standardOutput } from "../base/output.ts";
import { openStdoutPipe, type PipeWriter } from "../drivers/deno/stdout_pipe.ts";
import type { ByteSink } from "../export/byte_sink.ts";
import { formatWriter, jsonFormat, type LineWriter, rawWriter } from "../export/line_writer.ts";
import { type PartFacts, PartFiles, type PartTarget, partTarget } from "../export/part_files.ts";
import type { PartFormat } from "../export/part_format.ts";
import { readKeyFile } from "../export/read_key_file.ts";
import { BATCH_LIMITS, requestWriter } from "../export/request_writer.ts";
import { repseudonymiser } from "../export/repseudonymise.ts";
import type { CommandContext } from "./command_context.ts";
import type { ExportAiOptions } from "./command_options.ts";

/** Where an export goes, and in what form. Disposed of without commit, no file is left. */
export interface ExportPlace extends AsyncDisposable {
  readonly writer: LineWriter;
  /** `null`: stdout. */
  readonly target: PartTarget | null;
  /** Lines appear before the eyes of a person. */
  readonly isTerminal: boolean;
  readonly facts: readonly PartFacts[];
  /** Nothing more comes. */
  end(): Promise<void>;
  commit(): Promise<void>;
}

type Change = ReturnType<typeof repseudonymiser>;

const EXTENSIONS = { jsonl: "jsonl", csv: "csv", parquet: "parquet", xapi: "xapi.jsonl" } as const;

/** Throws CommandError for files that cannot be written, or a key that cannot be used. */
export async function openExportPlace(context: CommandContext, given: ExportAiOptions): Promise<ExportPlace> {
  const key = given.pseudonyms === null ? null : await readKeyFile(given.pseudonyms);
  await using undo = new AsyncDisposableStack();
  const { out, manifest: hashed, batch } = given;
  const view = batch === null ? given.view : "requests";
  // A folder of requests may need several files, however small.
  const split = given.splitBytes ?? (batch !== null && await isFolder(out) ? BATCH_LIMITS[batch].bytes : null);
  const extension = EXTENSIONS[given.format];
  const target = out === null ? null : await partTarget(out, { split, view, extension, hashed });
  const parts = target === null ? null : undo.use(new PartFiles(target));
  await parts?.begin();
  const pipe = parts === null && context.out === standardOutput ? openStdoutPipe() : null;
  undo.defer(() => pipe?.close());
  if (parts === null && given.format === "parquet" && context.out.isTerminal) {
    throw new CommandError("Cannot show Parquet on a terminal: it is binary", {
      hint: "use --out FILE.parquet, or a pipe",
    });
  }
  const lines = parts === null ? { sink: sinkOf(context.out, pipe) } : { parts };
  const change = key === null ? null : repseudonymiser(key);
  const formatOf = await formatFor(context, given, change);
  const writer = batch !== null
    ? requestWriter(lines, BATCH_LIMITS[batch], split)
    : formatOf === null
    ? rawWriter(lines, hashed || split !== null)
    : formatWriter(lines, { formatOf, change: given.format === "xapi" ? null : change, splitBytes: split });
  const kept = undo.move();
  return {
    writer,
    target,
    isTerminal: parts === null && context.out.isTerminal,
    get facts() {
      return parts?.facts ?? [];
    },
    end: () => writer.end(),
    commit: async () => await parts?.commit(),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

async function isFolder(out: string | null): Promise<boolean> {
  if (out === null || out.endsWith("/")) return out !== null;
  return await Deno.stat(out).then((found) => found.isDirectory, () => false);
}

/** `null`: lines pass through unparsed. */
async function formatFor(
  { config }: CommandContext,
  { format, view, xapiVersion }: ExportAiOptions,
  change: Change | null,
): Promise<(() => PartFormat) | null> {
  switch (format) {
    case "jsonl":
      return change === null ? null : jsonFormat;
    case "csv": {
      const { csvFormat } = await import("../export/csv_format.ts");
      return () => csvFormat(view);
    }
    case "parquet": {
      const { parquetFormat } = await import("../export/parquet_format.ts");
      return () => parquetFormat(view);
    }
    case "xapi": {
      const { xapiFormat } = await import("../export/xapi_format.ts");
      const options = { version: xapiVersion ?? "1.0.3", homeOf: homes(config), change };
      return () => xapiFormat(options);
    }
  }
}

/** Accounts of a source are at home where its links lead; without links at a name that is nobody's. */
function homes({ source: watched }: CommandContext["config"]): (source: string) => string {
  // Of a link whose very host is filled in nobody can say where it leads.
  const hosts = Object.values(watched.links).flatMap((link) =>
    /^(https?:\/\/[^/?#{}]+)(?:[/?#]|$)/i.exec(link)?.[1] ?? []
  );
  const [host] = hosts.filter((host) => URL.canParse(host));
  const home = host === undefined ? null : new URL(host).origin;
  return (source) =>
    home !== null && source === watched.name ? home : `https://lms.invalid/${encodeURIComponent(source)}`;
}

function sinkOf(out: Output, pipe: PipeWriter | null): ByteSink {
  return {
    write: (bytes) =>
      pipe === null ? out.writeBytes(bytes) : pipe.write(bytes).catch((error) => {
        throw outputError(error);
      }),
  };
}
