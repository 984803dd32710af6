import { join } from "node:path";
import type { StackConfig } from "../config/schema.js";
import { groupsOf } from "../config/shift.js";
import type { Side } from "../ports/observations.js";
import type { Target } from "../ports/target.js";
import type { Properties, SandboxBackend } from "./backend.js";
import { faultText, parseFault } from "./faults.js";
import { sandboxTarget } from "./ports/target.js";
import { shownRecords } from "./ports/zone.js";
import { shownRule } from "./world/balancer.js";
import { naturalId } from "./world/kinds.js";
import { newShare } from "./world/share.js";
import type { EffectEntry } from "./world/state.js";
import { keyOf, World } from "./world/world.js";

export interface SandboxOptions {
  folder: string;
  /** Same seed, same readings. @default 1 */
  seed?: number;
  /** Faults by stack, for example `{ "web-api-production": ["errors@25%"] }`; a world keeps those it began with. */
  faults?: Record<string, string[]>;
  /** The stack's config as it is now. */
  config: (stack: string) => Promise<StackConfig>;
}

/** All worlds of one rehearsal: a world a stack, independent of each other, so that a run is the same whatever runs beside it. */
export class Sandbox {
  private readonly worlds = new Map<string, World>();

  private constructor(private readonly options: SandboxOptions) {}

  /** @throws UserError for a fault that does not exist */
  static async open(options: SandboxOptions): Promise<Sandbox> {
    for (const fault of Object.values(options.faults ?? {}).flat()) parseFault(fault);
    return new Sandbox(options);
  }

  async open(stack: string): Promise<SandboxBackend> {
    return this.world(stack);
  }

  async target(stack: string, config: () => StackConfig): Promise<Target> {
    const world = this.world(stack);
    await world.look();
    return sandboxTarget(world, config);
  }

  /** What really happened, in order. */
  async effects(stack: string): Promise<EffectEntry[]> {
    return (await this.world(stack).look()).effects;
  }

  /** The records of a hosted zone, as the provider shows them: those of every stack that has been opened. */
  async zone(zoneId: string): Promise<Properties[]> {
    const found: Properties[] = [];
    for (const [stack, world] of this.worlds) {
      const config = await this.options.config(stack);
      if (config.dns?.zoneId === zoneId) found.push(...shownRecords(await world.look(), config));
    }
    return found;
  }

  /** A node group as it is, whoever scaled it. @param id CLUSTER:NAME */
  async nodeGroup(id: string): Promise<Properties | undefined> {
    for (const world of this.worlds.values()) {
      const found = (await world.look()).resources[`aws:eks/nodeGroup:NodeGroup|${id}`];
      if (found !== undefined) return { status: "ACTIVE", scalingConfigs: [found.outputs.scalingConfig] };
    }
    return undefined;
  }

  /** A rule of a listener, as the provider shows it. @throws Error where no stack's listener has it */
  async rule(args: Properties): Promise<Properties> {
    for (const [stack, world] of this.worlds) {
      const config = await this.options.config(stack);
      const groups = groupsOf(config);
      if (groups !== undefined && (args.listenerArn === groups.listenerArn || args.arn === groups.ruleArn))
        return shownRule(await world.look(), config, args);
    }
    throw new Error("reading ELBv2 Listener Rule: couldn't find resource");
  }

  /** What the old fleet was told. */
  async oldFleet(stack: string): Promise<{ maintenance: boolean; uses: Side }> {
    const { maintenance, uses } = (await this.world(stack).look()).old;
    return { maintenance, uses };
  }

  /** Whether each side's database accepts writes. */
  async writes(stack: string): Promise<Record<Side, boolean>> {
    const { writes } = await this.world(stack).look();
    return writes;
  }

  /** The faults of a stack, and whether each has struck. */
  async faults(stack: string): Promise<{ fault: string; came: boolean }[]> {
    const { faults } = await this.world(stack).look();
    return faults.map((f) => ({ fault: faultText(f), came: f.came === true }));
  }

  /**
   * The share of users that were on the new side at a moment: what they really met, caches of resolvers and all. With
   * `asOf`, what it would have been if no weight had changed after that.
   */
  async usersOnNew(stack: string): Promise<(at: number, asOf?: number) => number> {
    const state = await this.world(stack).look();
    return (at, asOf = Number.POSITIVE_INFINITY) => newShare({ ...state, dns: state.dns.filter((c) => c.at <= asOf) }, at);
  }

  /** Promises that the far side saw broken; empty when all held. */
  async violations(stack: string): Promise<string[]> {
    return (await this.world(stack).look()).violations;
  }

  /** The id of a resource whose creation was interrupted, or undefined when it never happened or another one has its name. */
  async findCreated(stack: string, type: string, inputs: Properties): Promise<string | undefined> {
    const state = await this.world(stack).look();
    const id = naturalId({ type, urn: "" }, inputs, state);
    const found = state.resources[keyOf(type, id)];
    return found !== undefined && bearsMarks(found.inputs, inputs) ? id : undefined;
  }

  private world(stack: string): World {
    let world = this.worlds.get(stack);
    if (world === undefined) {
      const { folder, seed = 1, faults = {}, config } = this.options;
      world = new World(join(folder, "worlds", `${stack}.json`), stack, () => config(stack), seed, faults[stack] ?? []);
      this.worlds.set(stack, world);
    }
    return world;
  }
}

/** Whether a resource bears each tag and label that the stack's own would. */
function bearsMarks(found: Properties, wanted: Properties): boolean {
  const borne = new Set(marksOf(found));
  return marksOf(wanted).every((m) => borne.has(m));
}

function marksOf({ tags = {}, metadata }: Properties): string[] {
  const { labels = {} } = (metadata ?? {}) as { labels?: Record<string, string> };
  const pairs = Array.isArray(tags) ? tags.map(({ key, value }) => [key, value]) : Object.entries(tags as object);
  return [...pairs, ...Object.entries(labels)].map(([key, value]) => `${key}=${value}`);
}
