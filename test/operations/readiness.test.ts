import { expect } from "chai";
import { Readiness } from "../../src/operations/readiness.js";

describe("readiness", () => {
  it("says which part is not there, without details", async () => {
    const readiness = new Readiness([
      { name: "store", check: async () => Promise.reject(new Error("connect to 10.0.0.1 as admin")) },
      { name: "engine", check: async () => "is not found" },
      { name: "queue", check: async () => undefined },
      { name: "stuck", check: () => new Promise(() => undefined) },
    ]);
    expect(await readiness.missing()).to.deep.equal({
      store: "does not answer",
      engine: "is not found",
      stuck: "does not answer within 3 s",
    });
  });

  it("ends when the service begins to stop", async () => {
    const readiness = new Readiness([{ name: "store", check: async () => undefined }]);
    expect(await readiness.missing()).to.deep.equal({});
    readiness.stop();
    expect(await readiness.missing()).to.deep.equal({ service: "is shutting down" });
  });
});
