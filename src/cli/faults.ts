import { UserError } from "../errors.js";

/** `STACK:FAULT` pairs of the command line, by stack. @throws UserError naming the pair and what is accepted */
export function faultsByStack(pairs: string[], stacks: string[]): Record<string, string[]> {
  const faults: Record<string, string[]> = {};
  for (const pair of pairs) {
    const [stack, ...rest] = pair.split(":");
    if (stack === undefined || rest.length === 0 || !stacks.includes(stack)) {
      throw new UserError({
        path: "--fault",
        got: JSON.stringify(pair),
        accepted: `STACK:FAULT with one of ${stacks.join(", ")}, for example web-api-production:errors@25%`,
      });
    }
    faults[stack] = [...(faults[stack] ?? []), rest.join(":")];
  }
  return faults;
}
