import { ASSIGNMENT_TABLES } from "../../sql/lms/moodle/assignments.ts";
import type { MoodleSite } from "../../sql/lms/moodle/preset.ts";
import {
  assignmentCount,
  leftOutQuery,
  quizTables,
  rolesQuery,
  roleUseQuery,
  versionQuery,
} from "../../sql/lms/moodle/site.ts";
import { integer } from "../../sql/lms/queries.ts";
import { LmsError } from "../base/errors.ts";
import type { CellRow, LmsDriver } from "./lms_driver.ts";
import type { SiteFinding, SiteLook } from "./site_look.ts";

/** The first Moodle that is read, and the first that nobody has tried: as `version` of its table config has them. */
const OLDEST = { version: 2022112800, name: "4.1" };
const UNTRIED = { version: 2027000000, name: "5.x" };

/** What is asked of a Moodle beside its tables and columns: see {@link SiteLook}. */
export function moodleSiteLook(site: MoodleSite): SiteLook {
  return {
    async before(driver) {
      await refuseOtherPrefix(driver, site);
      await refuseNoAssignments(driver, site);
      const { version, name } = await versionOf(driver, site);
      if (version === null || version >= OLDEST.version) return;
      throw new LmsError(
        "schema",
        `Cannot read this LMS: it is ${name}, and lmsmon reads Moodle ${OLDEST.name} and newer`,
        {
          hint: "Upgrade Moodle, or describe its tables by lms.preset: custom (docs/presets.md)",
        },
      );
    },
    after: (driver) => refuseNoRole(driver, site),
    async explain(driver, error) {
      const { version, name } = await versionOf(driver, site);
      if (version === null) return error;
      return new LmsError(
        "schema",
        `${error.message} (this is ${name}; lmsmon reads ${OLDEST.name} to ${UNTRIED.name})`,
        {
          hint: error.hint ?? "",
          cause: error,
        },
      );
    },
    findings: (driver) => findings(driver, site),
  };
}

async function refuseOtherPrefix(driver: LmsDriver, { prefix }: MoodleSite): Promise<void> {
  const found = await driver.read((session) => session.rows(quizTables(driver.dialect)));
  const names = found.map(([name]) => name ?? "");
  const wanted = `${prefix}quiz_attempts`;
  const anyCase = found.some(([, says]) => Number(says) > 0);
  const isWanted = (name: string) => name === wanted || anyCase && name.toLowerCase() === wanted.toLowerCase();
  if (names.length === 0 || names.some(isWanted)) return;
  throw new LmsError(
    "schema",
    `Cannot read this Moodle: no table ${wanted}; found ${names.join(", ")}: set lms.moodle.prefix`,
    { hint: `lms: {moodle: {prefix: ${names[0]?.replace(/quiz_attempts$/i, "") || '""'}}}` },
  );
}

/** What assignments lie in, beside what quizzes do, and how to do without. */
async function refuseNoAssignments(driver: LmsDriver, { prefix, assignments }: MoodleSite): Promise<void> {
  if (!assignments) return;
  const missing: string[] = [];
  for (const [table, columns] of Object.entries(ASSIGNMENT_TABLES)) {
    if (!await canRead(driver, `${prefix}${table}`, columns)) missing.push(`${prefix}${table}`);
  }
  if (missing.length === 0) return;
  throw new LmsError("schema", `Cannot read assignments: ${missing.join(", ")} cannot be read, or lack columns`, {
    hint: "grant SELECT on them (docs/presets.md, Moodle), or set lms.moodle.assignments: false",
  });
}

async function versionOf(driver: LmsDriver, { prefix }: MoodleSite): Promise<{ version: number | null; name: string }> {
  const unknown = { version: null, name: "Moodle, version unknown" };
  if (!await canRead(driver, `${prefix}config`, ["name", "value"])) return unknown;
  const rows = await driver.read((session) => session.rows(versionQuery(prefix)));
  const facts = new Map(rows.map(([name, value]) => [name, value]));
  const version = Number.parseFloat(facts.get("version") ?? "");
  if (!Number.isFinite(version)) return unknown;
  return { version, name: `Moodle ${facts.get("release") ?? `of version ${facts.get("version")}`}` };
}

async function canRead(driver: LmsDriver, table: string, columns: readonly string[]): Promise<boolean> {
  const catalog = await driver.read((session) => session.rows(driver.dialect.catalog([table])));
  return columns.every((wanted) =>
    catalog.some(([, column, , readable]) => column?.toLowerCase() === wanted && readable === "1")
  );
}

interface Role {
  readonly id: string;
  readonly name: string;
  /** Whether it is meant to be given in the context of a person. */
  readonly offered: boolean;
}

