import * as absentRows from "../../../sql/state/absent_rows.ts";
import * as facts from "../../../sql/state/facts.ts";
import * as lineage from "../../../sql/state/lineage.ts";
import * as messages from "../../../sql/state/messages.ts";
import * as outbox from "../../../sql/state/outbox.ts";
import * as outboxOrphans from "../../../sql/state/outbox_orphans.ts";
import * as overtaken from "../../../sql/state/overtaken.ts";
import * as postpone from "../../../sql/state/postpone.ts";
import * as recentMessages from "../../../sql/state/recent_messages.ts";
import * as recipients from "../../../sql/state/recipients.ts";
import * as reconcile from "../../../sql/state/reconcile.ts";
import * as waiting from "../../../sql/state/waiting.ts";
import { type CallsOf, ID, IDS, NOW } from "./query_call.ts";

const found: reconcile.FoundMessage = {
  messageId: ID,
  zulipMessageId: ID,
  recipient: "mentor:1",
  userId: ID,
  channel: null,
  topic: null,
  content: "a",
  kind: "single",
};

export const absentRowsCalls: CallsOf<typeof absentRows> = {
  absentRows: [(sql) => absentRows.absentRows(sql, [ID]), absentRows.AbsentRow],
  messagesOfAbsentRows: [(sql) => absentRows.messagesOfAbsentRows(sql, [ID]), absentRows.AbsentMessageRow],
  wakeAwaited: [
    (sql) => absentRows.wakeAwaited(sql, "lms", NOW, { goneBefore: NOW, passes: 2 }),
    absentRows.AwaitedRow,
  ],
};

export const messagesCalls: CallsOf<typeof messages> = {
  unfinishedMessages: [
    (sql) => messages.unfinishedMessages(sql, "lms", ["mentor:1"], 1),
    messages.UnfinishedMessageRow,
  ],
  reserveMessageIds: [(sql) => messages.reserveMessageIds(sql, 1), messages.ReservedIdRow],
  insertMessages: (sql) => messages.insertMessages(sql, "lms", [{ ...found, attempts: 0, begun: true }], "a", NOW, NOW),
  beginSends: [
    (sql) => messages.beginSends(sql, "lms", [ID], { holder: "a", recipients: ["mentor:1"], tokens: [ID] }),
    messages.BegunSendRow,
  ],
  giveBackMessages: (sql) => messages.giveBackMessages(sql, "a", [ID], [NOW], [true]),
  markSent: (sql) => messages.markSent(sql, [ID], [ID], NOW),
  markUnknown: (sql) => messages.markUnknown(sql, "a", [ID], [NOW], [true], "a"),
  markRefused: (sql) => messages.markRefused(sql, "a", { messageId: ID, nextAttemptAt: NOW, error: "a" }),
  markDead: [
    (sql) => messages.markDead(sql, "a", { messageId: ID, reason: "a", error: "a", countAttempt: true, now: NOW }),
    messages.DeadRow,
  ],
  dissolveMessages: (sql) => messages.dissolveMessages(sql, [ID], NOW),
  dissolvableMessages: [(sql) => messages.dissolvableMessages(sql, "lms", 1), messages.DissolvableRow],
  markersOfMessages: [(sql) => messages.markersOfMessages(sql, [ID]), messages.MessageMarkerRow],
};

export const recentMessagesCalls: CallsOf<typeof recentMessages> = {
  messagesInWindow: [
    (sql) => recentMessages.messagesInWindow(sql, "lms", ["mentor:1"], NOW),
    recentMessages.WindowRow,
  ],
  lastMessages: [(sql) => recentMessages.lastMessages(sql, "lms", [ID], NOW), recentMessages.LastMessageRow],
};

export const waitingCalls: CallsOf<typeof waiting> = {
  wakeRowsWithAccount: [(sql) => waiting.wakeRowsWithAccount(sql, "lms", NOW, true), waiting.WokenRow],
  untoldNews: [(sql) => waiting.untoldNews(sql, "lms"), waiting.UntoldNewsRow],
  unfinishedCounts: [(sql) => waiting.unfinishedCounts(sql, "lms"), waiting.UnfinishedCountRow],
};

export const outboxCalls: CallsOf<typeof outbox> = {
  dueRows: [
    (sql) => outbox.dueRows(sql, "lms", ["mentor:1"], { now: NOW, gatheringUntil: NOW }, { perRecipient: 1, all: 1 }),
    outbox.DueLogRow,
  ],
  siblings: [(sql) => outbox.siblings(sql, [ID]), outbox.SiblingRow],
  toldBefore: [(sql) => outbox.toldBefore(sql, "lms", [ID], ["mentor:1"]), outbox.ToldBeforeRow],
  sharedNames: [(sql) => outbox.sharedNames(sql, "lms", [ID], [ID]), outbox.SharedNameRow],
  namesakes: [(sql) => outbox.namesakes(sql, "lms", [ID], [ID], ["a"]), outbox.SharedNameRow],
  outagesBeforePolls: [(sql) => outbox.outagesBeforePolls(sql, "lms", [ID]), outbox.OutageRow],
  attachRows: (sql) => outbox.attachRows(sql, [ID], [ID], [ID], [true]),
  suppressRows: (sql) => outbox.suppressRows(sql, [ID], ["a"], NOW),
  putOffRows: (sql) => outbox.putOffRows(sql, [ID], ["a"], [NOW]),
  addRows: (sql) => outbox.addRows(sql, "lms", [{ eventId: ID, pollId: ID, recipient: "mentor:1", marker: "a" }], NOW),
  peopleByIds: [(sql) => outbox.peopleByIds(sql, "lms", "mentor", [ID]), outbox.PersonRow],
  mentorLinks: [(sql) => outbox.mentorLinks(sql, "lms", [ID]), outbox.MentorLinkRow],
};

