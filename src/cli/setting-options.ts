import { z } from "zod";
import { count, parseOption, parseSize, positive, share } from "../base/units.ts";
import type { PolicySettings } from "../memory/settings.ts";

interface SettingOption {
  flag: string;
  help: string;
  setting: keyof PolicySettings;
  parse: (flag: string, text: string) => number | boolean | null;
}

const number =
  (schema: z.ZodType<number>) =>
  (flag: string, text: string): number =>
    parseOption(flag, schema, text);

/** A number, or a word for "find it yourself". */
const numberOr = (word: string, schema: z.ZodType<number>) => (flag: string, text: string) =>
  text === word ? null : parseOption(flag, schema, text);

const yesOrNo = z.enum(["yes", "no"]);

const seconds = z.coerce.number().min(0).max(1e9);

/** Settings of a function as options of the command line; times are seconds of policy time. */
export const settingOptions: readonly SettingOption[] = [
  {
    flag: "--keep-alive <seconds>",
    help: "idle time after which a sandbox is destroyed",
    setting: "keepAliveS",
    parse: number(positive),
  },
  {
    flag: "--semi-warm-delay <seconds>",
    help: "idle time after which semi-warm begins, or: learned",
    setting: "semiWarmDelayS",
    parse: numberOr("learned", seconds),
  },
  {
    flag: "--semi-warm-rate <share>",
    help: "share of the memory at its beginning that leaves in each second of semi-warm",
    setting: "semiWarmRate",
    parse: number(share.pipe(z.number().positive().max(1)) as unknown as z.ZodType<number>),
  },
  {
    flag: "--semi-warm-amount <size>",
    help: "memory that leaves in each second of semi-warm, instead of a share, or: share",
    setting: "semiWarmBytesPerS",
    parse: (_flag, text) => (text === "share" ? null : parseSize(text)),
  },
  {
    flag: "--window <n>",
    help: "requests of the Init Pucket's window, or: auto",
    setting: "initWindow",
    parse: numberOr("auto", count),
  },
  {
    flag: "--reclaim-interval <seconds>",
    help: "least time between two evictions of Puckets of a sandbox",
    setting: "reclaimIntervalS",
    parse: number(seconds),
  },
  {
    flag: "--rollback <seconds>",
    help: "how often hot pages are put back into their Pucket",
    setting: "rollbackS",
    parse: number(positive),
  },
  {
    flag: "--release-files <yes|no>",
    help: "let pages of the executable and of libraries leave",
    setting: "releaseFiles",
    parse: (flag, text) => parseOption(flag, yesOrNo, text) === "yes",
  },
  {
    flag: "--recall-ahead <yes|no>",
    help: "bring memory back just before a request that is expected",
    setting: "recallAhead",
    parse: (flag, text) => parseOption(flag, yesOrNo, text) === "yes",
  },
  {
    flag: "--p95-budget <share>",
    help: "how much the P95 may grow before the policy backs off",
    setting: "p95Budget",
    parse: number(share as unknown as z.ZodType<number>),
  },
];

/** The settings among the options that were given. @param options as commander hands them over */
export function settingsOf(options: Record<string, string | boolean | undefined>): Partial<PolicySettings> {
  const given: Partial<Record<keyof PolicySettings, number | boolean | null>> = {};
  for (const { flag, setting, parse } of settingOptions) {
    const name = flag.slice(2).split(" ")[0]!;
    const text = options[name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())];
    if (typeof text === "string") given[setting] = parse(`--${name}`, text);
  }
  return given as Partial<PolicySettings>;
}
