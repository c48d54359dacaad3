/** Where the published vocabulary has its special tokens. */
export const SPECIAL = { "[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103 } as const;
const LONGEST_WORD = 100;

/** Lower case without accents, spaces around punctuation and Chinese characters (BERT's basic tokenizer). */
function basicTokens(text: string): string[] {
  const plain = text
    .toLowerCase()
    .normalize("NFD")
    .replaceAll(/\p{Mn}/gu, "");
  return plain
    .replaceAll(/\[mask\]/g, " \u0001 ")
    .replaceAll(/([\p{P}\p{S}\u4e00-\u9fff])/gu, " $1 ")
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => (word === "\u0001" ? "[MASK]" : word));
}

/** WordPiece: longest piece of the vocabulary first (Wu et al., 2016). */
export class WordPiece {
  readonly #ids = new Map<string, number>();

  /** @param vocabulary one token for each number */
  constructor(vocabulary: readonly string[]) {
    for (const [id, token] of vocabulary.entries()) this.#ids.set(token, id);
  }

  /** Numbers of a text's tokens, with [CLS] before and [SEP] after; at most `most`. */
  encode(text: string, most: number): number[] {
    const pieces = basicTokens(text).flatMap((word) => this.#pieces(word));
    return [SPECIAL["[CLS]"], ...pieces.slice(0, most - 2), SPECIAL["[SEP]"]];
  }

  #pieces(word: string): number[] {
    if (word in SPECIAL) return [SPECIAL[word as keyof typeof SPECIAL]];
    if (word.length > LONGEST_WORD) return [SPECIAL["[UNK]"]];
    const found: number[] = [];
    for (let start = 0; start < word.length; ) {
      let end = word.length;
      let id: number | undefined;
      for (; end > start && id === undefined; end--) {
        id = this.#ids.get((start ? "##" : "") + word.slice(start, end));
        if (id !== undefined) break;
      }
      if (id === undefined) return [SPECIAL["[UNK]"]];
      found.push(id);
      start = end;
    }
    return found;
  }
}

/** A vocabulary of `size` tokens: special ones where they belong, letters, digits, and made-up syllables. */
export function generateVocabulary(size: number): string[] {
  const tokens = new Set<string>();
  const letters = [..."abcdefghijklmnopqrstuvwxyz0123456789"];
  const words =
    "the of and to in a is that it was for on as with he be by at his from are this but or which had you not all have one they an were we their has been more when would who will out about up them then she many some so these no time".split(
      " ",
    );
  const [starts, vowels, ends] = [
    [..."bcdfghjklmnprstvwz"],
    [..."aeiou"],
    ["", "n", "r", "s", "t", "l", "d"],
  ];
  const syllables = starts.flatMap((a) => vowels.flatMap((b) => ends.map((c) => a + b + c)));
  for (const one of [...letters, ..."!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~", ...words, ...syllables])
    tokens.add(one);
  for (const one of [...letters, ...syllables]) tokens.add(`##${one}`);
  for (const a of syllables) {
    for (const b of syllables) {
      if (tokens.size >= size) break;
      tokens.add(a + b);
    }
  }
  const list = [...tokens];
  const special = new Map<number, string>(Object.entries(SPECIAL).map(([token, id]) => [id, token]));
  const first = SPECIAL["[MASK]"] + 1;
  return Array.from({ length: size }, (_, id) =>
    id < first ? (special.get(id) ?? `[unused${id}]`) : list[id - first]!,
  );
}
