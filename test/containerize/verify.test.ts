import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { buildah } from "../../src/containerize/imageTool.js";
import { type Verification, verifyImage } from "../../src/containerize/verify.js";
import { freePort } from "../support/freePort.js";
import { requirePart } from "../support/parts.js";
import { tempFolder } from "../support/tmp.js";

const run = promisify(execFile);

/** A program that needs nothing of a base image, since none can be fetched here: it serves, or runs its "tests". */
const PROGRAM = `package main

import (
	"net/http"
	"os"
)

func main() {
	if len(os.Args) > 1 {
		if os.Args[1] == "broken" {
			println("one of its tests failed")
			os.Exit(1)
		}
		return
	}
	http.HandleFunc("/alive", func(http.ResponseWriter, *http.Request) {})
	_ = http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil)
}
`;

describe("the verification of an image", function () {
  this.timeout(300_000);

  const verified = async (tests: string): Promise<{ port: number; answer: Verification | Error }> => {
    const [source, storage, port] = [tempFolder("source"), tempFolder("images"), await freePort()];
    writeFileSync(join(source, "main.go"), PROGRAM);
    const settings = { cwd: source, env: { ...process.env, CGO_ENABLED: "0", GO111MODULE: "off" } };
    await run("go", ["build", "-o", "app", "main.go"], settings);
    const stages = ["FROM scratch AS builder", "COPY app /app", "FROM builder AS test", `CMD ["/app", "${tests}"]`];
    writeFileSync(join(source, "Dockerfile"), [...stages, "FROM builder", `ENV PORT=${port}`, 'CMD ["/app"]', ""].join("\n"));
    const tool = buildah(["--root", join(storage, "root"), "--runroot", join(storage, "run"), "--storage-driver", "vfs"]);
    const options = { port, healthPath: "/alive", testStage: "test" };
    return { port, answer: await verifyImage("tiny", source, options, tool).catch((error: Error) => error) };
  };

  before(async function () {
    const isThere = (program: string, ...args: string[]): Promise<boolean> =>
      run(program, args).then(
        () => true,
        () => false,
      );
    requirePart(this, "buildah", await isThere("buildah", "--version"), "apt-get install buildah");
    requirePart(this, "Go", await isThere("go", "version"), "https://go.dev/dl");
  });

  it("[applications-11] builds, runs, asks and tests it by buildah, without a Docker engine, and leaves nothing running", async () => {
    const { port, answer } = await verified("fine");
    expect(answer).to.deep.equal({
      verified: true,
      steps: [
        "buildah build -t tiny:local",
        "buildah run tiny:local",
        "GET /alive answered 200",
        "buildah build --target test",
        "buildah run tiny:local-test",
      ],
    });
    const after = await fetch(`http://127.0.0.1:${port}/alive`).then(
      () => "answers",
      () => "gone",
    );
    expect(after).to.equal("gone");
  });

  it("[applications-11] fails, with what was said, where its tests fail", async () => {
    const { answer } = await verified("broken");
    expect(String(answer)).to.contain("buildah run tiny:local-test failed").and.contain("one of its tests failed");
  });
});
