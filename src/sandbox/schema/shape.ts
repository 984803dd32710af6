/** What the real provider would reject: a property path and why. */
export interface CheckFailure {
  property: string;
  reason: string;
}

/** A type as scripts/generate-schema.mjs writes it from the packages' declarations. */
export type Type =
  | "string"
  | "number"
  | "boolean"
  | "any"
  | ListType
  | MapType
  | readonly ["ref", string]
  | readonly ["one", ...string[]]
  | AnyOfType;
interface ListType extends ReadonlyArray<string | Type> {
  readonly 0: "list";
  readonly 1: Type;
}
interface MapType extends ReadonlyArray<string | Type> {
  readonly 0: "map";
  readonly 1: Type;
}
interface AnyOfType extends ReadonlyArray<string | Type> {
  readonly 0: "any-of";
}
/** Property → type; a name that ends in `?` may be absent. */
export type Shape = Record<string, Type>;
