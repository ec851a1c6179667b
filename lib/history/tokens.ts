/** ASCII letters that make a token at least; real ones have about four. */
const LETTERS_PER_TOKEN = 3;
/** Tokens that a letter of another script may need. */
const TOKENS_PER_LETTER = 2;

/** How many tokens of a language model a text is at most, for the usual tokenizers: an estimate that errs on the high side. */
export function tokensIn(text: string): number {
  let plain = 0, other = 0;
  for (const letter of text) {
    if (letter.charCodeAt(0) < 128) plain++;
    else other++;
  }
  return Math.ceil(plain / LETTERS_PER_TOKEN) + other * TOKENS_PER_LETTER;
}
