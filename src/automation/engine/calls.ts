import {
  type EngineEvent,
  LocalWorkspace,
  type PulumiFn,
  Stack,
  StackAlreadyExistsError,
  StackNotFoundError,
  type UpdateSummary,
} from "@pulumi/pulumi/automation/index.js";
import { SECRET_MUTABLE } from "../../config/secretMutable.js";
import { type StackWrite, writeStack } from "../../config/stackWrite.js";
import type { Preview } from "../journal/records.js";
import { connected } from "./connections.js";
import { engineError, unsettled } from "./failures.js";
import { type Planned, PreviewCollector } from "./preview.js";

export interface EngineOptions {
  /** Folder with Pulumi.yaml. */
  projectDir: string;
  /**
   * URL of the module that exports the inline program as `program`, as `applied` where that differs for configs of a journal, and
   * as `records` where it asks less for an update of certain resources alone.
   */
  program: string;
  /** Environment of the engine: backend, passphrase, and what leads it to the providers. */
  env: Record<string, string>;
}

/** What a call is about. */
export interface Scope {
  configFile: string;
  /** Only these URNs. */
  target?: string[];
}

export interface UpOptions extends Scope {
  /** Stands in the engine's history. */
  message: string;
  /** Written while the engine has its lock, before anything is changed. */
  writes?: StackWrite;
  /** Hears the engine's events; not across threads. */
  onEvent?: (event: EngineEvent) => void;
}

/** What an update left. */
export interface Applied {
  version: number;
  changes: Record<string, number>;
}

/** An exported state, as the engine writes it. */
export interface ExportedState {
  version: number;
  deployment: unknown;
}

/** Everything that the driver asks of the engine. Plain values only, so that it can be asked across threads. */
export interface EngineCalls {
  /** Gets ready for the first call: the program's modules are loaded. */
  warm(): Promise<void>;
  /** @param refresh against what is really there, and not against what the engine believes */
  /** @param as another name than the stack's, by which it is asked to stop: what somebody only looks at runs beside an update */
  preview(stack: string, configFile: string, refresh: boolean, as?: string): Promise<Preview>;
  /** What an update would create. */
  planned(stack: string, options: Scope): Promise<Planned[]>;
  up(stack: string, options: UpOptions): Promise<Applied>;
  /** Asks the stack's engine to stop: once, so that what is under way ends; twice, so that it ends at once. */
  cancel(stack: string): Promise<void>;
  /** Brings the state up to the far side's, without the program. */
  refresh(stack: string, options: Scope): Promise<void>;
  /** The engine's record of updates, newest first; secrets stay sealed. */
  history(stack: string, most: number): Promise<UpdateSummary[]>;
  exportState(stack: string): Promise<ExportedState>;
  importState(stack: string, state: ExportedState): Promise<void>;
}

/** Backends that are a folder or a bucket number every update 0: there is nothing to ask them. */
const UNNUMBERED = /^(file|s3|gs|azblob):/;

/**
 * The calls over the Automation API, in this thread. A preview or an update is one process of the CLI and no more: what
 * changed is read from the engine's events, and nobody asks for outputs.
 */
export class AutomationCalls implements EngineCalls {
  private readonly workspace: Promise<LocalWorkspace>;
  /** Ends the stack's running engine. */
  private readonly running = new Map<string, AbortController>();

  /** By the environment that they add to the first one's. */
  /** For what is about certain resources alone. */
  private records: PulumiFn | undefined;
  private readonly others = new Map<string, Promise<LocalWorkspace>>();
  private readonly environments = new Map<string, Record<string, string>>();

  constructor(private readonly options: EngineOptions) {
    this.workspace = this.open();
    this.workspace.catch(() => undefined);
  }

  /** What leads the engine to one stack's far side, beside its own environment. */
  useEnvironment(stack: string, env: Record<string, string>): void {
    this.environments.set(stack, env);
  }

  private workspaceOf(stack: string): Promise<LocalWorkspace> {
    const env = this.environments.get(stack) ?? {};
    const key = JSON.stringify(env);
    if (key === "{}") return this.workspace;
    let workspace = this.others.get(key);
    if (workspace === undefined) {
      workspace = this.workspace.then((first) => this.another(first, env));
      workspace.catch(() => this.others.delete(key));
      this.others.set(key, workspace);
    }
    return workspace;
  }

  async warm(): Promise<void> {
    await this.workspace;
  }

  async preview(name: string, configFile: string, refresh: boolean, as = name): Promise<Preview> {
    return (await this.previewed(name, `The preview of ${name} failed`, { configFile, refresh }, as)).result();
  }

  async planned(name: string, scope: Scope): Promise<Planned[]> {
    return (await this.previewed(name, `What the interrupted update of ${name} created could not be looked for`, scope)).creates;
  }

  private async previewed(name: string, what: string, options: Scope & { refresh?: boolean }, as = name): Promise<PreviewCollector> {
    const collector = new PreviewCollector();
    const preview = (stack: Stack, run: { program: PulumiFn; signal: AbortSignal }) =>
      stack.preview({ ...run, ...options, onEvent: collector.onEvent, suppressProgress: true });
    await this.on(name, what, collector, preview, { as, scope: options });
    return collector;
  }

