import * as adminReport from "../../../sql/state/admin_report.ts";
import * as agent from "../../../sql/state/agent.ts";
import * as audit from "../../../sql/state/audit.ts";
import * as courseContext from "../../../sql/state/course_context.ts";
import * as deliveriesInsert from "../../../sql/state/deliveries_insert.ts";
import * as doctor from "../../../sql/state/doctor.ts";
import * as events from "../../../sql/state/events.ts";
import * as eventsAfter from "../../../sql/state/events_after.ts";
import type { EventFilter } from "../../../sql/state/event_filter.ts";
import * as explain from "../../../sql/state/explain.ts";
import * as history from "../../../sql/state/history.ts";
import * as insightNames from "../../../sql/state/insight_names.ts";
import * as insights from "../../../sql/state/insights.ts";
import * as leases from "../../../sql/state/leases.ts";
import * as letters from "../../../sql/state/letters.ts";
import * as lmsKeys from "../../../sql/state/lms_keys.ts";
import * as lockWaits from "../../../sql/state/lock_waits.ts";
import * as logPositions from "../../../sql/state/log_positions.ts";
import * as migrations from "../../../sql/state/migrations.ts";
import * as patterns from "../../../sql/state/patterns.ts";
import * as pauses from "../../../sql/state/pauses.ts";
import * as people from "../../../sql/state/people.ts";
import * as pollRuns from "../../../sql/state/poll_runs.ts";
import * as preview from "../../../sql/state/preview.ts";
import * as quarantine from "../../../sql/state/quarantine.ts";
import * as readEvents from "../../../sql/state/read_events.ts";
import * as release from "../../../sql/state/release.ts";
import * as retry from "../../../sql/state/retry.ts";
import * as rowStates from "../../../sql/state/row_states.ts";
import * as session from "../../../sql/state/session.ts";
import * as sources from "../../../sql/state/sources.ts";
import * as stats from "../../../sql/state/stats.ts";
import * as statsDays from "../../../sql/state/stats_days.ts";
import * as stuckWriters from "../../../sql/state/stuck_writers.ts";
import * as streams from "../../../sql/state/streams.ts";
import * as upkeep from "../../../sql/state/upkeep.ts";
import * as userLinks from "../../../sql/state/user_links.ts";
import * as weekNumbers from "../../../sql/state/week_numbers.ts";
import {
  absentRowsCalls,
  factsCalls,
  lineageCalls,
  messagesCalls,
  outboxCalls,
  outboxOrphansCalls,
  overtakenCalls,
  postponeCalls,
  recentMessagesCalls,
  recipientsCalls,
  reconcileCalls,
  waitingCalls,
} from "./notifier_query_calls.ts";
import { exportQueryCalls } from "./export_query_calls.ts";
import { wholeStateCalls } from "./whole_state_calls.ts";
import { type CallsOf, ID, IDS, NOW, type QueryCall, TEXTS, TIME, TIMES } from "./query_call.ts";

const adminReportCalls: CallsOf<typeof adminReport> = {
  newestOccurrence: [(sql) => adminReport.newestOccurrence(sql, "lms"), adminReport.NewestRow],
  reportNumbers: [(sql) => adminReport.reportNumbers(sql, "lms", NOW, NOW), adminReport.ReportRow],
};

const auditCalls: CallsOf<typeof audit> = {
  insertAct: (sql) =>
    audit.insertAct(sql, { source: "lms", who: "a", host: "a", command: "a", reason: null, effect: "a" }),
  readActs: [(sql) => audit.readActs(sql, "lms", null, 1), audit.ActRow],
};