async function rolesOf(driver: LmsDriver, { prefix }: MoodleSite): Promise<Role[]> {
  const knowsLevels = await canRead(driver, `${prefix}role_context_levels`, ["roleid", "contextlevel"]);
  const rows = await driver.read((session) => session.rows(rolesQuery(prefix, knowsLevels)));
  return rows.map(([id, name, offered]) => ({
    id: integer(id ?? ""),
    name: name ?? "",
    offered: Number(offered) > 0,
  }));
}

/** Assignments of a role looked at: every student of a university has one of "student". */
const MOST_ASSIGNMENTS = 20_000;
/** The same where it only matters whether a role is given there at all. */
const SAMPLED_ASSIGNMENTS = 500;

/** How often a role is given in the context of a person, of so many of its assignments. */
async function useOf(driver: LmsDriver, { prefix }: MoodleSite, role: Role, most: number): Promise<number> {
  const [row] = await driver.read((session) => session.rows(roleUseQuery(prefix, role.id, most)));
  return Number(row?.[0] ?? 0);
}

const wantedOf = (roles: readonly Role[], { mentorRoles }: MoodleSite) =>
  roles.filter(({ name }) => mentorRoles.some((wanted) => wanted.toLowerCase() === name.toLowerCase()));

const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(" or ");

async function refuseNoRole(driver: LmsDriver, site: MoodleSite): Promise<void> {
  const roles = await rolesOf(driver, site);
  if (wantedOf(roles, site).length > 0) return;
  const offered: string[] = [];
  for (const role of roles) {
    if (role.offered || await useOf(driver, site, role, SAMPLED_ASSIGNMENTS) > 0) offered.push(role.name);
  }
  throw new LmsError(
    "schema",
    `Cannot tell who is a mentor: this Moodle has no role ${quoted(site.mentorRoles)}; ` +
      (offered.length === 0
        ? "it has no role for the context of a person"
        : `roles of user contexts: ${offered.join(", ")}`),
    {
      hint: "Set lms.moodle.mentor_roles to the short names of the roles that mentors have in their students' contexts",
    },
  );
}

async function findings(driver: LmsDriver, site: MoodleSite): Promise<SiteFinding[]> {
  const { version, name } = await versionOf(driver, site);
  const roles = wantedOf(await rolesOf(driver, site), site);
  const uses: number[] = [];
  for (const role of roles) uses.push(await useOf(driver, site, role, MOST_ASSIGNMENTS));
  const found: SiteFinding[] = [{ message: name, hint: null }];
  if (version !== null && version >= UNTRIED.version) {
    found.push({
      message: `${name} is newer than what lmsmon knows of (${UNTRIED.name})`,
      hint: "see docs/presets.md, Moodle",
    });
  }
  found.push(
    uses.every((use) => use === 0)
      ? {
        message: `nobody has the role ${
          quoted(roles.map((role) => role.name))
        } in the context of a person: nobody is told`,
        hint: "assign it in the students' profiles, or set lms.moodle.mentor_roles",
      }
      : {
        message: `mentors: ${
          roles.map(({ name }, i) => `${uses[i]}${uses[i] === MOST_ASSIGNMENTS ? " or more" : ""} by ${name}`).join(
            ", ",
          )
        }`,
        hint: null,
      },
  );
  const [count] = site.assignments ? [] : await driver.read((session) => session.rows(assignmentCount(site.prefix)));
  if (Number(count?.[0] ?? 0) > 0) {
    found.push({
      message: `${count?.[0]} assignments are read as activities only, without what is handed in and its marks`,
      hint: "set lms.moodle.assignments: true (docs/presets.md, Assignments)",
    });
  }
  if (!await canRead(driver, `${site.prefix}logstore_standard_log`, ["id", "timecreated"])) {
    found.push({
      message:
        `the log (${site.prefix}logstore_standard_log) cannot be read: pages without completion tracking give no event`,
      hint: "grant SELECT on it (docs/presets.md, Moodle)",
    });
  }
  for (const [what, why, count, id] of await leftOut(driver, site, found)) {
    const isOrphan = why?.startsWith("of no ") ?? false;
    found.push({
      message: `left out: ${count} ${what} ${why}${isOrphan ? ` (the first has id ${id})` : ""}`,
      hint: isOrphan ? "what it belongs to was deleted past Moodle; Moodle itself does not show it either" : null,
    });
  }
  return found;
}

/** Counting reads every attempt: on a very large site the statement's time is over before. */
async function leftOut(driver: LmsDriver, site: MoodleSite, found: SiteFinding[]): Promise<readonly CellRow[]> {
  try {
    return await driver.read((session) => session.rows(leftOutQuery(site.prefix)));
  } catch (error) {
    if (!(error instanceof LmsError)) throw error;
    found.push({
      message: `what is left out could not be counted: ${error.message}`,
      hint: "raise lms.statement_timeout for this look; polls are not concerned",
    });
    return [];
  }
}
