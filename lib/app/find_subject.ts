import { eventRange, knownExams } from "../../sql/state/explain.ts";
import { CommandError } from "../base/errors.ts";
import type { LmsId } from "../model/event.ts";
import { readRetention } from "../privacy/retention.ts";
import type { StateDb } from "../state/state_db.ts";
import { nearest } from "../text/nearest.ts";

type Db = Pick<StateDb, "sql">;

const IS_ID = /^\d{1,18}$/;

/** An exam by its id or its own key in the LMS. Throws unless an event is about it. */
export async function findExam(db: Db, source: string, asked: string): Promise<LmsId> {
  const text = asked.trim();
  const known = await knownExams(db.sql, source);
  const wanted = IS_ID.test(text) ? BigInt(text).toString() : text;
  const exam = known.find(({ key }) => key === wanted);
  if (exam !== undefined) return exam.id;
  const meant = nearest(text, known.map(({ key }) => ({ id: key, text: key })));
  throw new CommandError(`Cannot find exam ${JSON.stringify(text.slice(0, 40))}: no event of ${source} is about it`, {
    hint: meant.length === 0 ? "the id is that of the exam in the LMS" : `Did you mean exam ${meant.join(" or ")}?`,
  });
}

/** Of an event that is not there: what there is. */
export async function noSuchEvent(db: Db, source: string, eventId: string): Promise<CommandError> {
  const [[range], retention] = await Promise.all([eventRange(db.sql, source), readRetention(db, source)]);
  if (retention !== null && BigInt(eventId) > 0n && BigInt(eventId) <= BigInt(retention.highest_event)) {
    return new CommandError(`Cannot find event ${eventId} in ${source}: retention.events took what is that old`, {
      hint: "what it was is not kept; the deliveries of such events are, without a name, so that nothing is told twice",
    });
  }
  const { oldest = null, newest = null } = range ?? {};
  return new CommandError(`Cannot find event ${eventId} in ${source}`, {
    hint: oldest === null || newest === null
      ? "no event is stored yet: lmsmon poll-once finds the first"
      : `Did you mean one of ${oldest} to ${newest}? \`lmsmon explain student ID\` lists those of a student`,
  });
}
