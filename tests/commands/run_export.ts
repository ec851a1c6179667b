import { getLogger } from "@logtape/logtape";
import type { CommandContext } from "../../lib/app/command_context.ts";
import type { ExportAiOptions } from "../../lib/app/command_options.ts";
import { runExportAi } from "../../lib/app/export_ai.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { createOutput } from "../../lib/base/output.ts";
import type { Config } from "../../lib/config/config.ts";

export const OPTIONS: ExportAiOptions = {
  since: null,
  until: null,
  types: null,
  source: null,
  student: null,
  unprocessed: false,
  limit: null,
  out: null,
  markProcessed: false,
  identified: false,
  pseudonyms: null,
  format: "jsonl",
  view: "events",
  schema: null,
  consumer: null,
  ack: false,
  after: null,
  follow: false,
  splitBytes: null,
  manifest: false,
  xapiVersion: null,
  batch: null,
  prompt: null,
  maxTokens: null,
  answerTokens: null,
  model: null,
};

/** `export-ai` with these options, in this process. */
export async function run(url: string, options: Partial<ExportAiOptions>, changes: Partial<CommandContext> = {}) {
  const decoder = new TextDecoder();
  let text = "";
  const writeSync = (chunk: Uint8Array) => {
    text += decoder.decode(chunk, { stream: true });
    return chunk.length;
  };
  const sink = { writeSync, write: (chunk: Uint8Array) => Promise.resolve(writeSync(chunk)), isTerminal: () => false };
  const never = new AbortController().signal;
  const context: CommandContext = {
    config: {
      state: { url, password: null },
      export: { schema: 2 },
      privacy: { journal: null },
      notify: { timezone: "Asia/Kolkata" },
      source: { name: "testpress", links: { exam_attempt: "https://inst.example/attempts/{attempt_id}" } },
    } as unknown as Config,
    stop: { soft: never, hard: never },
    clock: systemClock,
    out: createOutput(sink),
    log: getLogger(["lmsmon", "test"]),
    ...changes,
  };
  const code = await runExportAi(context, { ...OPTIONS, ...options });
  return {
    code,
    get ids() {
      return idsIn(text);
    },
    text,
  };
}

export function idsIn(text: string): number[] {
  return text.split("\n").filter((line) => line !== "").map((line) =>
    (JSON.parse(line) as { event_id: number }).event_id
  );
}
