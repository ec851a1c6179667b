import assert from "node:assert/strict";
import { runRelease } from "../../../lib/app/release.ts";
import { armFailPoints } from "../../../lib/base/fail_point.ts";
import { type Cases, CHANNEL, erase, heldByFuse, HOUR_MS, inDoubt, NEVER_AGAIN, refused, SETTLED_MS } from "./cases.ts";

// How a delivery ends, or how far it is.

const IN_CHANNEL = `channel:${CHANNEL.channel}/${CHANNEL.topic}`;
const DROP = { poll: null, drop: true, reason: "a re-sync", list: false, yes: false, dryRun: false, json: true };

export const suppressed: Cases["suppressed"] = {
  no_longer_mentor: {
    bring: async (desk) => {
      const former = await desk.mentor();
      const student = await desk.student({}, [former]);
      const attempt = await desk.found(student);
      await desk.bench.writer.unlink(former, student);
      await desk.bench.writer.link(await desk.mentor(), student);
      await desk.told(student);
      return { attempt, recipient: former };
    },
    says: /^mentor \d+ was no longer the student's mentor when it was to be told$/,
    change: /a hand-over tells nothing again/,
  },
  erased: {
    bring: async (desk) => {
      const student = await desk.student();
      const attempt = await desk.found(student);
      await erase(desk, "student", student);
      return { attempt };
    },
    says: /^the student was erased \(lmsmon privacy erase\)$/,
    change: NEVER_AGAIN,
  },
  self: {
    bring: async (desk) => {
      const same = { email: "both@institute.example" };
      return { attempt: await desk.told(await desk.student(same, [await desk.mentor(same)])) };
    },
    says: /^mentor \d+ is the student, by their Zulip account$/,
    change: NEVER_AGAIN,
  },
  duplicate: {
    bring: async (desk) => {
      const shared = { email: "shared@institute.example" };
      const twins = [await desk.mentor(shared), await desk.mentor(shared)];
      return { attempt: await desk.told(await desk.student({}, twins)), recipient: twins[1] ?? 0 };
    },
    says: /^mentor \d+ has the same Zulip account as another mentor of the student/,
    change: /an address of their own/,
  },
  no_account: {
    bring: async (desk) => {
      const config = desk.notify({ accountGraceMs: 0 });
      const student = await desk.student({}, [await desk.mentor({}, false)]);
      return { attempt: await desk.told(student, config), config };
    },
    says: /^mentor \d+ had no Zulip account \(no account with their address\) when the grace ended/,
    change: /Invite them to Zulip.*for this event it is over/,
  },
  no_mentor: {
    bring: async (desk) => {
      const attempt = await desk.found(await desk.student({}, []));
      desk.clock.advance(25 * HOUR_MS);
      await desk.round();
      return { attempt };
    },
    says: /no mentor in the LMS when the grace ended/,
    change: /for this event it is over/,
  },
  fell_back_to_channel: {
    bring: async (desk) => {
      const config = desk.notify({ accountGraceMs: 0, fallback: CHANNEL });
      const mentor = await desk.mentor({}, false);
      return { attempt: await desk.told(await desk.student({}, [mentor]), config), recipient: mentor, config };
    },
    says: /it went to the fallback channel/,
    change: /Invite them to Zulip/,
  },
  row_missing: {
    bring: async (desk) => {
      const attempt = await desk.found(await desk.student());
      await desk.bench.writer.remove("attempts", attempt);
      await desk.bench.poll();
      await desk.round();
      desk.clock.advance(2 * HOUR_MS);
      for (let i = 0; i < 2; i++) await desk.bench.poll();
      await desk.round();
      return { attempt };
    },
    says: /gone from the LMS before it could be told/,
    change: NEVER_AGAIN,
  },
  finished_since: {
    bring: async (desk) => {
      const student = await desk.student();
      const attempt = Number(
        await desk.bench.writer.attempt({ user_id: student, state: "Running", date: desk.utc() }),
      );
      await desk.bench.poll();
      await desk.bench.writer.updateAttempt(attempt, {
        state: "Completed",
        result: "Pass",
        score: 90,
        percentage: 90,
      });
      await desk.bench.poll();
      await desk.round();
      return { attempt, type: "exam_started" };
    },
    says: /superseded: the finish of the same attempt/,
    change: NEVER_AGAIN,
  },
  overtaken: {
    bring: async (desk) => {
      const attempt = await heldByFuse(desk);
      await desk.bench.writer.updateAttempt(attempt, { result: "Fail", score: 10, percentage: 10 });
      await desk.bench.poll();
      await desk.round();
      await desk.text(runRelease, { ...DROP, drop: false, reason: null });
      await desk.round();
      return { attempt, type: "exam_passed" };
    },
    says: /^mentor \d+ was told a later report of the same attempt before this one/,
    change: NEVER_AGAIN,
  },
  dropped: {
    bring: async (desk) => {
      const attempt = await heldByFuse(desk);
      await desk.text(runRelease, DROP);
      return { attempt };
    },
    says: /dropped it while the fuse held it \(lmsmon release --drop\): a re-sync/,
    change: NEVER_AGAIN,
  },
  redirected: {
    bring: async (desk) => {
      const config = desk.notify({ redirectTo: String(desk.standIn.owner.id) });
      return { attempt: await desk.told(await desk.student(), config), config };
    },
    says: /redirected \(notify\.redirect_to\): its message went to the person of the trial/,
    change: /Take notify\.redirect_to away/,
  },
};

