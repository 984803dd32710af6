import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { projectRoot } from "../../src/engine/engine.js";
import { command, makeConsumer } from "../support/consumer.js";
import { inSandbox } from "../support/sandbox.js";
import { tempFolder } from "../support/tmp.js";

const EXAMPLE = join(projectRoot(), "examples", "three-components");
const STACK = "web-api-staging";

describe("a program of ten lines with three components", function () {
  this.timeout(240_000);

  it("is one of ten lines", async () => {
    const lines = (await readFile(join(EXAMPLE, "index.js"), "utf8")).split("\n").filter((l) => l.trim() !== "");
    expect(lines).to.have.length.at.most(10);
  });

  it("runs on the real engine in a project of its own, with cutover as npm packs it, and has its types", function () {
    return inSandbox(this, "example-state", async (open) => {
      const folder = tempFolder("example");
      await makeConsumer(folder);
      await cp(EXAMPLE, folder, { recursive: true });
      const env = { ...process.env, ...open.env };
      const pulumi = async (...args: string[]) => {
        const { code, output } = await command("pulumi", [...args, "--non-interactive"], { cwd: folder, env });
        expect(code, `pulumi ${args.join(" ")}\n${output}`).to.equal(0);
        return output;
      };
      await pulumi("stack", "init", STACK);
      await pulumi("up", "--yes", "--skip-preview", "--stack", STACK);
      expect(await pulumi("preview", "--expect-no-changes", "--stack", STACK)).to.match(/\d+ unchanged/);
      const effects = (await open.sandbox.effects(STACK)).map((e) => e.kind);
      expect(effects).to.include.members(["kubernetes:Deployment:Create", "kubernetes:Ingress:Create", "acm:Certificate:Create"]);
      expect(effects.filter((e) => e === "route53:CreateRecord")).to.have.length(3);
      await pulumi("destroy", "--yes", "--skip-preview", "--stack", STACK);

      const wrong = 'import { Workload } from "cutover/components";\nnew Workload("a", { namespace: "n", image: 7 });\n';
      await writeFile(join(folder, "typed.ts"), wrong);
      const tsc = join(projectRoot(), "node_modules", ".bin", "tsc");
      const checked = await command(
        tsc,
        ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--types", "node", "typed.ts"],
        { cwd: folder },
      );
      expect(checked.output).to.match(/typed\.ts\(2,\d+\): error TS2322: Type 'number' is not assignable to type 'Input<string>'/);
      expect(checked.output.match(/error TS/g)).to.have.length(1);
    });
  });
});
