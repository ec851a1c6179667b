/**
 * `a,"b,c"` as the names a and b,c. Letters keep their case, as in Prisma's `schema=`; quotes are only needed around a comma.
 * `null` when it is no such list.
 */
export function schemasOf(text: string): string[] | null {
  const names: string[] = [];
  const item = /\s*(?:"((?:[^"]|"")+)"|([^",]+))\s*(,|$)/y;
  for (let separator = ","; separator === ",";) {
    const [, quoted, plain = "", end = ""] = item.exec(text) ?? [];
    const name = quoted?.replaceAll('""', '"') ?? plain.trim();
    if (name === "") return null;
    names.push(name);
    separator = end;
  }
  return item.lastIndex === 0 || item.lastIndex === text.length ? names : null;
}
