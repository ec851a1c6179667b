import { counted } from "../text/counted.ts";
import type { CommandContext } from "./command_context.ts";
import { commandJson } from "./command_json.ts";
import type { ConfigOptions } from "./command_options.ts";

/** `config`: every key with its value and where that came from. What is wrong with it was an error before this runs. */
export function runConfig({ config, out }: CommandContext, options: ConfigOptions): Promise<void> {
  const all = config.effective ?? [];
  const set = all.filter(({ origin }) => origin !== "default");
  const file = config.file ?? null;
  if (options.check) {
    if (options.json) out.writeJson(commandJson("config", { file, ok: true, keys_set: set.length }));
    else {out.writeLine(
        `${file ?? "No file, and that"} is right: ${counted(set.length, "key")} set, the others have their defaults`,
      );}
    return Promise.resolve();
  }
  const shown = options.changed ? set : all;
  if (options.json) {
    const keys = shown.map(({ key, value, origin }) => ({ key, value, origin }));
    out.writeJson(commandJson("config", { file, keys }));
    return Promise.resolve();
  }
  out.writeLine(`# ${file ?? "no file: the defaults"}`);
  const lines = shown.map(({ key, value, origin }) => ({ text: `${key}: ${asYaml(value)}`, origin }));
  const width = Math.min(60, Math.max(0, ...lines.map(({ text }) => text.length)));
  for (const { text, origin } of lines) out.writeLine(`${text.padEnd(width)}  # ${origin}`);
  return Promise.resolve();
}

/** On one line, as YAML takes it too. */
function asYaml(value: unknown): string {
  if (
    typeof value === "string" && /^[A-Za-z0-9][\w .,/@+:-]*$/.test(value) &&
    !/: |:$|^(true|false|null|yes|no)$/i.test(value)
  ) {
    return value;
  }
  if (Array.isArray(value)) return `[${value.map(asYaml).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{${Object.entries(value).map(([name, item]) => `${asYaml(name)}: ${asYaml(item)}`).join(", ")}}`;
  }
  return JSON.stringify(value) ?? "null";
}
