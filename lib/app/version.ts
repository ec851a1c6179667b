import { migrations } from "../../sql/state/migrations/manifest.ts";
import type { Output } from "../base/output.ts";
import { buildInfo, programVersion } from "./build_info.ts";
import { commandJson } from "./command_json.ts";

/** `version`: what somebody who is to help must know; opens nothing. */
export function printVersion(out: Output, json: boolean): void {
  const { commit, date, build } = buildInfo();
  const schema = migrations.at(-1);
  const { deno, v8, typescript } = Deno.version;
  if (json) {
    return out.writeJson(commandJson("version", {
      version: programVersion,
      commit,
      commit_date: date,
      build,
      target: Deno.build.target,
      deno,
      v8,
      typescript,
      state_schema: schema?.version ?? null,
      state_migration: schema?.name ?? null,
    }));
  }
  out.writeLine(`lmsmon ${programVersion}`);
  out.writeLine(`commit        ${commit ?? "unknown"}${date === null ? "" : ` (${date})`}`);
  out.writeLine(`build         ${build}`);
  out.writeLine(`Deno          ${deno} (V8 ${v8}, TypeScript ${typescript})`);
  out.writeLine(`state schema  ${schema?.version ?? "?"} (${schema?.name ?? "?"})`);
}
