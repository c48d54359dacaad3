import type { Judged } from "../claims/judge.ts";
import { dateText } from "../data/provenance.ts";
import { isNumeric, shownValue, type Table } from "../data/table.ts";
import { drawFigure, type Figure } from "../draw/figure.ts";
import { COLUMN } from "../draw/style.ts";
import { svgInline } from "../export/svg.ts";
import { typeface } from "../font/source-sans.ts";
import { READING, type ReportContent, type RunLine, type Section, summaryOf } from "./content.ts";
import { pageStyle } from "./css.ts";
import { Html, html } from "./html-text.ts";

const MARKS: Record<Judged["verdict"], string> = {
  reproduced: "✓",
  partly: "≈",
  "not reproduced": "✗",
  "not measured": "–",
};

/** The report as one HTML file that fetches nothing and runs nothing. */
export async function htmlReport(content: ReportContent): Promise<string> {
  const style = new Html(pageStyle(await typeface()));
  const sections: Html[] = [];
  for (const section of content.sections) sections.push(await sectionOf(section));
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; font-src data:">
<meta name="generator" content="faasmem ${content.version}">
<title>FaaSMem, measured here</title>
<style>${style}</style>
</head>
<body>
<h1>FaaSMem, measured here</h1>
<p>The claims of the paper "FaaSMem: Improving Memory Efficiency of Serverless Computing with Memory Pool Architecture" (ASPLOS 2024) beside what this machine shows: ${summaryOf(content.claims)}.</p>
<p class="muted">Written ${dateText(content.writtenAt)} by faasmem ${content.version}. Redo it: <code>faasmem report</code></p>
<h2>Claims</h2>
<div class="claims">
${content.claims.map(claimOf)}
</div>
${sections}
<h2>Runs</h2>
${runsOf(content.runs)}
<h2>How to read this</h2>
<ul>
${READING.map((sentence) => html`<li>${sentence}</li>\n`)}
</ul>
</body>
</html>
`.text;
}

function claimOf({ title, verdict, paper, rule, measured, run, command }: Judged): Html {
  const here =
    measured.length > 0
      ? measured.map((sentence) => html`<dd>${sentence}</dd>`)
      : [html`<dd>No run has it yet.</dd>`];
  return html`<article class="claim ${verdict.replace(" ", "-")}">
<header><h3>${title}</h3><span class="verdict">${MARKS[verdict]} ${verdict}</span></header>
<dl><dt>Paper</dt><dd>${paper}</dd>
<dt>Here</dt>${here}
<dt>Rule</dt><dd>${rule}</dd>
${run && html`<dt>How</dt><dd>${originOf(run)}</dd>`}
<dt>${run ? "Redo" : "Measure"}</dt><dd><code>${command}</code></dd></dl>
</article>
`;
}

/** Mode, windows, run and what is wrong with it, in one sentence or two. */
export function originOf(run: NonNullable<Judged["run"]>): string {
  const status = run.status === "done" ? "" : `, ${run.status}`;
  return `Run ${run.id} (${run.experiment}${status}): ${run.mode}.${run.windowNote ? ` Windows: ${run.windowNote}.` : ""}`;
}

async function sectionOf({ name, summary, run, figures, tables }: Section): Promise<Html> {
  const drawn: Html[] = [];
  for (const figure of figures) drawn.push(await figureOf(figure));
  return html`<section id="${name}">
<h2>${title(name)}</h2>
<p>${title(summary)} (run ${run}). As files: <code>faasmem plot ${name} --run ${run} --format pdf,csv</code></p>
<div class="figures">
${drawn}
</div>
${tables.map((table) => html`<details><summary>${table.title}</summary>\n${tableOf(table)}</details>\n`)}
</section>
`;
}

const title = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);

const figureOf = async (figure: Figure): Promise<Html> =>
  html`<figure${new Html(figure.width && figure.width > COLUMN ? ' class="wide"' : "")}>${new Html(svgInline(await drawFigure(figure)))}</figure>\n`;

function tableOf(table: Table): Html {
  const side = (i: number) => (isNumeric(table, i) ? "number" : "text");
  return html`<div class="scroll"><table>
<thead><tr>${table.columns.map(({ label }, i) => html`<th class="${side(i)}">${label}</th>`)}</tr></thead>
<tbody>
${table.rows.map(
  (row) =>
    html`<tr>${row.map((value, i) => html`<td class="${side(i)}">${shownValue(value, table.columns[i]!)}</td>`)}</tr>\n`,
)}</tbody></table></div>
${table.notes.map((note) => html`<p class="muted">${note}</p>\n`)}`;
}

function runsOf(runs: readonly RunLine[]): Html {
  if (runs.length === 0)
    return html`<p>No finished run is stored. Start with <code>faasmem experiment run quick</code></p>\n`;
  return html`<div class="scroll"><table>
<thead><tr><th>run</th><th>experiment</th><th>how</th><th>machine</th><th>version</th><th>redo</th></tr></thead>
<tbody>
${runs.map(
  (run) =>
    html`<tr><td>${run.id}</td><td>${run.experiment}</td><td>${title(run.mode)}.${run.windowNote ? ` ${title(run.windowNote)}.` : ""} Started ${dateText(run.startedAt)}, ${run.status}.</td><td>${run.machine}</td><td>${run.version}</td><td><code>${run.command}</code></td></tr>\n`,
)}</tbody></table></div>
`;
}
