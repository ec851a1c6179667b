import type { ToldEvent } from "../model/told_event.ts";

const TEMPLATES = { exam: "exam_attempt", assignment: "assignment", content: "content" } as const;
/** Above this an address is no use in a message of 10,000 code points. */
const LONGEST_LINK = 1000;

/**
 * The address of an event's page in the LMS with the event's marker in the fragment, or `null` when no template is set, an
 * id that it needs is unknown, or it is no web address.
 *
 * A fragment of the template's own is dropped, since only one can be (a browser then opens the page at its top), except
 * the route of a single-page site (`#/attempts/7`): there the marker becomes its query (`#/attempts/7?n=…`).
 */
export function markedLink(event: ToldEvent, links: Readonly<Record<string, string>>): string | null {
  const template = links[TEMPLATES[event.kind]];
  if (!template) return null;
  const activityId = event.keys?.activity ?? event.activityId;
  const values: Record<string, string | null> = {
    attempt_id: event.keys?.attempt ?? event.attemptId,
    activity_id: activityId,
    student_id: event.keys?.student ?? event.student.id,
    exam_id: event.kind === "exam" ? activityId : null,
    content_id: event.kind === "content" ? activityId : null,
    content_type: event.kind === "content" ? event.contentType : null,
  };
  let unknown = false;
  const filled = template.trim().replace(/\{([a-z_]+)\}/g, (whole, name: string) => {
    if (!(name in values)) return whole;
    const value = values[name] ?? null;
    if (value === null) unknown = true;
    return encodeURIComponent(value ?? "");
  });
  if (unknown || !/^https?:\/\/[^\s/]/i.test(filled)) return null;
  const address = percentEncode(filled);
  const hash = address.indexOf("#");
  const [page, fragment] = hash < 0 ? [address, ""] : [address.slice(0, hash), address.slice(hash + 1)];
  const marked = fragment.startsWith("/") || fragment.startsWith("!/")
    ? `${page}#${fragment}${fragment.includes("?") ? "&" : "?"}n=${event.marker}`
    : `${page}#n=${event.marker}`;
  return marked.length > LONGEST_LINK ? null : marked;
}

/** Signs that end a link or act in Zulip's Markdown, and everything that is not ASCII. A `%` stays as it is. */
function percentEncode(address: string): string {
  return address.toWellFormed().replace(
    /[^\w\-./:?#&=%+,;@!]/gu,
    (sign) => "()'*~".includes(sign) ? `%${sign.charCodeAt(0).toString(16).toUpperCase()}` : encodeURIComponent(sign),
  );
}
