/**
 * A time zone in which today is the day of UTC, and stays so for an hour at least. A test that is about days must not see one end: what it
 * wrote as of today would be of yesterday by the time that somebody looks at it.
 */
export function farFromMidnight(): string {
  return Temporal.Now.zonedDateTimeISO("UTC").hour === 23 ? "Etc/GMT+2" : "UTC";
}