const explainCalls: CallsOf<typeof explain> = {
  explainedEvents: [(sql) => explain.explainedEvents(sql, { source: "lms", limit: 1 }), explain.ExplainedEventRow],
  attemptHistory: [
    (sql) => explain.attemptHistory(sql, { source: "lms", kind: "exam", studentId: ID, attemptId: ID }),
    explain.RevisionRow,
  ],
  explainedDeliveries: [(sql) => explain.explainedDeliveries(sql, [ID]), explain.ExplainedDeliveryRow],
  explainedPeople: [(sql) => explain.explainedPeople(sql, "lms", "mentor", [ID]), explain.ExplainedPersonRow],
  knownExams: [(sql) => explain.knownExams(sql, "lms"), explain.KnownIdRow],
  eventRange: [(sql) => explain.eventRange(sql, "lms"), explain.EventRangeRow],
  deliveriesOfRecipient: [
    (sql) => explain.deliveriesOfRecipient(sql, "lms", "mentor:1", null),
    explain.MentorDeliveriesRow,
  ],
  newsOfMentor: [
    (sql) => explain.newsOfMentor(sql, { source: "lms", mentorId: ID, recipient: "mentor:1", since: null }),
    explain.MentorNewsRow,
  ],
  studentsOfMentor: [(sql) => explain.studentsOfMentor(sql, "lms", ID), explain.StudentsOfMentorRow],
};

const scope = { scope: "mentor", subjectId: ID } as const;

const pausesCalls: CallsOf<typeof pauses> = {
  pausesAt: [(sql) => pauses.pausesAt(sql, "lms", NOW), pauses.PauseRow],
  endPauses: [(sql) => pauses.endPauses(sql, "lms", scope, NOW), pauses.PauseRow],
  insertPause: (sql) => pauses.insertPause(sql, "lms", { ...scope, until: NOW, reason: "a" }),
  hurryMessages: [(sql) => pauses.hurryMessages(sql, "lms", NOW), pauses.WokenMessageRow],
  wakePausedRows: [(sql) => pauses.wakePausedRows(sql, "lms", NOW), pauses.WokenByResumeRow],
  subjectsOfMessages: [(sql) => pauses.subjectsOfMessages(sql, [ID]), pauses.PausableMessageRow],
  untoldOfScope: [(sql) => pauses.untoldOfScope(sql, "lms", scope), pauses.PausedCountRow],
};

const retryCalls: CallsOf<typeof retry> = {
  retriable: [
    (sql) =>
      retry.retriable(sql, "lms", {
        eventId: null,
        recipient: "mentor:1",
        deadOnly: true,
        after: ID,
        limit: 1,
        lock: true,
      }),
    retry.RetriableRow,
  ],
  reviveRefused: (sql) => retry.reviveRefused(sql, [ID], NOW),
  dropEmptyMessages: (sql) => retry.dropEmptyMessages(sql, [ID]),
  reviveDoubtful: (sql) => retry.reviveDoubtful(sql, [ID], NOW),
  hurryWaiting: (sql) => retry.hurryWaiting(sql, [ID], NOW),
};

const CONTEXT_PAGE = { source: "lms", at: TIME, history: true, from: null, to: ID };
const ACTIVITIES = { kind: "exam", ids: IDS, titles: TEXTS, courses: IDS, opens: TIMES, dues: TIMES, finals: "{t}" };
const ENROLMENTS = { students: IDS, scopes: TEXTS, scopeIds: IDS, actives: "{t}", joined: TIMES, left: TIMES };
const EXEMPTIONS = { students: IDS, kinds: TEXTS, activities: IDS };
const courseContextCalls: CallsOf<typeof courseContext> = {
  compareWhole: (sql) => courseContext.compareWhole(sql),
  closeActivities: (sql) => courseContext.closeActivities(sql, CONTEXT_PAGE, ACTIVITIES),
  addActivities: (sql) => courseContext.addActivities(sql, CONTEXT_PAGE, ACTIVITIES),
  closeEnrolments: (sql) => courseContext.closeEnrolments(sql, CONTEXT_PAGE, ENROLMENTS),
  addEnrolments: (sql) => courseContext.addEnrolments(sql, CONTEXT_PAGE, ENROLMENTS),
  closeExemptions: (sql) => courseContext.closeExemptions(sql, CONTEXT_PAGE, EXEMPTIONS),
  addExemptions: (sql) => courseContext.addExemptions(sql, CONTEXT_PAGE, EXEMPTIONS),
};

