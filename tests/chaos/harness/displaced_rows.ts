import type { Random } from "../../../lib/demo/random.ts";
import { deleteStatement, insertStatement, updateStatement } from "../../../sql/lms/write_statements.ts";
import {
  contentType,
  EVENING,
  examFinish,
  type LoadRow,
  ownerColumns,
  type Plan,
  rewrittenColumns,
  type RowKind,
  RUNNING,
  sameVersion,
  TABLE,
  type Version,
} from "./lms_rows.ts";
import type { Material } from "./material.ts";

/** Rows that vanish, come back, and whose ids are used again for somebody else: restores, reset sequences, re-syncs. */
export class DisplacedRows {
  constructor(
    private readonly random: Random,
    private readonly material: Material,
    private readonly rows: Readonly<Record<RowKind, Map<number, LoadRow>>>,
  ) {}

  /** A row is deleted: for good, or until `comesBack`. */
  vanishes(): Plan | null {
    const row = this.#pick((r) => r.present && !r.pinned);
    return row === null ? null : this.vanish(row);
  }

  vanish(row: LoadRow): Plan {
    return {
      name: `${row.kind} vanished`,
      counts: "vanished",
      statements: [deleteStatement("postgres", TABLE[row.kind], { id: row.id })],
      rows: [row],
      commit: () => {
        row.present = false;
        row.absences++;
      },
    };
  }

  /** A row that vanished is there again: as it was, or changed meanwhile. */
  comesBack(): Plan | null {
    const row = this.#pick((r) => !r.present);
    return row === null ? null : this.bringBack(row, this.random.chance(0.4));
  }

  bringBack(row: LoadRow, changed: boolean): Plan {
    const last = row.versions.at(-1) ?? RUNNING;
    const version = changed && !row.mirror ? this.#otherThan(row.kind, last) : last;
    const news = !sameVersion(version, last);
    const columns = news ? { ...row.columns, ...rewrittenColumns(row.kind, version, EVENING) } : row.columns;
    return {
      name: `${row.kind} came back ${news ? "changed" : "the same"}`,
      statements: [insertStatement("postgres", TABLE[row.kind], [columns])],
      rows: [row],
      commit: () => {
        row.columns = columns;
        row.present = true;
        row.history = false; // the first contact may have come while it was away
        if (news) row.versions.push(version);
      },
    };
  }

  /** An id is used again for another student or activity: deleted and inserted, edited in place, or long after it vanished. */
  reusesAnId(): Plan | null {
    const row = this.random.chance(0.25)
      ? this.#pick((r) => !r.present && !r.mirror)
      : this.#pick((r) => r.present && !r.pinned && !r.mirror);
    return row === null ? null : this.reuse(row);
  }

  reuse(old: LoadRow): Plan {
    const { kind, id } = old;
    const { student, activity } = this.#another(old);
    const last = old.versions.at(-1) ?? RUNNING;
    const roll = this.random.int(1, 100);
    // The same verdict and score as the attempt before had: only who it is tells the two apart.
    const version = roll <= 35 ? last : roll <= 70 ? this.#otherThan(kind, last) : RUNNING;
    const content = this.material.contents.find((each) => kind === "content" && each.id === activity);
    const columns = {
      ...old.columns,
      ...ownerColumns(kind, student, activity),
      ...content === undefined ? {} : { content_type: contentType(content) },
      ...rewrittenColumns(kind, version, EVENING),
    };
    const row: LoadRow = {
      ...{ kind, id, student, activity, live: content?.live ?? false, mirror: false, columns },
      ...{ versions: [version], former: [...old.former, old] },
      ...{ present: true, absences: 0, busy: false, pinned: false, history: false },
    };
    const inPlace = old.present && this.random.chance(0.5);
    const how = inPlace ? "in place" : old.present ? "deleted and inserted" : "after it vanished";
    const write = inPlace
      ? updateStatement("postgres", TABLE[kind], { id }, columns)
      : insertStatement("postgres", TABLE[kind], [columns]);
    return {
      name: `${kind} id used again ${how}`,
      counts: "reusedIds",
      statements: [
        ...old.present && !inPlace ? [deleteStatement("postgres", TABLE[kind], { id })] : [],
        write,
      ],
      rows: [old],
      commit: () => {
        old.present = false;
        this.rows[kind].set(id, row);
      },
    };
  }

  /** Another student, another activity, both, or now and then one who had the id before. */
  #another(row: LoadRow): { readonly student: number; readonly activity: number } {
    const [before] = row.former;
    if (before !== undefined && !isSameAttempt(before, row) && this.random.chance(0.2)) return before;
    for (;;) {
      const { student, exam } = this.material.nextResult();
      const activity = row.kind === "exam" ? exam : this.random.pick(this.material.contents).id;
      const found = this.random.pick([
        { student, activity },
        { student, activity: row.activity },
        { student: row.student, activity },
      ]);
      if (!isSameAttempt(found, row)) return found;
    }
  }

  #otherThan(kind: RowKind, last: Version): Version {
    if (kind === "content") return last.stage === "started" ? { ...RUNNING, stage: "finished" } : RUNNING;
    return examFinish(((last.score ?? 0) + this.random.int(1, 100)) % 101);
  }

  #pick(test: (row: LoadRow) => boolean): LoadRow | null {
    const kind = this.random.pick(["exam", "exam", "content"] as const);
    const free = [...this.rows[kind].values()].filter((row) => row.versions.length > 0 && !row.busy && test(row));
    return free.length === 0 ? null : this.random.pick(free);
  }
}

type Owner = Pick<LoadRow, "student" | "activity">;

export const isSameAttempt = (a: Owner, b: Owner) => a.student === b.student && a.activity === b.activity;
