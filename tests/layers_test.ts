import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

/**
 * Holds docs/architecture.md, "Layers": imports point one way, and what belongs to one place is nowhere else. When this
 * fails, move the code; a new exception here needs its reason beside it.
 */

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** A folder may import what stands above it here, and itself. Folders on one line do not know each other. */
const LAYERS: readonly (readonly string[])[] = [
  ["sql/state", "sql/lms"],
  ["lib/model"],
  ["lib/text"],
  ["lib/base"],
  ["lib/drivers"],
  ["lib/database"],
  ["lib/config"],
  ["lib/state", "lib/source", "lib/detect", "lib/bot", "lib/format"],
  ["lib/privacy"],
  ["lib/people", "lib/events", "lib/export"],
  ["lib/insights", "lib/history"],
  ["lib/mcp", "lib/report"],
  ["lib/tell"],
  ["lib/poll"],
  ["lib/stand_in"],
  ["lib/demo"],
  ["lib/app"],
  ["commands"],
  ["main.ts"],
];

/** Imports of types only, which cost nothing at run time, may also point here. */
const TYPES_FOR_ALL = [
  /^lib\/model\//, // sql/ speaks of the same values
  /^lib\/state\/state_db\.ts$/, // what a query of sql/state runs on
  /^lib\/config\/config\.ts$/, // the configuration's shape; each part takes its own section
];

/** Single files that several layers share, each with its reason. */
const SHARED: Readonly<Record<string, string>> = {
  "deno.json": "the version of the program",
  "lib/base/errors.ts": "what any part may throw",
};

/** The output module, what asks a person there, and logging's question whether it is a terminal. */
const TERMINAL = /^lib\/base\/(output|ask|log)\.ts$/;

interface Import {
  readonly from: string;
  readonly to: string;
  readonly isType: boolean;
  /** By a call of `import`, so that it is not loaded before that. */
  readonly onDemand: boolean;
}

Deno.test("imports point one way: main, commands, lib, sql, and inside lib as drawn", async () => {
  const wrong = (await imports()).filter((edge) => !edge.to.startsWith("npm:") && !isAllowed(edge));
  assert.deepEqual(wrong.map(({ from, to, isType }) => `${from} -> ${to}${isType ? " (type)" : ""}`).sort(), []);
});

Deno.test("no module imports itself in a circle", async () => {
  const next = Map.groupBy((await imports()).filter(({ isType }) => !isType), ({ from }) => from);
  const done = new Set<string>();
  const walk = (module: string, path: readonly string[]): void => {
    assert.ok(!path.includes(module), `circle: ${[...path.slice(path.indexOf(module)), module].join(" -> ")}`);
    if (done.has(module)) return;
    for (const { to } of next.get(module) ?? []) walk(to, [...path, module]);
    done.add(module);
  };
  for (const module of next.keys()) walk(module, []);
});

Deno.test("a start loads the large libraries only where they are used: for MySQL, an embedded state, metrics", async () => {
  const next = Map.groupBy(
    (await imports()).filter(({ isType, onDemand }) => !isType && !onDemand),
    ({ from }) => from,
  );
  const libraries = (module: string, seen = new Set<string>()): ReadonlySet<string> => {
    if (seen.has(module)) return seen;
    seen.add(module);
    for (const { to } of next.get(module) ?? []) libraries(to, seen);
    return seen;
  };
  const commands = [...next.keys()].filter((module) => /^lib\/app\/[^/]+$/.test(module));
  const loading = (library: RegExp) =>
    commands.filter((module) => [...libraries(module)].some((one) => library.test(one))).sort();
  assert.ok(loading(/^npm:.*\bpostgres@/).length > 20, "libraries are seen");
  assert.deepEqual(loading(/^npm:.*\bmysql2@/), []);
  assert.deepEqual(loading(/^npm:.*\bpglite@/), []);
  // The demo is a `watch`, too.
  assert.deepEqual(loading(/^npm:.*\bprom-client@/), [
    "lib/app/demo.ts",
    "lib/app/stay_disabled.ts",
    "lib/app/watch.ts",
  ]);
});

