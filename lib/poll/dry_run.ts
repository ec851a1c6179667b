import type { LmsSource } from "../source/lms_source.ts";
import type { RowState } from "../model/attempt.ts";
import { isRewritten, type LmsId } from "../model/event.ts";
import type { Person } from "../model/person.ts";
import type { LmsError } from "../base/errors.ts";
import type { Clock } from "../base/clock.ts";
import type { Batch, BatchEvent, RowChange, Stream } from "./record/batch.ts";
import type { StateDb } from "../state/state_db.ts";
import type { LogPosition } from "./record/log_positions.ts";
import { countAttempts } from "./record/prepare_events.ts";
import { readStreams } from "./record/streams.ts";
import { bucketIn } from "../model/bucket.ts";
import { KEY_SPACES } from "../model/key_space.ts";
import { examineSource } from "./check_source.ts";
import { readErasedPeople } from "../privacy/erased_people.ts";
import { PeopleCache } from "./people_cache.ts";
import type { BatchSink, KnownRows, PollContext, PollSettings } from "./poll_context.ts";
import { failureOfKind, passOver } from "./run_poll.ts";
import { stateKnownRows } from "./state_edges.ts";
import { newPollTally, type PollTally } from "./tally.ts";

/** An event a poll would store, with the people it concerns. */
export interface DryEvent {
  readonly event: BatchEvent;
  readonly student: Person | null;
  readonly mentors: readonly LmsId[];
  /** Which try of the student it is, as the poll would store it. */
  readonly attemptNo: number | null;
  /** The stored event that it supersedes, if it is a revision. */
  readonly lastEventId: string | null;
}

export interface DryRunResult {
  readonly tally: PollTally;
  /** Kinds in first contact: their events are history and told to nobody. */
  readonly firstContact: readonly string[];
  /** What some kinds fail with; the others' news is here. */
  readonly failed: LmsError | null;
  /** Every event that would be told, and the first few of the others; at most MAX_KEPT. */
  readonly events: readonly DryEvent[];
  readonly people: ReadonlyMap<string, Person>;
  /** All that would be told, also beyond MAX_KEPT. */
  readonly toTell: ToTell;
}

/** How many events a poll would tell, as the fuse weighs them. */
export interface ToTell {
  readonly events: number;
  readonly rewritten: number;
  readonly reused: number;
}

/** Events kept to be shown: a dry run over a flood says how many more there are. */
const MAX_KEPT = 10_000;
const SAMPLES = 5;

/** What a full poll would find and tell, changing nothing: no lease, no stream, no row is written. */
export async function dryRun(
  deps: { db: StateDb; lms: LmsSource; clock: Clock; settings: PollSettings },
  options: { mode: "quick" | "full"; notifyHistory: boolean; acceptSource?: boolean; signal: AbortSignal },
  overlay: DryOverlay = new DryOverlay(stateKnownRows(deps.db), (kind) => (deps.lms.log?.(kind) ?? null) === null),
): Promise<DryRunResult> {
  await examineSource(deps.db, deps.lms, options.acceptSource ?? false);
  const tally = newPollTally();
  const erased = await readErasedPeople(deps.db, deps.lms.name);
  const sink = new DrySink(overlay, deps.db);
  const context: PollContext = {
    lms: deps.lms,
    known: overlay,
    sink,
    clock: deps.clock,
    settings: deps.settings,
    pollId: "0",
    now: () => deps.clock.now(),
    people: new PeopleCache(deps.lms, erased),
    erased,
    tally,
    notifyHistory: options.notifyHistory,
    endsPass: options.mode === "full",
    signal: options.signal,
  };
  const stored = await readStreams(deps.db, deps.lms.name);
  const firstContact: string[] = [];
  let failed: LmsError | null = null;
  for (const kind of deps.lms.kinds) {
    const known = stored.find((stream) => stream.kind === kind);
    const { bucketSize } = deps.lms.keySpace(kind);
    const stream = { ...(known ?? newStream(deps.lms.name, kind)), recipe: deps.lms.recipe(kind), bucketSize };
    const error = await passOver(context, overlay.seen(stream), options.mode).then(() => null, failureOfKind);
    failed ??= error;
    if (error === null && !stream.firstContactDone) firstContact.push(kind);
  }
  Object.assign(tally, deps.lms.takeFaults());
  return { tally, firstContact, failed, events: sink.events, people: sink.people, toTell: sink.toTell };
}

