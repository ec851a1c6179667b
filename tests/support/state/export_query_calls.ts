import * as consumers from "../../../sql/state/consumers.ts";
import * as dataCard from "../../../sql/state/data_card.ts";
import * as eraseActs from "../../../sql/state/erase_acts.ts";
import * as personData from "../../../sql/state/person_data.ts";
import * as erasePerson from "../../../sql/state/erase_person.ts";
import * as erasures from "../../../sql/state/erasures.ts";
import type { EventFilter } from "../../../sql/state/event_filter.ts";
import * as exporting from "../../../sql/state/export.ts";
import * as exportViews from "../../../sql/state/export_views.ts";
import * as findPeople from "../../../sql/state/find_people.ts";
import * as retention from "../../../sql/state/retention.ts";
import * as stateEpoch from "../../../sql/state/state_epoch.ts";
import { type CallsOf, ID, IDS, TEXTS, TIME } from "./query_call.ts";

export function exportQueryCalls(filter: EventFilter) {
  const query: exporting.ExportQuery = {
    filter,
    after: ID,
    upTo: ID,
    limit: 1,
    identified: true,
    schema: 2,
    latest: true,
    xapi: true,
  };
  const exportCalls: CallsOf<typeof exporting> = {
    copyLines: (sql) => exporting.copyLines(sql, query),
    pageLines: [(sql) => exporting.pageLines(sql, { ...query, limit: 1 }), exporting.PageLineRow],
    latestIds: [(sql) => exporting.latestIds(sql, query), exporting.LatestIdsRow],
    markExported: [
      (sql) => exporting.markExported(sql, { filter, after: ID, upTo: ID, limit: 1 }),
      exporting.MarkedRow,
    ],
    erasureLines: [(sql) => exporting.erasureLines(sql, query, ["a"]), exporting.ErasureLineRow],
    markErasures: (sql) => exporting.markErasures(sql, [ID]),
    newestLine: [(sql) => exporting.newestLine(sql), exporting.NewestLineRow],
    takeSchemaNotice: [(sql) => exporting.takeSchemaNotice(sql), exporting.SchemaNoticeRow],
  };
  const aggregate = { filter, studentIds: [ID], per: "week", timezone: "UTC", upTo: ID } as const;
  const exportViewsCalls: CallsOf<typeof exportViews> = {
    studentIdsAfter: [(sql) => exportViews.studentIdsAfter(sql, ID, 1), exportViews.StudentIdRow],
    aggregatePage: [(sql) => exportViews.aggregatePage(sql, aggregate), exportViews.AggregateRow],
  };
  return { export: exportCalls, export_views: exportViewsCalls, ...OTHERS };
}

const consumersCalls: CallsOf<typeof consumers> = {
  listConsumers: [(sql) => consumers.listConsumers(sql), consumers.ConsumerRow],
  addConsumer: [(sql) => consumers.addConsumer(sql, "a"), consumers.AcknowledgedRow],
  readConsumer: [(sql) => consumers.readConsumer(sql, "a"), consumers.AcknowledgedRow],
  acknowledge: [
    (sql) => consumers.acknowledge(sql, { name: "a", from: ID, to: ID }, { source: "a", token: ID }),
    consumers.AcknowledgedRow,
  ],
  dropConsumer: [(sql) => consumers.dropConsumer(sql, "a"), consumers.AcknowledgedRow],
};

const RETENTION = { source: "lms", before: 0, after: ID, upTo: ID, limit: 1 };
const retentionCalls: CallsOf<typeof retention> = {
  oldEvents: [(sql) => retention.oldEvents(sql, "lms", 0), retention.OldRangeRow],
  oldTexts: [(sql) => retention.oldTexts(sql, "lms", 0), retention.OldRangeRow],
  takeEvents: [(sql) => retention.takeEvents(sql, RETENTION), retention.TakenRow],
  takeLetters: [(sql) => retention.takeLetters(sql, RETENTION), retention.TakenRow],
  takeTexts: [(sql) => retention.takeTexts(sql, RETENTION), retention.TakenRow],
  takeActs: [(sql) => retention.takeActs(sql, RETENTION), retention.TakenRow],
  countOldActs: [(sql) => retention.countOldActs(sql, "lms", 0), retention.OldActsRow],
  keptForConsumers: [(sql) => retention.keptForConsumers(sql, "lms", 0), retention.KeptForConsumerRow],
  lastRetentions: [(sql) => retention.lastRetentions(sql), retention.LastRetentionRow],
};

const dataCardCalls: CallsOf<typeof dataCard> = {
  sourceCards: [(sql) => dataCard.sourceCards(sql), dataCard.SourceCardRow],
  erasureCards: [(sql) => dataCard.erasureCards(sql), dataCard.ErasureCardRow],
};

const stateEpochCalls: CallsOf<typeof stateEpoch> = {
  lockEpoch: [(sql) => stateEpoch.lockEpoch(sql), stateEpoch.EpochRow],
  writeEpoch: [
    (sql) => stateEpoch.writeEpoch(sql, { identity: null, newestEvent: ID, renew: true }),
    stateEpoch.EpochRow,
  ],
};

const known = { role: "student", source: "a", pseudonym: "a", reasonCode: "a", erasedAt: TIME };
const person = { role: "student", source: "a", id: ID };

