/** Prints the failed tests of a JUnit report and `N passed, N failed`; skipped ones are named. */
const xml = await Bun.file(process.argv[2]!).text();
let [passed, failed, skipped] = [0, 0, 0];
const attribute = (tag: string, name: string) =>
  (new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? "")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&");
for (const [, tag, body] of xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
  const name = `${attribute(tag!, "file")}: ${attribute(tag!, "name")}`;
  const inner = body ?? "";
  if (inner.includes("<failure") || inner.includes("<error")) {
    failed++;
    console.log(`FAIL  ${name}`);
  } else if (inner.includes("<skipped")) {
    skipped++;
    console.log(`skip  ${name}`);
  } else passed++;
}
if (skipped) console.log(`${skipped} skipped`);
console.log(`${passed} passed, ${failed} failed`);

export {};
