import { channelsOfDeliveries } from "../../sql/state/reconcile.ts";
import { type EpochMicros, MICROS_PER_SECOND } from "../model/time.ts";
import { ZulipError } from "../base/errors.ts";
import type { Fallback } from "../config/config.ts";
import type { StateDb } from "../state/state_db.ts";
import type { LookUpTarget, ReadMessage, ZulipApi } from "../bot/zulip_api.ts";
import { adoptChannelRows } from "./adopt_channel_rows.ts";
import { markSeen, newSeenTally, type SeenDeps, type SeenTally } from "./seen_messages.ts";

export interface ScanDeps extends SeenDeps {
  readonly zulip: ZulipApi;
}

export interface Scan {
  readonly since: EpochMicros;
  readonly source: string;
  readonly fallback: Fallback;
  /** Besides the direct messages; where the bot can read nothing there is nothing to find. */
  readonly channels: readonly string[];
  /** False: the newest of each place are enough when all of them are known as sent. */
  readonly whole: boolean;
  readonly dryRun: boolean;
  readonly acceptedThrough: string | null;
  /** Hears each marker that the state does not know, accepted or not. */
  readonly onUnknown?: (marker: string) => void;
}

/** Read at first; more only when something is amiss. */
const FIRST_LOOK = 200;
const PAGE = 500;

/**
 * Reads what the bot sent, to people and in channels, and marks as sent what the state does not know as sent. Throws ZulipError when
 * Zulip is away.
 */
export async function scanOwnMessages(deps: ScanDeps, scan: Scan, signal?: AbortSignal): Promise<SeenTally> {
  const tally = newSeenTally();
  await scanPlace(deps, undefined, scan, tally, signal);
  for (const channel of scan.channels) {
    try {
      await scanChannel(deps, channel, scan, tally, signal);
    } catch (error) {
      // Renamed, archived, or not for this bot: nothing of it can be read.
      if (!(error instanceof ZulipError) || error.reason !== "failed" || error.retryAfterMs !== null) throw error;
    }
  }
  return tally;
}

async function scanChannel(
  deps: ScanDeps,
  channel: string,
  scan: Scan,
  tally: SeenTally,
  signal?: AbortSignal,
): Promise<void> {
  const target = { type: "channel", channel } as const;
  const before = { ...tally };
  const foreign = new Set<string>();
  await scanPlace(deps, target, scan, tally, signal, (marker) => foreign.add(marker));
  if (foreign.size === 0 || scan.dryRun || scan.fallback?.channel.toLowerCase() !== channel.toLowerCase()) return;
  if (await adoptChannelRows(deps, scan.source, scan.fallback, foreign) === 0) return;
  // Looked at once more, now that they are known.
  const { reconciled } = tally;
  Object.assign(tally, before);
  await scanPlace(deps, target, { ...scan, whole: true }, tally, signal);
  tally.reconciled += reconciled - before.reconciled;
}

async function scanPlace(
  deps: ScanDeps,
  target: LookUpTarget | undefined,
  { since, whole, dryRun, acceptedThrough, onUnknown = () => {} }: Scan,
  tally: SeenTally,
  signal?: AbortSignal,
  alsoForeign: (marker: string) => void = () => {},
): Promise<void> {
  let page: ReadMessage[] = [];
  let read = 0;
  const flush = async () => {
    const onForeign = (marker: string) => {
      onUnknown(marker);
      alsoForeign(marker);
    };
    await markSeen(deps, page, tally, { dryRun, acceptedThrough, onForeign, onAccepted: onUnknown });
    page = [];
  };
  const amiss = () => whole || tally.foreign > 0 || tally.reconciled > 0;
  for await (const message of deps.zulip.ownMessages(target, Math.floor(since / MICROS_PER_SECOND), signal)) {
    page.push(message);
    read++;
    if (page.length < (amiss() ? PAGE : FIRST_LOOK)) continue;
    await flush();
    // The newest are all known as sent: so is what came before them.
    if (!amiss() && read >= FIRST_LOOK) return;
  }
  await flush();
}

/** The channels to read: the one that the configuration names, and those that deliveries since then name. */
export async function channelsToScan(
  db: Pick<StateDb, "sql">,
  source: string | null,
  fallback: { readonly channel: string } | null,
  since: EpochMicros,
): Promise<string[]> {
  const rows = await channelsOfDeliveries(db.sql, source, since);
  const names = [...(fallback === null ? [] : [fallback.channel]), ...rows.map((row) => row.channel)];
  return [...new Map(names.map((name) => [name.toLowerCase(), name])).values()];
}
