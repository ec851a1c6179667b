/**
 * Array values as PostgreSQL writes them (`{"a",NULL}`), for `unnest(${literal}::text[])`. The driver can do this too, but it
 * types an array by its first element and takes twice as long.
 */
export function arrayLiteral(values: readonly (string | null)[]): string {
  let out = "";
  for (const value of values) {
    out += out === "" ? "{" : ",";
    out += value === null ? "NULL" : `"${/["\\]/.test(value) ? value.replace(/["\\]/g, "\\$&") : value}"`;
  }
  return out === "" ? "{}" : out + "}";
}

/** The same for numbers and ids, which need no quotes. */
export function numberArrayLiteral(values: readonly (string | number | null)[]): string {
  let out = "";
  for (const value of values) out += (out === "" ? "{" : ",") + (value === null ? "NULL" : value);
  return out === "" ? "{}" : out + "}";
}
