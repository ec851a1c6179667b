import assert from "node:assert/strict";
import { checkExport, type ExportShape } from "../../lib/export/check_export.ts";
import { parseSize } from "../../lib/text/parse_size.ts";

const PLAIN: ExportShape = {
  format: "jsonl",
  view: "events",
  schema: 2,
  identified: false,
  pseudonyms: null,
  consumer: null,
  ack: false,
  after: null,
  follow: false,
  out: null,
  splitBytes: null,
  manifest: false,
  unprocessed: false,
  markProcessed: false,
  types: null,
  limit: null,
  until: null,
  xapiVersion: null,
  batch: null,
  prompt: null,
  model: null,
  batchOnly: [],
};

Deno.test("checkExport() refuses what makes no sense together, and nothing else", () => {
  const senseless: Partial<ExportShape>[] = [
    { ack: true },
    { consumer: "ai", ack: true, until: 1 },
    { format: "xapi", view: "weeks" },
    { format: "xapi", view: "latest" },
    { view: "students", types: ["exam_passed"] },
    { view: "weeks", consumer: "ai" },
    { view: "latest", unprocessed: true },
    { splitBytes: 1000 },
    { manifest: true },
    { schema: 1, format: "csv" },
    { schema: 1, view: "latest" },
    { schema: 1, pseudonyms: "/key" },
    { identified: true, pseudonyms: "/key" },
    { follow: true, out: "/x" },
    { follow: true, format: "parquet" },
    { follow: true, limit: 1 },
    { format: "parquet", out: "/x.parquet.gz" },
    { out: "/x.csv" },
    { out: "/x.parquet" },
    { format: "csv", out: "/X.JSONL.gz" },
    { format: "xapi", out: "/x.csv.zst" },
    { format: "csv", out: "/x.csv.bz2" },
    { out: "/x.jsonl.XZ" },
    { format: "csv", out: "/x.tsv" },
    { format: "csv", out: "/x.json.gz" },
    { consumer: "ai", after: "1" },
    { consumer: "ai", unprocessed: true },
    { xapiVersion: "2.0.0" },
    { batch: "openai", model: "m", view: "students" },
    { batch: "openai", prompt: "/p", view: "students" },
    { batch: "openai", prompt: "/p", model: "m", view: "weeks" },
    { batch: "anthropic", prompt: "/p", model: "m", view: "students", format: "csv" },
    { batch: "anthropic", prompt: "/p", model: "m", view: "students", schema: 1 },
    { prompt: "/p", view: "students" },
    { batchOnly: ["--max-tokens"], view: "students" },
  ];
  for (const change of senseless) {
    assert.throws(
      () => checkExport({ ...PLAIN, ...change }),
      { name: "UsageError", exitCode: 2 },
      JSON.stringify(change),
    );
  }
  const sensible: Partial<ExportShape>[] = [
    {},
    { schema: 1 },
    { format: "csv", view: "weeks" },
    { format: "parquet", view: "latest", out: "/x.parquet" },
    { format: "xapi", xapiVersion: "2.0.0", follow: true },
    { format: "xapi", out: "/x.jsonl.gz" },
    { format: "csv", out: "/jsonl" },
    { out: "/x.json" },
    { out: "/export.zip/" },
    { out: "/bz2" },
    { format: "csv", out: "/x.csv/" },
    { batch: "openai", prompt: "/p", model: "m", view: "students", batchOnly: ["--model"], out: "/x/" },
    { consumer: "ai", ack: true, types: ["exam_passed"], out: "/x/", splitBytes: 1000, manifest: true },
  ];
  for (const change of sensible) checkExport({ ...PLAIN, ...change });
});

Deno.test("checkExport() takes of formats and views what the table of docs/export.md says, and nothing else", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/export.md", import.meta.url));
  const [head = [], , ...rows] = text.split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim().replaceAll("`", "")));
  const views = head.slice(1).map((cell) => cell.replace("--view ", "")) as ExportShape["view"][];
  const formats = rows.map(([name = ""]) => name);
  assert.deepEqual(formats, ["jsonl", "csv", "parquet", "xapi", "jsonl of v1"]);
  assert.deepEqual(views, ["events", "latest", "students", "weeks", "patterns"]);
  for (const [name = "", ...cells] of rows) {
    const format = name.split(" ")[0] as ExportShape["format"];
    const schemas = name.endsWith("v1") ? [1] as const : format === "jsonl" ? [2] as const : [1, 2] as const;
    for (const schema of schemas) {
      for (const [i, view] of views.entries()) {
        const check = () => checkExport({ ...PLAIN, format, view, schema });
        // Of schema 1 the last row alone speaks.
        const isYes = cells[i] === "yes" && (schema === 2 || name.endsWith("v1"));
        if (isYes) check();
        else assert.throws(check, { name: "UsageError", exitCode: 2 }, `${name} ${view} ${schema}`);
      }
    }
  }
});

Deno.test("parseSize() reads sizes as people write them", () => {
  assert.deepEqual(["100MB", "1.5 GB", "64k", "2MiB", "17"].map(parseSize), [100e6, 1.5e9, 64e3, 2 << 20, 17]);
  assert.deepEqual(["", "0", "MB", "10XB", "-1MB", "1e9"].map(parseSize), [null, null, null, null, null, null]);
});
