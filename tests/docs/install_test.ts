import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url).pathname;

/** All files below a folder, with their modes. */
function filesOf(folder: string, below = ""): string[] {
  return [...Deno.readDirSync(`${folder}/${below}`)].flatMap(({ name, isDirectory }) => {
    const path = below === "" ? name : `${below}/${name}`;
    if (isDirectory) return filesOf(folder, path);
    return [`${((Deno.statSync(`${folder}/${path}`).mode ?? 0) & 0o777).toString(8)} ${path}`];
  }).toSorted();
}

Deno.test("the install script puts everything in its place below DESTDIR, and takes it away again", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon_install_" });
  try {
    const program = `${folder}/lmsmon`;
    // The sources in the place of the built program: what it prints is what counts here.
    const script = `#!/bin/sh\nexec '${Deno.execPath()}' run --no-check -A '${ROOT}main.ts' "$@"\n`;
    await Deno.writeTextFile(program, script, { mode: 0o755 });
    const root = `${folder}/root`;
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command("sh", {
        args: [`${ROOT}docs/install.sh`, ...args],
        env: { DESTDIR: root },
      }).output();
      return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
    };
    assert.deepEqual((await run()).code, 1);
    assert.match((await run("install", `${folder}/none`)).text, /is no program/);
    for (const time of ["first", "again"]) {
      const { code, text } = await run("install", program);
      assert.equal(code, 0, text);
      assert.match(text, /installed lmsmon \d/, time);
    }
    const placed = [
      "644 etc/fish/completions/lmsmon.fish",
      "644 etc/systemd/system/lmsmon.service",
      "644 usr/local/share/bash-completion/completions/lmsmon",
      "644 usr/local/share/man/man1/lmsmon.1",
      "644 usr/local/share/zsh/site-functions/_lmsmon",
      "755 usr/local/bin/lmsmon",
    ];
    assert.deepEqual(filesOf(root), placed);
    assert.equal((Deno.statSync(`${root}/var/lib/lmsmon`).mode ?? 0) & 0o777, 0o700);
    await Deno.writeTextFile(`${root}/etc/lmsmon/config.yaml`, "");
    assert.match((await run("uninstall")).text, /stay/);
    assert.equal(filesOf(root).length, 1, "the configuration");
    assert.equal((await run("uninstall", "--purge")).code, 0);
    assert.deepEqual(filesOf(root), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