export const outboxOrphansCalls: CallsOf<typeof outboxOrphans> = {
  ripeOrphans: [(sql) => outboxOrphans.ripeOrphans(sql, "lms", NOW, 1), outboxOrphans.OrphanRow],
  nameRecipients: (sql) => outboxOrphans.nameRecipients(sql, [ID], ["mentor:1"], ["a"], [NOW], NOW),
  ensureMentorSets: [(sql) => outboxOrphans.ensureMentorSets(sql, "lms", [IDS]), outboxOrphans.MentorSetRow],
  setEventMentors: (sql) => outboxOrphans.setEventMentors(sql, "lms", [ID], [ID], [ID]),
};

export const overtakenCalls: CallsOf<typeof overtaken> = {
  overtakenRows: [(sql) => overtaken.overtakenRows(sql, [ID], ["mentor:1"]), overtaken.OvertakenRow],
};

export const recipientsCalls: CallsOf<typeof recipients> = {
  dueRecipients: [(sql) => recipients.dueRecipients(sql, "lms", NOW, 1), recipients.DueRecipientRow],
  preferIndexes: (sql) => recipients.preferIndexes(sql),
  claimRecipients: [
    (sql) =>
      recipients.claimRecipients(sql, { source: "lms", holder: "a", now: NOW, ttlMs: 1, limit: 1, only: ["mentor:1"] }),
    recipients.ClaimedRecipientRow,
  ],
  recipientsWithExams: [(sql) => recipients.recipientsWithExams(sql, "lms", NOW, 1), recipients.RecipientWithExamRow],
  lockHeldRecipients: [
    (sql) => recipients.lockHeldRecipients(sql, "lms", ["mentor:1"], [ID]),
    recipients.HeldRecipientRow,
  ],
  releaseRecipients: (sql) => recipients.releaseRecipients(sql, "lms", ["mentor:1"], NOW),
  wakeRecipients: (sql) => recipients.wakeRecipients(sql, "lms", ["mentor:1"], NOW),
  bringBackToNow: (sql) =>
    recipients.bringBackToNow(sql, "lms", NOW, { gatherMs: 600_000, lookUpMs: 105_000, claimMs: 35_000 }),
  wakeForgottenRecipients: (sql) => recipients.wakeForgottenRecipients(sql, "lms"),
  nextRecipientDue: [(sql) => recipients.nextRecipientDue(sql, "lms"), recipients.NextDueRow],
};

export const postponeCalls: CallsOf<typeof postpone> = {
  postponeMessages: (sql) => postpone.postponeMessages(sql, [ID], NOW, "a"),
  putOffRecipients: (sql) => postpone.putOffRecipients(sql, "lms", ["channel:a/b"], "a", NOW),
};

export const lineageCalls: CallsOf<typeof lineage> = {
  highestIds: [(sql) => lineage.highestIds(sql), lineage.HighestIdsRow],
  serverIdentity: [(sql) => lineage.serverIdentity(sql), lineage.ServerIdentityRow],
  fullPassDoneAfter: [(sql) => lineage.fullPassDoneAfter(sql, "lms", ID), lineage.FullPassDoneRow],
  fullPassWanted: [(sql) => lineage.fullPassWanted(sql, "lms"), lineage.FullPassWantedRow],
};

export const factsCalls: CallsOf<typeof facts> = {
  readFact: [(sql) => facts.readFact(sql, "lms", "a"), facts.FactRow],
  factsBeginning: [(sql) => facts.factsBeginning(sql, "lms", "a"), facts.NamedFactRow],
  dropFact: (sql) => facts.dropFact(sql, "lms", "a"),
  writeFact: (sql) => facts.writeFact(sql, "lms", "a", "{}"),
  claimFact: [(sql) => facts.claimFact(sql, "lms", "a", "{}"), facts.ClaimedFactRow],
  readFactsWithAge: [(sql) => facts.readFactsWithAge(sql, "lms", ["a"]), facts.AgedFactRow],
};

export const reconcileCalls: CallsOf<typeof reconcile> = {
  knownMarkers: [(sql) => reconcile.knownMarkers(sql, ["a"]), reconcile.KnownMarkerRow],
  alikeMarkers: [(sql) => reconcile.alikeMarkers(sql, ["a"], ["mentor:1"]), reconcile.AlikeMarkerRow],
  deliveriesBeginning: [(sql) => reconcile.deliveriesBeginning(sql, ["a"]), reconcile.BeginningRow],
  insertFoundMessages: (sql) => reconcile.insertFoundMessages(sql, [found], NOW),
  attachFoundRows: (sql) => reconcile.attachFoundRows(sql, [ID], [ID], NOW),
  reviveFoundMessages: (sql) => reconcile.reviveFoundMessages(sql, [ID], [ID], NOW),
  untoldEvents: [(sql) => reconcile.untoldEvents(sql, "lms", ID, 1), reconcile.UntoldEventRow],
  channelsOfDeliveries: [(sql) => reconcile.channelsOfDeliveries(sql, "lms", NOW), reconcile.ChannelRow],
  heldPollReasons: [(sql) => reconcile.heldPollReasons(sql, "lms"), reconcile.HeldPollReasonRow],
};