const HISTORY = { since: TIME, detected: { since: TIME, until: TIME }, before: { at: TIME, eventId: ID } };
const agentCalls: CallsOf<typeof agent> = {
  limitStatements: [(sql) => agent.limitStatements(sql, 1000), agent.StatementLimitRow],
  findStudents: [
    (sql) =>
      agent.findStudents(sql, "lms", {
        students: [ID],
        start: "a",
        identified: true,
        course: ID,
        after: "a",
        limit: 1,
      }),
    agent.FoundStudentRow,
  ],
  allStudents: [(sql) => agent.allStudents(sql, "lms"), agent.StudentIdRow],
  studentsCard: [(sql) => agent.studentsCard(sql, "lms", [ID]), agent.StudentsCardRow],
};

const historyCalls: CallsOf<typeof history> = {
  newestEvents: [(sql) => history.newestEvents(sql, "lms", [ID], 1, TIME), history.NewestEventRow],
  historyEvents: [(sql) => history.historyEvents(sql, "lms", ID, { ...HISTORY, limit: 1 }), history.HistoryRow],
  countHistory: [(sql) => history.countHistory(sql, "lms", ID, HISTORY), history.HistoryCountRow],
};

const COURSE_DAY = { source: "lms", until: TIME, seen: TIME, day: "2026-01-01", timezone: "UTC", course: ID };

const insightsCalls: CallsOf<typeof insights> = {
  standings: [
    (sql) => insights.standings(sql, COURSE_DAY),
    insights.StandingRow,
  ],
};

const weekNumbersCalls: CallsOf<typeof weekNumbers> = {
  weekNumbers: [
    (sql) => weekNumbers.weekNumbers(sql, { ...COURSE_DAY, weeks: 1, courses: [ID], students: [ID] }),
    weekNumbers.WeekNumbersRow,
  ],
};

const lettersCalls: CallsOf<typeof letters> = {
  mentionsBefore: [(sql) => letters.mentionsBefore(sql, "lms", "2026-01-01", false), letters.MentionRow],
  cameSinceTold: [(sql) => letters.cameSinceTold(sql, "lms", false), letters.CameRow],
  coursesKnownBefore: [(sql) => letters.coursesKnownBefore(sql, "lms", "2026-01-01"), letters.KnownCourseRow],
  candidates: [(sql) => letters.candidates(sql, "lms", IDS), letters.CandidateRow],
  insertLetters: [
    (sql) => letters.insertLetters(sql, "lms", { mentors: IDS, day: "2026-01-01", judgedDay: "2026-01-01", now: NOW }),
    letters.NewLetterRow,
  ],
  insertNamings: (sql) =>
    letters.insertNamings(sql, "lms", {
      letters: IDS,
      abouts: TEXTS,
      students: IDS,
      courses: IDS,
      positions: IDS,
      ps: IDS,
      titles: TEXTS,
      reasons: TEXTS,
      lastActives: TEXTS,
      patternIds: TEXTS,
    }),
  insertLetterLogs: (sql) =>
    letters.insertLetterLogs(sql, "lms", {
      letters: IDS,
      recipients: TEXTS,
      markers: TEXTS,
      pollId: ID,
      held: false,
      now: NOW,
    }),
  insertLetterRun: [(sql) => letters.insertLetterRun(sql, "lms", "h", 1, null), letters.LetterRunRow],
  dueLetters: [(sql) => letters.dueLetters(sql, "lms", ["mentor:1"], NOW), letters.DueLetterRow],
  namingsOf: [(sql) => letters.namingsOf(sql, [ID]), letters.NamingRow],
  noteLeftOut: (sql) =>
    letters.noteLeftOut(sql, { letterIds: [ID], abouts: ["call"], students: [ID], courses: [ID], reasons: [null] }),
  letterStudents: [(sql) => letters.letterStudents(sql, "lms", [ID]), letters.LetterStudentRow],
  lettersOfMentor: [(sql) => letters.lettersOfMentor(sql, "lms", ID, 1), letters.ToldLetterRow],
};