Deno.test("bench may import what tests are made of; tests never import bench", async () => {
  assert.deepEqual(await filesWith(["tests"], /from "[./]+\/bench\//), []);
});

Deno.test("no test changes what belongs to the whole process: test files run beside each other in one", async () => {
  assert.deepEqual(await filesWith(["tests"], /\bDeno\.(env\.(set|delete)|chdir|umask)\(/), []);
});

Deno.test("SQL text is in sql/ only", async () => {
  const statement =
    /[`"']\s*(select\s.+?\sfrom\s|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s|create\s+(table|schema)\s)/is;
  assert.deepEqual(await filesWith(["lib", "commands", "main.ts"], statement), []);
});

Deno.test("only lib/base/output.ts writes to the terminal, only lib/config reads the environment", async () => {
  const outside = async (pattern: RegExp, allowed: RegExp) =>
    (await filesWith(["lib", "commands", "sql", "main.ts"], pattern)).filter((path) => !allowed.test(path));
  assert.deepEqual(await outside(/\bconsole\.|\bDeno\.std(out|err)\b/, TERMINAL), []);
  assert.deepEqual(await outside(/\bDeno\.env\b|\bprocess\.env\b/, /^lib\/config\//), []);
  assert.deepEqual(await outside(/\bDeno\.(args|exit)\b/, /^main\.ts$/), []);
});

Deno.test("each file of lib/drivers begins with the fault, where it was seen, upstream, and when to delete it", async () => {
  const head = /^\/\*\n \* Fault: [^]+?\n \* Seen in: .*\d[^]*?\n \* Upstream: [^]+?\n \* Delete when: [^]+?\n \*\/\n/;
  const silent: string[] = [];
  for await (const { path, text } of sources(["lib/drivers"])) if (!head.test(text)) silent.push(path);
  assert.deepEqual(silent, []);
});

Deno.test("the walk of a row in docs/architecture.md passes at most 30 files, and all of them are there", async () => {
  const text = await Deno.readTextFile(`${ROOT}docs/architecture.md`);
  const walk = [...text.matchAll(/^(\d+)\. `((?:lib|sql)\/[^`]+)`/gm)].map((
    [, number, path],
  ) => [Number(number), path]);
  assert.deepEqual(walk.map(([number]) => number), walk.map((_, i) => i + 1));
  assert.ok(walk.length >= 20 && walk.length <= 30, `${walk.length} files`);
  for (const [, path] of walk) assert.ok((await Deno.stat(`${ROOT}${path}`)).isFile, `${path}`);
});

Deno.test("times are EpochMicros or Temporal: no Date", async () => {
  assert.deepEqual(
    await filesWith(["lib", "commands", "sql", "main.ts"], /\bnew Date\b|\bDate\.(now|parse|UTC)\b/),
    [],
  );
});

Deno.test("no source file is longer than 300 lines", async () => {
  const long: string[] = [];
  for await (const { path, text } of sources(["lib", "commands", "sql", "main.ts"])) {
    const lines = text.split("\n").length - 1;
    if (lines > 300) long.push(`${path}: ${lines}`);
  }
  assert.deepEqual(long, []);
});

function isAllowed({ from, to, isType }: Import): boolean {
  if (to in SHARED || folderOf(from) === folderOf(to)) return true;
  if (isType && TYPES_FOR_ALL.some((pattern) => pattern.test(to))) return true;
  return rankOf(to) < rankOf(from);
}

function folderOf(path: string): string {
  return LAYERS.flat().find((folder) => path === folder || path.startsWith(`${folder}/`)) ?? path;
}

function rankOf(path: string): number {
  const rank = LAYERS.findIndex((layer) => layer.includes(folderOf(path)));
  assert.notEqual(rank, -1, `${path} is in no layer of tests/layers_test.ts`);
  return rank;
}

let known: Promise<readonly Import[]> | undefined;

/** Every import of our own files, from main.ts on: of each other, and of libraries (`npm:…`). */
function imports(): Promise<readonly Import[]> {
  return known ??= readImports();
}

async function readImports(): Promise<readonly Import[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "main.ts"],
    cwd: ROOT,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: readonly InfoModule[] };
  const ours = (url: string | undefined) =>
    url?.startsWith("file:") ? fileURLToPath(url).slice(ROOT.length) : undefined;
  const target = (url: string | undefined) => url?.startsWith("npm:") ? url : ours(url);
  return modules.flatMap((module) => {
    const from = ours(module.specifier);
    if (from === undefined) return [];
    return (module.dependencies ?? []).flatMap(({ code, type, isDynamic = false }) => {
      const to = target((code ?? type)?.specifier);
      return to === undefined ? [] : [{ from, to, isType: code === undefined, onDemand: isDynamic }];
    });
  });
}

interface InfoModule {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
    readonly isDynamic?: boolean;
  }[];
}

async function filesWith(roots: readonly string[], pattern: RegExp): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { path, text } of sources(roots)) if (pattern.test(withoutComments(text))) found.push(path);
  return found.sort();
}

/** Good enough for our own code: block comments, and line comments that begin a line or follow a blank. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

async function* sources(roots: readonly string[]): AsyncGenerator<{ readonly path: string; readonly text: string }> {
  for (const root of roots) {
    if (root.endsWith(".ts")) yield { path: root, text: await Deno.readTextFile(`${ROOT}${root}`) };
    else yield* walk(root);
  }
}

async function* walk(folder: string): AsyncGenerator<{ readonly path: string; readonly text: string }> {
  for await (const { name, isDirectory } of Deno.readDir(`${ROOT}${folder}`)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* walk(path);
    else if (name.endsWith(".ts")) yield { path, text: await Deno.readTextFile(`${ROOT}${path}`) };
  }
}
