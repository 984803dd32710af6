import type { HookAnswer, Moment } from "../automation/journal/records.js";

/** What a hook is told. Holds no config, and with it no secret. */
export interface HookCall {
  /** The same when the call is made again: a hook that has effects leaves out what it has seen. */
  id: string;
  moment: Moment;
  stack: string;
  application: string;
  environment: string;
  revision: number;
  step?: { id: string; title: string; phase: string; attempt: number; pointOfNoReturn: boolean };
  reason?: string;
}

export interface Hook {
  name: string;
  /** Whether everything but `passed` stops the migration, at a moment that is asked about. */
  holds: boolean;
  /** @throws the signal's reason when it is aborted; anything else is an answer */
  call(call: HookCall, signal: AbortSignal): Promise<HookAnswer>;
}

/** The hooks of a service. */
export interface HooksPort {
  /** Those attached to a moment of an environment's stack, in the order in which they are called. */
  at(moment: Moment, of: { application: string; environment: string }): readonly Hook[];
}
