import type { Stream } from "../../../lib/poll/record/batch.ts";
import type { Lease } from "../../../lib/state/leases.ts";
import { acquireLease } from "../../../lib/state/leases.ts";
import { beginPoll } from "../../../lib/poll/record/poll_runs.ts";
import type { StateDb } from "../../../lib/state/state_db.ts";
import { ensureStreams } from "../../../lib/poll/record/streams.ts";

export interface Polling {
  readonly db: StateDb;
  readonly lease: Lease;
  readonly stream: Stream;
  readonly pollId: string;
}

/** Lease, exam stream and a poll under way. */
export async function startPolling(db: StateDb, source = "testpress"): Promise<Polling> {
  const { lease } = await acquireLease(db, source, "host:1:a", 60_000);
  if (!lease) throw new Error("no lease");
  const wanted = [{ kind: "exam", recipe: 1 }, { kind: "content", recipe: 1 }] as const;
  const [stream] = await ensureStreams(db, source, wanted, lease);
  if (!stream) throw new Error("no stream");
  return { db, lease, stream, pollId: await beginPoll(db, lease, "full") };
}
