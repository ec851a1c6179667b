/** ASCII letters to a token; words have about four, numbers and signs fewer. */
const LETTERS_PER_TOKEN = 3;
/** Tokens that a letter of another script may need. */
const TOKENS_PER_LETTER = 2;

/** About how many tokens of a language model a text has: an estimate, which no tokenizer was asked for. Text that is mostly numbers has more. */
export function tokensIn(text: string): number {
  let plain = 0, other = 0;
  for (const letter of text) {
    if (letter.charCodeAt(0) < 128) plain++;
    else other++;
  }
  return Math.ceil(plain / LETTERS_PER_TOKEN) + other * TOKENS_PER_LETTER;
}
