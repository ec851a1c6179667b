import { UsageError } from "../base/errors.ts";
import type { ExportFormat, ExportView } from "./part_format.ts";

/** What of an export decides whether its parts go together. */
export interface ExportShape {
  readonly format: ExportFormat;
  readonly view: ExportView;
  readonly schema: 1 | 2;
  readonly identified: boolean;
  readonly pseudonyms: string | null;
  readonly consumer: string | null;
  readonly ack: boolean;
  readonly after: string | null;
  readonly follow: boolean;
  readonly out: string | null;
  readonly splitBytes: number | null;
  readonly manifest: boolean;
  readonly unprocessed: boolean;
  readonly markProcessed: boolean;
  readonly types: readonly string[] | null;
  readonly limit: number | null;
  readonly until: number | null;
  readonly xapiVersion: string | null;
  readonly batch: string | null;
  readonly prompt: string | null;
  readonly model: string | null;
  /** Flags that only requests of a batch have, as given. */
  readonly batchOnly: readonly string[];
}

/** Throws UsageError for parts that make no sense together; docs/export.md has the table. */
export function checkExport(shape: ExportShape): void {
  for (const [isWrong, what, hint] of rules(shape)) {
    if (isWrong) throw new UsageError(`Cannot export: ${what}`, { hint });
  }
}

type Rule = readonly [isWrong: boolean, what: string, hint: string];

function* rules(x: ExportShape): Generator<Rule> {
  const isOfEvents = x.view === "events" || x.view === "latest";
  const { format, view } = x;
  yield [x.schema === 1 && format !== "jsonl", `schema 1 has no --format ${format}`, "use --schema 2, the default"];
  yield [x.schema === 1 && view !== "events", `schema 1 has no --view ${view}`, "use --schema 2, the default"];
  yield [x.schema === 1 && x.pseudonyms !== null, "schema 1 has no pseudonyms", "use --schema 2, the default"];
  yield [
    x.identified && x.pseudonyms !== null,
    "--identified and --pseudonyms contradict each other",
    "use one of them",
  ];
  yield [format === "xapi" && view !== "events", `--format xapi has no --view ${view}`, "a statement is of an event"];
  yield [
    x.xapiVersion !== null && format !== "xapi",
    "--xapi-version needs --format xapi",
    "add --format xapi, or leave --xapi-version out",
  ];
  yield* cursorRules(x);
  if (!isOfEvents) {
    const about = `a line is of a ${x.view === "patterns" ? "pattern" : "student"}, not of an event`;
    yield [x.types !== null, `--type makes no sense with --view ${view}`, about];
    yield [x.unprocessed || x.markProcessed, `marks make no sense with --view ${view}`, about];
    yield [x.consumer !== null || x.after !== null, `--consumer and --after make no sense with --view ${view}`, about];
  }
  yield [
    view === "latest" && (x.unprocessed || x.markProcessed),
    "marks make no sense with --view latest",
    "earlier events of an attempt are not written, and would stay unmarked: use --consumer NAME --ack",
  ];
  yield* fileRules(x);
  yield* batchRules(x);
}

function* batchRules(x: ExportShape): Generator<Rule> {
  const only = ["--prompt", ...x.batchOnly].find((flag) => flag !== "--prompt" || x.prompt !== null);
  if (x.batch === null) {
    return yield [only !== undefined, `${only} needs --batch`, "add --batch anthropic or --batch openai"];
  }
  yield [x.view !== "students", `--batch has no --view ${x.view}`, "add --view students: a request is of a student"];
  yield [x.format !== "jsonl", `--batch has no --format ${x.format}`, "leave --format out: requests are JSON lines"];
  yield [x.schema === 1, "schema 1 has no --batch", "use --schema 2, the default"];
  yield [x.prompt === null, "--batch needs --prompt FILE", "the file says what the model is to do with each history"];
  // Models come and go, and what a batch costs hangs on it: none is chosen for you.
  yield [x.model === null, "--batch needs --model MODEL", "name a model that the API offers at the moment"];
}

function* cursorRules(x: ExportShape): Generator<Rule> {
  yield [x.ack && x.consumer === null, "--ack needs --consumer NAME", "say who acknowledges"];
  yield [
    x.ack && x.until !== null,
    "--ack and --until contradict each other",
    "what lies between --until and now would count as taken: leave --until out, or export without --ack",
  ];
  yield [
    x.consumer !== null && x.after !== null,
    "--consumer and --after are two beginnings",
    "use one of them: a consumer begins after what it acknowledged",
  ];
  yield [
    x.consumer !== null && (x.unprocessed || x.markProcessed),
    "--consumer and --unprocessed or --mark-processed are two ways to remember what was taken",
    "use --consumer NAME --ack alone",
  ];
  const endless = "an export with --follow never ends: leave one of the two out";
  yield [x.follow && x.view !== "events", `--follow makes no sense with --view ${x.view}`, endless];
  yield [x.follow && x.out !== null, "--follow writes to stdout, not to --out", endless];
  yield [x.follow && x.format === "parquet", "--follow makes no sense with --format parquet", endless];
  yield [x.follow && x.limit !== null, "--follow and --limit contradict each other", endless];
  yield [x.follow && x.until !== null, "--follow and --until contradict each other", endless];
}

function* fileRules(x: ExportShape): Generator<Rule> {
  yield [x.splitBytes !== null && x.out === null, "--split needs --out FILE or DIR", "say where the files go"];
  yield [
    x.manifest && x.out === null,
    "--manifest needs --out FILE or DIR",
    "say where the files go: the manifest lies beside them",
  ];
  yield [
    x.format === "parquet" && x.out !== null && /\.(gz|zst|zstd)$/i.test(x.out),
    "a Parquet file is compressed inside already",
    "give --out a name that ends in .parquet",
  ];
  const foreign = FOREIGN_NAME.exec(plainName(x.out))?.[0];
  yield [
    foreign !== undefined,
    `--out ${foreign} is no name for anything that lmsmon writes`,
    "tools read a file by its name: end it in .jsonl, .csv or .parquet, text also in .gz or .zst behind that",
  ];
  const [ending = "", formats = []] = NAMED_FORMATS.find(([ending]) => plainName(x.out).endsWith(ending)) ?? [];
  yield [
    ending !== "" && !formats.includes(x.format),
    `--out ${ending} is no name for --format ${x.format}`,
    `tools read a file by its name: add --format ${formats[0]}, or give it another name`,
  ];
}

/** What tools take a file for by its name. */
const NAMED_FORMATS: readonly (readonly [ending: string, formats: readonly ExportShape["format"][]])[] = [
  [".csv", ["csv"]],
  [".parquet", ["parquet"]],
  [".jsonl", ["jsonl", "xapi"]],
  [".ndjson", ["jsonl", "xapi"]],
  [".json", ["jsonl", "xapi"]],
];
/** Of other formats, and of other compressions. */
const FOREIGN_NAME = /\.(tsv|xlsx?|ods|arrow|feather|avro|orc|bz2|xz|lz4|br|zip|7z|tar|tgz)$/;

/** In small letters, and as it is called when it is unpacked. */
const plainName = (out: string | null) => (out ?? "").toLowerCase().replace(/\.(gz|zst|zstd)$/, "");
