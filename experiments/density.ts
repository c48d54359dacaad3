import { type ExperimentDefinition, referenceWindow } from "../src/experiment/definition.ts";

const WINDOWS = [
  ...["0@25011", "2@502", "3@27267", "4@0", "5@6168", "6@35316", "7@42167", "8@52", "9@0", "10@0", "12@0"],
  ...["17@0", "14@2009", "15@4003", "16@3000", "25@5017", "60@0", "14@2370", "0@13958", "0@29277", "3@0"],
];

/** "Production density" (reference, section 5): 21 windows, and how many sandboxes a memory budget really holds. */
export const density: ExperimentDefinition = {
  name: "density",
  summary: "how many more sandboxes fit: 21 windows, and a fixed memory budget filled for real",
  mode: "simulate",
  functions: ["bert", "graph", "web"],
  systems: ["baseline", "faasmem"],
  windows: WINDOWS.map(referenceWindow),
  windowS: 3600,
  lite: { functions: ["bert"] },
  study: "density",
  studyMode: "replay",
};
