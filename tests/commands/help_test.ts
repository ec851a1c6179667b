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

Deno.test("lmsmon --help shows every command and the exit codes", async (t) => {
  await t.assertSnapshot(helpOf(buildProgram()));
});

for (const command of buildProgram().commands) {
  Deno.test(`lmsmon ${command.name()} --help shows its flags and the global ones`, async (t) => {
    await t.assertSnapshot(helpOf(command));
  });
}
