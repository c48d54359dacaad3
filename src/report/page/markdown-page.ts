import { dateText } from "../data/provenance.ts";
import { escapeMarkdown, markdownTable } from "../export/markdown.ts";
import { READING, type ReportContent, summaryOf } from "./content.ts";
import { originOf } from "./html-page.ts";

const title = (text: string) => text.slice(0, 1).toUpperCase() + text.slice(1);
/** A command between as many backticks as it needs. */
const code = (text: string) => (text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``);

/** The report as Markdown: claims and tables; figures are in the HTML report, or made by `faasmem plot`. */
export function markdownReport(content: ReportContent): string {
  const lines = [
    "# FaaSMem, measured here",
    "",
    `The claims of the paper "FaaSMem: Improving Memory Efficiency of Serverless Computing with Memory Pool Architecture" (ASPLOS 2024) beside what this machine shows: ${summaryOf(content.claims)}.`,
    "",
    `Written ${dateText(content.writtenAt)} by faasmem ${escapeMarkdown(content.version)}. Redo it: ${code("faasmem report --format md")}`,
    "",
    "## Claims",
    "",
    ...content.claims.flatMap((claim) => [
      `### ${escapeMarkdown(claim.title)}: ${claim.verdict}`,
      "",
      `- Paper: ${escapeMarkdown(claim.paper)}`,
      ...(claim.measured.length > 0 ? claim.measured : ["No run has it yet."]).map(
        (sentence) => `- Here: ${escapeMarkdown(sentence)}`,
      ),
      `- Rule: ${escapeMarkdown(claim.rule)}`,
      ...(claim.run ? [`- How: ${escapeMarkdown(originOf(claim.run))}`] : []),
      `- ${claim.run ? "Redo" : "Measure"}: ${code(claim.command)}`,
      "",
    ]),
    ...content.sections.flatMap((section) => [
      `## ${title(section.name)}`,
      "",
      `${escapeMarkdown(title(section.summary))} (run ${section.run}). Figures: ${code(`faasmem plot ${section.name} --run ${section.run} --format svg`)}`,
      "",
      ...section.tables.flatMap((table) => [markdownTable(table)]),
    ]),
    "## Runs",
    "",
    ...content.runs.map(
      (run) =>
        `- Run ${run.id}, ${escapeMarkdown(run.experiment)}, ${dateText(run.startedAt)}, ${run.status}: ${escapeMarkdown(run.mode)}.${run.windowNote ? ` ${escapeMarkdown(title(run.windowNote))}.` : ""} ${escapeMarkdown(run.machine)}; faasmem ${escapeMarkdown(run.version)}. Redo: ${code(run.command)}`,
    ),
    "",
    "## How to read this",
    "",
    ...READING.map((sentence) => `- ${escapeMarkdown(sentence)}`),
    "",
  ];
  return lines.join("\n");
}
