import { canOpen, hasCopy, hasRead } from "./zulip_stand_in_access.ts";
import { findMessages } from "./zulip_stand_in_pages.ts";
import { flag, list, refused, required } from "./zulip_stand_in_params.ts";
import { checkContent, checkTopic } from "./zulip_stand_in_post_checks.ts";
import type { StandInRealm } from "./zulip_stand_in_realm.ts";
import {
  type MessageEdit,
  type MessageReaction,
  RealmError,
  type StandInMessage,
  type StandInUser,
} from "./zulip_stand_in_types.ts";
import { avatarUrl } from "./zulip_stand_in_users.ts";

type Body = Record<string, unknown>;

/** Zulip knows thousands; these are the ones that anybody here uses. */
const EMOJI: Readonly<Record<string, string>> = { "+1": "1f44d", eyes: "1f440", check: "2705", tada: "1f389" };

/** GET /messages. */
export function messagePage(realm: StandInRealm, viewer: StandInUser, query: URLSearchParams): Body {
  const shown = shownAs(query);
  const page = findMessages(realm, viewer, query);
  return {
    ...(page.anchor === null ? {} : { anchor: page.anchor }),
    found_anchor: page.foundAnchor,
    found_newest: page.foundNewest,
    found_oldest: page.foundOldest,
    history_limited: false,
    messages: page.messages.map((message) => messageObject(realm, viewer, message, shown)),
  };
}

/** GET /messages/ID. */
export function oneMessage(realm: StandInRealm, viewer: StandInUser, query: URLSearchParams, id: number): Body {
  const message = opened(realm, viewer, id);
  return { message: messageObject(realm, viewer, message, shownAs(query)), raw_content: message.content };
}

/** PATCH /messages/ID: another text, or another topic for it, for those after it, or for all of its topic. */
export function editMessage(
  realm: StandInRealm,
  viewer: StandInUser,
  form: URLSearchParams,
  id: number,
  nowMs: number,
): Body {
  const message = opened(realm, viewer, id);
  const atS = Math.floor(nowMs / 1000);
  const content = form.get("content");
  if (content !== null) {
    if (message.senderId !== viewer.id) throw refused("You don't have permission to edit this message");
    const edit = { userId: viewer.id, atS, prevContent: message.content };
    message.content = checkContent(content);
    realm.edits.set(id, [edit, ...realm.edits.get(id) ?? []]);
  }
  const topic = form.get("topic");
  if (topic !== null) {
    if (message.channel === null || message.topic === null) throw refused("Direct messages cannot have topics.");
    const mode = form.get("propagate_mode") ?? "change_one";
    const only = (each: StandInMessage) =>
      mode === "change_all" || each.id === id || (mode === "change_later" && each.id > id);
    const to = checkTopic(topic, realm.featureLevel);
    realm.renameTopic(message.channel, message.topic, to, { only, userId: viewer.id, atS });
  }
  return { detached_uploads: [] };
}

/** DELETE /messages/ID: one's own, or as an administrator any that one can open. */
export function deleteMessage(realm: StandInRealm, viewer: StandInUser, id: number): Body {
  const message = opened(realm, viewer, id);
  if (message.senderId !== viewer.id && viewer.role > 200) {
    throw refused("You don't have permission to delete this message");
  }
  realm.delete(message);
  return {};
}

/** POST /messages/ID/reactions. */
export function react(realm: StandInRealm, viewer: StandInUser, form: URLSearchParams, id: number): Body {
  opened(realm, viewer, id);
  const emoji = required(form, "emoji_name");
  if (EMOJI[emoji] === undefined) throw refused(`Emoji '${emoji}' does not exist`);
  const there = realm.reactions.get(id) ?? [];
  if (there.some((each) => each.userId === viewer.id && each.emoji === emoji)) {
    throw new RealmError("REACTION_ALREADY_EXISTS", "Reaction already exists.");
  }
  realm.reactions.set(id, [...there, { userId: viewer.id, emoji }]);
  return {};
}

/** POST /messages/flags; of the flags only `read` is kept. */
export function changeFlags(realm: StandInRealm, viewer: StandInUser, form: URLSearchParams): Body {
  required(form, "messages");
  const ids = (list(form, "messages") ?? []).map(Number);
  const op = required(form, "op");
  const name = required(form, "flag");
  if (op !== "add" && op !== "remove") throw refused("Invalid message flag operation: '" + op + "'");
  for (const id of ids) {
    opened(realm, viewer, id);
    if (name !== "read") continue;
    const readers = realm.readers.get(id) ?? new Set();
    if (op === "add") readers.add(viewer.id);
    else readers.delete(viewer.id);
    realm.readers.set(id, readers);
  }
  return { messages: ids };
}