const patternsCalls: CallsOf<typeof patterns> = {
  patternFacts: [
    (sql) => patterns.patternFacts(sql, COURSE_DAY, { exam: TIME, assignment: TIME }),
    patterns.PatternFactRow,
  ],
  workPassed: [(sql) => patterns.workPassed(sql, "lms"), patterns.PassedRow],
  knownPatterns: [(sql) => patterns.knownPatterns(sql, "lms", "2026-01-01", 28), patterns.KnownPatternRow],
  insertPatterns: (sql) =>
    patterns.insertPatterns(sql, "lms", "2026-01-01", TIME, {
      students: IDS,
      courses: IDS,
      types: "{gone_quiet}",
      sinces: "{2026-01-01}",
      histories: "{t}",
      evidence: "{}",
    }),
  closePatterns: (sql) => patterns.closePatterns(sql, "2026-01-01", IDS, IDS),
  evaluatedCourses: [(sql) => patterns.evaluatedCourses(sql, "lms"), patterns.EvaluatedCourseRow],
  noteCourses: (sql) => patterns.noteCourses(sql, "lms", "2026-01-01", IDS),
  patternsAfter: [
    (sql) => patterns.patternsAfter(sql, { since: TIME, until: TIME, students: [ID], after: ID, limit: 1 }),
    patterns.PatternRow,
  ],
  patternsById: [(sql) => patterns.patternsById(sql, [ID], "2026-01-01"), patterns.NamedPatternRow],
  openPatterns: [(sql) => patterns.openPatterns(sql, "lms", [ID], "2026-01-01"), patterns.OpenPatternRow],
};

const insightNamesCalls: CallsOf<typeof insightNames> = {
  firstEvent: [(sql) => insightNames.firstEvent(sql, "lms"), insightNames.FirstEventRow],
  courses: [(sql) => insightNames.courses(sql, "lms"), insightNames.CourseRow],
  mentorsOfStudents: [(sql) => insightNames.mentorsOfStudents(sql, "lms"), insightNames.MentorOfRow],
  studentsOfMentor: [(sql) => insightNames.studentsOfMentor(sql, "lms", ID), insightNames.MentorStudentRow],
  coursesOfStudents: [(sql) => insightNames.coursesOfStudents(sql, "lms", [ID]), insightNames.CourseIdRow],
  namesOfPeople: [(sql) => insightNames.namesOfPeople(sql, "lms", "student", [ID]), insightNames.NamedRow],
  leavers: [(sql) => insightNames.leavers(sql, "lms", TIME), insightNames.LeftRow],
};

const sessionCalls: CallsOf<typeof session> = {
  selectOtherSettings: [(sql) => session.selectOtherSettings(sql, ["array_nulls"], ["on"]), session.OtherSettingRow],
  selectSessionTimeout: [(sql) => session.selectSessionTimeout(sql), session.SessionTimeoutRow],
};

const doctorCalls: CallsOf<typeof doctor> = {
  readStanding: [(sql) => doctor.readStanding(sql), doctor.StandingRow],
  otherWriters: [(sql) => doctor.otherWriters(sql), doctor.WriterRow],
  countMentors: [(sql) => doctor.countMentors(sql, "lms"), doctor.MentorCountRow],
  tryToWrite: (sql) => doctor.tryToWrite(sql),
  readBacklog: [(sql) => doctor.readBacklog(sql, "a", 60), doctor.BacklogRow],
  lastSkippedPass: [(sql) => doctor.lastSkippedPass(sql, "a"), doctor.SkippedPassRow],
};

const deliveriesInsertCalls: CallsOf<typeof deliveriesInsert> = {
  insertLogs: (sql) =>
    deliveriesInsert.insertLogs(sql, "lms", ID, TIME, {
      eventIds: IDS,
      recipients: TEXTS,
      statuses: TEXTS,
      reasons: TEXTS,
      markers: TEXTS,
      dues: TIMES,
    }),
  upsertRecipients: (sql) => deliveriesInsert.upsertRecipients(sql, "lms", TEXTS, TIMES),
};

