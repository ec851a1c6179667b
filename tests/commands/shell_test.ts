import assert from "node:assert/strict";
import { commands } from "../../commands/commands.ts";
import { describeProgram } from "../../commands/describe_program.ts";
import { examplesOf } from "../../commands/examples.ts";
import { completionScript, type Shell } from "../../lib/app/completion_scripts.ts";
import { manPage } from "../../lib/app/man_page.ts";
import { migrations } from "../../sql/state/migrations/manifest.ts";
import { printVersion } from "../../lib/app/version.ts";
import { createOutput } from "../../lib/base/output.ts";
import { EVENT_TYPES } from "../../lib/model/event_types.ts";
import { buildProgram } from "../../main.ts";

const program = describeProgram(await buildProgram());

/** A test that needs a program of the system; where it is missing its name says so. */
function withProgram(program: string, name: string, work: () => Promise<void>): void {
  const isThere = (Deno.env.get("PATH") ?? "").split(":").some((folder) => {
    try {
      return Deno.statSync(`${folder}/${program}`).isFile;
    } catch {
      return false;
    }
  });
  Deno.test({ name: isThere ? name : `${name} [no ${program} here: apt-get install it]`, ignore: !isThere, fn: work });
}

async function run(command: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, {
    args: [...args],
    env: { TERM: "dumb", LC_ALL: "C.UTF-8" },
    signal: AbortSignal.timeout(60_000),
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(success, `${command} ${args.join(" ")}: ${text}${new TextDecoder().decode(stderr)}`);
  return text;
}

/** Runs `work` with a file that holds the shell's script. */
async function withScript(shell: Shell, work: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon_shell_" });
  try {
    await Deno.writeTextFile(`${folder}/script`, completionScript(shell, program));
    await work(`${folder}/script`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What is typed, and what each shell must offer for its last word. */
const TYPED: readonly (readonly [line: string, offers: readonly string[]])[] = [
  ["lmsmon exp", ["explain", "export-ai"]],
  ["lmsmon --log-level ", ["debug", "info", "warning", "error"]],
  ["lmsmon --config x.yaml explain ", ["event", "student", "mentor"]],
  ["lmsmon explain --st", ["--student"]],
  ["lmsmon export-ai --type exam_", EVENT_TYPES.filter((type) => type.startsWith("exam_"))],
  ["lmsmon completion ", ["bash", "zsh", "fish"]],
  ["lmsmon pause --reason foo --m", ["--mentor"]],
  ["lmsmon map-users --only ", ["mentors", "students", "all"]],
];

withProgram("bash", "completion works in a real bash", async () => {
  await withScript("bash", async (path) => {
    const tries = TYPED.map(([line]) => {
      const words = line.split(" ").map((word) => `'${word}'`).join(" ");
      return `COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); COMPREPLY=(); _lmsmon; echo "\${COMPREPLY[*]}"`;
    });
    const out = await run("bash", ["--norc", "-euc", `source ${path}\n${tries.join("\n")}`]);
    assert.deepEqual(
      out.trimEnd().split("\n").map((line) => line.split(" ").toSorted()),
      TYPED.map(([, offers]) => offers.toSorted()),
    );
    const list = await run("bash", [
      "--norc",
      "-euc",
      `source ${path}; COMP_WORDS=(lmsmon export-ai --type exam_passed,exam_f); COMP_CWORD=3; _lmsmon; echo "\${COMPREPLY[*]}"`,
    ]);
    assert.equal(list, "exam_passed,exam_failed\n");
  });
});

withProgram("zsh", "completion works in a real zsh", async () => {
  await withScript("zsh", async (path) => {
    // Completion needs a terminal and a line editor: a second zsh runs in a pseudo-terminal of the first.
    const script = `
zmodload zsh/zpty
zpty z 'TERM=dumb zsh -f -i'
zpty -w z 'setopt no_beep; no_list_ambiguous; PS1=; autoload -Uz compinit; compinit -u -d ${path}.dump; source ${path}; LISTMAX=0; stty rows 50 cols 200; echo READY-$((1+1))'
zpty -r z out '*READY-2*'
try() { # LINE WORD...: types the line and two tabs, and waits until every word was offered
  zpty -w -n z "$1"$'\\t\\t'; local seen= part word; shift
  for word in "$@"; do
    [[ $seen == *$word* ]] || zpty -r z part "*$word*" || exit 1
    seen+=$part
  done
  zpty -w -n z $'\\x15'
}
${TYPED.map(([line, offers]) => `try '${line}' ${offers.map((offer) => `'${offer}'`).join(" ")}`).join("\n")}
zpty -d z
echo every word was offered`;
    assert.match(await run("zsh", ["-f", "-c", script]), /every word was offered/);
  });
});

withProgram("fish", "completion works in a real fish", async () => {
  await withScript("fish", async (path) => {
    const tries = TYPED.map(([line]) => `complete -C '${line}' | string split -f1 \\t | sort | string join ' '`);
    const out = await run("fish", ["--no-config", "-c", `source ${path}\n${tries.join("\n")}`]);
    assert.deepEqual(
      out.trimEnd().split("\n").map((line) => line.split(" ").toSorted()),
      TYPED.map(([, offers]) => offers.toSorted()),
    );
  });
});

withProgram("man", "man -l shows the manual, and troff has nothing to say against it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "lmsmon_man_" });
  try {
    const path = `${folder}/lmsmon.1`;
    await Deno.writeTextFile(path, manPage(program, "2026-11-20"));
    const { stdout, stderr, success } = await new Deno.Command("man", {
      args: ["--warnings=w", "-l", path],
      env: { MANPAGER: "cat", MANWIDTH: "100", LC_ALL: "C.UTF-8" },
    }).output();
    assert.ok(success);
    assert.equal(new TextDecoder().decode(stderr), "");
    const page = new TextDecoder().decode(stdout);
    for (const { name } of commands) assert.match(page, new RegExp(`^   ${name}\\b`, "m"), name);
    assert.match(page, /lmsmon explain event 4711/);
    assert.match(page, /^EXIT STATUS$/m);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("every example of a help is a command line that lmsmon takes", async () => {
  for (const { name } of commands) {
    for (const { line } of examplesOf(name)) {
      const words = line.split(/ [>|] /)[0]?.match(/"[^"]*"|\S+/g)?.map((word) => word.replaceAll('"', "")) ?? [];
      const command = (await buildProgram(words)).commands.find((one) => one.name() === words[0]);
      assert.ok(command, line);
      const { unknown } = command.parseOptions(words.slice(1));
      assert.deepEqual(unknown, [], line);
    }
  }
  for (const name of ["explain", "pause", "resume", "retry", "stats", "audit"]) {
    assert.ok(examplesOf(name).length > 0, name);
  }
});

Deno.test("version names program, Deno and the state's schema", () => {
  let text = "";
  const writeSync = (chunk: Uint8Array) => {
    text += new TextDecoder().decode(chunk);
    return chunk.length;
  };
  const out = createOutput({ writeSync, write: (c) => Promise.resolve(writeSync(c)), isTerminal: () => false });
  printVersion(out, true);
  const version = JSON.parse(text);
  assert.deepEqual([version.schema, version.command, version.deno], [1, "version", Deno.version.deno]);
  assert.equal(version.state_schema, migrations.at(-1)?.version);
  assert.match(version.build, /^sources, /);
});
