import { type Distribution, packageFix } from "./distribution.ts";
import { type Machine, must } from "./machine.ts";
import { blocked, done, type Step, todo } from "./step.ts";

/** Names of all packages that are installed now (dpkg-query(1)). */
export async function installedPackages(machine: Machine): Promise<string[]> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own fields
  const { code, out } = await machine.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\\n"]);
  if (code !== 0) return [];
  return out
    .split("\n")
    .filter((line) => line.startsWith("installed "))
    .map((line) => line.slice("installed ".length));
}

/** The step that installs distribution packages. What they bring along is taken back with them. */
export function packagesStep(machine: Machine, distribution: Distribution, names: string[]): Step {
  const missing = async () => {
    const installed = new Set(await installedPackages(machine));
    return names.filter((name) => !installed.has(name));
  };
  return {
    id: "packages",
    title: "packages are installed",
    would: `apt-get install ${names.join(" ")}`,
    check: async () => {
      if (!distribution.apt) return blocked(`${distribution.name} has no apt`, packageFix(names));
      const absent = await missing();
      return absent.length === 0 ? done(names.join(" ")) : todo(`missing: ${absent.join(" ")}`);
    },
    apply: async (keep) => {
      const before = new Set(await installedPackages(machine));
      keep({ kind: "packages", names: await missing() });
      const apt = ["apt-get", "--yes", "-o", "DPkg::Lock::Timeout=120"];
      const fix = "check the network and the package sources (/etc/apt), then run it again";
      await must(machine, [...apt, "update"], fix, true);
      await must(machine, [...apt, "install", "--no-install-recommends", ...(await missing())], fix, true);
      const added = (await installedPackages(machine)).filter((name) => !before.has(name));
      keep({ kind: "packages", names: added });
    },
  };
}
