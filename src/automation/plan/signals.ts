import type { StackConfig } from "../../config/schema.js";
import { type Answer, answerOf, type Surroundings } from "../gates/answers.js";
import type { GateName } from "../gates/catalogue.js";
import type { Step } from "./step.js";

/** A gate of some steps, and who answers it on real targets. */
export interface Signal {
  gate: GateName;
  /** Ids of the steps that ask it, in order. */
  steps: string[];
  answer: Answer;
}

/** Every gate of some steps, once each, in the order in which they are first asked. Pure. */
export function signalsOf(steps: readonly Step[], config: StackConfig, around: Surroundings = {}): Signal[] {
  const found = new Map<GateName, Signal>();
  for (const step of steps)
    for (const { gate } of "gates" in step ? step.gates : []) {
      const signal = found.get(gate) ?? { gate, steps: [], answer: answerOf(gate, config, around) };
      if (signal.steps.at(-1) !== step.id) signal.steps.push(step.id);
      found.set(gate, signal);
    }
  return [...found.values()];
}

/** Those that nothing can answer, each with why and what to do. */
export const unansweredIn = (signals: readonly Signal[]): string[] =>
  signals.flatMap(({ gate, answer }) => ("nobody" in answer ? [`${gate}: ${answer.nobody}`] : []));