const erasuresCalls: CallsOf<typeof erasures> = {
  lockErasures: (sql) => erasures.lockErasures(sql),
  shareErasures: (sql) => erasures.shareErasures(sql),
  erasureMark: [(sql) => erasures.erasureMark(sql), erasures.ErasureMarkRow],
  tombstones: [(sql) => erasures.tombstones(sql), erasures.TombstoneRow],
  pseudonymPads: [(sql) => erasures.pseudonymPads(sql), erasures.PadsRow],
  keyMark: [(sql) => erasures.keyMark(sql), erasures.KeyMarkRow],
  eraseKey: (sql) => erasures.eraseKey(sql, ID),
  erasedWithIds: [(sql) => erasures.erasedWithIds(sql, [ID]), erasures.ErasedIdRow],
  personsWithIds: [(sql) => erasures.personsWithIds(sql, [ID]), erasures.PersonKeyRow],
  tombstoneNamed: [(sql) => erasures.tombstoneNamed(sql, "a"), erasures.TombstoneRow],
  personsBehind: [(sql) => erasures.personsBehind(sql, ["a"]), erasures.PersonKeyRow],
  addTombstone: [(sql) => erasures.addTombstone(sql, { ...person, reasonCode: "a" }), erasures.NewTombstoneRow],
  addKnownTombstone: [(sql) => erasures.addKnownTombstone(sql, known), erasures.NewTombstoneRow],
  pseudonymOf: [(sql) => erasures.pseudonymOf(sql, "student", "a", ID), erasures.PersonPseudonymRow],
};

const UTILITY = "a utility statement, which PostgreSQL does not describe";
const personDataCalls: CallsOf<typeof personData> = {
  personData: [(sql) => personData.personData(sql, person, [ID]), personData.PersonDataRow],
};

const erasePersonCalls: CallsOf<typeof erasePerson> = {
  lockRecipients: (sql) => erasePerson.lockRecipients(sql, "a"),
  namesOf: [(sql) => erasePerson.namesOf(sql, "student", "a", ID), erasePerson.KnownNamesRow],
  messagesNaming: [
    (sql) => erasePerson.messagesNaming(sql, { ...person, names: ["a"], alsoTold: "also told: " }, true),
    erasePerson.NamingMessageRow,
  ],
  messagesOfStudentAlone: [(sql) => erasePerson.messagesOfStudentAlone(sql, ID, [ID]), erasePerson.MessageIdRow],
  namesOfOthers: [(sql) => erasePerson.namesOfOthers(sql, "student", "a", ID), erasePerson.OtherNameRow],
  eraseTexts: (sql) => erasePerson.eraseTexts(sql, [ID], ["a"]),
  endStudentDeliveries: (sql) => erasePerson.endStudentDeliveries(sql, "a", ID),
  eraseNamings: (sql) => erasePerson.eraseNamings(sql, "a", ID),
  dissolveErased: (sql) => erasePerson.dissolveErased(sql, "a", [ID]),
  eraseRowStates: (sql) => erasePerson.eraseRowStates(sql, { source: "a", id: ID, pseudonym: "a" }),
  eraseEvents: (sql) => erasePerson.eraseEvents(sql, "a", ID),
  erasePerson: (sql) => erasePerson.erasePerson(sql, "student", "a", ID),
  eraseMentorDeliveries: (sql) => erasePerson.eraseMentorDeliveries(sql, { source: "a", id: ID, pseudonym: "a" }),
  eraseMentorLinks: (sql) => erasePerson.eraseMentorLinks(sql, "a", ID),
  mentorSetsWith: [(sql) => erasePerson.mentorSetsWith(sql, "a", ID), erasePerson.MentorSetRow],
  replaceMentorSet: (sql) => erasePerson.replaceMentorSet(sql, ID, null),
  shrinkMentorSet: (sql) => erasePerson.shrinkMentorSet(sql, ID, ID),
  eventsOfMentor: [(sql) => erasePerson.eventsOfMentor(sql, "a", ID), erasePerson.EventsOfMentorRow],
  eraseFirstMentor: (sql) => erasePerson.eraseFirstMentor(sql, "a", ID),
  analyzeTable: UTILITY,
  rewriteTable: UTILITY,
  rewriteStatistics: UTILITY,
  forgetRecycledLog: UTILITY,
  switchLog: UTILITY,
  checkpoint: UTILITY,
};

const eraseActsCalls: CallsOf<typeof eraseActs> = {
  actsOf: [(sql) => eraseActs.actsOf(sql, { ...person, reasons: ["ill"] }), eraseActs.ActOfRow],
  givenReasons: [(sql) => eraseActs.givenReasons(sql, "a"), eraseActs.GivenReasonRow],
  actsNaming: [(sql) => eraseActs.actsNaming(sql, { ...person, reasons: ["a"] }), eraseActs.ActsNamingRow],
  eraseActs: (sql) => eraseActs.eraseActs(sql, { ...person, reasons: ["a"], pseudonym: "a" }),
  allowActsToChange: UTILITY,
  forbidActsToChange: UTILITY,
  eraseDropReasons: (sql) => eraseActs.eraseDropReasons(sql, "a", ["a"]),
  erasePauseReasons: (sql) => eraseActs.erasePauseReasons(sql, "a", ["a"]),
};

const findPeopleCalls: CallsOf<typeof findPeople> = {
  studentsNamed: [
    (sql) => findPeople.studentsNamed(sql, "lms", TEXTS, TEXTS, IDS),
    findPeople.StudentNamedRow,
  ],
  peopleNamed: [(sql) => findPeople.peopleNamed(sql, person, "a", [ID]), findPeople.NamedPersonRow],
  ownKeys: [(sql) => findPeople.ownKeys(sql, "{1,2}"), findPeople.OwnKeyRow],
  nearPeople: [(sql) => findPeople.nearPeople(sql, person, "12"), findPeople.NearPersonRow],
};

const OTHERS = {
  find_people: findPeopleCalls,
  retention: retentionCalls,
  erase_acts: eraseActsCalls,
  consumers: consumersCalls,
  data_card: dataCardCalls,
  state_epoch: stateEpochCalls,
  erasures: erasuresCalls,
  erase_person: erasePersonCalls,
  person_data: personDataCalls,
};
