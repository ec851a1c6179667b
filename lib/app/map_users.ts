import type { Logger } from "@logtape/logtape";
import type { LmsSource } from "../source/lms_source.ts";
import type { Role } from "../model/person.ts";
import { UsageError } from "../base/errors.ts";
import { progressShower, type ShowProgress } from "../base/progress.ts";
import type { Output } from "../base/output.ts";
import { requireKnownSource } from "../poll/check_source.ts";
import { isConnectionLost } from "../base/database_errors.ts";
import { stateError } from "../state/state_errors.ts";
import { Directory } from "../people/directory.ts";
import {
  isUnmatched,
  matchedPages,
  type RoleSurvey,
  summaryLine,
  type Survey,
  surveyRole,
  unusedOverrides,
} from "../people/map_users.ts";
import type { MatchSettings } from "../people/match_person.ts";
import { csvPrinter, jsonPrinter, type PeoplePrinter, tablePrinter } from "../people/people_printer.ts";
import { createUserLinkStore, type UserLinkStore } from "../people/user_links.ts";
import { type ErasedPeople, readErasedPeople } from "../privacy/erased_people.ts";
import type { ZulipApi } from "../bot/zulip_api.ts";
import type { CommandContext } from "./command_context.ts";
import type { MapUsersOptions } from "./command_options.ts";
import { keepErased } from "./keep_erased.ts";
import { OpenParts } from "./open_parts.ts";
import { type ShownKeys, withOwnKeys } from "./own_keys.ts";

export interface MapUsersDeps {
  readonly lms: Pick<LmsSource, "allPeople">;
  readonly zulip: Pick<ZulipApi, "users">;
  /** `null` in a dry run, which needs no state database. */
  readonly links: UserLinkStore | null;
  readonly settings: MatchSettings;
  readonly out: Output;
  /** The LMS's own keys, for what is printed. */
  readonly shownKeys?: ShownKeys;
  readonly log: Logger;
  readonly stop: CommandContext["stop"];
  readonly showProgress?: ShowProgress;
}

/** Opens what is needed and runs {@link mapUsers}. A dry run opens no state database, since even opening may write. */
export async function runMapUsers(context: CommandContext, options: MapUsersOptions): Promise<void> {
  const { config, clock, out, log, stop } = context;
  if (options.json && options.csv) throw new UsageError("Cannot print both: choose --json or --csv");
  await using parts = new OpenParts(config);
  try {
    const state = options.dryRun ? null : await parts.state();
    if (state !== null) await keepErased(context, state);
    const zulip = parts.zulip();
    const lms = await parts.lms();
    // A copy's mentors must not become the accounts that are told about the real students.
    if (state !== null) await requireKnownSource(state, lms);
    const links = state === null ? null : createUserLinkStore(state.sql, config.source.name);
    await mapUsers({
      lms: state === null ? lms : withoutErased(lms, await readErasedPeople(state, config.source.name)),
      zulip,
      links,
      settings: config.users,
      out,
      shownKeys: (ids) => lms.shownKeys(ids),
      log,
      stop,
      showProgress: progressShower(clock, log),
    }, options);
  } catch (error) {
    throw isConnectionLost(error) ? stateError(config.state.url, error) : error;
  }
}

/** Rows of the table that share their column widths; more would be held in memory at once. */
const TABLE_PAGE = 1000;

/**
 * Which LMS people have a Zulip account, and why the others have none; keeps the links, and completes the events of
 * students who have an account. Also done for students that only events know, when only mentors are asked for.
 */
