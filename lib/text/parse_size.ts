const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1000,
  m: 1_000_000,
  g: 1_000_000_000,
  t: 1_000_000_000_000,
};

/** Bytes of `100MB`, `1.5 GB`, `64k`, `2MiB`; `null` when it is no size. */
export function parseSize(text: string): number | null {
  const match = /^\s*(\d{1,12}(?:\.\d{1,6})?)\s*([kmgt]?)(i?)b?\s*$/i.exec(text);
  if (match === null) return null;
  const [, number = "", unit = "", binary = ""] = match;
  const factor = UNITS[unit.toLowerCase()] ?? 1;
  if (binary !== "" && unit === "") return null;
  const exact = binary === "" ? factor : 1024 ** " kmgt".indexOf(unit.toLowerCase());
  const bytes = Math.floor(Number(number) * exact);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : null;
}
