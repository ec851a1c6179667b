import assert from "node:assert/strict";
import { describeHolder, Holder, isProvablyGone } from "../../lib/poll/holder.ts";

/** A process with the permissions of the released program that holds, says its name, and waits to be killed. */
async function holdingProcess() {
  const holder = new URL("../../lib/poll/holder.ts", import.meta.url).href;
  const script =
    `import { Holder } from "${holder}"; const h = Holder.open(); console.log(h.name); setInterval(() => {}, 1e6);`;
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(path, script);
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--no-prompt",
      "--allow-read",
      "--allow-write",
      "--allow-env",
      "--allow-sys",
      path,
    ],
    stdout: "piped",
  }).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = await reader.read();
  return {
    name: (value ?? "").trim(),
    kill: async () => {
      process.kill("SIGKILL");
      await process.status;
      await reader.cancel();
      await Deno.remove(path);
    },
  };
}

Deno.test("isProvablyGone() is true once the holder's process was killed, and false while it lives", async () => {
  const other = await holdingProcess();
  assert.match(describeHolder(other.name), /^host \S+, process \d+$/);
  assert.equal(isProvablyGone(other.name), false);
  await other.kill();
  assert.equal(isProvablyGone(other.name), true);
});

Deno.test("isProvablyGone() concludes nothing about other hosts, missing lock files and foreign names", () => {
  using holder = Holder.open();
  assert.equal(isProvablyGone(holder.name), false);
  assert.equal(isProvablyGone(holder.name.replace(/^[^|]*/, "elsewhere")), false);
  assert.equal(isProvablyGone(`${Deno.hostname()}|1|/nowhere/lmsmon-lease-x`), false);
  assert.equal(isProvablyGone("somebody"), false);
});

Deno.test("Holder leaves no file behind", () => {
  const holder = Holder.open();
  const path = holder.name.split("|")[2] ?? "";
  assert.ok(Deno.statSync(path).isFile);
  holder[Symbol.dispose]();
  assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
});
