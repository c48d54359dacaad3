/** Prints the failed tests of a JUnit report, the files whose tests took longest (each counts, also at the same time), and `N passed, N failed`; skipped ones are named. */
const xml = await Bun.file(process.argv[2]!).text();
let [passed, failed, skipped] = [0, 0, 0];
const seconds = new Map<string, number>();
const attribute = (tag: string, name: string) =>
  (new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? "")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&");
for (const [, tag, body] of xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
  const file = attribute(tag!, "file");
  const name = `${file}: ${attribute(tag!, "name")}`;
  seconds.set(file, (seconds.get(file) ?? 0) + Number(attribute(tag!, "time")));
  const inner = body ?? "";
  if (inner.includes("<failure") || inner.includes("<error")) {
    failed++;
    console.log(`FAIL  ${name}`);
  } else if (inner.includes("<skipped")) {
    skipped++;
    console.log(`skip  ${name}`);
  } else passed++;
}
const longest = [...seconds].sort(([, a], [, b]) => b - a).slice(0, 8);
for (const [file, took] of longest) console.log(`${took.toFixed(0).padStart(5)} s  ${file}`);
if (skipped) console.log(`${skipped} skipped`);
console.log(`${passed} passed, ${failed} failed`);

export {};