const eventsCalls: CallsOf<typeof events> = {
  takeEventIds: [(sql) => events.takeEventIds(sql, 1), events.EventIdsRow],
  supersededEvents: [(sql) => events.supersededEvents(sql, IDS), events.SupersededEventRow],
  earlierAttempts: [
    (sql) =>
      events.earlierAttempts(sql, {
        source: "lms",
        kind: "exam",
        positions: IDS,
        students: IDS,
        activities: IDS,
        attempts: IDS,
      }),
    events.EarlierAttemptsRow,
  ],
  attemptsBeforeReused: [
    (sql) =>
      events.attemptsBeforeReused(sql, {
        source: "lms",
        kind: "exam",
        positions: IDS,
        students: IDS,
        activities: IDS,
        attempts: IDS,
        incarnations: IDS,
      }),
    events.EarlierAttemptsRow,
  ],
  attemptIdentities: [(sql) => events.attemptIdentities(sql, IDS), events.AttemptIdentityRow],
  insertEvents: (sql) => events.insertEvents(sql, []),
  copyEvents: (sql) => events.copyEvents(sql),
};

const eventsAfterCalls: CallsOf<typeof eventsAfter> = {
  eventsAfter: [(sql) => eventsAfter.eventsAfter(sql, "lms", ID, 1), eventsAfter.EventAfterRow],
  stateTotals: [(sql) => eventsAfter.stateTotals(sql, "lms"), eventsAfter.StateTotalsRow],
};

const filter: EventFilter = {
  since: TIME,
  until: TIME,
  types: ["exam_passed"],
  source: "lms",
  students: [{ source: "lms", id: ID }],
  unprocessed: true,
};

const readEventsCalls: CallsOf<typeof readEvents> = {
  readEventPage: [(sql) => readEvents.readEventPage(sql, { filter, after: ID, limit: 1 }), readEvents.EventRow],
};

const lease = { source: "lms", token: ID };

const leasesCalls: CallsOf<typeof leases> = {
  takeLease: [
    (sql) => leases.takeLease(sql, { source: "lms", holder: "a", ttlMs: 1, takeOverFrom: null }),
    leases.LeaseTokenRow,
  ],
  setLockTimeout: [(sql) => leases.setLockTimeout(sql, 1), leases.SettingRow],
  readLease: [(sql) => leases.readLease(sql, "lms"), leases.LeaseRow],
  extendLease: [(sql) => leases.extendLease(sql, lease, 1), leases.LeaseTokenRow],
  endLease: (sql) => leases.endLease(sql, lease),
  lockLease: [(sql) => leases.lockLease(sql, lease), leases.LockedLeaseRow],
  lockEventOrder: (sql) => leases.lockEventOrder(sql),
};

const stuckWritersCalls: CallsOf<typeof stuckWriters> = {
  stuckWriters: [(sql) => stuckWriters.stuckWriters(sql, 60_000), stuckWriters.StuckWriterRow],
  endWaiting: [(sql) => stuckWriters.endWaiting(sql, [0], 60_000), stuckWriters.EndedRow],
};

const lockWaitsCalls: CallsOf<typeof lockWaits> = {
  lockWaits: [(sql) => lockWaits.lockWaits(sql), lockWaits.LockWaitRow],
};

const migrationsCalls: CallsOf<typeof migrations> = {
  selectServerVersion: [(sql) => migrations.selectServerVersion(sql), migrations.ServerVersionRow],
  lockMigrations: (sql) => migrations.lockMigrations(sql),
  selectMigrationsTable: [(sql) => migrations.selectMigrationsTable(sql), migrations.MigrationsTableRow],
  createSchema: (sql) => migrations.createSchema(sql),
  createMigrationsTable: (sql) => migrations.createMigrationsTable(sql),
  selectAppliedMigrations: [(sql) => migrations.selectAppliedMigrations(sql), migrations.AppliedMigrationRow],
  runMigrationText: "a migration's own text is several statements",
  insertMigration: (sql) =>
    migrations.insertMigration(sql, { version: 1, name: "a", sha256: "a", programVersion: "a" }),
  restampMigrations: (sql) => migrations.restampMigrations(sql, "a"),
  renewIdentity: (sql) => migrations.renewIdentity(sql),
  dropSchema: (sql) => migrations.dropSchema(sql),
};

