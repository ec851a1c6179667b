import { startZulipStandIn, type ZulipStandIn } from "../../../lib/stand_in/zulip_stand_in.ts";
import { type Exchange, messagesOf, type RecordedMessage, timeOf } from "./recording.ts";

const OWNER = 6;
const MENTOR_1 = 7;
const MENTOR_2 = 8;
const GONE = 9;
const BOT = 10;
const HOOK = 11;
/** Emails are shown to administrators only, as in an organisation of the type "education". */
const HIDDEN = { emailVisibility: 3 } as const;

/** The ids that `${name}` in a request stands for at first. */
export const WORLD_IDS: Readonly<Record<string, number>> = {
  owner: OWNER,
  mentor1: MENTOR_1,
  mentor2: MENTOR_2,
  gone: GONE,
  bot: BOT,
  hook: HOOK,
};

export interface ContractWorld extends AsyncDisposable {
  readonly standIn: ZulipStandIn;
  /** The time of the stand-in, in milliseconds. */
  setTime(ms: number): void;
  /** The header by which `who` asks; `null`: none. */
  authorization(who: string): string | null;
}

/** What the recording's first line describes, with as much history as its answers show of the time before. */
export async function makeContractWorld(exchanges: readonly Exchange[]): Promise<ContractWorld> {
  let nowMs = exchanges.map(timeOf).find((time) => time !== null) ?? 0;
  const standIn = await startZulipStandIn({
    featureLevel: 321,
    version: "10.0-dev+git",
    realmName: "Institute",
    nowMs: () => nowMs,
    owner: { id: OWNER, email: "owner@institute.example", fullName: "Owner", apiKey: "6".repeat(32), ...HIDDEN },
    bot: { id: BOT, email: "lmsmon-bot@institute.example" },
    users: [
      {
        id: MENTOR_1,
        email: "mentor1@institute.example",
        fullName: "Asha Nair",
        profile: { "1": "M-1" },
        apiKey: "7".repeat(32),
        ...HIDDEN,
      },
      { id: MENTOR_2, email: "mentor2@institute.example", fullName: "Mentor Two", ...HIDDEN },
      { id: GONE, email: "gone@institute.example", fullName: "Gone Mentor", isActive: false, ...HIDDEN },
      {
        id: HOOK,
        email: "hook-bot@institute.example",
        fullName: "Hook",
        isBot: true,
        botType: 2,
        ownerId: OWNER,
        apiKey: "1".repeat(32),
      },
    ],
    channels: [
      { id: 1, name: "general" },
      { id: 2, name: "NEET 2027 B", isPrivate: true, creatorId: OWNER, subscribers: [OWNER, BOT] },
      { id: 3, name: "mentors" },
    ],
  });
  standIn.realm.dummyHost = "zulipdev.com";
  for (const { id, form, atS } of history(exchanges)) {
    standIn.realm.nextMessageId = id;
    standIn.realm.post(standIn.bot, new URLSearchParams(form), atS * 1000);
  }
  const keys = new Map(standIn.realm.users.values().map((user) => [user.id, `${user.email}:${user.apiKey}`]));
  const logins: Readonly<Record<string, string | undefined>> = {
    ...Object.fromEntries(Object.entries(WORLD_IDS).map(([name, id]) => [name, keys.get(id)])),
    wrong_key: `${standIn.bot.email}:${"0".repeat(32)}`,
    malformed_key: `${standIn.bot.email}:short`,
    unknown: `nobody@institute.example:${"0".repeat(32)}`,
  };
  return {
    standIn,
    setTime: (ms) => nowMs = ms,
    authorization: (who) => {
      if (who === "none") return null;
      const login = logins[who];
      if (login === undefined) throw new RangeError(`The recording's world has nobody called ${JSON.stringify(who)}`);
      return `Basic ${btoa(login)}`;
    },
    [Symbol.asyncDispose]: () => standIn.close(),
  };
}

interface Old {
  readonly id: number;
  readonly form: Record<string, string>;
  readonly atS: number;
}

/** Messages of the time before that the answers show, and those that they cut out of lists of ten. */
function history(exchanges: readonly Exchange[]): Old[] {
  const sent = exchanges.filter(({ method, path, status }) =>
    method === "POST" && path === "messages" && status === 200
  );
  const firstId = Math.min(...sent.map(({ body }) => (body as { id: number }).id));
  const shown = new Map(exchanges.flatMap(({ body }) => messagesOf(body)).map((message) => [message.id, message]));
  const dm = (id: number, to: number, content: string, atS: number) => ({
    id,
    form: { type: "direct", to: `[${to}]`, content },
    atS,
  });
  const old: Old[] = shown.values().filter((message) => message.id < firstId)
    .map((message) => dm(message.id, otherOf(message), plain(message.content), message.timestamp)).toArray();
  const cutOut = [[655, MENTOR_1], [657, MENTOR_1], [659, MENTOR_1], [687, MENTOR_2], [688, MENTOR_2]] as const;
  const times = new Map(old.map(({ id, atS }) => [id, atS]));
  for (const [id, to] of cutOut) old.push(dm(id, to, `cut out of a list (${id})`, times.get(653) ?? 0));
  old.push({
    id: 28,
    form: { type: "channel", to: '"NEET 2027 B"', topic: "hello", content: "the channel's first" },
    atS: times.get(5) ?? 0,
  });
  return old.sort((a, b) => a.id - b.id);
}

function otherOf(message: RecordedMessage): number {
  const people = message.display_recipient as { id: number }[];
  return people.find(({ id }) => id !== BOT)?.id ?? BOT;
}

/** The text behind what was shown as HTML. */
function plain(content: string): string {
  return content.replace(/^<p>(.*)<\/p>$/s, "$1");
}