/** No stream has id 0: everything is unknown in it. */
function newStream(source: string, kind: Stream["kind"]): Stream {
  return {
    streamId: 0,
    source,
    kind,
    recipe: 0,
    firstContactDone: false,
    highestRowKey: null,
    lastFullPassAt: null,
    fullPasses: 0,
    bucketSize: KEY_SPACES.integer.bucketSize,
  };
}

const attemptKey = ({ event }: RowChange) =>
  `${event?.detected.kind} ${event?.row.studentId ?? "?"} ${event?.row.activityId ?? "?"}`;

/** What earlier polls of a `watch --dry-run` found, over what is stored: each change is shown once. */
export class DryOverlay implements KnownRows {
  readonly #changed = new Map<string, Map<LmsId, RowState>>();
  readonly #passed = new Set<string>();
  readonly #logs = new Map<string, LogPosition>();
  readonly #tries = new Map<string, Set<LmsId>>();
  /** Kinds whose rows are being compared: each is read once from here on. */
  readonly #compared = new Set<string>();

  /**
   * `readOnce`: of these kinds nothing is asked for again once it was compared, so that an LMS of any size takes no more memory;
   * of the others a later poll or a log may speak.
   */
  constructor(
    private readonly stored: KnownRows,
    private readonly readOnce: (kind: Stream["kind"]) => boolean = () => false,
  ) {}

  /** The stream as later polls of this dry run see it. */
  seen(stream: Stream): Stream {
    const first = !this.#passed.has(stream.kind);
    this.#passed.add(stream.kind);
    return first ? stream : { ...stream, firstContactDone: true };
  }

  /** Attempts of the same student at the same activity that earlier batches found and nothing stored. */
  triesBefore(change: RowChange | undefined): number {
    if (change === undefined) return 0;
    const tries = this.#tries.get(attemptKey(change)) ?? new Set();
    return [...tries].filter((id) => BigInt(id) < BigInt(change.after.id)).length;
  }

  rememberTries(changes: readonly RowChange[]): void {
    for (const change of changes) {
      if (change.before?.lastEventId != null) continue;
      this.#tries.getOrInsertComputed(attemptKey(change), () => new Set()).add(change.after.id);
    }
  }

