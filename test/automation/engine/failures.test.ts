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
});
