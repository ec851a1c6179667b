const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (n: number) => String(n).padStart(2, "0");

let last = { second: NaN, headers: { Date: "" } };

/** The `Date` that every HTTP server sends; made once a second. */
export function dateHeader(nowMs: number): { readonly Date: string } {
  const second = Math.floor(nowMs / 1000);
  if (second !== last.second) {
    const at = Temporal.Instant.fromEpochMilliseconds(second * 1000).toZonedDateTimeISO("UTC");
    const text = `${DAYS[at.dayOfWeek - 1]}, ${two(at.day)} ${MONTHS[at.month - 1]} ${at.year} ` +
      `${two(at.hour)}:${two(at.minute)}:${two(at.second)} GMT`;
    last = { second, headers: { Date: text } };
  }
  return last.headers;
}
