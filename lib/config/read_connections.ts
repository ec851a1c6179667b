import { BadUrl } from "../database/bad_url.ts";
import { type DatabaseUrl, parseDatabaseUrl } from "../database/database_url.ts";
import { readTlsFiles } from "../database/tls_files.ts";
import { registerUrlSecrets, Secret } from "../base/secrets.ts";
import { absolute, exists, ioProblem } from "./config_file.ts";
import { FieldError, filledText, nullable, text, zulipSite } from "./fields.ts";
import { type Problem } from "./problem.ts";
import { isSurelyPath, readSecretFile } from "./secret_files.ts";
import { valueAt } from "./tree.ts";

/** Addresses and secrets, read from the raw tree, so that their problems are told together with the schema's. */
export interface Connections {
  /** `null` when not configured, or not usable (then there is a problem). */
  readonly lms: DatabaseUrl | null;
  readonly state: DatabaseUrl | null;
  readonly zulip: {
    readonly site: string | null;
    readonly email: string | null;
    readonly apiKey: Secret | null;
    readonly apiKeyFile: string | null;
    readonly configFile: string | null;
  };
}

export interface ReadContext {
  /** Relative paths begin here. */
  readonly base: string;
  /** `state.url` when it is not configured. */
  readonly defaultStateUrl: string;
  readonly home: string | null;
  readonly needs: ReadonlySet<string>;
}

export async function readConnections(tree: unknown, context: ReadContext, problems: Problem[]): Promise<Connections> {
  return {
    lms: await readDatabase("lms", tree, context, problems),
    state: await readDatabase("state", tree, context, problems),
    zulip: await readZulip(tree, context, problems),
  };
}

async function readDatabase(
  part: "lms" | "state",
  tree: unknown,
  context: ReadContext,
  problems: Problem[],
): Promise<DatabaseUrl | null> {
  const raw = soft(tree, [part, "url"], nullable(text)) ?? (part === "state" ? context.defaultStateUrl : null);
  const secret = await readSecret(part, "password", tree, context, problems);
  if (raw === null) {
    if (context.needs.has(part) && !hasProblem(problems, [part, "url"])) {
      problems.push({
        path: [part, "url"],
        message: "is missing; write postgres://USER@HOST:5432/DATABASE or mysql://…",
      });
    }
    return null;
  }
  registerUrlSecrets(raw.trim());
  try {
    const { base, home } = context;
    const { password, ...parsed } = parseDatabaseUrl(raw.trim(), { part, base, home });
    if (password !== null && secret.isSet) {
      problems.push({
        path: [part, "url"],
        message: `has a password, and ${secret.isSet} is set too; keep one of them`,
      });
    }
    if (parsed.target !== null && context.needs.has(part)) {
      readTlsFiles(parsed.target.tls, parsed.keyPassword?.reveal() ?? null);
    }
    return { ...parsed, password: secret.value ?? password };
  } catch (error) {
    if (!(error instanceof BadUrl)) throw error;
    for (const message of error.problems) problems.push({ path: [part, "url"], message });
    return null;
  }
}

async function readZulip(tree: unknown, context: ReadContext, problems: Problem[]): Promise<Connections["zulip"]> {
  const key = await readSecret("zulip", "api_key", tree, context, problems);
  const site = soft(tree, ["zulip", "site"], nullable(zulipSite));
  const email = soft(tree, ["zulip", "email"], nullable(filledText));
  const apiKeyFile = soft(tree, ["zulip", "api_key_file"], nullable(filledText));
  const result = {
    site,
    email,
    apiKey: key.value,
    apiKeyFile: apiKeyFile === null ? null : absolute(apiKeyFile, context.base, context.home),
  };
  if (site !== null && email !== null && key.isSet !== null) return { ...result, configFile: null };
  const named = soft(tree, ["zulip", "config_file"], nullable(filledText));
  const wanted = named ?? (context.home === null ? null : "~/.zuliprc");
  const configFile = wanted === null ? null : absolute(wanted, context.base, context.home);
  const trouble = context.needs.has("zulip") ? await fileTrouble(configFile, named) : null;
  if (trouble !== null && !problems.some((problem) => problem.path[0] === "zulip")) {
    problems.push({
      path: named === null ? ["zulip"] : ["zulip", "config_file"],
      message: `no credentials for Zulip: ${trouble}; download the bot's zuliprc there, or set zulip.site, email and ` +
        "api_key_file (or ZULIP_SITE, ZULIP_EMAIL and ZULIP_API_KEY)",
    });
  }
  return { ...result, configFile };
}

async function fileTrouble(path: string | null, named: string | null): Promise<string | null> {
  if (path === null) return "no zuliprc is named";
  try {
    using file = await Deno.open(path);
    return (await file.stat()).isDirectory ? `cannot read ${path}: it is a directory` : null;
  } catch (error) {
    // What was written there and is no file may be the key itself.
    return named !== null && !exists(path) && !path.endsWith("zuliprc") && !isSurelyPath(named)
      ? "it names no file that exists"
      : `cannot read ${path}: ${ioProblem(error)}`;
  }
}

/** A secret or its `_file` twin. `isSet` names the one that was given, whether or not it had to be read. */
async function readSecret(
  part: string,
  name: string,
  tree: unknown,
  { base, home, needs }: ReadContext,
  problems: Problem[],
): Promise<{ value: Secret | null; isSet: string | null }> {
  const inline = soft(tree, [part, name], nullable(text)) || null;
  const file = soft(tree, [part, `${name}_file`], nullable(filledText));
  if (inline !== null && file !== null) {
    problems.push({ path: [part, `${name}_file`], message: `is set, and ${part}.${name} too; keep one of them` });
  }
  if (inline !== null) return { value: new Secret(inline), isSet: `${part}.${name}` };
  if (file === null) return { value: null, isSet: null };
  const isSet = `${part}.${name}_file`;
  if (!needs.has(part)) return { value: null, isSet };
  const secret = await readSecretFile(absolute(file, base, home), file);
  if (secret instanceof Secret) return { value: secret, isSet };
  problems.push({
    path: [part, `${name}_file`],
    message: `${secret}; create it, readable for this user, or set ${part}.${name}`,
  });
  return { value: null, isSet };
}

/** A value that the schema checks too: what is wrong with it is its problem, here it counts as absent. */
function soft<T>(tree: unknown, path: readonly string[], read: (raw: unknown) => T): T | null {
  try {
    return read(valueAt(tree, path));
  } catch (error) {
    if (error instanceof FieldError) return null;
    throw error;
  }
}

function hasProblem(problems: readonly Problem[], path: readonly string[]): boolean {
  return problems.some((problem) =>
    path.every((part, i) => problem.path[i] === part) || problem.path.length === 1 && problem.path[0] === path[0]
  );
}