const peopleCalls: CallsOf<typeof people> = {
  upsertPeople: (sql) =>
    people.upsertPeople(sql, "lms", {
      roles: TEXTS,
      ids: IDS,
      usernames: TEXTS,
      emails: TEXTS,
      names: TEXTS,
      actives: "{t}",
      batchIds: TEXTS,
    }),
  upsertLinks: (sql) => people.upsertLinks(sql, "lms", IDS, TEXTS),
  personUsernames: [(sql) => people.personUsernames(sql, "lms", "student", IDS), people.PersonUsernameRow],
  studentAccounts: [(sql) => people.studentAccounts(sql, "lms", IDS), people.StudentAccountRow],
  addMentorSets: (sql) => people.addMentorSets(sql, "lms", TEXTS, TEXTS),
  mentorSetIds: [(sql) => people.mentorSetIds(sql, "lms", TEXTS), people.MentorSetIdRow],
  linkedStudents: [(sql) => people.linkedStudents(sql, "lms", null, 1), people.LinkedStudentRow],
  studentsWithUndelivered: [
    (sql) => people.studentsWithUndelivered(sql, "lms", null, 1),
    people.UndeliveredStudentRow,
  ],
};

const pollRunsCalls: CallsOf<typeof pollRuns> = {
  outageUntilNow: [(sql) => pollRuns.outageUntilNow(sql, "lms"), pollRuns.OutageNowRow],
  insertPollRun: [(sql) => pollRuns.insertPollRun(sql, "lms", "a", "full"), pollRuns.PollIdRow],
  addToPollRun: (sql) =>
    pollRuns.addToPollRun(sql, ID, { changed: 1, events: 1, toTell: 1, rewrittenToTell: 1, quarantined: 1 }),
  runningPolls: [(sql) => pollRuns.runningPolls(sql, "lms"), pollRuns.PollIdRow],
  pollWeight: [(sql) => pollRuns.pollWeight(sql, ID, 1), pollRuns.PollWeightRow],
  endPollRun: [
    (sql) => pollRuns.endPollRun(sql, ID, { status: "done", delivery: "open", reason: null, error: null }),
    pollRuns.PollIdRow,
  ],
  setPollCounts: (sql) =>
    pollRuns.setPollCounts(sql, ID, {
      rowsRead: 1,
      rowsMissing: 1,
      regressions: 1,
      skippedFullPass: true,
      unreadableTexts: 1,
    }),
  holdPollLogs: (sql) => pollRuns.holdPollLogs(sql, ID),
  wakeRecipientsOfPoll: (sql) => pollRuns.wakeRecipientsOfPoll(sql, ID),
};

const previewCalls: CallsOf<typeof preview> = {
  eventsToPreview: [
    (sql) => preview.eventsToPreview(sql, "lms", { since: NOW, until: NOW, after: ID, limit: 1 }),
    preview.PreviewRow,
  ],
  accountsToPreview: [(sql) => preview.accountsToPreview(sql, "lms"), preview.PreviewAccountRow],
};

const quarantineCalls: CallsOf<typeof quarantine> = {
  quarantineRows: (sql) => quarantine.quarantineRows(sql, 1, IDS, TEXTS),
  liftQuarantine: (sql) => quarantine.liftQuarantine(sql, 1, IDS),
  forgetGone: (sql) => quarantine.forgetGone(sql, 1),
  quarantineKeys: (sql) => quarantine.quarantineKeys(sql, 1, TEXTS, TEXTS),
  forgetGoneKeys: (sql) => quarantine.forgetGoneKeys(sql, 1),
  anyQuarantine: [(sql) => quarantine.anyQuarantine(sql, 1), quarantine.AnyQuarantineRow],
  quarantinedRows: [(sql) => quarantine.quarantinedRows(sql, 1, null, 1), quarantine.QuarantinedRow],
};

const releaseCalls: CallsOf<typeof release> = {
  heldPolls: [(sql) => release.heldPolls(sql, "lms"), release.HeldPollRow],
  endHold: [(sql) => release.endHold(sql, "lms", ID, "open", null), release.EndedHoldRow],
  releaseLogs: (sql) => release.releaseLogs(sql, ID),
  dropLogs: (sql) => release.dropLogs(sql, ID, "a"),
};

