import {
  archiveChannel,
  channelId,
  channelMembers,
  isSubscribed,
  listChannels,
  oneChannel,
  ownSubscriptions,
  subscribe,
  unsubscribe,
} from "./zulip_stand_in_channels.ts";
import {
  changeFlags,
  deleteMessage,
  editMessage,
  messagePage,
  oneMessage,
  react,
  readReceipts,
  renderMarkdown,
} from "./zulip_stand_in_messages.ts";
import { required } from "./zulip_stand_in_params.ts";
import type { StandInRealm } from "./zulip_stand_in_realm.ts";
import { RealmError, type StandInMessage, type StandInUser } from "./zulip_stand_in_types.ts";
import { listUsers, oneUser, ownUser } from "./zulip_stand_in_users.ts";

/** One call by somebody who has been let in. */
export interface Call {
  readonly realm: StandInRealm;
  readonly user: StandInUser;
  /** Of the query, or of the form. */
  readonly params: URLSearchParams;
  /** The parts of the path that the endpoint's pattern captures. */
  readonly path: readonly string[];
  readonly nowMs: number;
  /** The program that calls, by its User-Agent. */
  readonly client: string;
  onMessage(message: StandInMessage): void;
}

export interface Endpoint {
  /** What it understands; everything else is named as ignored in its answer. */
  readonly params: ReadonlySet<string>;
  /** Counted by itself, apart from the user's other calls. */
  readonly ownRate?: boolean;
  answer(call: Call): Record<string, unknown>;
}

export interface EndpointGroup {
  readonly pattern: RegExp;
  /** In the order in which Zulip lists them. */
  readonly methods: Readonly<Record<string, Endpoint>>;
}

export const ENDPOINTS: readonly EndpointGroup[] = [
  at("/messages", {
    GET: endpoint(
      "anchor anchor_date include_anchor num_before num_after narrow client_gravatar apply_markdown " +
        "use_first_unread_anchor message_ids allow_empty_topic_name",
      ({ realm, user, params }) => messagePage(realm, user, params),
    ),
    POST: endpoint("type to topic content queue_id local_id read_by_sender widget_content", (call) => {
      const message = call.realm.post(call.user, call.params, call.nowMs, call.client);
      call.onMessage(message);
      return { id: message.id };
    }),
  }),
  at("/messages/render", {
    POST: endpoint("content", ({ params }) => ({ rendered: renderMarkdown(required(params, "content")) })),
  }),
  at("/messages/flags", {
    POST: endpoint("messages op flag", ({ realm, user, params }) => changeFlags(realm, user, params)),
  }),
  at("/messages/(\\d+)", {
    GET: endpoint(
      "apply_markdown allow_empty_topic_name",
      ({ realm, user, params, path }) => oneMessage(realm, user, params, Number(path[0])),
    ),
    PATCH: endpoint(
      "content topic propagate_mode send_notification_to_old_thread send_notification_to_new_thread stream_id",
      ({ realm, user, params, path, nowMs }) => editMessage(realm, user, params, Number(path[0]), nowMs),
    ),
    DELETE: endpoint("", ({ realm, user, path }) => deleteMessage(realm, user, Number(path[0]))),
  }),
  at("/messages/(\\d+)/reactions", {
    POST: endpoint(
      "emoji_name emoji_code reaction_type",
      ({ realm, user, params, path }) => react(realm, user, params, Number(path[0])),
    ),
  }),
  at("/messages/(\\d+)/read_receipts", {
    GET: endpoint("", ({ realm, user, path }) => readReceipts(realm, user, Number(path[0]))),
  }),
  at("/users", {
    GET: endpoint(
      "client_gravatar include_custom_profile_fields",
      ({ realm, user, params }) => listUsers(realm, user, params),
    ),
  }),
  at("/users/me", { GET: endpoint("", ({ realm, user }) => ownUser(realm, user)) }),
  at("/users/me/subscriptions", {
    GET: endpoint("include_subscribers", ({ realm, user, params }) => ownSubscriptions(realm, user, params)),
    POST: endpoint(
      "subscriptions principals invite_only history_public_to_subscribers authorization_errors_fatal announce",
      ({ realm, user, params, nowMs }) => subscribe(realm, user, params, nowMs),
    ),
    DELETE: endpoint("subscriptions principals", ({ realm, user, params }) => unsubscribe(realm, user, params)),
  }),
  at("/users/([^/]+)", {
    GET: endpoint(
      "client_gravatar include_custom_profile_fields",
      ({ realm, user, params, path }) => oneUser(realm, user, params, decodeURIComponent(path[0] ?? "")),
    ),
  }),
  at("/users/(\\d+)/subscriptions/(\\d+)", {
    GET: endpoint("", ({ realm, user, path }) => isSubscribed(realm, user, Number(path[0]), Number(path[1]))),
  }),
  at("/streams", {
    GET: endpoint(
      "include_public include_subscribed include_owner_subscribed exclude_archived include_web_public include_default",
      ({ realm, user, params }) => listChannels(realm, user, params),
    ),
  }),
  at("/streams/(\\d+)", {
    GET: endpoint("", ({ realm, user, path }) => oneChannel(realm, user, Number(path[0]))),
    DELETE: endpoint("", ({ realm, user, path }) => archiveChannel(realm, user, Number(path[0]))),
  }),
  at("/streams/(\\d+)/members", {
    GET: endpoint("", ({ realm, user, path }) => channelMembers(realm, user, Number(path[0]))),
  }),
  at("/get_stream_id", {
    GET: endpoint("stream", ({ realm, user, params }) => channelId(realm, user, params)),
  }),
  at("/events", {
    // No queues are kept here: every queue has been forgotten, as it is after ten minutes of not asking.
    GET: {
      ...endpoint("queue_id last_event_id dont_block", ({ params }) => {
        const queue = required(params, "queue_id");
        throw new RealmError("BAD_EVENT_QUEUE_ID", `Bad event queue ID: ${queue}`, { queue_id: queue });
      }),
      ownRate: true,
    },
  }),
];

function at(path: string, methods: Readonly<Record<string, Endpoint>>): EndpointGroup {
  return { pattern: new RegExp(`^${path}$`), methods };
}

function endpoint(params: string, answer: (call: Call) => Record<string, unknown>): Endpoint {
  return { params: new Set(params.split(" ")), answer };
}
