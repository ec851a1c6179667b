import assert from "node:assert/strict";
import { parse } from "yaml";
import { TARGETS } from "../../.ci/release.ts";
import { billOfMaterials } from "../../.ci/sbom.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Record<string, unknown>;
}

Deno.test("the release workflow tests, builds all five programs, and signs what the checksums name", async () => {
  const text = await Deno.readTextFile(`${ROOT}.github/workflows/release.yml`);
  const { permissions, jobs } = parse(text);
  assert.deepEqual([permissions, Object.keys(jobs)], [{}, ["release"]]);
  const steps: Step[] = jobs.release.steps;
  for (const { uses, run } of steps) assert.equal((uses === undefined) !== (run === undefined), true);
  for (const { uses } of steps) assert.match(uses ?? "actions/x@v1", /^actions\/[a-z-]+@v\d+$/);
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const called = steps.flatMap(({ run }) => /^deno task (\w+)/.exec(run ?? "")?.[1] ?? []);
  assert.deepEqual(called, ["ok", "release"]);
  for (const task of called) assert.ok(task in tasks, task);
  const provenance = steps.find(({ uses }) => uses?.startsWith("actions/attest-build-provenance@"));
  assert.equal(provenance?.with?.["subject-checksums"], "dist/release/SHA256SUMS");
  assert.equal(jobs.release.permissions["id-token"], "write");
  assert.equal(TARGETS.length, 5);
  // The line that reads the version of Deno finds one.
  assert.match(await Deno.readTextFile(`${ROOT}.ci/run`), /^DENO_VERSION=\d+\.\d+\.\d+$/m);
});

Deno.test("the bill of materials has every package of the program with its hash and licence, none of the tests'", async () => {
  const { components, dependencies } = await billOfMaterials("1.2.3");
  const names = components.map(({ name }) => name);
  for (const name of ["deno", "postgres", "mysql2", "@electric-sql/pglite", "zod"]) {
    assert.ok(names.includes(name), name);
  }
  assert.ok(!names.includes("fast-check"));
  const refs = new Set(components.map((component) => component["bom-ref"]));
  assert.equal(refs.size, components.length);
  for (const component of components) {
    if (!("hashes" in component)) continue;
    assert.match(component.hashes[0]?.content ?? "", /^[0-9a-f]{128}$/, component.name);
    assert.equal(component.licenses.length, 1, component.name);
  }
  for (const { dependsOn } of dependencies) for (const ref of dependsOn) assert.ok(refs.has(ref), ref);
  assert.ok(dependencies[0] && dependencies[0].dependsOn.length > 10);
});
