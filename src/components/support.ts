import type * as pulumi from "@pulumi/pulumi";
import { UserError } from "../errors.js";

/** Changes an underlying resource's arguments or options before it is made: an object to merge in, or a function that edits. */
export type Transform<T> = Partial<T> | ((args: T, opts: pulumi.CustomResourceOptions, name: string) => void);

/** Arguments and options of one underlying resource, after the user's transform. Spread into its constructor. */
export function transformed<T extends object>(
  transform: Transform<T> | undefined,
  name: string,
  args: T,
  opts: pulumi.CustomResourceOptions,
): [string, T, pulumi.CustomResourceOptions] {
  if (transform === undefined) return [name, args, opts];
  if (typeof transform === "function") {
    transform(args, opts, name);
    return [name, args, opts];
  }
  return [name, { ...args, ...transform }, opts];
}

/** Stops a construction whose plain argument is wrong. Outputs are checked by the provider. */
export function require(condition: boolean, path: string, got: unknown, accepted: string): void {
  if (!condition) throw new UserError({ path, got: JSON.stringify(got) ?? "nothing", accepted });
}

/** Whether an input is known now, so that it can be checked at construction. */
export const isPlain = <T>(input: pulumi.Input<T>): input is T =>
  !(typeof input === "object" && input !== null && ("__pulumiOutput" in input || typeof (input as { then?: unknown }).then === "function"));