/** GET /messages/ID/read_receipts: who else has read it. */
export function readReceipts(realm: StandInRealm, viewer: StandInUser, id: number): Body {
  const message = opened(realm, viewer, id);
  const readers = [...realm.readers.get(id) ?? []].filter((userId) => userId !== message.senderId);
  return { user_ids: readers.sort((a, b) => a - b) };
}

function opened(realm: StandInRealm, viewer: StandInUser, id: number): StandInMessage {
  const message = realm.messages.find((each) => each.id === id);
  if (message === undefined || !canOpen(realm, viewer, message)) throw refused("Invalid message(s)");
  return message;
}

interface Shown {
  readonly markdown: boolean;
  readonly gravatar: boolean;
}

function shownAs(query: URLSearchParams): Shown {
  return { markdown: flag(query, "apply_markdown", true), gravatar: flag(query, "client_gravatar", true) };
}

function messageObject(realm: StandInRealm, viewer: StandInUser, message: StandInMessage, shown: Shown): Body {
  const sender = realm.users.get(message.senderId);
  const channel = message.channel === null ? undefined : realm.findChannel(message.channel);
  return {
    id: message.id,
    sender_id: message.senderId,
    content: shown.markdown ? renderMarkdown(message.content) : message.content,
    content_type: shown.markdown ? "text/html" : "text/x-markdown",
    recipient_id: recipientId(message, channel?.id),
    timestamp: message.timestamp,
    client: message.client,
    subject: message.topic ?? "",
    topic_links: [],
    ...editsOf(realm.edits.get(message.id) ?? []),
    is_me_message: message.content.startsWith("/me "),
    reactions: (realm.reactions.get(message.id) ?? []).map((reaction) => reactionObject(realm, reaction)),
    submessages: [],
    flags: flagsOf(realm, viewer, message),
    sender_full_name: sender?.fullName ?? "",
    sender_email: sender === undefined ? "" : realm.apiEmail(sender),
    sender_realm_str: "zulip",
    display_recipient: message.channel ?? people(realm, message.participants),
    type: message.type,
    ...(channel === undefined ? {} : { stream_id: channel.id }),
    avatar_url: sender === undefined ? null : avatarUrl(sender, shown.gravatar),
  };
}

function editsOf(edits: readonly MessageEdit[]): Body {
  const [last] = edits;
  if (last === undefined) return {};
  return {
    last_edit_timestamp: last.atS,
    edit_history: edits.map((edit) => ({
      user_id: edit.userId,
      timestamp: edit.atS,
      ...(edit.prevContent === undefined
        ? { prev_topic: edit.prevTopic, topic: edit.topic }
        : { prev_content: edit.prevContent, prev_rendered_content: renderMarkdown(edit.prevContent) }),
    })),
  };
}

function reactionObject(realm: StandInRealm, { userId, emoji }: MessageReaction): Body {
  const user = realm.users.get(userId);
  return {
    emoji_name: emoji,
    emoji_code: EMOJI[emoji],
    reaction_type: "unicode_emoji",
    user: { email: user === undefined ? "" : realm.apiEmail(user), id: userId, full_name: user?.fullName ?? "" },
    user_id: userId,
  };
}

/** A message seen without a copy of one's own counts as read, and says so. */
function flagsOf(realm: StandInRealm, viewer: StandInUser, message: StandInMessage): string[] {
  if (!hasCopy(realm, viewer, message)) return ["read", "historical"];
  return hasRead(realm, viewer, message) ? ["read"] : [];
}

/** Two people are listed by their addresses, more by their ids. */
function people(realm: StandInRealm, ids: readonly number[]): Body[] {
  const list = ids.map((id) => {
    const user = realm.users.get(id);
    const email = user === undefined ? "" : realm.apiEmail(user);
    return { id, email, full_name: user?.fullName ?? "", is_mirror_dummy: false };
  });
  return list.length === 2 ? list.sort((a, b) => a.email < b.email ? -1 : 1) : list;
}

/** One number per conversation; nothing may be read into it. */
function recipientId(message: StandInMessage, channel: number | undefined): number {
  if (channel !== undefined) return 1_000_000 + channel;
  return message.participants.reduce((sum, id) => (sum * 31 + id) % 1_000_000, 7);
}

/** The little of Zulip's Markdown that lmsmon's texts need: bold, code, links and numeric character references. */
export function renderMarkdown(content: string): string {
  const safe = content
    .replace(/&(?!#\d+;)/g, "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
  const inline = safe
    .replace(/`([^`\n]+)`/g, "<code>$1</code>")
    .replace(/\*\*([^*\n]+)\*\*/g, "<strong>$1</strong>")
    .replace(/\[([^\]\n]+)\]\((https?:[^)\s]+)\)/g, '<a href="$2">$1</a>');
  return `<p>${inline.replaceAll("\n", "<br>\n")}</p>`;
}