export const dead: Cases["dead"] = {
  erased: {
    bring: async (desk) => {
      const mentor = await desk.mentor();
      const attempt = await inDoubt(desk, await desk.student({}, [mentor]));
      await erase(desk, "mentor", mentor);
      return { attempt };
    },
    says: /the mentor was erased while it was under way/,
    change: NEVER_AGAIN,
  },
  refused: {
    bring: async (desk) => {
      const attempt = await refused(desk, desk.notify({ maxAttempts: 2 }));
      desk.clock.advance(600_000);
      await desk.round(desk.notify({ maxAttempts: 2 }));
      return { attempt };
    },
    says: /Zulip refused it twice, at last with HTTP 400/,
    change: /`lmsmon retry --mentor \d+`/,
  },
  poison: {
    bring: async (desk) => {
      const attempt = await desk.found(await desk.student());
      // Its process dies before each send, whoever takes it up again.
      for (let deaths = 0; deaths < 24; deaths++) {
        armFailPoints((point) => {
          if (point === "send.before_post") throw new Error("died");
        });
        await desk.round().catch((error: Error) => assert.equal(error.message, "died"));
        armFailPoints(() => {});
        desk.clock.advance(SETTLED_MS + 60_000);
      }
      await desk.round();
      return { attempt };
    },
    says: /poison: not delivered in 11 tries without an answer, while others arrived/,
    change: /`lmsmon retry --mentor \d+`: Zulip is asked for it first/,
  },
  unseen: {
    bring: async (desk) => {
      const config = desk.notify({ accountGraceMs: 0, fallback: CHANNEL });
      const notifier = desk.bench.notifier(config);
      const attempt = await desk.found(await desk.student({}, [await desk.mentor({}, false)]));
      desk.standIn.fault({ kind: "500_after_commit" });
      const round = async (afterMs: number) => {
        desk.clock.advance(afterMs);
        await notifier.round({ stop: new AbortController().signal });
      };
      for (const afterMs of [0, 3000]) await round(afterMs);
      // Made private, a channel keeps what was said to those who got a copy.
      desk.standIn.realm.setPrivate(CHANNEL.channel);
      desk.standIn.realm.subscribe(desk.standIn.bot.id, CHANNEL.channel);
      for (const afterMs of [SETTLED_MS, 3000]) await round(afterMs);
      return { attempt, config, recipient: IN_CHANNEL };
    },
    says: /in a channel where the bot cannot see it/,
    change: /Subscribe the bot to the channel, then `lmsmon retry --dead`/,
  },
};

export const held: Cases["held"] = {
  fuse: {
    bring: async (desk) => ({ attempt: await heldByFuse(desk) }),
    says: /^the fuse holds poll \d+: 2 messages in one poll/,
    change: /^`lmsmon release --poll \d+` tells it; with `--drop --reason TEXT` it is never told/,
  },
};

export const under_way: Cases["under_way"] = {
  sent: {
    bring: async (desk) => ({ attempt: await desk.told(await desk.student()) }),
    says: /^it was told$/,
    change: null,
  },
  sending: {
    bring: async (desk) => {
      const student = await desk.student();
      const attempt = await desk.found(student);
      desk.standIn.fault({ kind: "late_answer", match: { contentIncludes: `Student ${student}*` } });
      const { bench } = desk;
      const patient = { ...bench.config, zulip: { ...bench.config.zulip, requestTimeoutMs: 30_000 } };
      const stop = new AbortController();
      const round = bench.notifier(patient).round({ stop: stop.signal, hard: stop.signal });
      desk.hangUp = async () => {
        stop.abort();
        await round;
      };
      while ((await desk.ask({ attempt })).rule === "none");
      return { attempt };
    },
    says: /^it is being sent, since 20\d\d-/,
    change: /^Nothing: look again in a minute/,
  },
  unknown: {
    bring: async (desk) => ({ attempt: await inDoubt(desk, await desk.student()) }),
    says: /a send began, and whether it arrived is not known.*by its marker at 20\d\d-/,
    change: /^Nothing: it ends as sent, or is sent again/,
  },
};
