import type * as pulumi from "@pulumi/pulumi";
import { UserError } from "../errors.js";

/** Stops a construction whose plain argument is wrong. Outputs are checked by the provider. */
export function require(condition: boolean, path: string, got: unknown, accepted: string): void {
  if (!condition) throw new UserError({ path, got: JSON.stringify(got) ?? "nothing", accepted });
}

/** Whether an input is known now, so that it can be checked at construction. */
export const isPlain = <T>(input: pulumi.Input<T>): input is T =>
  !(typeof input === "object" && input !== null && ("__pulumiOutput" in input || typeof (input as { then?: unknown }).then === "function"));

/** Checks of plain arguments; outputs and absent ones pass. */
export function requireNumber(path: string, value: pulumi.Input<number> | undefined, min: number, max: number): void {
  if (value === undefined || !isPlain(value)) return;
  require(Number.isInteger(value) && value >= min && value <= max, path, value, `a whole number from ${min} to ${max}`);
}

export function requireText(path: string, value: pulumi.Input<string> | undefined, pattern: RegExp, accepted: string): void {
  if (value === undefined || !isPlain(value)) return;
  require(typeof value === "string" && pattern.test(value), path, value, accepted);
}

/** Names of Kubernetes objects and their namespaces. */
export function requireName(path: string, value: pulumi.Input<string> | undefined): void {
  requireText(path, value, /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/, "a lower-case DNS label of at most 63 characters");
}