  remember(stream: Stream, states: Iterable<RowState>): void {
    if (this.#compared.has(stream.kind) && this.readOnce(stream.kind)) return;
    const known = this.#changed.get(stream.kind) ?? new Map<LmsId, RowState>();
    for (const state of states) known.set(state.id, state);
    this.#changed.set(stream.kind, known);
  }

  async statesByKeys(stream: Stream, ids: readonly LmsId[]) {
    const states = new Map(await this.stored.statesByKeys(stream, ids));
    const changed = this.#changed.get(stream.kind);
    for (const id of changed ? ids : []) {
      const state = changed?.get(id);
      if (state) states.set(id, state);
    }
    return states;
  }

  async openKeys(stream: Stream, after: LmsId | null, limit: number) {
    const stored = await this.stored.openKeys(stream, after, limit);
    const changed = this.#changed.get(stream.kind);
    if (!changed) return stored;
    const last = stored.length === limit ? BigInt(stored.at(-1) ?? 0) : null;
    const more = [...changed.values()].filter(({ id, open }) =>
      open && (after === null || BigInt(id) > BigInt(after)) && (last === null || BigInt(id) <= last)
    );
    const open = new Set([...stored.filter((id) => changed.get(id)?.open ?? true), ...more.map(({ id }) => id)]);
    return [...open].sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1));
  }

  bucketSums(stream: Stream, from: bigint, to: bigint) {
    this.#compared.add(stream.kind);
    return this.stored.bucketSums(stream, from, to);
  }

  async keyHashes(stream: Stream, buckets: readonly bigint[]) {
    const stored = await this.stored.keyHashes(stream, buckets);
    const changed = this.#changed.get(stream.kind);
    if (!changed) return stored;
    const wanted = new Set(buckets);
    const hashes = new Map(stored.map((key) => [key.id, key.hash]));
    for (const { id, hash } of changed.values()) {
      if (!wanted.has(BigInt(bucketIn(id, stream.bucketSize)))) continue;
      if (hash === null) hashes.delete(id);
      else hashes.set(id, hash);
    }
    return [...hashes].map(([id, hash]) => ({ id, hash }));
  }

  quarantinedKeys(stream: Stream, after: LmsId | null, limit: number) {
    return this.stored.quarantinedKeys(stream, after, limit);
  }

  async logPosition(stream: Stream) {
    return this.#logs.get(stream.kind) ?? await this.stored.logPosition(stream);
  }

  rememberLog(stream: Stream, position: LogPosition): void {
    this.#logs.set(stream.kind, position);
  }

  async isEmpty(stream: Stream) {
    const empty = !this.#changed.has(stream.kind) && await this.stored.isEmpty(stream);
    if (empty) this.#compared.add(stream.kind); // all of it is read then, once
    return empty;
  }
}

class DrySink implements BatchSink {
  readonly events: DryEvent[] = [];
  readonly people = new Map<string, Person>();
  toTell: ToTell = { events: 0, rewritten: 0, reused: 0 };
  #untold = 0;

  constructor(private readonly overlay: DryOverlay, private readonly db: Pick<StateDb, "sql">) {}

  async record(batch: Batch): Promise<void> {
    this.overlay.remember(batch.stream, batch.changes.map((change) => change.after));
    for (const person of batch.people) this.people.set(`${person.role}:${person.id}`, person);
    const withEvent = batch.changes.filter(({ event }) => event !== null);
    const numbers = await this.#attemptNumbers(batch, withEvent);
    for (const [i, { before, event }] of withEvent.entries()) {
      this.#weigh(event);
      if (!event || this.events.length >= MAX_KEPT) continue;
      if (event.tell === null && ++this.#untold > SAMPLES) continue;
      const { studentId } = event.row;
      this.events.push({
        event,
        student: studentId === null ? null : this.people.get(`student:${studentId}`) ?? null,
        mentors: studentId === null ? [] : batch.links.get(studentId) ?? [],
        attemptNo: event.row.attemptNo ?? numbers.get(i) ?? null,
        lastEventId: before?.lastEventId ?? null,
      });
    }
  }

  #weigh(event: BatchEvent | null): void {
    if (event?.tell == null) return;
    const { events, rewritten, reused } = this.toTell;
    const { change } = event.detected;
    this.toTell = {
      events: events + 1,
      rewritten: rewritten + Number(isRewritten(change)),
      reused: reused + Number(change === "reused"),
    };
  }

  /** By position. History, which is told to nobody, is not counted: there is too much of it. */
  async #attemptNumbers(batch: Batch, changes: readonly RowChange[]): Promise<ReadonlyMap<number, number>> {
    if (this.events.length >= MAX_KEPT || changes.every(({ event }) => event?.tell == null)) return new Map();
    const stored = await countAttempts(this.db.sql, batch, changes);
    const numbers = new Map([...stored].map(([i, number]) => [i, number + this.overlay.triesBefore(changes[i])]));
    this.overlay.rememberTries(changes);
    return numbers;
  }

  quarantineKeys(): Promise<void> {
    return Promise.resolve();
  }

  noteLog(stream: Stream, position: LogPosition): Promise<void> {
    this.overlay.rememberLog(stream, position);
    return Promise.resolve();
  }
}
