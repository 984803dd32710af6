import { createHash } from "node:crypto";
import type { EngineEvent, StepEventMetadata, StepEventStateMetadata } from "@pulumi/pulumi/automation/index.js";
import { canonical } from "../../config/stackFile.js";
import type { Drift, Preview, ResourceChange } from "../journal/records.js";

/** Drift, from a preview of the applied revision after a refresh. */
export function driftOf({ changes, digest }: Preview): Drift {
  return {
    digest,
    changes: changes.map(({ name, type, op, diff, by }) => ({
      name,
      type,
      op,
      paths: diff.map((d) => d.path).sort(),
      ...(by === undefined ? {} : { by }),
    })),
  };
}

const OPERATIONS: Record<string, ResourceChange["op"] | undefined> = {
  create: "create",
  import: "create",
  update: "update",
  replace: "replace",
  "create-replacement": "replace",
  "delete-replaced": "replace",
  delete: "delete",
};

/** A resource that an update would create. Secrets and what is not known yet stand in its inputs as the engine's events write them. */
export interface Planned {
  urn: string;
  type: string;
  parent: string;
  provider: string;
  protect?: boolean;
  inputs: Record<string, unknown>;
}

/** Collects the engine's events of a preview or an update into what a person reads and an approval is bound to. */
export class PreviewCollector {
  private readonly changes = new Map<string, ResourceChange>();
  private unchanged = 0;
  /** Operations that began and whose success was never reported. */
  private readonly open = new Set<string>();
  private begun = false;
  private ended = false;
  /** Error diagnostics, in order. */
  readonly errors: string[] = [];
  /** Resources of providers that would be created, in the engine's order: parents first. */
  readonly creates: Planned[] = [];

  readonly onEvent = (event: EngineEvent): void => {
    const diagnostic = event.diagnosticEvent;
    if (diagnostic !== undefined && (diagnostic.severity === "error" || isCause(diagnostic))) {
      const message = plain(diagnostic.message);
      if (!this.errors.includes(message)) this.errors.push(message);
    }
    this.begun ||= event.resourcePreEvent !== undefined;
    this.ended ||= event.summaryEvent !== undefined;
    const done = event.resOutputsEvent?.metadata;
    if (done !== undefined) this.open.delete(operationOf(done));
    const metadata = event.resourcePreEvent?.metadata;
    if (metadata === undefined || metadata.type === "pulumi:pulumi:Stack" || metadata.type.startsWith("pulumi:providers:")) return;
    const op = OPERATIONS[metadata.op];
    if (op !== undefined && (metadata.new ?? metadata.old)?.custom === true) this.open.add(operationOf(metadata));
    if (op === undefined) {
      if (metadata.op === "same") this.unchanged += 1;
      return;
    }
    if (metadata.op === "create" && metadata.new?.custom === true) this.creates.push(plannedOf(metadata.new));
    const before = this.changes.get(metadata.urn);
    // A replacement arrives as several steps of one resource; it stays a replacement.
    if (before?.op === "replace") return;
    this.changes.set(metadata.urn, { urn: metadata.urn, type: metadata.type, name: nameOf(metadata.urn), op, diff: diffOf(metadata) });
  };

  /**
   * Of an update that failed: whether something may have been done of which the engine's state knows nothing. An answer that
   * was lost looks like one that says no, and an engine that was killed says nothing at all.
   */
  get unsettled(): boolean {
    return this.begun && (!this.ended || this.open.size > 0);
  }

  result(): Preview {
    return previewOf([...this.changes.values()], this.unchanged);
  }
}

export function previewOf(found: ResourceChange[], unchanged: number): Preview {
  const changes = [...found].sort((a, b) => (a.urn < b.urn ? -1 : 1));
  return { changes, unchanged, digest: createHash("sha256").update(canonical(changes)).digest("hex") };
}

/** Why a cluster does not answer is a warning of its provider; its error only says that it does not. */
const isCause = ({ severity, message }: { severity: string; message: string }): boolean =>
  severity === "warning" && message.includes("configured Kubernetes cluster is unreachable:");

const operationOf = ({ op, urn }: StepEventMetadata): string => `${op} ${urn}`;

const plannedOf = ({ urn, type, parent, provider, protect, inputs }: StepEventStateMetadata): Planned => ({
  urn,
  type,
  parent,
  provider,
  ...(protect === true ? { protect } : {}),
  inputs,
});

const nameOf = (urn: string) => urn.split("::").at(-1) ?? urn;

/** Engine messages without colour codes, a program's stack trace and trailing space. */
export function plain(message: string): string {
  return message
    .replace(/<\{%[^%]*%\}>/g, "")
    .replace(/\n\s+at .+:\d+:\d+\)?/g, "")
    .trim();
}

function diffOf(metadata: StepEventMetadata): ResourceChange["diff"] {
  const paths =
    metadata.detailedDiff === undefined || metadata.detailedDiff === null ? (metadata.diffs ?? []) : Object.keys(metadata.detailedDiff);
  const replaced = new Set(metadata.keys ?? []);
  return paths.map((path) => {
    const before = at(metadata.old?.inputs, path);
    const after = at(metadata.new?.inputs, path);
    const replaces = replaced.has(path) || (metadata.detailedDiff?.[path]?.diffKind ?? "").endsWith("replace");
    return {
      path,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
      ...(replaces ? { replaces } : {}),
    };
  });
}

const PARTS = /\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g;

/** The names on a property path, without the numbers of elements. */
export const namesOn = (path: string): string[] => [...path.matchAll(PARTS)].flatMap((m) => m[1] ?? m[3] ?? []);

/** The value at a property path such as `spec.replicas`, `weights[0].weight` or `annotations["a.b/c"]`. */
function at(root: unknown, path: string): unknown {
  const keys = [...path.matchAll(PARTS)].map((m) => m[1] ?? m[2] ?? m[3] ?? "");
  return keys.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], root);
}
