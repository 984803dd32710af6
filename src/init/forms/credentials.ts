import { WEB } from "../../config/processes.js";
import { secretSpans } from "../../lib/secrets.js";
import type { DescribedProcess, Findings } from "./described.js";

/** Parts of a pod with words of people's own, in which a credential may stand. */
const WORDS = ["command", "args", "probes", "initContainers"] as const;

/** Takes out of processes what holds a credential, and asks for it: a stack config is read by many. */
export function withoutCredentials(processes: DescribedProcess[], findings: Findings): DescribedProcess[] {
  return processes.map((process) => {
    const pod = { ...process.pod };
    for (const key of WORDS)
      if (secretSpans(wordsIn(pod[key]).join(" ")).length > 0) {
        delete pod[key];
        findings.ask(
          `${process.role === WEB ? "workload" : `processes.${process.name}`}.${key}`,
          "a credential stands in it, so it was not carried over: name it as $(VARIABLE), with the variable in secretEnv",
        );
      }
    return { ...process, pod };
  });
}

/** Every text below a value, apart from variables, which have places of their own. */
function wordsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === "env" || key === "secretEnv" ? [] : wordsIn(inner)));
}
