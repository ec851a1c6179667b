/**
 * Types of activity that keep their title in a table of their own, as `name`: those of Moodle itself, then those that many sites
 * have beside them. A type that is not here has no title, and costs no row.
 */
const MODULES = [
  ...[
    "assign",
    "bigbluebuttonbn",
    "book",
    "chat",
    "choice",
    "data",
    "feedback",
    "folder",
    "forum",
    "glossary",
    "h5pactivity",
  ],
  ...[
    "imscp",
    "label",
    "lesson",
    "lti",
    "page",
    "qbank",
    "quiz",
    "resource",
    "scorm",
    "subsection",
    "survey",
    "url",
    "wiki",
  ],
  ...["workshop"],
  ...[
    "attendance",
    "checklist",
    "choicegroup",
    "customcert",
    "facetoface",
    "game",
    "googlemeet",
    "hotpot",
    "hvp",
    "journal",
  ],
  ...["questionnaire", "scheduler", "videotime", "vpl", "zoom"],
];

/** The title of a course module `cm` of type `m`, out of those tables that there are. */
export function titleOf(has: (table: string) => boolean): string {
  const cases = MODULES.filter((name) => has(name)).map((name) =>
    `when '${name}' then (select t.name from {P}${name} t where t.id = cm.instance)`
  );
  return cases.length === 0 ? "null" : `case m.name ${cases.join(" ")} end`;
}
