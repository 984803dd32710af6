import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { tempFolder } from "../support/tmp.js";
import { packagesScript, ROOT, setupScript } from "./scripts.js";

describe("the set-up's Node.js check", () => {
  for (const version of ["22.0.0", "24.22.3", "26.1.0"]) {
    it(`accepts ${version}`, () => setupScript.checkNode(version));
  }
  for (const version of ["20.20.2", "18.20.0"]) {
    it(`answers ${version} with one sentence`, () => {
      expect(() => setupScript.checkNode(version)).to.throw(
        `Node.js ${version} is too old: install 22 or newer from https://nodejs.org; in a checkout, npm's scripts (npm start, npm test, npm run …) bring their own.`,
      );
    });
  }
});

describe("the engine", () => {
  const calls: [string, boolean][] = [
    ["emergency web-api-production", false],
    ["--state /tmp/serve status", false],
    ["--help", false],
    ["serve --help", false],
    ["--version", false],
    ["serve --targets t.yaml", true],
    ["--stacks stacks --state .cutover rehearse --stack x", true],
    ["start", true],
    ["doctor", true],
  ];
  for (const [line, needed] of calls)
    it(`[people-9] is ${needed ? "" : "not "}waited for by cutover ${line}`, () =>
      expect(setupScript.needsEngine(line.split(" "))).to.equal(needed));
});

describe("the package", () => {
  it("[people-8] takes no SDK that is newer than the engine that its set-up makes", () => {
    const { peerDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
      peerDependencies: Record<string, string>;
    };
    const pinned = /^\s*github\.com\/pulumi\/pulumi\/pkg\/v3 v3\.(\d+)\./m.exec(
      readFileSync(join(ROOT, "engine", "cli", "go.mod"), "utf8"),
    )?.[1];
    const below = / <3\.(\d+)\.0$/.exec(peerDependencies["@pulumi/pulumi"] ?? "")?.[1];
    expect(Number(below)).to.equal(Number(pinned) + 1);
  });
});

describe("npm packages are installed again", () => {
  const STAMP = "node_modules/.cutover-lock-hash";
  const LOCKED = { "": {}, "node_modules/a": { version: "1.0.0" }, "node_modules/mac-only": { version: "1.0.0", optional: true } };

  /** A checkout with these packages locked and installed; nothing is installed when `installed` is absent. */
  function checkout(locked: object, installed?: object): string {
    const root = tempFolder("checkout");
    writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages: locked }));
    mkdirSync(join(root, "node_modules"));
    if (installed !== undefined) {
      writeFileSync(join(root, "node_modules/.package-lock.json"), JSON.stringify({ packages: installed }));
    }
    return root;
  }

  it("when there are none, or npm was interrupted", async () => {
    expect(await packagesScript.packagesAreCurrent(checkout(LOCKED))).to.equal(false);
  });

  it("when one differs from the lock", async () => {
    const root = checkout(LOCKED, { "node_modules/a": { version: "0.9.0" } });
    expect(await packagesScript.packagesAreCurrent(root)).to.equal(false);
  });

  it("when the lock changed since", async () => {
    const root = checkout(LOCKED, { "node_modules/a": { version: "1.0.0" } });
    expect(await packagesScript.packagesAreCurrent(root)).to.equal(true);
    writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages: { ...LOCKED, "node_modules/b": { version: "1.0.0" } } }));
    expect(await packagesScript.packagesAreCurrent(root)).to.equal(false);
  });

  it("but not when they are as locked, packages for other systems aside", async () => {
    const root = checkout(LOCKED, { "node_modules/a": { version: "1.0.0" } });
    expect(await packagesScript.packagesAreCurrent(root)).to.equal(true);
    expect(existsSync(join(root, STAMP))).to.equal(true);
  });

  it("and a missing lock is answered with what to do", async () => {
    const failed = await packagesScript.packagesAreCurrent(tempFolder("empty")).catch((error: Error) => error.message);
    expect(failed).to.equal("package-lock.json is missing: restore it with `git checkout package-lock.json`.");
  });
});
