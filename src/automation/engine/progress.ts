import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";

/** A resource that the engine has begun with, or is done with. Plain, so that it crosses threads. */
export interface ResourceEvent {
  urn: string;
  op: string;
  ended: boolean;
}

/** A resource under way. */
export interface Resource {
  name: string;
  type: string;
  /** `create`, `update`, `delete`, … */
  op: string;
  /** When the engine began with it, on this machine's clock. */
  since: number;
}

/** What the engine says of resources while an update runs; what stays as it is takes no time. */
export function resourceEvent({ resourcePreEvent, resOutputsEvent, resOpFailedEvent }: EngineEvent): ResourceEvent | undefined {
  const metadata = (resourcePreEvent ?? resOutputsEvent ?? resOpFailedEvent)?.metadata;
  if (metadata === undefined || metadata.op === "same" || metadata.type === "pulumi:pulumi:Stack") return undefined;
  return { urn: metadata.urn, op: metadata.op, ended: resourcePreEvent === undefined };
}

/** What the updates that run here are at, by stack. */
export class Progress {
  private readonly stacks = new Map<string, Map<string, Resource>>();

  take(stack: string, { urn, op, ended }: ResourceEvent, now = Date.now()): void {
    const resources = this.stacks.get(stack) ?? new Map<string, Resource>();
    this.stacks.set(stack, resources);
    const key = `${op} ${urn}`;
    if (ended) resources.delete(key);
    else resources.set(key, { name: urn.split("::").at(-1) ?? urn, type: urn.split("::").at(-2)?.split("$").at(-1) ?? "", op, since: now });
  }

  /** The update has ended, however it did. */
  end(stack: string): void {
    this.stacks.delete(stack);
  }

  /** The longest under way first. */
  of(stack: string): Resource[] {
    return [...(this.stacks.get(stack)?.values() ?? [])].sort((a, b) => a.since - b.since);
  }
}
