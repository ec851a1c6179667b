import type { Output } from "../base/output.ts";
import { jsonId } from "../model/lms_ids.ts";
import { csvLine } from "../text/csv_line.ts";
import { type RoleSurvey, summaryLine } from "./map_users.ts";
import type { MatchedPerson } from "./user_links.ts";

/** What is known before the first person is printed. */
export interface MapUsersHead {
  readonly dryRun: boolean;
  readonly surveys: readonly RoleSurvey[];
  /** Keys of `users.overrides` that name nobody; `null` when not everybody was looked at. */
  readonly unusedOverrides: readonly string[] | null;
}

/** What is known when all is stored; `null` numbers in a dry run. */
export interface MapUsersTail {
  readonly linksWritten: number | null;
  readonly eventsFilled: number | null;
}

/** Prints the result of map-users page by page, so that memory does not grow with the LMS. */
export interface PeoplePrinter {
  head(head: MapUsersHead): void;
  page(people: readonly MatchedPerson[]): Promise<void>;
  tail(tail: MapUsersTail): void;
}

const COLUMNS = ["role", "id", "username", "email", "status", "zulip_user_id", "remedy"] as const;

/** The summary first, then everybody in a table, each problem with its remedy. */
export function tablePrinter(out: Output): PeoplePrinter {
  let dryRun = false;
  return {
    head(head) {
      dryRun = head.dryRun;
      for (const survey of head.surveys) out.writeLine(summaryLine(survey));
      for (const key of head.unusedOverrides ?? []) {
        out.writeLine(`users.overrides names ${JSON.stringify(key)}, which is nobody in the LMS`);
      }
    },
    async page(people) {
      if (people.length === 0) return;
      out.writeLine();
      const rows = people.map(({ person, match }) => [
        `${person.role} ${person.id}`,
        person.username,
        person.email,
        match.status,
        match.zulipUserId,
        match.remedy,
      ]);
      await out.table(["LMS", "username", "email", "status", "Zulip", "remedy"], rows);
    },
    tail({ linksWritten, eventsFilled }) {
      out.writeLine();
      if (dryRun) out.writeLine("Dry run: nothing was written");
      else {
        const links = `${linksWritten} ${linksWritten === 1 ? "link" : "links"}`;
        const events = `${eventsFilled} ${eventsFilled === 1 ? "event" : "events"}`;
        out.writeLine(`Stored ${links}; ${events} got their student's Zulip account`);
      }
    },
  };
}

/** One JSON object over several lines, a person a line: `{schema, command, dry_run, summary, unused_overrides, people, …}`. */
export function jsonPrinter(out: Output): PeoplePrinter {
  let first = true;
  return {
    head({ dryRun, surveys, unusedOverrides }) {
      const summary = surveys.map(({ role, total, withAccount, byStatus }) => ({
        role,
        total,
        with_account: withAccount,
        ...byStatus,
      }));
      const head = JSON.stringify({
        schema: 1,
        command: "map-users",
        dry_run: dryRun,
        summary,
        unused_overrides: unusedOverrides,
      });
      out.writeLine(`${head.slice(0, -1)},"people":[`);
    },
    page(people) {
      if (people.length === 0) return Promise.resolve();
      const lines = people.map(({ person, match }) =>
        JSON.stringify({
          role: person.role,
          id: jsonId(person.id),
          username: person.username,
          email: person.email,
          status: match.status,
          zulip_user_id: match.zulipUserId === null ? null : jsonId(match.zulipUserId),
          remedy: match.remedy,
        })
      );
      out.writeLine(`${first ? "" : ","}${lines.join(",\n")}`);
      first = false;
      return Promise.resolve();
    },
    tail({ linksWritten, eventsFilled }) {
      out.writeLine(`],"links_written":${linksWritten},"events_filled":${eventsFilled}}`);
    },
  };
}

/** Comma separated values with a head line; the summary is left to the log, so that the file has one shape. */
export function csvPrinter(out: Output): PeoplePrinter {
  return {
    head: () => out.writeRow(csvLine(COLUMNS)),
    page(people) {
      if (people.length === 0) return Promise.resolve();
      const lines = people.map(({ person, match }) =>
        csvLine([
          person.role,
          person.id,
          person.username,
          person.email,
          match.status,
          match.zulipUserId,
          match.remedy,
        ])
      );
      out.writeRow(lines.join("\n"));
      return Promise.resolve();
    },
    tail: () => {},
  };
}
