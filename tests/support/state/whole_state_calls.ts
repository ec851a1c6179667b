import * as check from "../../../sql/state/check.ts";
import * as dump from "../../../sql/state/dump.ts";
import { type CallsOf, ID } from "./query_call.ts";

const dumpCalls: CallsOf<typeof dump> = {
  stateTables: [(sql) => dump.stateTables(sql), dump.StateTableRow],
  dumpRows: [(sql) => dump.dumpRows(sql, "people", ["id", "name"]), dump.DumpedRow],
  restoreRows: (sql) => dump.restoreRows(sql, "people", ["id", "name"], "[]"),
  stopTriggers: (sql) => dump.stopTriggers(sql, "people"),
  startTriggers: (sql) => dump.startTriggers(sql, "people"),
  emptyTable: (sql) => dump.emptyTable(sql, "people"),
  stateSequences: [(sql) => dump.stateSequences(sql), dump.SequenceRow],
  setSequence: [(sql) => dump.setSequence(sql, "event_ids", ID), dump.SetSequenceRow],
  stateUse: [(sql) => dump.stateUse(sql), dump.UsedRow],
};

const checkCalls: CallsOf<typeof check> = {
  readWhole: [(sql) => check.readWhole(sql, "people"), check.ReadableRow],
  streamSums: [(sql) => check.streamSums(sql), check.StreamSumsRow],
  oddities: [(sql) => check.oddities(sql), check.OddityRow],
};

/** Calls of the statements that are about a state as a whole. */
export const wholeStateCalls = { check: checkCalls, dump: dumpCalls };
