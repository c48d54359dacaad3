/** Text that is HTML already. */
export class Html {
  constructor(readonly text: string) {}
}

type Part = string | number | Html | null | readonly (string | Html)[];

const ESCAPES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Everything that is put in is escaped, unless it is Html. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const shown = (part: Part): string => {
    if (part === null) return "";
    if (part instanceof Html) return part.text;
    if (typeof part === "object") return part.map(shown).join("");
    return String(part).replace(/[&<>"']/g, (character) => ESCAPES[character]!);
  };
  return new Html(
    strings.reduce((text, string, i) => text + string + (i < parts.length ? shown(parts[i]!) : ""), ""),
  );
}
