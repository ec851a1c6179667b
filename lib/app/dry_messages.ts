import { dueRecipients } from "../../sql/state/recipients.ts";
import { peopleByIds } from "../../sql/state/outbox.ts";
import { ConfigError, ZulipError } from "../base/errors.ts";
import { logger } from "../base/log.ts";
import { connectZulip } from "../bot/connect_zulip.ts";
import type { ZulipApi } from "../bot/zulip_api.ts";
import type { Config } from "../config/config.ts";
import type { LmsId } from "../model/event.ts";
import { deliveryMarker } from "../model/marker.ts";
import { mentorRecipient } from "../model/recipient.ts";
import type { EpochMicros } from "../model/time.ts";
import { shortened } from "../tell/refs.ts";
import { decideFuse } from "../poll/record/poll_runs.ts";
import type { DryRunResult } from "../poll/dry_run.ts";
import type { StateDb } from "../state/state_db.ts";
import type { Clock } from "../base/clock.ts";
import { createUserLinkStore } from "../people/user_links.ts";
import { type Accounts, createAccounts, type LoadedAccounts, type MentorPerson } from "../tell/accounts.ts";
import { decide } from "../tell/decide.ts";
import { loadDue, type LoadedDue, type LoadedRow } from "../tell/load_due.ts";
import { recentMessages } from "../tell/recent_of_readers.ts";
import { readPauses } from "../tell/pauses.ts";
import type { Sibling } from "../tell/resolve_recipients.ts";
import { dryRows, tellNamesakesApart } from "./dry_rows.ts";

/** A message that a dry run would have sent. */
export interface DryMessage {
  readonly recipient: string;
  /** When it would go out: now, or when what it tells has waited long enough. */
  readonly at: EpochMicros;
  readonly content: string;
  readonly events: number;
}

/** What a dry run says about telling. */
export interface DryMessages {
  readonly messages: readonly DryMessage[];
  readonly withoutMentor: number;
  /** Deliveries that would wait for something else than a time (`no_account`), or end without a message, by reason. */
  readonly untold: ReadonlyMap<string, number>;
  /** Why the fuse would hold these messages; `null` when it would not. */
  readonly held: string | null;
  /**
   * Why Zulip did not say who has an account (a ZulipError: it was asked): then whoever is not known to have one is taken to
   * have one.
   */
  readonly notAsked: Error | null;
}

export interface DryDeps {
  readonly db: StateDb;
  readonly config: Config;
  readonly clock: Clock;
  readonly source: string;
}

/** Recipients of earlier polls that a dry run looks at, at most. */
const MOST_DUE = 1000;

/**
 * Says what would be told of what dry runs find and of what earlier polls left, by the very stages of a delivery that decide (load,
 * decide), without those that write or send. Zulip is only asked who has an account. Remembers what it said, as a delivery would.
 */
export class DryTeller implements AsyncDisposable {
  readonly #deps: DryDeps;
  readonly #zulip: Zulip;
  readonly #accounts: Accounts;
  /** When messages were said to go out, by recipient. */
  readonly #said = new Map<string, EpochMicros[]>();
  /** Deliveries of earlier polls that were said to be told. */
  readonly #told = new Set<string>();

  constructor(deps: DryDeps) {
    this.#deps = deps;
    this.#zulip = openZulip(deps.config);
    this.#accounts = createAccounts({ ...deps, zulip: this.#zulip }, { remembers: false });
  }

