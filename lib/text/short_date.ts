const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `3 Mar`: an ISO date for people, where the year is clear. */
export function shortDate(date: string): string {
  const { day, month } = Temporal.PlainDate.from(date);
  return `${day} ${MONTHS[month - 1]}`;
}
