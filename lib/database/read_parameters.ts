import { BadUrl } from "./bad_url.ts";
import { ordinal, type UrlParameter } from "./url_grammar.ts";
import { findParameter, folded, type KnownParameter, printableName } from "./url_parameters.ts";

/** The parameters of a URL by the first of their names. */
export type ReadParameters = ReadonlyMap<string, { readonly name: string; readonly value: string }>;

/** Finds each parameter among those that are known; what is wrong goes to `problems`, which quote no value. */
export function readParameters(
  given: readonly UrlParameter[],
  known: readonly KnownParameter[],
  problems: string[],
): ReadParameters {
  const found = new Map<string, { name: string; value: string }>();
  const unknown: string[] = [];
  let afterSecret = false; // an "&" that was not encoded: what follows may be the rest of a password
  for (const parameter of given) {
    const match = findParameter(parameter.name, known);
    if (match === null) {
      unknown.push(describeUnknown(parameter, afterSecret, known));
      continue;
    }
    afterSecret = match.isSecret === true;
    const [name] = match.names;
    const { value } = parameter;
    if (found.has(name)) problems.push(`has ${name} twice${aliases(match)}; keep one of them`);
    else if (value === null || value === "" && !match.isSecret) {
      problems.push(`has ${name} without a value; write one or leave it out`);
    } else if (match.accepts !== undefined && !match.accepts.some((word) => folded(word) === folded(value))) {
      problems.push(
        `has a value of ${name} that is not implemented; lmsmon takes ${
          match.accepts.join(", ")
        }, which ask for nothing more`,
      );
    } else found.set(name, { name, value });
  }
  if (unknown.length > 0) {
    const list = known.map(({ names }) => names[0]).join(", ");
    problems.unshift(`has ${unknown.join(" and ")}, which lmsmon does not know here; known are ${list}`);
  }
  return found;
}

/** By its name only where that can be no secret. */
function describeUnknown(
  { name, place }: UrlParameter,
  afterSecret: boolean,
  known: readonly KnownParameter[],
): string {
  const shown = afterSecret ? null : printableName(name, known);
  if (shown === null) return `a parameter, the ${ordinal(place)} behind the "?"`;
  return `the parameter "${shown.name}"${shown.near === null ? "" : ` (did you mean "${shown.near}"?)`}`;
}

const aliases = ({ names }: KnownParameter) => names.length === 1 ? "" : ` (${names.join(", ")} are the same)`;

/** The value, or `null`. */
export function valueOf(parameters: ReadParameters, name: string): string | null {
  return parameters.get(name)?.value ?? null;
}

/** One of some words, in any case of letters; `fallback` when it is not there. */
export function choiceOf<const T extends string, F>(
  parameters: ReadParameters,
  name: string,
  choices: readonly T[],
  fallback: F,
  problems: string[],
): T | F {
  const value = valueOf(parameters, name);
  if (value === null) return fallback;
  const choice = choices.find((word) => folded(word) === folded(value.trim()));
  if (choice === undefined) problems.push(`has a value of ${name} that is unknown; known are ${choices.join(", ")}`);
  return choice ?? fallback;
}

/** What the URL's front and a parameter both may say. */
export function oneOf(front: string | null, parameter: string | null, what: string, problems: string[]): string | null {
  if (front !== null && parameter !== null && front !== parameter) {
    problems.push(`names one ${what} in front of the "?" and another behind it; keep one of them`);
  }
  return front ?? parameter;
}

/** Runs a check whose BadUrl is one problem among others. */
export function gather<T>(fallback: T, problems: string[], check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof BadUrl)) throw error;
    problems.push(...error.problems);
    return fallback;
  }
}
