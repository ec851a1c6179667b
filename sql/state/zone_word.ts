/** Zones whose names PostgreSQL takes for abbreviations of a fixed offset, without summer time, by names of the same times. */
const NOT_ABBREVIATED: Readonly<Record<string, string>> = {
  CET: "Europe/Brussels",
  MET: "Europe/Brussels",
  EET: "Europe/Athens",
  WET: "Europe/Lisbon",
};

/**
 * What `at time zone` must be given for a zone that the program's own calendar knows. PostgreSQL reads two sorts of them otherwise than
 * all the rest of the world does: an offset (`+05:30`) is west of Greenwich there, and `CET` is an hour off in summer.
 */
export function zoneWord(zone: string): string {
  const [, sign = "", hours = "", minutes = "00"] = /^([+-])(\d\d)(?::?(\d\d))?$/.exec(zone) ?? [];
  if (sign !== "") return `<${sign}${hours}${minutes}>${sign === "+" ? "-" : "+"}${hours}:${minutes}`;
  return NOT_ABBREVIATED[zone.toUpperCase()] ?? zone;
}