const rowStatesCalls: CallsOf<typeof rowStates> = {
  rowStatesByKeys: [(sql) => rowStates.rowStatesByKeys(sql, 1, IDS), rowStates.RowStateRow],
  openRowKeys: [(sql) => rowStates.openRowKeys(sql, 1, null, 1), rowStates.OpenRowKeyRow],
  anyRowState: [(sql) => rowStates.anyRowState(sql, 1), rowStates.AnyRowStateRow],
  bucketSums: [(sql) => rowStates.bucketSums(sql, 1, "1", "2"), rowStates.BucketSumRow],
  keyHashes: [(sql) => rowStates.keyHashes(sql, 1, 1, IDS, IDS), rowStates.KeyHashRow],
  sampleRows: [(sql) => rowStates.sampleRows(sql, 1, 1, 1), rowStates.SampleRow],
  upsertRowStates: (sql) => rowStates.upsertRowStates(sql, 1, []),
  copyRowStates: (sql) => rowStates.copyRowStates(sql),
  addToBuckets: (sql) => rowStates.addToBuckets(sql, 1, IDS, IDS, IDS),
};

const statsCalls: CallsOf<typeof stats> = {
  streamStats: [(sql) => stats.streamStats(sql), stats.StreamStatsRow],
  eventStats: [(sql) => stats.eventStats(sql), stats.EventStatsRow],
  deliveryStats: [(sql) => stats.deliveryStats(sql), stats.DeliveryStatsRow],
  pollStats: [(sql) => stats.pollStats(sql), stats.PollStatsRow],
  quarantineStats: [(sql) => stats.quarantineStats(sql), stats.QuarantineStatsRow],
  leaseStats: [(sql) => stats.leaseStats(sql), stats.LeaseStatsRow],
  passStats: [(sql) => stats.passStats(sql), stats.PassStatsRow],
};

const period = { since: NOW, until: NOW, zone: "UTC" };

const statsDaysCalls: CallsOf<typeof statsDays> = {
  eventsByDay: [(sql) => statsDays.eventsByDay(sql, period), statsDays.EventDayRow],
  deliveriesByDay: [(sql) => statsDays.deliveriesByDay(sql, period), statsDays.DeliveryDayRow],
  messagesByDay: [(sql) => statsDays.messagesByDay(sql, period), statsDays.MessageDayRow],
  passesInPeriod: [(sql) => statsDays.passesInPeriod(sql, period), statsDays.PassDayRow],
  backlogByAge: [(sql) => statsDays.backlogByAge(sql, NOW), statsDays.BacklogAgeRow],
};

const sourcesCalls: CallsOf<typeof sources> = {
  sourceNames: [(sql) => sources.sourceNames(sql), sources.SourceNameRow],
  readSource: [(sql) => sources.readSource(sql, "lms"), sources.SourceRow],
  writeSource: (sql) => sources.writeSource(sql, "lms", { identity: "{}", address: "{}", notice: "{}" }),
  readSourceNotice: [(sql) => sources.readSourceNotice(sql, "lms"), sources.SourceNoticeRow],
  clearSourceNotice: (sql) => sources.clearSourceNotice(sql, "lms", "a"),
};

const lmsKeysCalls: CallsOf<typeof lmsKeys> = {
  lmsKeys: [(sql) => lmsKeys.lmsKeys(sql, IDS), lmsKeys.LmsKeyRow],
  namedKeys: [(sql) => lmsKeys.namedKeys(sql), lmsKeys.LmsKeyRow],
  addLmsKeys: (sql) => lmsKeys.addLmsKeys(sql, IDS, "{exam_row}", "{a}"),
};

const streamsCalls: CallsOf<typeof streams> = {
  addSource: (sql) => streams.addSource(sql, "lms"),
  addStream: (sql) => streams.addStream(sql, "lms", "exam", 1, 0),
  readStreams: [(sql) => streams.readStreams(sql, "lms"), streams.StreamRow],
  fullPassAge: [(sql) => streams.fullPassAge(sql, "lms"), streams.FullPassAgeRow],
  setKeyForm: [(sql) => streams.setKeyForm(sql, 1, 1), streams.ChangedStreamRow],
  dropBuckets: (sql) => streams.dropBuckets(sql, 1),
  setRecipe: (sql) => streams.setRecipe(sql, 1, 1),
  streamRecipe: [(sql) => streams.streamRecipe(sql, 1), streams.StreamRecipeRow],
  startFirstContact: (sql) => streams.startFirstContact(sql, 1),
  completeFirstContact: (sql) => streams.completeFirstContact(sql, 1),
  raiseHighestKey: [(sql) => streams.raiseHighestKey(sql, 1, 1, "7"), streams.HighestKeyRow],
  stampFullPass: [(sql) => streams.stampFullPass(sql, 1), streams.FullPassRow],
};