  async plan(dry: DryRunResult): Promise<DryMessages> {
    const { config, clock } = this.#deps;
    const now = clock.now();
    const told = dry.events.filter(({ event }) => event.tell !== null);
    const rows = await dryRows({ ...this.#deps, now }, dry);
    const loaded = config.notify.enabled ? await this.#load(dry, rows, now) : null;
    const plan = loaded === null ? { messages: [], told: [], untold: new Map() } : play(loaded, config, now);
    for (const { recipient, at } of plan.messages) this.#said.getOrInsertComputed(recipient, () => []).push(at);
    for (const logId of plan.told) this.#told.add(logId);
    return {
      messages: plan.messages,
      untold: plan.untold,
      withoutMentor: told.filter(({ mentors }) => mentors.length === 0).length,
      held: fuseOf(rows, dry.toTell, config),
      notAsked: loaded?.notAsked ?? null,
    };
  }

  /** What earlier polls left due and what was found now, as one round would load it. */
  async #load(dry: DryRunResult, found: readonly LoadedRow[], now: EpochMicros): Promise<Loaded> {
    const { db, source } = this.#deps;
    const due = (await dueRecipients(db.sql, source, now, MOST_DUE)).map((row) => row.recipient);
    const recipients = [...new Set([...found.map((row) => row.recipient), ...due])];
    const before = await loadDue(this.#deps, NOBODYS_ACCOUNTS, { recipients, cutoff: now, goesOn: new Set() });
    const rows = shortened(
      tellNamesakesApart([...before.rows.filter((row) => !this.#told.has(row.logId)), ...found]),
    );
    const mentors = new Map([...before.mentors, ...await mentorsOf(this.#deps, dry)]);
    const { accounts, known, notAsked } = await this.#accountsOf(rows, mentors);
    const siblings = new Map(before.siblings);
    for (const [eventId, own] of Map.groupBy(found, (row) => row.eventId)) {
      siblings.set(
        eventId,
        own.map(({ recipient }): Sibling => ({ recipient, status: "pending", userId: null, underWay: false })),
      );
    }
    const links = new Map(before.links);
    for (const { event: { row: { studentId } }, mentors: ids } of dry.events) {
      if (studentId !== null) links.set(studentId, ids);
    }
    const readers = [...new Set(rows.map((row) => row.recipient))];
    const recent = await recentMessages(this.#deps, readers, known, now, new Set());
    return {
      ...before,
      rows,
      siblings,
      links,
      mentors,
      accounts: accounts.mentors,
      selves: accounts.selves,
      recent: new Map(
        [...recent].map(([to, known]) => [to, { ...known, lastAt: this.#lastAt(to, known.lastAt, now) }]),
      ),
      pauses: await readPauses({ db, source }, now),
      now,
      notAsked,
    };
  }

  #lastAt(recipient: string, known: EpochMicros | null, now: EpochMicros): EpochMicros | null {
    const said = (this.#said.get(recipient) ?? []).filter((at) => at <= now);
    const all = known === null ? said : [...said, known];
    return all.length === 0 ? null : Math.max(...all);
  }

  async #accountsOf(
    rows: readonly LoadedRow[],
    mentors: ReadonlyMap<LmsId, MentorPerson>,
  ): Promise<{ accounts: LoadedAccounts; known: LoadedAccounts; notAsked: Error | null }> {
    try {
      const accounts = await this.#accounts.of({ rows, mentors });
      return { accounts, known: accounts, notAsked: null };
    } catch (error) {
      if (!(error instanceof ZulipError || error instanceof ConfigError)) throw error;
      const known = await this.#rememberedAccounts([...mentors.keys()]);
      // A stand-in for an account: the state must not be asked about it.
      const all = new Map([...mentors.keys()].map((id) => [id, known.mentors.get(id) ?? mentorRecipient(id)]));
      return { accounts: { ...known, mentors: all }, known, notAsked: error };
    }
  }

  /** The accounts that earlier rounds found. */
  async #rememberedAccounts(ids: readonly LmsId[]): Promise<LoadedAccounts> {
    const { db, source } = this.#deps;
    const links = await createUserLinkStore(db.sql, source).read("mentor", ids, Number.MAX_SAFE_INTEGER);
    return {
      mentors: new Map([...links].flatMap(([id, { zulipUserId }]) => zulipUserId === null ? [] : [[id, zulipUserId]])),
      zones: new Map([...links].flatMap(([id, { timezone }]) => timezone === undefined ? [] : [[id, timezone]])),
      selves: new Set(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#zulip[Symbol.asyncDispose]();
  }
}

type Loaded = LoadedDue & { readonly notAsked: Error | null };

const NOBODYS_ACCOUNTS: Accounts = {
  of: () => Promise.resolve({ mentors: new Map(), zones: new Map(), selves: new Set() }),
  ofMentorIds: () => Promise.resolve(new Map()),
  forget: () => {},
};

/** As the poll itself would be weighed at its end. */
function fuseOf(rows: readonly LoadedRow[], toTell: DryRunResult["toTell"], { notify }: Config): string | null {
  const together = Map.groupBy(rows, (row) => `${row.planned ? row.dueAt : "now"} ${row.recipient}`);
  return decideFuse({
    messages: [...together.values()].reduce((sum, { length: n }) => sum + (n > notify.digestAbove ? 1 : n), 0),
    recipients: new Set(rows.map((row) => row.recipient)).size,
    eventsToTell: toTell.events,
    rewrittenToTell: toTell.rewritten,
    reusedToTell: toTell.reused,
  }, notify.fuse).reason;
}

type Zulip = Pick<ZulipApi, "users"> & AsyncDisposable;

/** Zulip as far as a dry run needs it; one that is not configured cannot be asked. */
function openZulip(config: Config): Zulip {
  try {
    const zulip = connectZulip(config.zulip, { log: logger("zulip") });
    return {
      users: (signal) => zulip.users(signal),
      [Symbol.asyncDispose]: () => Promise.resolve(zulip.close()),
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return {
      users: () => Promise.reject(error),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
}

/** The mentors of what was found; those that the poll did not read are known from before. */
async function mentorsOf({ db, source }: DryDeps, dry: DryRunResult): Promise<Map<LmsId, MentorPerson>> {
  const ids = [...new Set(dry.events.flatMap(({ mentors }) => mentors))];
  const stored = new Map((await peopleByIds(db.sql, source, "mentor", ids)).map((row) => [row.id, row]));
  return new Map(ids.flatMap((id): [LmsId, MentorPerson][] => {
    const person = dry.people.get(`mentor:${id}`) ?? stored.get(id);
    return person === undefined ? [] : [[id, person]];
  }));
}

/** Decides now, and again whenever something that was put off has waited long enough. */
function play(loaded: LoadedDue, config: Config, now: EpochMicros) {
  const messages: DryMessage[] = [];
  const told: string[] = [];
  const untold = new Map<string, number>();
  const note = (reason: string) => untold.set(reason, (untold.get(reason) ?? 0) + 1);
  let waiting: readonly LoadedRow[] = loaded.rows;
  /** Deliveries that come to an event while it is decided: the fallback channel, a mentor linked since. */
  const added = new Set<string>();
  for (let at = now; waiting.length > 0;) {
    const isDue = (row: LoadedRow) => row.dueAt <= at || row.gathered;
    const rows = waiting.filter(isDue);
    const decision = decide({ ...loaded, rows, now: at }, Infinity, config);
    const gone = new Set<string>();
    for (const { recipient, content, rows: tells } of decision.messages) {
      messages.push({ recipient, at, content, events: tells.length });
      for (const { logId } of tells) gone.add(logId);
      told.push(...tells.map((row) => row.logId));
    }
    for (const { row, reason } of decision.suppress) {
      note(reason);
      gone.add(row.logId);
    }
    const later = new Map<string, LoadedRow>();
    const byId = new Map(rows.map((row) => [row.logId, row]));
    for (const { logId, reason, until } of decision.putOff) {
      const row = byId.get(logId);
      if (row === undefined) continue;
      if (reason === "gathering" || reason === "quiet" || reason === "rate") {
        later.set(logId, { ...row, dueAt: until, planned: reason === "rate", gathered: reason !== "rate" });
      } else {
        note(reason);
        gone.add(logId);
      }
    }
    waiting = waiting.filter((row) => !gone.has(row.logId)).map((row) => later.get(row.logId) ?? row);
    const fresh = decision.add.flatMap(({ row, recipient }) => {
      const logId = `${row.eventId}/${recipient}`;
      if (added.has(logId)) return [];
      added.add(logId);
      const tells = { ...row.told, marker: markerFor(row, recipient) };
      return { ...row, logId, recipient, told: tells, dueAt: at, planned: false, gathered: false };
    });
    waiting = shortened([...waiting, ...fresh]);
    if (fresh.length > 0) continue;
    const next = waiting.reduce((earliest, row) => Math.min(earliest, row.dueAt), Infinity);
    if (next <= at) break; // nothing can become of what is left
    at = next;
  }
  return { messages, told, untold };
}

function markerFor({ told, studentId, stage, incarnation }: LoadedRow, recipient: string): string {
  const { source, kind, attemptId, activityId, revision } = told;
  return deliveryMarker({ source, kind, attemptId, incarnation, studentId, activityId, stage, revision, recipient });
}
