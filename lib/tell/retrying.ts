/**
 * Deadlock, serialization failure, and the unique index that keeps two mentors with one account from being told twice: whoever
 * loses such a race reads again what is there, and finds it settled.
 */
const RACES = new Set(["40P01", "40001", "23505"]);
const TRIES = 6;

/** Runs a whole transaction again when it lost a race; every other error is the caller's. */
export async function retrying<T>(transaction: () => Promise<T>): Promise<T> {
  for (let tries = 1;; tries++) {
    try {
      return await transaction();
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      if (!RACES.has(code) || tries >= TRIES) throw error;
    }
  }
}
