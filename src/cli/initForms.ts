import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { StackFile } from "../config/stackFile.js";
import { draftDescribed } from "../init/forms/draft.js";
import { readForms } from "../init/forms/forms.js";
import { inventoryWith } from "../init/forms/inventoryRow.js";
import { checkDrafts, writeProject } from "../init/project.js";
import type { Answers } from "../init/skeleton.js";
import { draftsTable, type InitOptions, missingLines, sayRehearse } from "./drafts.js";
import { print, tableOf } from "./output.js";

/** A project from files that say how an application runs; its inventory gets a row where it has none. */
export async function initFromForms(options: InitOptions, answers: Answers): Promise<void> {
  const { application, kind, described, findings } = await readForms(options.from, options);
  const out = resolve(options.out);
  const stacks = join(out, "stacks");
  const csv = join(stacks, "applications.csv");
  const before = await readFile(csv).catch(() => undefined);
  const { text, known } = inventoryWith(before, csv, application, described);
  const drafts = draftDescribed(application, described, known, answers, findings);
  const rows = await checkDrafts(stacks, drafts);
  await writeProject(out, Object.fromEntries(drafts.map((d) => [StackFile.pathOf(stacks, d.stack), d.text])), {
    force: options.force === true,
  });
  // A row more is nobody's text replaced.
  if (text !== undefined) await writeProject(out, { [csv]: text }, { force: true });
  const processes = described.processes.map((p) => ({
    name: p.name,
    kind: p.role,
    image: p.image ?? "not told",
    command: [...(p.pod.command ?? []), ...(p.pod.args ?? [])].join(" "),
  }));
  const found = findings.all();
  print(options.output, { stacks, application, kind, configs: rows, processes, findings: found }, () =>
    [
      draftsTable(rows),
      "",
      "What was read:",
      tableOf(
        ["PROCESS", "KIND", "IMAGE", "COMMAND"],
        processes.map((p) => [p.name, p.kind, p.image, shortened(p.command)]),
      ),
      ...[
        ...described.stores.map((s) => `${s.kind} (${s.name}) is a store that cutover does not move.`),
        ...(described.database === undefined ? [] : ["PostgreSQL is the database that moves."]),
      ],
      "",
      "Not carried over, or read in a way worth knowing:",
      ...found.filter((f) => !f.asks).map((f) => `  ${f.at}: ${f.what}`),
      "",
      "To be answered (questions):",
      ...found.filter((f) => f.asks).map((f) => `  ${f.at}: ${f.what}`),
      ...missingLines(rows.map((r) => ({ ...r, missing: r.missing.filter((m) => !m.path.startsWith("questions[")) }))),
    ].join("\n"),
  );
  sayRehearse(rows);
}

const LONGEST_COMMAND = 60;
function shortened(command: string): string {
  const line = command.replace(/\s+/g, " ");
  return line.length > LONGEST_COMMAND ? `${line.slice(0, LONGEST_COMMAND - 1)}…` : line;
}
