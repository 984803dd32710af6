import type { StackConfig } from "../../config/schema.js";
import type { OtherStack } from "../../config/shared.js";
import { StackFile } from "../../config/stackFile.js";
import type { OpenTarget, Target } from "../../ports/target.js";
import { currentConfig } from "../state/state.js";
import type { States } from "./projections.js";

/** The target of each stack, opened when it is first asked for. */
export class Targets {
  private readonly targets = new Map<string, Promise<Target>>();
  private readonly open = new Map<string, Target>();

  constructor(
    private readonly states: States,
    private readonly openTarget: OpenTarget,
    private readonly stacksFolder: string,
  ) {}

  of(stack: string): Promise<Target> {
    let target = this.targets.get(stack);
    if (target === undefined) {
      // The latest config a target may ask for: what the journal says, or the file before there is one.
      let config: StackConfig | undefined;
      const stopHearing = this.states.onProgress((p) => {
        if (p.stack === stack && p.entry.type === "update.succeeded") config = currentConfig(p.state);
      });
      target = this.configOf(stack).then((first) => {
        config = first;
        return this.openTarget(stack, () => config as StackConfig);
      });
      this.targets.set(stack, target);
      void target.then((opened) => this.open.set(stack, opened)).catch(() => undefined);
      target.catch(() => {
        this.targets.delete(stack);
        stopHearing();
      });
    }
    return target;
  }

  /** The time there, without waiting for a target that is not open: then this machine's. */
  now(stack: string): number {
    return this.open.get(stack)?.clock.now() ?? Date.now();
  }

  /**
   * Other stacks whose migrations have not ended, by their journals or, before those begin, their files.
   * @throws UserError for a stack config that cannot be read: what it names is not known
   */
  async others(stack: string): Promise<OtherStack[]> {
    const names = (await StackFile.list(this.stacksFolder)).filter((name) => name !== stack);
    const found = await Promise.all(
      names.map(async (name): Promise<OtherStack[]> => {
        const begun = await this.states.find(name);
        if (begun?.state.status === "completed") return [];
        return [
          {
            stack: name,
            config: begun === undefined ? (await StackFile.read(this.stacksFolder, name)).shape() : currentConfig(begun.state),
          },
        ];
      }),
    );
    return found.flat();
  }

  /** What the journal says, or the stack's file before there is one. @throws NotFound without both */
  async configOf(stack: string): Promise<StackConfig> {
    const begun = await this.states.find(stack);
    return begun === undefined ? (await StackFile.read(this.stacksFolder, stack)).config() : currentConfig(begun.state);
  }
}
