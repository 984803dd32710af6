import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { projectRoot } from "../../src/engine/engine.js";
import { runForTest } from "../support/processes.js";
import { tempFolder } from "../support/tmp.js";

const file = join(projectRoot(), "scripts", "release.mjs");
const { pendingFor, released } = (await import(pathToFileURL(file).href)) as {
  pendingFor(root: string, version?: string): Promise<string[]>;
  released(changelog: string, version: string, date: string): { unreleased: string; changelog: string };
};

const CHANGELOG = "# Changelog\n\n## Unreleased\n\n- A gate.\n\n## 0.1.0 - 2026-11-27\n\n- All of it.\n";

describe("a release", () => {
  it("moves what is unreleased under its version, and leaves the earlier ones", () => {
    const { unreleased, changelog } = released(CHANGELOG, "0.2.0", "2026-12-01");
    expect(unreleased).to.equal("- A gate.");
    expect(changelog).to.equal(
      "# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-12-01\n\n- A gate.\n\n## 0.1.0 - 2026-11-27\n\n- All of it.\n",
    );
    expect(released(changelog, "0.3.0", "2027-01-01").unreleased).to.equal("");
  });

  it("is refused while something is pending, and all of it is said at once", async function () {
    this.timeout(120_000);
    const root = tempFolder("release");
    const git = (...args: string[]) => runForTest("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], { cwd: root });
    const write = (name: string, text: string): void => writeFileSync(join(root, name), text);
    mkdirSync(join(root, "test"));
    write("CHANGELOG.md", CHANGELOG);
    write("package.json", JSON.stringify({ version: "0.1.0", scripts: { docs: "node -e \"fs.writeFileSync('page.md', 'new')\"" } }));
    write("page.md", "new");
    await git("init", "-q", "-b", "main");
    await git("add", "-A");
    await git("commit", "-qm", "First");
    expect(await pendingFor(root, "0.2.0")).to.deep.equal([]);

    expect((await pendingFor(root, "0.1.0")).join()).to.include("0.1.0 is not newer than 0.1.0");
    await git("tag", "v0.2.0");
    await git("checkout", "-qb", "side");
    write("test/x.test.ts", 'it.skip("works", () => undefined);');
    write("CHANGELOG.md", released(CHANGELOG, "0.1.1", "2026-12-01").changelog);
    const pending = (await pendingFor(root, "0.2.0")).join("\n");
    for (const word of ["branch is side", "Not committed: 2 files", "tag v0.2.0", "nothing under Unreleased", "test/x.test.ts"])
      expect(pending).to.include(word);
    const wrong = await pendingFor(root, "next").catch((error: Error) => error.message);
    expect(wrong).to.equal("VERSION is next; accepted: three numbers, for example 1.2.0.");
  });

  it("is refused while a reference page is older than the code", async function () {
    this.timeout(120_000);
    const root = tempFolder("release");
    const git = (...args: string[]) => runForTest("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], { cwd: root });
    mkdirSync(join(root, "test"));
    writeFileSync(join(root, "CHANGELOG.md"), CHANGELOG);
    writeFileSync(join(root, "page.md"), "old");
    const docs = "node -e \"fs.writeFileSync('page.md', 'new')\"";
    writeFileSync(join(root, "package.json"), JSON.stringify({ version: "0.1.0", scripts: { docs } }));
    await git("init", "-q", "-b", "main");
    await git("add", "-A");
    await git("commit", "-qm", "First");
    expect((await pendingFor(root, "0.2.0")).join()).to.match(/Reference pages are older than the code: commit .*page\.md/);
  });
});
