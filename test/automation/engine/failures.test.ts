import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import { expect } from "chai";
import { engineError, fromPlain, isUnsettled, toPlain, unsettled } from "../../../src/automation/engine/failures.js";
import { PreviewCollector, plain } from "../../../src/automation/engine/preview.js";
import { Conflict, Terminal, Transient } from "../../../src/errors.js";

const RECORD = "aws:route53/record:Record";

const operation = (kind: "resourcePreEvent" | "resOutputsEvent" | "resOpFailedEvent", op: string, name: string, more: object = {}) =>
  ({
    [kind]: { metadata: { op, urn: `urn:${name}`, type: RECORD, new: { custom: true, inputs: {} }, ...more } },
  }) as unknown as EngineEvent;
const SUMMARY = { summaryEvent: { resourceChanges: {} } } as unknown as EngineEvent;

function unsettledAfter(...events: EngineEvent[]): boolean {
  const collector = new PreviewCollector();
  for (const event of events) collector.onEvent(event);
  return collector.unsettled;
}

describe("what became of a failed update's operations", () => {
  const began = (op: string, name = "a", more = {}) => operation("resourcePreEvent", op, name, more);
  const done = (op: string, name = "a") => operation("resOutputsEvent", op, name);

  it("is known where each ended well, and where none began", () => {
    expect(unsettledAfter()).to.equal(false);
    expect(unsettledAfter(SUMMARY)).to.equal(false);
    expect(unsettledAfter(began("create"), done("create"), began("same", "b"), SUMMARY)).to.equal(false);
    // Components are nothing at the far side, and are never told to be done when an update fails.
    expect(unsettledAfter(began("create", "app", { new: { custom: false, inputs: {} } }), SUMMARY)).to.equal(false);
    expect(unsettledAfter(began("create", "provider", { type: "pulumi:providers:aws" }), SUMMARY)).to.equal(false);
  });

  for (const op of ["create", "update", "delete", "create-replacement", "delete-replaced"]) {
    it(`is not known after a ${op} that failed: its answer may have been lost`, () => {
      expect(unsettledAfter(began(op), operation("resOpFailedEvent", op, "a"), SUMMARY)).to.equal(true);
      expect(unsettledAfter(began(op), began(op, "b"), done(op, "b"), SUMMARY)).to.equal(true);
    });
  }

  it("is not known where the engine told no end: what it told last need not be what it did last", () => {
    expect(unsettledAfter(began("same"))).to.equal(true);
    expect(unsettledAfter(began("create"), done("create"))).to.equal(true);
  });

  it("is told across threads, with the error as it was", () => {
    for (const error of [new Transient("t"), new Terminal("e"), new Conflict("c"), new Error("o")]) {
      const told = fromPlain(structuredClone(toPlain(unsettled(error))));
      expect([isUnsettled(told), told.message, told.constructor]).to.deep.equal([true, error.message, error.constructor]);
      expect(isUnsettled(fromPlain(structuredClone(toPlain(new Transient("t")))))).to.equal(false);
    }
  });
});

describe("a failure of the engine", () => {
  it("is told without colours, and without where in its program it came from", () => {
    const told =
      "<{%fg 1%}>Unhandled exception: Error: hosts: got 0<{%reset%}>\n    at program (file:///srv/program.js:2:86)\n    at async Object.init (/srv/a.js:7:14)\nnext: set one\n";
    expect(plain(told)).to.equal("Unhandled exception: Error: hosts: got 0\nnext: set one");
  });

  it("passes when a provider died, and is no passing one when something was refused", () => {
    expect(engineError(new Error("x"), ["error reading from server: EOF", "update failed"], "The update failed")).to.be.instanceOf(
      Transient,
    );
    expect(engineError(new Error("x"), ["transport is closing"], "The update failed")).to.be.instanceOf(Transient);
    expect(engineError(new Error("x"), ["DBInstanceAlreadyExists: prod-db-replica"], "The update failed")).to.be.instanceOf(Terminal);
  });

  it("[providers-18] is no passing one when pods are never ready: the next try would wait as long for the same", () => {
    const told = [
      "2 errors occurred:\n\t* the Kubernetes API server reported that \"production/web-api-green\" failed to fully initialize or become live: 'web-api-green' timed out waiting to be Ready",
      "timed out waiting for the condition",
      "Deployment web-api: progress deadline exceeded",
    ];
    for (const text of told) expect(engineError(new Error("x"), [text], "The update failed"), text).to.be.instanceOf(Terminal);
    expect(engineError(new Error("x"), ["Post https://10.0.0.1: net/http: TLS handshake timeout"], "f")).to.be.instanceOf(Transient);
  });

  it("[providers-3] passes while a database is being made or backed up: RDS refuses changes of it until it is available", () => {
    const told = "InvalidDBInstanceState: Database instance is not in available state.";
    expect(engineError(new Error("x"), [told], "The update failed")).to.be.instanceOf(Transient);
  });

  it("[providers-20] passes while the API server is away, with its cause and without the advice to drop everything from the state", () => {
    const collector = new PreviewCollector();
    const cause = "configured Kubernetes cluster is unreachable: unable to load schema information from the API server: EOF";
    const advice =
      'failed to read resource state due to unreachable cluster. If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"';
    const say = (severity: string, message: string) =>
      collector.onEvent({ diagnosticEvent: { severity, message } } as unknown as EngineEvent);
    for (let i = 0; i < 3; i += 1) say("warning", `<{%reset%}>${cause}<{%reset%}>`);
    say("warning", "web-api has no replicas");
    say("error", advice);
    const error = engineError(new Error("x"), collector.errors, "The interrupted update could not be settled");
    expect(error).to.be.instanceOf(Transient);
    expect(error.message).to.equal(
      `The interrupted update could not be settled: ${cause}\nfailed to read resource state due to unreachable cluster.`,
    );
  });
});