const logPositionsCalls: CallsOf<typeof logPositions> = {
  logPosition: [(sql) => logPositions.logPosition(sql, 1), logPositions.LogPositionRow],
  setLogPosition: (sql) => logPositions.setLogPosition(sql, 1, ID, ID, 0),
};

const upkeepCalls: CallsOf<typeof upkeep> = {
  walSinceCheckpoint: [(sql) => upkeep.walSinceCheckpoint(sql), upkeep.WalRow],
  writeCheckpoint: (sql) => upkeep.writeCheckpoint(sql),
  analyzeRecorded: (sql) => upkeep.analyzeRecorded(sql),
  analyzeCourseContext: (sql) => upkeep.analyzeCourseContext(sql),
  justAnalyzed: [(sql) => upkeep.justAnalyzed(sql), upkeep.JustAnalyzedRow],
};

const userLinksCalls: CallsOf<typeof userLinks> = {
  readUserLinks: [(sql) => userLinks.readUserLinks(sql, "lms", "mentor", [ID], 1), userLinks.UserLinkRow],
  upsertUserLinks: (sql) =>
    userLinks.upsertUserLinks(sql, "lms", "mentor", {
      personIds: [ID],
      zulipUserIds: [ID],
      statuses: ["matched"],
      emails: ["a"],
      timezones: ["UTC"],
    }),
  fillEventAccounts: [(sql) => userLinks.fillEventAccounts(sql, "lms", [ID], [ID], 1), userLinks.FilledEventRow],
  knownStudents: [(sql) => userLinks.knownStudents(sql, "lms", null, 1), userLinks.KnownStudentRow],
};

/** Every module of sql/state that holds statements, by its file name, and how each of them is called. */
export const queryCalls: Readonly<Record<string, Readonly<Record<string, QueryCall>>>> = {
  absent_rows: absentRowsCalls,
  admin_report: adminReportCalls,
  agent: agentCalls,
  audit: auditCalls,
  ...wholeStateCalls,
  course_context: courseContextCalls,
  deliveries_insert: deliveriesInsertCalls,
  doctor: doctorCalls,
  events: eventsCalls,
  events_after: eventsAfterCalls,
  explain: explainCalls,
  history: historyCalls,
  insight_names: insightNamesCalls,
  insights: insightsCalls,
  ...exportQueryCalls(filter),
  leases: leasesCalls,
  stuck_writers: stuckWritersCalls,
  lineage: lineageCalls,
  lock_waits: lockWaitsCalls,
  messages: messagesCalls,
  log_positions: logPositionsCalls,
  migrations: migrationsCalls,
  outbox: outboxCalls,
  outbox_orphans: outboxOrphansCalls,
  overtaken: overtakenCalls,
  letters: lettersCalls,
  patterns: patternsCalls,
  pauses: pausesCalls,
  people: peopleCalls,
  poll_runs: pollRunsCalls,
  postpone: postponeCalls,
  preview: previewCalls,
  quarantine: quarantineCalls,
  recipients: recipientsCalls,
  facts: factsCalls,
  reconcile: reconcileCalls,
  read_events: readEventsCalls,
  recent_messages: recentMessagesCalls,
  release: releaseCalls,
  retry: retryCalls,
  row_states: rowStatesCalls,
  session: sessionCalls,
  sources: sourcesCalls,
  stats: statsCalls,
  lms_keys: lmsKeysCalls,
  stats_days: statsDaysCalls,
  streams: streamsCalls,
  upkeep: upkeepCalls,
  user_links: userLinksCalls,
  waiting: waitingCalls,
  week_numbers: weekNumbersCalls,
};
