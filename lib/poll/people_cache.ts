import type { LmsSource } from "../source/lms_source.ts";
import type { LmsId } from "../model/event.ts";
import type { MentorLinks, Person } from "../model/person.ts";
import { type ErasedPeople, NOBODY_ERASED } from "../privacy/erased_people.ts";

/** Students and their mentors as read during one poll: those asked for, and others that were read before. */
export interface PeopleOfBatch {
  readonly students: ReadonlyMap<LmsId, Person>;
  readonly mentors: ReadonlyMap<LmsId, Person>;
  readonly links: ReadonlyMap<LmsId, readonly LmsId[]>;
  /** Students and mentors read from the LMS just now, which the state may not have yet. */
  readonly fresh: readonly Person[];
  readonly freshLinks: ReadonlyMap<LmsId, readonly LmsId[]>;
}

/** Students kept at a time: enough for an institute, and a bound for memory (P8). */
const MAX_STUDENTS = 100_000;

/**
 * Reads each student, and who their mentors are, once a poll. A poll must see links that changed since the last one, so
 * the cache never outlives a poll.
 */
export class PeopleCache {
  #students = new Map<LmsId, Person>();
  /** Of every student that was asked for, also of one whom the LMS does not have. */
  #links = new Map<LmsId, readonly LmsId[]>();
  #mentors = new Map<LmsId, Person>();
  /** Of mentors that were asked for, also of those whom the LMS does not have. */
  #mentorsAsked = new Set<LmsId>();

  constructor(
    private readonly lms: Pick<LmsSource, "people" | "links">,
    /** Nobody who was erased is read into it. */
    private readonly erased: ErasedPeople = NOBODY_ERASED,
  ) {}

  /** People of these students and their mentors; throws LmsError. */
  async of(wanted: ReadonlySet<LmsId>): Promise<PeopleOfBatch> {
    if (this.#links.size + wanted.size > MAX_STUDENTS) {
      // New maps: batches that are still being recorded hold the old ones.
      this.#students = new Map();
      this.#links = new Map();
      this.#mentors = new Map();
      this.#mentorsAsked = new Set();
    }
    const unread = [...wanted].filter((id) => !this.#links.has(id));
    const fresh: Person[] = [];
    const freshLinks = new Map<LmsId, readonly LmsId[]>();
    if (unread.length > 0) {
      const [people, links] = await Promise.all([this.lms.people("student", unread), this.lms.links(unread)]);
      for (const id of unread) {
        const mentors = (links.get(id) ?? []).filter((mentor) => this.erased.tombstone("mentor", mentor) === null);
        this.#links.set(id, mentors);
        freshLinks.set(id, mentors);
      }
      for (const person of people) {
        if (this.erased.tombstone("student", person.id) !== null) continue;
        this.#students.set(person.id, person);
        fresh.push(person);
      }
      const mentorIds = [...new Set([...freshLinks.values()].flat())].filter((id) => !this.#mentorsAsked.has(id));
      if (mentorIds.length > 0) {
        for (const mentor of await this.lms.people("mentor", mentorIds)) {
          fresh.push(mentor);
          this.#mentors.set(mentor.id, mentor);
        }
        for (const id of mentorIds) this.#mentorsAsked.add(id);
      }
    }
    return { students: this.#students, mentors: this.#mentors, links: this.#links, fresh, freshLinks };
  }

  /**
   * The mentors of those of these students whom {@link of} has not read in this poll; of the others the state has them already. They are
   * not remembered: call it once for each student. Throws LmsError.
   */
  async unreadLinks(ids: readonly LmsId[]): Promise<MentorLinks> {
    const unread = ids.filter((id) => !this.#links.has(id));
    const links = unread.length === 0 ? new Map<LmsId, readonly LmsId[]>() : await this.lms.links(unread);
    return new Map(unread.map((id) => [id, links.get(id) ?? []]));
  }
}
