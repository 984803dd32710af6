import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { expect } from "chai";
import { projectRoot } from "../../src/engine/engine.js";
import { command, makeConsumer } from "../support/consumer.js";
import { requireEngine } from "../support/sandbox.js";
import { tempFolder } from "../support/tmp.js";

interface Block {
  text: string;
  /** Runs on beside the others. */
  server: boolean;
  code: number;
}

/** The commands of a page, in order. */
async function blocksOf(page: string): Promise<Block[]> {
  const text = await readFile(join(projectRoot(), "docs", page), "utf8");
  return [...text.matchAll(/^```sh(.*)\n([\s\S]*?)^```$/gm)].map(([, info = "", body = ""]) => ({
    text: body,
    server: info.includes("server"),
    code: Number(/fails=(\d+)/.exec(info)?.[1] ?? 0),
  }));
}

describe("the tutorial", function () {
  this.timeout(900_000);
  let server: ChildProcess | undefined;
  after(async () => {
    if (server === undefined || server.exitCode !== null) return;
    const ended = new Promise((resolve) => server?.once("exit", resolve));
    server.kill("SIGTERM");
    await ended;
  });

  it("[people-7] works word for word from an empty folder, by the package alone", async function () {
    await requireEngine(this);
    const folder = tempFolder("tutorial");
    // The package as npm packs it, beside nothing else; `npx cutover` is what a person has of it.
    const project = join(folder, "project");
    await mkdir(project);
    await makeConsumer(folder);
    const bin = join(folder, "bin");
    await mkdir(bin);
    const packaged = join(folder, "node_modules", "cutover", "scripts", "cutover.mjs");
    await writeFile(join(bin, "cutover"), `#!/bin/sh\nexec "${process.execPath}" "${packaged}" "$@"\n`);
    await chmod(join(bin, "cutover"), 0o755);
    // A backend that nobody has signed in to.
    const env: NodeJS.ProcessEnv = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}`, CUTOVER_USER: "alice" };
    expect(await readdir(project)).to.deep.equal([]);
    for (const { text, server: isServer, code } of await blocksOf("tutorial.md")) {
      if (isServer) {
        // Another port than the page's, which may be taken here.
        server = spawn("bash", ["-c", `exec ${text.trim()} --port 0`], { cwd: project, env, stdio: ["ignore", "pipe", "inherit"] });
        env.CUTOVER_SERVER = await urlOf(server);
        continue;
      }
      const ran = await command("bash", ["-euc", text], { cwd: project, env });
      expect(ran.code, `${text}\n${ran.output}`).to.equal(code);
    }
    const report = await readFile(join(project, ".cutover", "batch-processor-production-report.html"), "utf8");
    expect(report).to.contain("<td>bob</td><td>approve</td><td>cleanup.approve</td>");
  });
});

function urlOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = "";
    child.stdout?.on("data", (data) => {
      output += data;
      const url = /Serving (\S+)/.exec(output)?.[1];
      if (url !== undefined) resolve(url);
    });
    child.once("exit", (code) => reject(new Error(`the service ended with ${code}: ${output}`)));
  });
}
