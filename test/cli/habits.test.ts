import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { Command } from "commander";
import { ENTRY_TYPES } from "../../src/automation/journal/types.js";
import { EXAMPLES } from "../../src/cli/examples.js";
import { buildProgram, globalsFirst } from "../../src/cli/program.js";
import { parseInventory } from "../../src/inventory/csv.js";
import { STACK } from "../automation/model.js";
import { tempFolder } from "../support/tmp.js";
import { cutover, type ModelService, modelService } from "./service.js";

/** Words as a shell takes them, and no further than a redirection. */
const wordsOf = (line: string): string[] =>
  [...line.replace(/ >.*$/, "").matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");

/** Commands that do something themselves, with their path. */
function leaves(command: Command, path: string[] = []): { path: string; command: Command }[] {
  if (command.commands.length === 0) return [{ path: path.join(" "), command }];
  return command.commands.flatMap((c) => leaves(c, [...path, c.name()]));
}

describe("habits of the command line", function () {
  this.timeout(120_000);
  let service: ModelService;
  before(async () => {
    service = await modelService();
    await service.run(["advance", STACK]);
  });
  after(() => service.close());

  it("[people-21] each help has an example, and each example is taken as it stands", async () => {
    for (const { path, command } of leaves(await buildProgram())) {
      expect(EXAMPLES[path], path).to.have.length.at.least(1);
      let help = "";
      const writeOut = (text: string): void => {
        help += text;
      };
      command.configureOutput({ writeOut }).outputHelp();
      for (const line of EXAMPLES[path] ?? []) {
        expect(help, path).to.contain(`  cutover ${line}`);
        expect(`  cutover ${line}`.length, line).to.be.at.most(80);
        const program = await buildProgram();
        let ran = "";
        const ranIs = (of: string): void => {
          ran = of;
        };
        for (const leaf of leaves(program)) leaf.command.action(() => ranIs(leaf.path)).configureOutput({ writeErr: () => undefined });
        await program.parseAsync(globalsFirst(wordsOf(line)), { from: "user" });
        expect(ran, line).to.equal(path);
      }
    }
  });

  it("[people-21] the options of every command stand anywhere on the line, and what goes to another program stays there", async () => {
    expect(globalsFirst(["plan", "web-api-production", "--stacks", "mine"])).to.deep.equal([
      "--stacks",
      "mine",
      "plan",
      "web-api-production",
    ]);
    expect(globalsFirst(["status", "--state=x", "a"])).to.deep.equal(["--state=x", "status", "a"]);
    const passed = ["--state", "s", "sandbox", "pulumi", "--stacks", "x"];
    expect(globalsFirst(passed)).to.deep.equal(passed);
    expect(globalsFirst(["plan", "--", "--stacks", "x"])).to.deep.equal(["plan", "--", "--stacks", "x"]);
    const folder = tempFolder("anywhere");
    const { code, stderr } = await cutover(["journal", "verify", "--sandbox", "--state", folder]);
    expect(code, stderr).to.equal(0);
  });

  it("[people-21] a type or a step that does not exist is refused with the nearest one; those that do are filtered by", async () => {
    const type = await service.run(["journal", "show", STACK, "--type", "gates.fialed"]);
    expect(type.code).to.equal(2);
    expect(type.stderr).to.contain('--type: got "gates.fialed"').and.to.contain("Did you mean gates.failed?");
    const nonsense = await service.run(["journal", "show", STACK, "--type", "nonsense"]);
    expect(nonsense.code).to.equal(2);
    expect(nonsense.stderr).to.contain("migration.held");
    const step = await service.run(["journal", "show", STACK, "--step", "assess.inventroy"]);
    expect(step.code).to.equal(2);
    expect(step.stderr).to.contain("Did you mean assess.inventory?");
    // Nothing of it is there yet, and both exist.
    const none = await service.run([
      "journal",
      "show",
      STACK,
      "--type",
      "migration.aborted",
      "--step",
      "cleanup.approve",
      "--output",
      "json",
    ]);
    expect([none.code, none.stdout.trim()], none.stderr).to.deep.equal([0, "[]"]);
    const some = await service.run(["journal", "show", STACK, "--type", "step.completed", "--output", "json"]);
    expect(JSON.parse(some.stdout)).to.have.length(1);
  });

  it("[people-21] completion offers types, and the steps of the project's own plans, in a real bash", async () => {
    const { stdout } = await cutover(["completion", "bash"]);
    const complete = (...words: string[]): string[] => {
      const script = `${stdout}\nCOMP_WORDS=(${words.map((w) => `'${w}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _cutover; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return spawnSync("bash", ["-c", script], { encoding: "utf8" }).stdout.trim().split("\n");
    };
    expect(complete("cutover", "journal", "show", STACK, "--type", "")).to.have.members([...ENTRY_TYPES]);
    expect(complete("cutover", "journal", "show", STACK, "--step", "database.g")).to.deep.equal(["database.go"]);
    expect(complete("cutover", "approve", STACK, "database.g")).to.deep.equal(["database.go"]);
  });

  it("[people-21] a table whose separator is not known is one sentence that names those that are", async () => {
    const header = "Application:Technology:Dependencies:Traffic:Data Store:Critical:Owner";
    expect(() => parseInventory(`${header}\nweb-api:Node.js 20::100 users:None:Low:Team\n`, "apps.csv"))
      .to.throw('apps.csv line 1: got one column, "')
      .with.property("message")
      .that.contains("commas, semicolons, tabs or bars")
      .and.not.contains("\n");
    const folder = tempFolder("separator");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "apps.csv"), `sep=:\n${header}\nweb-api:Node.js 20::100 users:None:Low:Team\n`);
    const { code, stderr } = await cutover(["init", "apps.csv", "--region", "us-east-2", "--registry", "r.io/x"], { cwd: folder });
    expect(code, stderr).to.equal(0);
  });
});
