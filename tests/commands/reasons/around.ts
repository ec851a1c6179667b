import assert from "node:assert/strict";
import { wrappedSource } from "../../poll/wrapped_source.ts";
import { addressOf } from "./desk.ts";
import { type Cases, overrides, refused, withNews } from "./cases.ts";

// What no row of a delivery says: what hinders it, who is no mentor, who has which account.

export const hindered: Cases["hindered"] = {
  none: {
    bring: async (desk) => ({ attempt: await desk.found(await desk.student()) }),
    says: /^it is due: the next round of watch or poll-once tells it$/,
    change: /Have `watch` running, or run `poll-once`/,
  },
  switched_off: {
    bring: async (desk) => {
      const config = { ...desk.bench.config, enabled: false };
      return { attempt: await desk.found(await desk.student()), config };
    },
    says: /switched off \(enabled: false\)/,
    change: /Set enabled: true/,
  },
  notifications_off: {
    bring: async (desk) => {
      const attempt = await desk.found(await desk.student());
      return { attempt, config: desk.notify({ enabled: false }) };
    },
    says: /notifications are off \(notify\.enabled: false\); what was due before that is kept/,
    change: /Set notify\.enabled: true, then `lmsmon reload`/,
  },
  poll_running: {
    bring: async (desk) => {
      const attempt = await desk.finish(await desk.student());
      const { promise: asked, resolve } = Promise.withResolvers<void>();
      const { promise: recorded, resolve: isRecorded } = Promise.withResolvers<void>();
      const lms = await desk.bench.source();
      const source = wrappedSource(lms, {
        oddKeys: async (kind, limit) => {
          if (kind === lms.kinds.at(-1)) {
            isRecorded();
            await asked;
          }
          return await lms.oddKeys(kind, limit);
        },
      });
      const poll = desk.bench.poll({ source });
      desk.hangUp = async () => {
        resolve();
        await poll;
      };
      await recorded;
      return { attempt };
    },
    says: /^poll \d+, which found it, has not ended yet$/,
    change: /It leaves with the poll's end/,
  },
  refused_so_far: {
    bring: async (desk) => ({ attempt: await refused(desk, desk.bench.config) }),
    says: /^Zulip refused it once so far \(HTTP 400.*it is tried again at 20\d\d-/,
    change: /`lmsmon retry --mentor \d+` tries at once/,
  },
  outage: {
    bring: async (desk) => {
      const attempt = await desk.found(await desk.student());
      await desk.standIn.stop();
      await desk.round(desk.notify({}));
      desk.hangUp = async () => {
        desk.standIn.restart();
        await desk.round(desk.notify({}));
      };
      return { attempt };
    },
    says: /^Zulip cannot be used, an outage since 20\d\d-/,
    change: /goes out when Zulip answers again.*uses up no attempt/,
  },
  guard: {
    bring: async (desk) => {
      const attempt = await desk.found(await desk.student());
      await desk.sendByHand("x [a](https://x.example/a#n=abcdefghabcdefgh)");
      await desk.round(desk.notify({}));
      return { attempt };
    },
    says: /^the guard lets nothing out since 20\d\d-/,
    change: /`lmsmon reconcile`, then `lmsmon poll-once --take-over`/,
  },
};

export const absent: Cases["absent"] = {
  not_mentor: {
    bring: async (desk) => {
      const [student, mentor] = [await desk.student(), await desk.mentor()];
      await desk.told(student);
      await desk.told(await desk.student({}, [mentor]));
      return { student, mentor };
    },
    says: /^mentor \d+ was no mentor of this student when it was found; mentor \d+ was$/,
    change: /Link them in the LMS/,
  },
};

export const account: Cases["account"] = {
  matched: {
    bring: async (desk) => await withNews(desk, await desk.mentor()),
    says: /found by address/,
    change: null,
  },
  override: {
    bring: async (desk) => {
      const mentor = await desk.mentor({}, false);
      return await withNews(desk, mentor, overrides(desk, mentor, String(desk.standIn.owner.id)));
    },
    says: /set by users\.overrides/,
    change: null,
  },
  no_email: {
    bring: async (desk) => await withNews(desk, await desk.mentor({ email: "" }, false)),
    says: /no address in the LMS/,
    change: /Enter an address in the LMS/,
  },
  placeholder: {
    bring: async (desk) => await withNews(desk, await desk.mentor({ email: "m@noemail.local" }, false)),
    says: /a placeholder address in the LMS \(users\.placeholder_domains\)/,
    change: /Enter a real address in the LMS/,
  },
  no_account: {
    bring: async (desk) => await withNews(desk, await desk.mentor({}, false)),
    says: /no account with their address/,
    change: /Invite them to Zulip/,
  },
  hidden: {
    bring: async (desk) => {
      const mentor = await desk.mentor({ display_name: "Anita Rao" }, false);
      desk.standIn.addUser({ email: "anita@institute.example", fullName: "Anita Rao", emailVisibility: 4 });
      return await withNews(desk, mentor);
    },
    says: /hides its address from the bot/,
    change: /Give the bot a role that sees addresses/,
  },
  duplicate: {
    bring: async (desk) => {
      const same = { email: "two@institute.example" };
      const [mentor, other] = [await desk.mentor(same), await desk.mentor(same)];
      await desk.told(await desk.student({}, [mentor, other]));
      await desk.mapUsers();
      return { mentor };
    },
    says: /several.* this one address \(duplicate account\)/,
    change: /give each mentor their own address/,
  },
  deactivated: {
    bring: async (desk) => {
      const mentor = await desk.mentor();
      const account = desk.standIn.realm.userByLogin(addressOf(mentor));
      assert.ok(account);
      account.isActive = false;
      return await withNews(desk, mentor);
    },
    says: /their account is deactivated/,
    change: /Reactivate it/,
  },
  unknown_override: {
    bring: async (desk) => {
      const mentor = await desk.mentor({}, false);
      return await withNews(desk, mentor, overrides(desk, mentor, "99999"));
    },
    says: /users\.overrides names an account that does not exist/,
    change: /Correct users\.overrides/,
  },
};
