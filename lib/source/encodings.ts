/** PostgreSQL's names of encodings that the platform decodes under another name; ISO names follow a rule. */
const LABELS: Readonly<Record<string, string>> = {
  LATIN1: "iso-8859-1",
  LATIN2: "iso-8859-2",
  LATIN3: "iso-8859-3",
  LATIN4: "iso-8859-4",
  LATIN5: "iso-8859-9",
  LATIN6: "iso-8859-10",
  LATIN7: "iso-8859-13",
  LATIN8: "iso-8859-14",
  LATIN9: "iso-8859-15",
  LATIN10: "iso-8859-16",
  ISO_8859_5: "iso-8859-5",
  ISO_8859_6: "iso-8859-6",
  ISO_8859_7: "iso-8859-7",
  ISO_8859_8: "iso-8859-8",
  KOI8R: "koi8-r",
  KOI8U: "koi8-u",
  EUC_JP: "euc-jp",
  EUC_CN: "gbk",
  EUC_KR: "euc-kr",
  WIN866: "ibm866",
  WIN874: "windows-874",
};

/**
 * Text out of the bytes of a server with this encoding; bytes that are none in it become U+FFFD. SQL_ASCII says nothing of its
 * bytes: they are read as UTF-8, which most programs write.
 */
export function textDecoder(encoding: string): (bytes: Uint8Array) => string {
  const name = encoding.toUpperCase();
  const windows = /^WIN(125\d)$/.exec(name);
  const decoder = new TextDecoder(windows === null ? LABELS[name] ?? "utf-8" : `windows-${windows[1]}`, {
    ignoreBOM: true,
  });
  return (bytes) => decoder.decode(bytes);
}
