/** As in sql/state/stands_in.ts: letters of words that have ends. */
const LETTER = /[a-zA-Z0-9\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]/;
const BEGINNING = 3;

/**
 * Many names, to be looked for in many texts: whole words only, where the script has such. Fifty thousand names in a thousand texts are
 * a second's work; one by one in the database they were forty.
 */
export class NamesInTexts {
  readonly #byBeginning = new Map<string, string[]>();

  constructor(names: Iterable<string>) {
    for (const name of names) {
      if (name === "") continue;
      const beginning = name.slice(0, BEGINNING);
      const alike = this.#byBeginning.get(beginning);
      if (alike === undefined) this.#byBeginning.set(beginning, [name]);
      else alike.push(name);
    }
  }

  /** Whether one of the names stands in the text. */
  isOneIn(text: string): boolean {
    for (let at = 0; at < text.length; at++) {
      for (let length = 1; length <= BEGINNING; length++) {
        const names = this.#byBeginning.get(text.slice(at, at + length));
        if (names?.some((name) => standsAt(text, name, at))) return true;
      }
    }
    return false;
  }
}

function standsAt(text: string, name: string, at: number): boolean {
  if (!text.startsWith(name, at)) return false;
  const end = at + name.length;
  return !(isLetter(name[0]) && isLetter(text[at - 1])) && !(isLetter(name.at(-1)) && isLetter(text[end]));
}

const isLetter = (sign: string | undefined) => sign !== undefined && LETTER.test(sign);
