import { execFileSync, spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import type { Command } from "commander";
import { buildProgram } from "../../src/cli/program.js";
import { projectRoot } from "../../src/engine/engine.js";
import { requirePart } from "../support/parts.js";
import { tempFolder } from "../support/tmp.js";
import { cutover } from "./service.js";

const root = projectRoot();
const COLUMNS = 80;

function all(command: Command): Command[] {
  return [command, ...command.commands.flatMap(all)];
}

describe("the help", () => {
  it("fits into 80 columns, of every command", async () => {
    for (const command of all(await buildProgram())) {
      const tooLong = command
        .configureHelp({ helpWidth: COLUMNS })
        .helpInformation()
        .split("\n")
        .filter((l) => l.length > COLUMNS);
      expect(tooLong, command.name()).to.deep.equal([]);
    }
  });

  it("says of every command, argument and option what it is", async () => {
    for (const command of all(await buildProgram())) {
      expect(command.description(), command.name()).to.match(/\w{2}/);
      for (const part of [...command.options, ...command.registeredArguments])
        expect(part.description, `${command.name()} ${part.name()}`).to.match(/\w{2}/);
    }
  });

  it("has every command of the design", async () => {
    const names = (await buildProgram()).commands.map((c) => c.name());
    const wanted =
      "init discover plan containerize preview advance rollback emergency status approve pause resume journal verify report rehearse serve doctor";
    expect(names).to.include.members(wanted.split(" "));
  });

  it("comes with the next thing to try when a command does not exist", async () => {
    const { code, stderr, stdout } = await cutover(["statsu"]);
    expect(code).to.equal(2);
    expect(stderr).to.contain("Did you mean status?").and.contain("cutover --help lists the commands");
    expect(stdout).to.equal("");
  }).timeout(20_000);
});

describe("the reference", () => {
  for (const [file, render] of [
    ["cli.mjs", "renderCli"],
    ["config.mjs", "renderConfig"],
  ] as const)
    it(`is what the sources say (${file})`, async () => {
      const script = (await import(pathToFileURL(join(root, "scripts", "docs", file)).href)) as Record<
        string,
        (root: string) => Promise<Map<string, string>>
      >;
      for (const [path, text] of (await script[render]?.(root)) ?? [])
        expect(await readFile(join(root, path), "utf8").catch(() => ""), `${path}: run npm run docs`).to.equal(text);
    });
});

describe("completion", function () {
  this.timeout(20_000);
  const completed = async (...words: string[]): Promise<string[]> => {
    const folder = tempFolder("completion");
    const script = join(folder, "cutover.bash");
    await writeFile(script, (await cutover(["completion", "bash"])).stdout);
    const quoted = ["cutover", ...words].map((w) => `'${w}'`).join(" ");
    const ask = `source ${script}; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _cutover; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync("bash", ["-c", ask], { cwd: root, encoding: "utf8" }).trim().split("\n");
  };

  it("knows commands, their subcommands, options, choices and the stacks", async () => {
    expect(await completed("adv")).to.deep.equal(["advance"]);
    expect(await completed("journal", "")).to.include.members(["show", "verify", "export", "import", "--sandbox"]);
    expect(await completed("advance", "--o")).to.deep.equal(["--output"]);
    expect(await completed("advance", "--to", "")).to.deep.equal(["step", "phase", "end"]);
    expect(await completed("status", "web")).to.deep.equal(["web-api-production", "web-api-staging"]);
    expect(await completed("completion", "")).to.include.members(["bash", "zsh", "fish"]);
  });

  for (const shell of ["bash", "zsh", "fish"])
    it(`says in its first line where it belongs, and is a program of the shell: ${shell}`, async function () {
      requirePart(this, shell, spawnSync(shell, ["--version"]).error === undefined, `apt-get install ${shell}`);
      const { stdout } = await cutover(["completion", shell]);
      expect(stdout).to.match(/^# Put into|^# Run once/);
      const file = join(tempFolder("completion"), "script");
      await writeFile(file, stdout);
      execFileSync(shell, ["-n", file], { stdio: "pipe" });
    });
});
