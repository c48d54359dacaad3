/** Set by scripts/build.ts through `--define`; absent when run from the sources. */
declare const FAASMEM_BUILD: { version: string; commit: string; target: string } | undefined;

/** Version, commit and target of this executable. */
export function buildInfo(): { version: string; commit: string; target: string } {
  if (typeof FAASMEM_BUILD !== "undefined") return FAASMEM_BUILD;
  return { version: "0.0.0-dev", commit: "working tree", target: `${process.platform}-${process.arch}` };
}

/** One line, as `faasmem --version` prints it. */
export function versionLine(): string {
  const { version, commit, target } = buildInfo();
  return `faasmem ${version} (${commit}, ${target})`;
}

/** Version and commit, as results keep them. */
export function versionText(): string {
  const { version, commit } = buildInfo();
  return `${version} (${commit})`;
}
