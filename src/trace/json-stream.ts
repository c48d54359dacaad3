import { FaasmemError } from "../base/errors.ts";

/** What is found in a JSON text, in its order. */
export interface JsonHandler {
  open: (kind: "{" | "[") => void;
  close: () => void;
  key: (name: string) => void;
  value: (value: string | number | boolean | null) => void;
}

const WORDS: Record<string, boolean | null> = { true: true, false: false, null: null };
const DEEPEST = 64;
/** Characters of one string or number. */
const LONGEST = 1 << 20;

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d];
/** Of a number or a word. */
const isBare = (byte: number) =>
  byte !== COMMA && byte !== CLOSE_ARRAY && byte !== CLOSE_OBJECT && !isSpace(byte);
const isSpace = (byte: number) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * Reads JSON that is too large for memory, chunk by chunk. What comes where is checked as far as a cut or garbled file needs:
 * nesting, keys only in objects, one value to a key, and an end.
 *
 * @example
 * const stream = new JsonStream(handler);
 * for await (const chunk of file) stream.write(chunk);
 * stream.end();
 */
export class JsonStream {
  readonly #handler: JsonHandler;
  #stack: ("{" | "[")[] = [];
  /** In an object: a key comes next. */
  #wantsKey = false;
  /** A key or a value is complete, and its colon or comma has not come yet. */
  #complete = false;
  /** An object or array has just begun. */
  #fresh = false;
  #bytes = 0;
  #token: Uint8Array[] = [];
  #inString = false;
  #inBare = false;
  #escaped = false;

  constructor(handler: JsonHandler) {
    this.#handler = handler;
  }

  /** @throws FaasmemError BAD_TRACE with the place */
  write(chunk: Buffer): void {
    let from = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) {
          this.#inString = false;
          this.#text(JSON.parse(this.#take(chunk, from, i + 1, "utf8")), i);
        }
        continue;
      }
      if (this.#inBare) {
        if (isBare(byte)) continue;
        this.#inBare = false;
        this.#bare(this.#take(chunk, from, i, "latin1"), i);
      }
      if (isSpace(byte)) continue;
      if (byte === QUOTE) {
        // Most texts are short, whole, and without anything escaped.
        const end = chunk.indexOf(QUOTE, i + 1);
        const text = end > 0 ? chunk.toString("utf8", i + 1, end) : undefined;
        if (text !== undefined && !text.includes("\\")) {
          this.#text(text, i);
          i = end;
          continue;
        }
        this.#inString = true;
        from = i;
      } else if (byte === COMMA || byte === COLON) this.#separator(byte, i);
      else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#open(byte === OPEN_OBJECT ? "{" : "[", i);
      else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY)
        this.#close(byte === CLOSE_OBJECT ? "{" : "[", i);
      else {
        let end = i + 1;
        while (end < chunk.length && isBare(chunk[end]!)) end++;
        if (end < chunk.length) {
          this.#bare(chunk.toString("latin1", i, end), i);
          i = end - 1;
          continue;
        }
        this.#inBare = true;
        from = i;
        break;
      }
    }
    if (this.#inString || this.#inBare) {
      this.#token.push(Buffer.from(chunk.subarray(from)));
      if (this.#token.reduce((sum, part) => sum + part.length, 0) > LONGEST)
        this.#bad(chunk.length, "a text without end");
    }
    this.#bytes += chunk.length;
  }

  /** @throws FaasmemError BAD_TRACE when the text is not complete */
  end(): void {
    if (this.#stack.length > 0 || this.#inString || this.#inBare || !this.#complete)
      this.#bad(0, "the file is cut off");
  }

  #bad(at: number, what: string): never {
    throw new FaasmemError("BAD_TRACE", `byte ${this.#bytes + at}: ${what}`, {
      fix: "give the whole file, as it was written",
    });
  }

  /** The token that ends before `to`; parts of it may be of earlier chunks. */
  #take(chunk: Buffer, from: number, to: number, encoding: "utf8" | "latin1"): string {
    const here = chunk.subarray(this.#token.length > 0 ? 0 : from, to);
    const whole =
      this.#token.length > 0
        ? Buffer.concat([...this.#token, here])
        : Buffer.from(here.buffer, here.byteOffset, here.length);
    this.#token = [];
    return whole.toString(encoding);
  }

  #text(text: string, at: number): void {
    if (!this.#wantsKey) {
      this.#value(text, at);
      return;
    }
    if (this.#complete) this.#bad(at, "expected a colon");
    this.#complete = true;
    this.#fresh = false;
    this.#handler.key(text);
  }

  #bare(text: string, at: number): void {
    const number = Number(text);
    if (Number.isFinite(number)) this.#value(number, at);
    else if (Object.hasOwn(WORDS, text)) this.#value(WORDS[text]!, at);
    else this.#bad(at, `"${text.slice(0, 40)}" is no value`);
  }

  #value(value: string | number | boolean | null, at: number): void {
    this.#begin(at);
    this.#complete = true;
    this.#fresh = false;
    this.#handler.value(value);
  }

  #begin(at: number): void {
    if (this.#complete) this.#bad(at, "expected a comma");
    if (this.#wantsKey) this.#bad(at, "expected a key");
  }

  #separator(byte: number, at: number): void {
    const expected = this.#complete && (byte === COLON) === this.#wantsKey && this.#stack.length > 0;
    if (!expected || (byte === COLON && this.#stack.at(-1) !== "{"))
      this.#bad(at, `"${byte === COLON ? ":" : ","}" has no place here`);
    this.#complete = false;
    this.#wantsKey = byte === COMMA && this.#stack.at(-1) === "{";
  }

  #open(kind: "{" | "[", at: number): void {
    this.#begin(at);
    if (this.#stack.push(kind) > DEEPEST) this.#bad(at, "it is nested too deep");
    this.#wantsKey = kind === "{";
    this.#fresh = true;
    this.#handler.open(kind);
  }

  #close(kind: "{" | "[", at: number): void {
    const whole = this.#fresh || (this.#complete && !this.#wantsKey);
    if (this.#stack.pop() !== kind || !whole) this.#bad(at, "a bracket has no place here");
    this.#fresh = false;
    this.#wantsKey = false;
    this.#complete = true;
    this.#handler.close();
  }
}
