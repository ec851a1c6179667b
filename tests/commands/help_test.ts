import assert from "node:assert/strict";
import { commands } from "../../commands/commands.ts";
import { buildProgram } from "../../main.ts";

// A help text that changes is a change of the contract: look at the difference, then update with `deno test -A -u`.

interface WithHelp {
  configureOutput(output: { writeOut: (text: string) => void }): unknown;
  outputHelp(): void;
}

function helpOf(command: WithHelp): string {
  let text = "";
  command.configureOutput({ writeOut: (part) => text += part });
  command.outputHelp();
  return text;
}

const program = await buildProgram();

Deno.test("lmsmon --help shows every command and the exit codes", async (t) => {
  await t.assertSnapshot(helpOf(program));
});

for (const command of program.commands) {
  Deno.test(`lmsmon ${command.name()} --help shows its flags and the global ones`, async (t) => {
    await t.assertSnapshot(helpOf(command));
  });
}

Deno.test("lmsmon --help says the same when no command's file is loaded", async () => {
  assert.equal(helpOf(await buildProgram(["--help"])), helpOf(program));
});

Deno.test("a command that is asked for comes with its flags, whatever stands before it", async () => {
  for (const { name } of commands) {
    for (const args of [[name, "--help"], ["help", name], ["--log-level", "debug", name]]) {
      const find = (program: Awaited<ReturnType<typeof buildProgram>>) =>
        program.commands.find((command) => command.name() === name);
      assert.equal(find(await buildProgram(args)), find(program), args.join(" "));
    }
  }
});
