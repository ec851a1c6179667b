import type { AttemptRow } from "../../model/attempt.ts";
import type { DetectedEvent, EventMetadata, LmsId } from "../../model/event.ts";
import type { Clock } from "../../base/clock.ts";
import { StateError } from "../../base/errors.ts";
import { erasureMark } from "../../../sql/state/erasures.ts";
import type { Queryable } from "../../../sql/state/queryable.ts";

export interface RecordOptions {
  /** lib/detect's; passed in because the store does not know the detector. */
  readonly metadataOf: (row: AttemptRow, event: DetectedEvent) => EventMetadata;
  readonly clock?: Clock;
}

/** What one call of recordBatch wrote. */
export interface Recorded {
  readonly events: number;
  /** Events that somebody is to be told about, and how many of them are rewritten (see isRewritten). */
  readonly toTell: number;
  readonly rewrittenToTell: number;
  /** Recipients (`mentor:<id>`) with something new to tell. */
  readonly recipients: readonly string[];
  /** Rows that the state database refused, now in quarantine; their state and events were not written. */
  readonly refused: readonly { readonly id: LmsId; readonly reason: string }[];
}

/**
 * The row states changed between reading and recording them, or were recorded already: after a commit whose outcome was
 * unknown, say. Nothing was written. Read the states again, and compare again.
 */
export class StaleBatchError extends StateError {}

export function staleRows(cause: unknown): StaleBatchError {
  return new StaleBatchError("Cannot record a batch: its rows changed in the state database since they were read", {
    cause,
    hint: "the next poll compares again and finds the rest",
  });
}

/**
 * Throws StaleBatchError when somebody was erased since the batch was made: it may name them. Ask in a transaction that an erasure
 * waits for.
 */
export async function refuseErased(tx: Queryable, { erasures }: { readonly erasures?: string }): Promise<void> {
  if (erasures === undefined) return;
  const [now] = await erasureMark(tx);
  if (now?.mark === erasures) return;
  throw new StaleBatchError("Cannot record a batch: somebody was erased since it was read from the LMS", {
    hint: "the next poll reads again, without whoever was erased",
  });
}
