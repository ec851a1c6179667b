import { studentsCard } from "../../sql/state/agent.ts";
import { aboutData, CANNOT_KNOW, dataCard } from "../export/manifest.ts";
import { jsonSchemaOf, LINE_SCHEMAS, type LineKind } from "../export/line_schemas.ts";
import { SMALLEST_COHORT } from "../insights/score.ts";
import { formatUtc, fromInstant } from "../model/time.ts";
import { DEFINITIONS } from "./definitions.ts";
import { errorText, type ServerParts } from "./tool.ts";
import type { View } from "./view.ts";

/** What does not change while the program runs. */
const STEADY = { ttlMs: 3_600_000, cacheScope: "private" } as const;
const CHANGING = { ttlMs: 60_000, cacheScope: "private" } as const;
/** For the lists, and for what names no hint of its own. */
export const CACHE_HINTS = {
  "tools/list": STEADY,
  "prompts/list": STEADY,
  "resources/list": STEADY,
  "resources/templates/list": STEADY,
  "resources/read": CHANGING,
  "server/discover": STEADY,
} as const;

const LINES = Object.keys(LINE_SCHEMAS) as LineKind[];

/** What a client may read beside the tools, in a fixed order. */
export function addResources({ server, turn, log }: ServerParts): void {
  for (const kind of LINES) {
    const { title } = jsonSchemaOf(kind);
    server.registerResource(
      `schema-${kind}`,
      `lmsmon://schema/${kind}`,
      { title: String(title), mimeType: "application/schema+json", cacheHint: STEADY },
      ({ href }) => ({ contents: [json(href, "application/schema+json", jsonSchemaOf(kind))] }),
    );
  }
  server.registerResource(
    "data-card",
    "lmsmon://data-card",
    { title: "What is in the state, and what it cannot know", mimeType: "application/json", cacheHint: CHANGING },
    async ({ href }) => {
      try {
        return { contents: [json(href, "application/json", await turn(cardOf))] };
      } catch (error) {
        throw new Error(errorText("data-card", error, log));
      }
    },
  );
  server.registerResource(
    "definitions",
    "lmsmon://definitions",
    { title: "What the values, bands, lists and words mean", mimeType: "text/markdown", cacheHint: STEADY },
    ({ href }) => ({ contents: [{ uri: href, mimeType: "text/markdown", text: DEFINITIONS(SMALLEST_COHORT) }] }),
  );
}

const json = (uri: string, mimeType: string, value: unknown) => ({
  uri,
  mimeType,
  text: JSON.stringify(value, null, 2),
});

/** With a limit only what is stored of the students that may be seen, and nothing of who was erased. */
async function cardOf({ sql, source, students, identified }: View): Promise<Record<string, unknown>> {
  const calledBy = identified ? "names" : "pseudonyms";
  if (students === null) return await dataCard(sql, calledBy);
  const rows = await studentsCard(sql, source, [...students]);
  const time = (at: Temporal.Instant | null) => at === null ? null : formatUtc(fromInstant(at));
  return {
    ...aboutData(calledBy),
    limited_to: "the students of one mentor",
    students: students.size,
    sources: rows.map(({ kind, events, oldest, newest }) => ({
      source,
      kind,
      events,
      oldest_event: time(oldest),
      newest_event: time(newest),
    })),
    cannot_know: CANNOT_KNOW,
  };
}
