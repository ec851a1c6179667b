import { RealmError } from "./zulip_stand_in_types.ts";

/** A parameter that must be there, as it came. */
export function required(params: URLSearchParams, name: string): string {
  const value = params.get(name);
  if (value === null) {
    throw new RealmError("REQUEST_VARIABLE_MISSING", `Missing '${name}' argument`, { var_name: name });
  }
  return value;
}

/** A number of things, 0 and more; `fallback` when it is not given. */
export function count(params: URLSearchParams, name: string, fallback: number): number {
  const value = jsonParam(params, name) ?? fallback;
  if (typeof value !== "number" || !Number.isInteger(value)) throw refused(`${name} is not an integer`);
  if (value < 0) throw refused(`${name} is too small`);
  return value;
}

export function flag(params: URLSearchParams, name: string, fallback: boolean): boolean {
  const value = jsonParam(params, name) ?? fallback;
  if (typeof value !== "boolean") throw refused(`${name} is not a boolean`);
  return value;
}

/** A list in JSON; `null` when it is not given. */
export function list(params: URLSearchParams, name: string): unknown[] | null {
  const value = jsonParam(params, name);
  if (value === undefined) return null;
  if (!Array.isArray(value)) throw refused(`${name} is not a list`);
  return value;
}

function jsonParam(params: URLSearchParams, name: string): unknown {
  const text = params.get(name);
  if (text === null) return undefined;
  const value = parseJson(text);
  if (value === undefined) throw refused(`${name} is not valid JSON`);
  return value;
}

/** `undefined` for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** 400 with the code that most refusals have. */
export function refused(message: string): RealmError {
  return new RealmError("BAD_REQUEST", message);
}
