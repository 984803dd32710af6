import { access, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect } from "chai";
import type { Command } from "commander";
import { buildPlan } from "../../src/automation/plan/plan.js";
import { PHASES } from "../../src/automation/plan/step.js";
import { buildProgram } from "../../src/cli/program.js";
import { StackFile } from "../../src/config/stackFile.js";
import { projectRoot } from "../../src/engine/engine.js";
import { GROUPS_STACK, groupsStack } from "../support/targetGroups.js";

const DOCS = join(projectRoot(), "docs");

/** Every page that tells people which commands to give. */
async function pages(): Promise<Map<string, string>> {
  const howTo = (await readdir(join(DOCS, "how-to"))).map((name) => join("how-to", name));
  const names = ["tutorial.md", "runbook.md", "comparison.md", "exit-codes.md", ...howTo];
  return new Map(await Promise.all(names.map(async (n) => [n, await readFile(join(DOCS, n), "utf8")] as const)));
}

/** Commands as a person would type them: in blocks, and in the text between backticks. */
function commandsIn(text: string): string[][] {
  const blocks = [...text.matchAll(/^```sh.*\n([\s\S]*?)^```$/gm)].flatMap(([, body = ""]) => body.split("\n"));
  const inline = [...text.matchAll(/`(cutover [^`]+)`/g)].map(([, line = ""]) => line);
  return [...blocks, ...inline]
    .filter((l) => l.startsWith("cutover "))
    .map((l) => [...l.matchAll(/"[^"]*"|[^\s"]+(?:="[^"]*")?/g)].map(([w]) => w).slice(1));
}

/** What is wrong with a command line; undefined when it could be given like this. */
function wrong(program: Command, words: string[]): string | undefined {
  let command = program;
  for (const word of words) {
    if (word.startsWith("-")) {
      const name = word.split("=")[0];
      if (!command.options.some((o) => o.long === name || o.short === name) && name !== "--help") return `${command.name()} has no ${name}`;
      continue;
    }
    command = command.commands.find((c) => c.name() === word) ?? command;
  }
  return command === program ? "no such command" : undefined;
}

describe("the pages for people", () => {
  it("name only commands and options that there are", async () => {
    const program = await buildProgram();
    for (const [page, text] of await pages())
      for (const words of commandsIn(text)) {
        if (words[0] === "…" || words[0] === "COMMAND") continue;
        expect(wrong(program, words), `${page}: cutover ${words.join(" ")}`).to.equal(undefined);
      }
  });

  it("name only steps that a plan has", async () => {
    const folder = join(projectRoot(), "stacks");
    const stacks = await Promise.all((await StackFile.list(folder)).map((s) => StackFile.read(folder, s)));
    const groups = StackFile.parse(StackFile.pathOf(folder, GROUPS_STACK), GROUPS_STACK, await groupsStack()).shape();
    const ids = new Set([...stacks.map((f) => f.shape()), groups].flatMap((c) => buildPlan(c).map((s) => s.id)));
    for (const [page, text] of await pages())
      for (const [, id = ""] of text.matchAll(new RegExp(`\`((?:${PHASES.join("|")})\\.[a-z0-9-]+)\``, "g")))
        expect(ids.has(id), `${page}: ${id}`).to.equal(true);
  });

  it("link only to pages that exist", async () => {
    for (const [page, text] of await pages())
      for (const [, to = ""] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
        const there = await access(join(DOCS, dirname(page), to)).then(
          () => true,
          () => false,
        );
        expect(there, `${page}: ${to}`).to.equal(true);
      }
  });

  it("have a how-to for each phase", async () => {
    const names = (await readdir(join(DOCS, "how-to"))).sort();
    expect(names).to.deep.equal([...PHASES.map((phase, i) => `${i + 1}-${phase}.md`), "5-traffic-target-groups.md", "README.md"].sort());
  });
});