  async up(name: string, { onEvent: also, writes, ...options }: UpOptions): Promise<Applied> {
    const collector = new PreviewCollector();
    let changes: Record<string, number> | undefined;
    const onEvent = (event: EngineEvent): void => {
      collector.onEvent(event);
      also?.(event);
      if (event.summaryEvent !== undefined) changes = { ...event.summaryEvent.resourceChanges };
    };
    const { summary } = await this.on(
      name,
      `The update of ${name} failed`,
      collector,
      (stack, { program, signal }) => {
        // The engine runs the program once it has its lock, and changes nothing before the program has said what is to be.
        const written: PulumiFn = async () => {
          if (writes !== undefined) await writeStack(writes);
          return (await program()) as Record<string, unknown> | undefined;
        };
        return stack.up({ program: written, signal, ...options, onEvent, suppressProgress: true });
      },
      { scope: options },
    ).catch((error: Error) => {
      throw collector.unsettled ? unsettled(error) : error;
    });
    return { version: summary?.version ?? 0, changes: changes ?? { ...summary?.resourceChanges } };
  }

  async cancel(name: string): Promise<void> {
    const running = this.running.get(name);
    // The Automation API interrupts its process at each of these events, and the signal itself gives no second one.
    if (running?.signal.aborted === true) running.signal.dispatchEvent(new Event("abort"));
    else running?.abort();
  }

  async refresh(name: string, scope: Scope): Promise<void> {
    const what = `The interrupted update of ${name} could not be settled`;
    // Its events tell why: the last lines that it prints are the provider's advice.
    const collector = new PreviewCollector();
    await this.on(name, what, collector, (stack, { signal }) =>
      stack.refresh({ ...scope, suppressProgress: true, runProgram: false, signal, onEvent: collector.onEvent }),
    );
  }

  history(name: string, most: number): Promise<UpdateSummary[]> {
    return this.on(name, `The history of ${name} could not be read`, undefined, (stack) => stack.history(most, 1, false), {
      as: `history of ${name}`,
    });
  }

  exportState(name: string): Promise<ExportedState> {
    return this.on(name, `The state of ${name} could not be read`, undefined, (stack) => stack.exportStack());
  }

  importState(name: string, state: ExportedState): Promise<void> {
    return this.on(name, `The state of ${name} could not be written`, undefined, (stack) => stack.importStack(state));
  }

  /** One call, for a stack that is made first when the engine does not know it. */
  private async on<T>(
    name: string,
    what: string,
    collector: PreviewCollector | undefined,
    call: (stack: Stack, run: { program: PulumiFn; signal: AbortSignal }) => Promise<T>,
    { as = name, scope }: { as?: string; scope?: Pick<Scope, "target"> } = {},
  ): Promise<T> {
    const ending = new AbortController();
    this.running.set(as, ending);
    try {
      const workspace = await this.workspaceOf(name);
      const stack = await leanStack(name, workspace);
      const { program, disconnect } = connected(
        (scope?.target === undefined ? undefined : this.records) ?? (workspace.program as PulumiFn),
      );
      const { signal } = ending;
      signal.throwIfAborted();
      try {
        return await call(stack, { program, signal });
      } catch (error) {
        if (!(error instanceof StackNotFoundError)) throw error;
        // Another process may have made it meanwhile.
        await workspace.createStack(name).catch((known: Error) => {
          if (!(known instanceof StackAlreadyExistsError)) throw known;
        });
        return await call(stack, { program, signal });
      } finally {
        disconnect();
      }
    } catch (error) {
      throw engineError(error, collector?.errors ?? [], what);
    } finally {
      if (this.running.get(as) === ending) this.running.delete(as);
    }
  }

  private async open(): Promise<LocalWorkspace> {
    const { projectDir, program: url, env: given } = this.options;
    // For projects whose Pulumi.yaml does not say it yet: the provider reads it, and the program asks for it.
    process.env[SECRET_MUTABLE.variable] = "true";
    // A cluster that does not answer has not lost its objects.
    const env = { ...given, [SECRET_MUTABLE.variable]: "true", PULUMI_K8S_DELETE_UNREACHABLE: "false" };
    const module = (await import(url)) as { program: PulumiFn; applied?: PulumiFn; records?: PulumiFn };
    this.records = module.records;
    const program = module.applied ?? module.program;
    const workspace = await LocalWorkspace.create({ workDir: projectDir, program, envVars: { ...env, PULUMI_SKIP_UPDATE_CHECK: "true" } });
    return lean(workspace);
  }

  /** The same with more in its environment. */
  private async another(first: LocalWorkspace, more: Record<string, string>): Promise<LocalWorkspace> {
    const { program, pulumiCommand, envVars } = first;
    const workDir = this.options.projectDir;
    return lean(await LocalWorkspace.create({ workDir, program: program as PulumiFn, pulumiCommand, envVars: { ...envVars, ...more } }));
  }
}

/** Every call names its stack: selecting one first would be a process more. */
function lean(workspace: LocalWorkspace): LocalWorkspace {
  workspace.selectStack = async () => undefined;
  return workspace;
}

/** A stack without the three further processes that the Automation API starts after an update for its outputs and summary. */
async function leanStack(name: string, workspace: LocalWorkspace): Promise<Stack> {
  const stack = await Stack.select(name, workspace);
  stack.outputs = async () => ({});
  if (UNNUMBERED.test(workspace.envVars.PULUMI_BACKEND_URL ?? "")) stack.info = async () => undefined;
  return stack;
}
