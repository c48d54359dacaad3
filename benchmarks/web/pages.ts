import { random } from "../../src/base/random.ts";

const WORDS =
  "memory page cold warm request server function pool node remote local fault barrier window idle burst trace latency cost cloud".split(
    " ",
  );

/**
 * One HTML page of about `bytes` bytes: head, navigation, articles with tables and lists, footer. Built in
 * `buffer` and decoded once, so that no rope of small strings stays behind.
 */
export function htmlPage(seed: number, bytes: number, buffer: Buffer): string {
  const next = random(seed);
  const pick = () => WORDS[Math.floor(next() * WORDS.length)]!;
  const sentence = (words: number) => Array.from({ length: words }, pick).join(" ");
  let at = 0;
  const put = (text: string) => {
    at += buffer.write(text, at, "latin1");
  };
  put(
    `<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>${sentence(4)}</title></head>\n<body>\n`,
  );
  put(
    `<nav><ul>${Array.from({ length: 8 }, (_, i) => `<li><a href="/${i}">${pick()}</a></li>`).join("")}</ul></nav>\n<main>\n`,
  );
  for (let article = 0; at < bytes - 64; article++) {
    const row = `<tr><td>${pick()}</td><td>${Math.floor(next() * 1e6)}</td></tr>`;
    put(
      `<article id="a${article}"><h2>${sentence(5)}</h2><p>${sentence(90)}.</p><table>${row.repeat(3)}</table><p>${sentence(60)}.</p></article>\n`,
    );
  }
  put("</main>\n<footer>end</footer>\n</body>\n</html>\n");
  return buffer.toString("latin1", 0, at);
}

/** Room that a page of `bytes` bytes needs while it is built. */
const roomFor = (bytes: number): number => bytes + 8192;

/** `count` pages of 1 to 3 MiB each, the same for the same seed. */
export function htmlPages(seed: number, count: number): string[] {
  const next = random(seed);
  const buffer = Buffer.alloc(roomFor(3 * 1024 * 1024));
  return Array.from({ length: count }, (_, i) =>
    htmlPage(seed + i + 1, Math.floor((1 + 2 * next()) * 1024 * 1024), buffer),
  );
}
