import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { execute, notEmpty, withCommon } from "./common.ts";

const role = () =>
  new Option("--role <ROLE>", "where an id means several people").choices(["student", "mentor"] as const);

export const privacyCommand = withCommon(new Command("privacy"));

withCommon(privacyCommand.command("show"))
  .description("all that is kept of a student or a mentor, as JSON")
  .argument("<PERSON>", "LMS id, username or pseudonym", notEmpty)
  .addOption(role())
  .option("--source <NAME>", "where several sources know the person", notEmpty)
  .option("--json", "it always is")
  .action((person, flags, command) =>
    execute(command, { needs: ["state"], onlyLooks: true }, async (context) => {
      const { runPrivacy } = await import("../lib/app/privacy.ts");
      await runPrivacy(context, {
        action: "show",
        person,
        role: flags.role ?? null,
        source: flags.source ?? null,
        reasonCode: null,
        dryRun: false,
        yes: false,
        deleteMessages: false,
        json: true,
      });
    })
  );

withCommon(privacyCommand.command("erase"))
  .description("erase a student or a mentor everywhere; docs/privacy.md says what it can and cannot do")
  .argument("<PERSON>", "LMS id, username or pseudonym", notEmpty)
  .requiredOption("--reason-code <CODE>", "why, for the tombstone: such as art17; no name", code)
  .addOption(role())
  .option("--source <NAME>", "where several sources know the person", notEmpty)
  .option("--dry-run", "only say what it would do")
  .option("--yes", "really do it, without asking: it cannot be taken back")
  .option("--delete-messages", "also delete in Zulip what names nobody else")
  .option("--json", "print the result as JSON")
  .action((person, flags, command) =>
    execute(command, { needs: flags.deleteMessages ? ["state", "zulip"] : ["state"] }, async (context) => {
      const { runPrivacy } = await import("../lib/app/privacy.ts");
      await runPrivacy(context, {
        action: "erase",
        person,
        role: flags.role ?? null,
        source: flags.source ?? null,
        reasonCode: flags.reasonCode,
        dryRun: flags.dryRun ?? false,
        yes: flags.yes ?? false,
        deleteMessages: flags.deleteMessages ?? false,
        json: flags.json ?? false,
      });
    })
  );

withCommon(privacyCommand.command("reapply"))
  .description("erase in this state who is erased by a journal, after a backup was restored")
  .argument("<FILE>", "the journal", notEmpty)
  .option("--dry-run", "only say what it would do")
  .option("--yes", "really do it, without asking: it cannot be taken back")
  .option("--json", "print the result as JSON")
  .action((file, flags, command) =>
    execute(command, { needs: ["state"] }, async (context) => {
      const { runReapply } = await import("../lib/app/privacy.ts");
      await runReapply(context, {
        journal: resolve(file),
        dryRun: flags.dryRun ?? false,
        yes: flags.yes ?? false,
        json: flags.json ?? false,
      });
    })
  );

function code(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be a short word of letters, digits, "_", "." and "-".');
}
