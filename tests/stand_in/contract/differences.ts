/** What depends on ids that Zulip gives, on time, or on how one server is set up: only its kind is compared. */
const OF_THIS_SERVER = new Set([
  "avatar_url",
  "can_remove_subscribers_group",
  "color",
  "date_created",
  "date_joined",
  "realm_description",
  "realm_icon",
  "realm_uri",
  "realm_url",
  "recipient_id",
]);
/** Lists whose order means nothing, by what tells their items apart. */
const UNORDERED: Readonly<Record<string, string>> = { members: "user_id" };
/** Seconds to wait: the clock's fractions do not survive. */
const ABOUT = new Set(["retry-after"]);
const CUT = "…cut…";

/** Where `ours` differs from what was recorded, each as a path and what is the matter with it. */
export function differences(recorded: unknown, ours: unknown, path = "body"): string[] {
  const key = path.slice(path.lastIndexOf(".") + 1);
  if (Array.isArray(recorded) && Array.isArray(ours)) return ofLists(recorded, ours, path, UNORDERED[key]);
  if (isObject(recorded) && isObject(ours)) return ofObjects(recorded, ours, path);
  if (OF_THIS_SERVER.has(key)) return kindOf(recorded) === kindOf(ours) ? [] : [`${path}: ${kindOf(ours)}`];
  if (ABOUT.has(key) && Math.abs(Number(recorded) - Number(ours)) < 0.01) return [];
  if (typeof recorded === "string" && typeof ours === "string" && recorded.includes(CUT)) {
    const [start = "", end = ""] = recorded.split(CUT);
    if (ours === recorded || (ours.startsWith(start) && ours.endsWith(end))) return [];
  }
  return Object.is(recorded, ours) ? [] : [`${path}: ${JSON.stringify(ours)} instead of ${JSON.stringify(recorded)}`];
}

function ofObjects(recorded: Record<string, unknown>, ours: Record<string, unknown>, path: string): string[] {
  const found: string[] = [];
  for (const key of new Set([...Object.keys(recorded), ...Object.keys(ours)])) {
    if (key === "messages_cut") continue; // the recording's word about itself
    if (!(key in ours)) found.push(`${path}.${key}: missing`);
    else if (!(key in recorded)) found.push(`${path}.${key}: not in the recording`);
    else if (key === "messages" && recorded.messages_cut === true) {
      const [some, all] = [recorded[key] as unknown[], ours[key] as unknown[]];
      if (all.length <= some.length) found.push(`${path}.${key}: not more than the ${some.length} that were kept`);
      found.push(...differences(some, all.slice(0, some.length), `${path}.${key}`));
    } else found.push(...differences(recorded[key], ours[key], `${path}.${key}`));
  }
  return found;
}

function ofLists(recorded: unknown[], ours: unknown[], path: string, by: string | undefined): string[] {
  if (recorded.length !== ours.length) return [`${path}: ${ours.length} items instead of ${recorded.length}`];
  const sorted = (list: unknown[]) =>
    by === undefined ? list : list.toSorted((a, b) => Number(isObject(a) && a[by]) - Number(isObject(b) && b[by]));
  const [left, right] = [sorted(recorded), sorted(ours)];
  return left.flatMap((item, at) => differences(item, right[at], `${path}[${at}]`));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  return value === null ? "null" : typeof value;
}
