import type { KeyPath, Problem } from "./problem.ts";

/**
 * A text value that (in part) came from the environment. It is kept apart from text of the file because it may become a
 * number or a list where the key wants one, and because it is never quoted in problems.
 */
export class Filled {
  constructor(readonly text: string) {}
}

const PLACEHOLDER = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;

/** Anything else in `${…}` may be the secret itself, put there by mistake. */
const USUAL_NAME = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/;

/**
 * Replaces `${NAME}` and `${NAME:-default}` in values (not in keys), after parsing, so that no variable can add YAML of its
 * own. `$${` stands for `${`. A value with an unset variable is left out; `isNeeded` says whether that is a problem.
 */
export function fillEnv(
  value: unknown,
  env: Readonly<Record<string, string | undefined>>,
  isNeeded: (path: KeyPath) => boolean,
  problems: Problem[],
  path: KeyPath = [],
): unknown {
  if (typeof value === "string") return fillText(value, env, isNeeded(path), problems, path);
  if (Array.isArray(value)) {
    return value.map((item, i) => fillEnv(item, env, isNeeded, problems, [...path, i])).filter((item) =>
      item !== undefined
    );
  }
  if (typeof value === "object" && value !== null) {
    const filled: Record<string, unknown> = Object.create(null);
    for (const [key, item] of Object.entries(value)) {
      const result = fillEnv(item, env, isNeeded, problems, [...path, key]);
      if (result !== undefined) filled[key] = result;
    }
    return filled;
  }
  return value;
}

function fillText(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
  isNeeded: boolean,
  problems: Problem[],
  path: KeyPath,
): unknown {
  let fromEnv = false;
  let isUnset = false;
  const filled = text.replace(PLACEHOLDER, (whole, name: string | undefined, fallback: string | undefined) => {
    if (whole === "$${") return "${";
    if (name === undefined) {
      problems.push({ path, message: "has a ${ that is no ${NAME} or ${NAME:-default}; write $${ for a plain ${" });
      isUnset = true;
      return "";
    }
    fromEnv = true;
    const value = env[name];
    if (fallback !== undefined) return value === undefined || value === "" ? fallback : value; // as the shell does
    if (value !== undefined) return value;
    isUnset = true;
    if (isNeeded) {
      const what = USUAL_NAME.test(name)
        ? `the environment variable ${name} is not set (and \${${name}} has no default)`
        : "names an environment variable that is not set (and has no default)";
      problems.push({ path, message: what });
    }
    return "";
  });
  if (isUnset) return undefined;
  return fromEnv ? new Filled(filled) : filled;
}
