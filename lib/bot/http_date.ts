import { daysFromCivil } from "../model/time.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const FORM = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/;

/** Seconds since 1970 of an HTTP `Date` header (RFC 9110), `null` when there is none or it is something else. */
export function httpDateS(header: string | null): number | null {
  const found = FORM.exec(header ?? "");
  if (found === null) return null;
  const [, day = "", month = "", year = "", hour = "", minute = "", second = ""] = found;
  const monthNumber = MONTHS.indexOf(month) + 1;
  if (monthNumber === 0) return null;
  const days = daysFromCivil(Number(year), monthNumber, Number(day));
  return days * 86_400 + Number(hour) * 3600 + Number(minute) * 60 + Number(second);
}
