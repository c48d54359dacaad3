import { INK, LIMIT, MUTED } from "../draw/style.ts";
import { FONT_FAMILY, type Typeface } from "../font/source-sans.ts";

/** The page's looks: readable on a phone, in the dark and on paper. Fonts stand inside: nothing is fetched. */
export function pageStyle({ files }: Typeface): string {
  const face = (weight: number, file: Uint8Array) =>
    `@font-face{font-family:"${FONT_FAMILY}";font-weight:${weight};src:url(data:font/woff;base64,${Buffer.from(file).toString("base64")}) format("woff")}`;
  return `${face(400, files.regular)}
${face(600, files.bold)}
${RULES}`;
}

const RULES = `
:root{color-scheme:light dark;--paper:#fff;--card:#f6f7f8;--ink:${INK};--muted:${MUTED};--line:#d5d8dc;--good:#00694e;--part:#8a5a00;--bad:#a3182a;--limit:${LIMIT}}
@media (prefers-color-scheme:dark){:root{--paper:#14171a;--card:#1e2226;--ink:#eceff1;--muted:#b0b7be;--line:#3a4148;--good:#4fd1a5;--part:#f0b94d;--bad:#ff8a8a;--limit:#ff7b86}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1rem;max-width:75rem;background:var(--paper);color:var(--ink);font:400 1rem/1.5 "${FONT_FAMILY}",system-ui,sans-serif;overflow-wrap:anywhere}
h1,h2,h3{font-weight:600;line-height:1.25;margin:1.5em 0 .4em}
h1{font-size:1.7rem;margin-top:.5em}h2{font-size:1.3rem}h3{font-size:1.08rem;margin:0}
p{margin:.4em 0}
.muted{color:var(--muted)}
.claims{display:grid;gap:.8rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,28rem),1fr))}
.claim{background:var(--card);border-left:.35rem solid var(--muted);border-radius:.3rem;padding:.7rem .9rem}
.claim header{display:flex;flex-wrap:wrap;gap:.2rem .8rem;justify-content:space-between;align-items:baseline}
.claim dl{margin:.5em 0 0}.claim dt{font-weight:600;font-size:.9rem;margin-top:.45em}.claim dd{margin:0}
.verdict{font-weight:600;white-space:nowrap}
.reproduced{border-color:var(--good)}.reproduced .verdict{color:var(--good)}
.partly{border-color:var(--part)}.partly .verdict{color:var(--part)}
.not-reproduced{border-color:var(--bad)}.not-reproduced .verdict{color:var(--bad)}
.not-measured .verdict{color:var(--muted)}
code{font:.88em/1.45 ui-monospace,monospace;background:var(--card);border-radius:.2rem;padding:.05em .25em}
.claim code{background:var(--paper)}
.figures{display:grid;gap:1rem;align-items:start;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr))}
figure{margin:0}
figure svg{display:block;width:100%;max-width:34rem;height:auto}
figure.wide{grid-column:1/-1;overflow-x:auto}figure.wide svg{min-width:44rem;max-width:68rem}
figure svg [fill="${INK}"]{fill:var(--ink)}figure svg [stroke="${INK}"]{stroke:var(--ink)}
figure svg [fill="${MUTED}"]{fill:var(--muted)}figure svg [stroke="${MUTED}"]{stroke:var(--muted)}
figure svg [stroke="${LIMIT}"]{stroke:var(--limit)}figure svg [fill="${LIMIT}"]{fill:var(--limit)}
details{margin:.6rem 0}summary{cursor:pointer;font-weight:600}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem;overflow-wrap:normal}
caption{text-align:left;font-weight:600;padding:.4em 0}
th,td{padding:.25em .6em;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
th{font-weight:600;border-bottom:2px solid var(--muted)}
td.number,th.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
@media print{:root{color-scheme:light;--paper:#fff;--card:#fff;--ink:${INK};--muted:${MUTED};--line:#bbb;--good:#00694e;--part:#8a5a00;--bad:#a3182a;--limit:${LIMIT}}
body{max-width:none;padding:0;font-size:10pt}
.claim,figure{break-inside:avoid}.claim{border:1px solid var(--line);border-left-width:.35rem}h2,h3{break-after:avoid}
section>p{break-after:avoid}.scroll{overflow:visible}table{font-size:7.5pt}th,td{padding:.15em .4em}
figure.wide svg{min-width:0}.claims,.figures{grid-template-columns:1fr 1fr}details::details-content{content-visibility:visible;block-size:auto}}
`;