export async function mapUsers(deps: MapUsersDeps, options: MapUsersOptions): Promise<void> {
  const { lms, links, settings, log, stop } = deps;
  const directory = new Directory(await deps.zulip.users(stop.hard));
  const survey: Survey = { lms: stoppable(lms, stop.soft), directory, settings };
  const surveys: RoleSurvey[] = [];
  for (const role of rolesOf(options.only)) {
    using progress = deps.showProgress?.(`Looking at ${role}s`, role);
    surveys.push(
      await surveyRole({ ...survey, lms: counting(survey.lms, (seen) => progress?.update(seen, null)) }, role),
    );
  }
  for (const one of surveys) log.debug("Compared LMS people with Zulip: {summary}", { summary: summaryLine(one) });

  const printer = printerOf(deps.out, options);
  printer.head({
    dryRun: options.dryRun,
    surveys,
    unusedOverrides: options.only === "all" ? unusedOverrides(settings, surveys) : null,
  });
  const written = { linksWritten: 0, eventsFilled: 0 };
  for (const one of surveys) {
    using progress = deps.showProgress?.(`Storing ${one.role}s`, one.role);
    let seen = 0;
    for await (const page of inPagesOf(TABLE_PAGE, matchedPages(survey, one))) {
      progress?.update(seen += page.length, seen / one.total);
      const shown = options.unmatched ? page.filter(({ match }) => isUnmatched(match)) : page;
      await printer.page(deps.shownKeys === undefined ? shown : await withOwnKeys(shown, deps.shownKeys));
      if (links !== null) await keep(links, one.role, page, written);
    }
  }
  if (links !== null && options.only === "mentors") {
    const known: Survey = { ...survey, lms: stoppable({ allPeople: () => links.knownStudents() }, stop.soft) };
    for await (const page of matchedPages(known, await surveyRole(known, "student"))) {
      await keep(links, "student", page, written);
    }
  }
  printer.tail(links === null ? { linksWritten: null, eventsFilled: null } : written);
}

type Page = Parameters<UserLinkStore["write"]>[1];

async function keep(
  links: UserLinkStore,
  role: Role,
  page: Page,
  written: { linksWritten: number; eventsFilled: number },
): Promise<void> {
  await links.write(role, page);
  written.linksWritten += page.filter(({ match }) => match.zulipUserId !== null).length;
  if (role === "student") written.eventsFilled += await links.fillEvents(page);
}

/** Who was erased may be in the LMS still; nothing is kept of them, and they are shown to nobody. */
function withoutErased(lms: Pick<LmsSource, "allPeople">, erased: ErasedPeople): Pick<LmsSource, "allPeople"> {
  return {
    async *allPeople(role) {
      for await (const page of lms.allPeople(role)) yield page.filter(({ id }) => erased.tombstone(role, id) === null);
    },
  };
}

/** Ends between two pages when the process is asked to stop: what was stored stays. */
function stoppable(lms: Pick<LmsSource, "allPeople">, soft: AbortSignal): Pick<LmsSource, "allPeople"> {
  return {
    async *allPeople(role) {
      for await (const page of lms.allPeople(role)) {
        soft.throwIfAborted();
        yield page;
      }
    },
  };
}

function counting(lms: Survey["lms"], onSeen: (seen: number) => void): Survey["lms"] {
  return {
    async *allPeople(role) {
      let seen = 0;
      for await (const page of lms.allPeople(role)) {
        onSeen(seen += page.length);
        yield page;
      }
    },
  };
}

/** Pages of one size, whatever the LMS's pages are. */
async function* inPagesOf(size: number, pages: AsyncIterable<Page>): AsyncGenerator<Page> {
  let kept: Page = [];
  for await (const page of pages) {
    kept = [...kept, ...page];
    for (; kept.length >= size; kept = kept.slice(size)) yield kept.slice(0, size);
  }
  if (kept.length > 0) yield kept;
}

function rolesOf(only: MapUsersOptions["only"]): readonly Role[] {
  if (only === "all") return ["mentor", "student"];
  return only === "mentors" ? ["mentor"] : ["student"];
}

function printerOf(out: Output, { json, csv }: MapUsersOptions): PeoplePrinter {
  if (json) return jsonPrinter(out);
  return csv ? csvPrinter(out) : tablePrinter(out);
}
