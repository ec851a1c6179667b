import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { UsageError } from "../lib/base/errors.ts";
import { EXPORT_FORMATS, EXPORT_VIEWS } from "../lib/export/part_format.ts";
import { parseSize } from "../lib/text/parse_size.ts";
import { parseTime } from "../lib/text/parse_time.ts";
import { execute, notEmpty, STDOUT, wholeNumberFrom, withCommon } from "./common.ts";

export const exportAiCommand = withCommon(new Command("export-ai"))
  .option("--since <TIME>", "detected at or after: 7d (ago), 2026-11-20, yesterday, or a time with its zone", notEmpty)
  .option("--until <TIME>", "detected before", notEmpty)
  .option("--type <TYPES>", "only these event types: a,b", notEmpty)
  .option("--source <NAME>", "only this LMS, by its name (lms.name); default: all that the state knows", notEmpty)
  .option("--student <STUDENT>", "only this student, by LMS id, username or pseudonym", notEmpty)
  .option("--unprocessed", "only events not yet marked as processed")
  .option("--limit <N>", "at most so many", wholeNumberFrom(1))
  .option("--out <FILE|DIR>", "write there instead of to stdout; .gz and .zst are compressed", outPath)
  .option("--split <SIZE>", "several files of at most so much, such as 100MB", size)
  .option("--manifest", "a file beside them that says what they are and what is in them")
  .option("--mark-processed", "mark what was written, after all of it is safely out")
  .option("--identified", "with the ids of the LMS, usernames, emails and Zulip ids")
  .option("--pseudonyms <FILE>", "pseudonyms under the key in this file", notEmpty)
  .addOption(
    new Option("--format <FORMAT>", "output format").choices(EXPORT_FORMATS)
      .default("jsonl" as const),
  )
  .addOption(
    new Option("--view <VIEW>", "events, the last event of each attempt, sums by student or week, or patterns")
      .choices(EXPORT_VIEWS).default("events" as const),
  )
  .addOption(new Option("--schema <N>", "of the lines; 1 as before 0.2").choices(["1", "2"] as const))
  .addOption(new Option("--xapi-version <V>", "of the statements; default 1.0.3").choices(["1.0.3", "2.0.0"] as const))
  .option("--consumer <NAME>", "begin after what this consumer acknowledged", consumerName)
  .option("--ack", "acknowledge for the consumer, after everything is safely out")
  .option("--after <EVENT_ID>", "only events after this one", eventId)
  .option("--follow", "go on with what is recorded, until a signal")
  .addOption(
    new Option("--batch <API>", "with --view students: request files, one a student; nothing is sent")
      .choices(["anthropic", "openai"] as const),
  )
  .option("--prompt <FILE>", "of --batch: the instruction for the model", notEmpty)
  .option(
    "--max-tokens <N>",
    "of --batch: instruction and history have at most so many; default 4000",
    wholeNumberFrom(1),
  )
  .option("--answer-tokens <N>", "of --batch: the answer has at most so many; default 1024", wholeNumberFrom(1))
  .option("--model <MODEL>", "of --batch: the model's name, as the API has it", notEmpty)
  .action(async (flags, command) => {
    const { parseEventTypes } = await import("./event_type_flag.ts");
    const types = flags.type === undefined ? null : parseEventTypes("--type", flags.type);
    await execute(command, { needs: ["state"], daemon: flags.follow ?? false }, async (context) => {
      const timezone = context.config.notify.timezone;
      const now = context.clock.now();
      const since = flags.since === undefined ? null : parseTime("--since", flags.since, now, timezone);
      const until = flags.until === undefined ? null : parseTime("--until", flags.until, now, timezone);
      if (since !== null && until !== null && until <= since) {
        throw new UsageError("Cannot export: --until is not after --since", { hint: "Events are from since to until" });
      }
      if (since !== null && since > now) context.log.warning("--since is to come: nothing was detected that late");
      const { runExportAi } = await import("../lib/app/export_ai.ts");
      return await runExportAi(context, {
        since,
        until,
        types,
        source: flags.source ?? null,
        student: flags.student ?? null,
        unprocessed: flags.unprocessed ?? false,
        limit: flags.limit ?? null,
        out: flags.out === undefined || flags.out === STDOUT ? null : flags.out,
        markProcessed: flags.markProcessed ?? false,
        identified: flags.identified ?? false,
        pseudonyms: flags.pseudonyms === undefined ? null : resolve(flags.pseudonyms),
        format: flags.format,
        view: flags.view,
        schema: flags.schema === undefined ? null : flags.schema === "1" ? 1 : 2,
        consumer: flags.consumer ?? null,
        ack: flags.ack ?? false,
        after: flags.after ?? null,
        follow: flags.follow ?? false,
        splitBytes: flags.split ?? null,
        manifest: flags.manifest ?? false,
        xapiVersion: flags.xapiVersion ?? null,
        batch: flags.batch ?? null,
        prompt: flags.prompt === undefined ? null : resolve(flags.prompt),
        maxTokens: flags.maxTokens ?? null,
        answerTokens: flags.answerTokens ?? null,
        model: flags.model ?? null,
      });
    });
  });

/** Absolute; a slash at the end says that a folder is meant. */
function outPath(text: string): string {
  if (text === STDOUT) return text;
  const path = resolve(notEmpty(text));
  return /[/\\]$/.test(text) && !path.endsWith("/") ? `${path}/` : path;
}

function size(text: string): number {
  const bytes = parseSize(text);
  if (bytes !== null) return bytes;
  throw new InvalidArgumentError("It must be a size, such as 100MB.");
}

function eventId(text: string): string {
  if (/^\d{1,18}$/.test(text)) return text;
  throw new InvalidArgumentError("It must be the event_id of a line.");
}

function consumerName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/.test(text)) return text;
  throw new InvalidArgumentError('It must be a short name of letters, digits, "_", "." and "-".');
}
