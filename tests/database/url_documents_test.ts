import assert from "node:assert/strict";
import { NOT_IMPLEMENTED, PARAMETERS } from "../../lib/database/url_parameters.ts";

const PAGE = Deno.readTextFileSync(new URL("../../docs/configuration.md", import.meta.url));
const section = (title: string) => PAGE.split(/^## /m).find((part) => part.startsWith(title)) ?? "";
const words = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, word]) => word);

Deno.test("docs/configuration.md has every parameter that is taken, with its names and databases, and no other", () => {
  const rows = section("Parameters").split("\n").filter((line) => /^\| `/.test(line)).map((line) => line.split("|"));
  const told = rows.map(([, name = "", also = "", postgres = "", mysql = ""]) => ({
    names: [...words(name), ...words(also)],
    dialects: [...postgres.trim() === "" ? [] : ["postgres"], ...mysql.trim() === "" ? [] : ["mysql"]],
    only: postgres.includes("`state` only") ? "state" : undefined,
  }));
  assert.deepEqual(
    told,
    PARAMETERS.map(({ names, dialects, only }) => ({ names: [...names], dialects: [...dialects], only })),
  );
  for (const { names: [name], accepts } of PARAMETERS) {
    const [, , , , , does = ""] = rows.find(([, cell = ""]) => words(cell)[0] === name) ?? [];
    if (accepts !== undefined) assert.deepEqual([name, words(does.split(":")[0] ?? "")], [name, [...accepts]]);
  }
});

Deno.test("docs/configuration.md names what libpq has and lmsmon has not", () => {
  const [, list = ""] = /among it libpq's ([^]*?)\.\n/.exec(section("Parameters")) ?? [];
  assert.deepEqual(words(list), [...NOT_IMPLEMENTED]);
});
