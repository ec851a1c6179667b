import { runPause } from "../../../lib/app/pause.ts";
import { type Cases, DAY_MS, HOUR_MS } from "./cases.ts";

// What keeps an event from everybody, and what a delivery waits for.

const ONCE = /judged once, when it is found/;
const PAUSE = { until: null, reason: "an appeal", dryRun: false, json: true };

export const event: Cases["event"] = {
  first_contact: {
    bring: (desk) => Promise.resolve({ attempt: desk.history }),
    says: /history that was there at the first contact/,
    change: /poll-once --notify-history/,
  },
  notifications_off: {
    bring: async (desk) => {
      const config = desk.notify({ enabled: false });
      return { attempt: await desk.found(await desk.student(), config), config };
    },
    says: /notifications were off \(notify\.enabled: false\) when it was found/,
    change: /Set notify\.enabled: true/,
  },
  type_not_told: {
    bring: async (desk) => {
      const config = desk.notify({ immediate: [], digest: { events: [], at: [] } });
      return { attempt: await desk.found(await desk.student(), config), config };
    },
    says: /exam_passed was muted: neither in notify\.immediate nor in notify\.digest\.events/,
    change: /Add exam_passed to one of both lists/,
  },
  too_old: {
    bring: async (desk) => {
      const config = desk.notify({ maxAgeMs: DAY_MS });
      return { attempt: await desk.found(await desk.student(), config, 49 * HOUR_MS), config };
    },
    says: /too old: 2d 1h when it was found.*notify\.max_age is 1d/,
    change: /Raise notify\.max_age/,
  },
  student_excluded: {
    bring: async (desk) => ({ attempt: await desk.found(await desk.student({ is_active: false })) }),
    says: /the student is excluded/,
    change: ONCE,
  },
  revision_not_told: {
    bring: async (desk) => {
      const config = desk.notify({ revisions: "none" });
      const attempt = await desk.told(await desk.student());
      await desk.bench.writer.updateAttempt(attempt, { result: "Fail", score: 1, percentage: 1 });
      await desk.bench.poll({ config });
      return { attempt, config };
    },
    says: /a correction of a kind that is not told \(notify\.revisions: none\)/,
    change: /Set notify\.revisions to verdict or score/,
  },
};

export const exclusion: Cases["exclusion"] = {
  inactive: {
    bring: async (desk) => ({ attempt: await desk.found(await desk.student({ is_active: false })) }),
    says: /inactive in the LMS \(students\.active_only\)/,
    change: /Make the student active in the LMS, or set students\.active_only: false/,
  },
  excluded_username: {
    bring: async (desk) => {
      const config = desk.students({ excludeUsernames: ["Ghost"] });
      return { attempt: await desk.found(await desk.student({ username: "ghost" }), config), config };
    },
    says: /named in students\.exclude_usernames/,
    change: /Take the username out of students\.exclude_usernames/,
  },
  excluded_batch: {
    bring: async (desk) => {
      const config = desk.students({ batches: ["77"] });
      return { attempt: await desk.found(await desk.student(), config), config };
    },
    says: /in none of the batches of students\.batches/,
    change: /Add one of the student's batches to students\.batches/,
  },
  not_any_more: {
    bring: async (desk) => {
      const student = await desk.student({ is_active: false });
      const attempt = await desk.found(student);
      await desk.bench.writer.update("students", student, { is_active: true });
      await desk.found(student);
      return { attempt };
    },
    says: /as they and the student were when it was found/,
    change: /^Nothing: neither of them excludes the student today/,
  },
};

export const waiting: Cases["waiting"] = {
  digest: {
    bring: async (desk) => {
      const config = desk.notify({ immediate: [], digest: { events: ["exam_passed"], at: [desk.minuteBefore] } });
      return { attempt: await desk.found(await desk.student(), config), config };
    },
    says: /waits for the next digest until 20\d\d-.*notify\.digest\.at/,
    change: /Put exam_passed into notify\.immediate/,
  },
  gathering: {
    bring: async (desk) => {
      const config = desk.notify({ gatherMs: 600_000 });
      const student = await desk.student();
      await desk.told(student);
      return { attempt: await desk.told(student, config), config };
    },
    says: /told something just before, so it gathers with what follows until 20\d\d-.*notify\.gather/,
    change: /notify\.gather: 0/,
  },
  quiet: {
    bring: async (desk) => {
      const { minuteBefore } = desk;
      const config = desk.notify({ quiet: { from: (minuteBefore + 1) % 1440, to: minuteBefore } });
      return { attempt: await desk.told(await desk.student(), config), config };
    },
    says: /reader's quiet hours until 20\d\d-.*notify\.quiet/,
    change: /without notify\.quiet there are none/,
  },
  rate: {
    bring: async (desk) => {
      const config = desk.notify({
        maxPerMentor: { messages: 1, perMs: DAY_MS },
        immediate: [],
        digest: { events: ["exam_passed"], at: [] },
      });
      const student = await desk.student();
      await desk.told(student, config);
      return { attempt: await desk.told(student, config), config };
    },
    says: /as many messages as notify\.max_per_mentor allows.*until 20\d\d-/,
    change: /a higher notify\.max_per_mentor/,
  },
  no_account: {
    bring: async (desk) => ({ attempt: await desk.told(await desk.student({}, [await desk.mentor({}, false)])) }),
    says: /^mentor \d+ has no Zulip account.*no account with their address.*until the end of the grace at 20\d\d-/,
    change: /Invite them to Zulip/,
  },
  no_mentor: {
    bring: async (desk) => ({ attempt: await desk.told(await desk.student({}, [])) }),
    says: /no mentor in the LMS.*until the end of the grace at 20\d\d-.*notify\.mentor_grace/,
    change: /Link a mentor to the student/,
  },
  row_missing: {
    bring: async (desk) => {
      const attempt = await desk.found(await desk.student());
      await desk.bench.writer.remove("attempts", attempt);
      await desk.bench.poll();
      await desk.round();
      return { attempt };
    },
    says: /its row is gone from the LMS; it is waited for/,
    change: /Put the row back in the LMS.*an hour and two full passes/,
  },
  paused: {
    bring: async (desk) => {
      const student = await desk.student();
      const subject = { kind: "student", who: String(student), mayBeUnknown: true } as const;
      await desk.text(runPause, { ...PAUSE, subject });
      return { attempt: await desk.told(student) };
    },
    says: /^it is paused \(student \d+\) since 20\d\d-.*, until somebody resumes it: an appeal$/,
    change: /^`lmsmon resume --student \d+` lets it go$/,
  },
  channel_not_readable: {
    bring: async (desk) => {
      const to = { channel: "Board", topic: "news" };
      desk.standIn.addChannel(to.channel, { isPrivate: true, subscribers: [desk.standIn.owner.id] });
      const config = desk.notify({ accountGraceMs: 0, fallback: to });
      const notifier = desk.bench.notifier(config);
      const attempt = await desk.found(await desk.student({}, [await desk.mentor({}, false)]));
      for (let i = 0; i < 2; i++) await notifier.round({ stop: new AbortController().signal });
      return { attempt, config, recipient: "channel:Board/news" };
    },
    says: /the bot cannot read the channel/,
    change: /Subscribe the bot itself to the channel/,
  },
};
