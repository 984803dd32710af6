import { createRequire } from "node:module";
import type { Properties } from "../backend.js";
import { UNKNOWN } from "../provider/properties.js";
import { CUSTOM_RESOURCES } from "./custom.js";
import { ruleFailures } from "./rules.js";
import type { CheckFailure, Shape, Type } from "./shape.js";

interface Schema {
  package: string;
  version: string;
  resources: Record<string, Shape>;
  types: Record<string, Shape>;
}

// TypeScript would type each literal of these files; they are only looked into by name.
const require = createRequire(import.meta.url);
const SCHEMAS = ["aws", "aws-native", "kubernetes"].map((name) => require(`./${name}.json`) as Schema);

/** The engine asks one server for the version of each package, and wants at least what the program was written with. */
export const NEWEST_PACKAGE = SCHEMAS.map((s) => s.version).reduce((a, b) => (Number.parseInt(a, 10) >= Number.parseInt(b, 10) ? a : b));

/** Checks inputs as the real provider of the pinned version does: unknown and missing properties, types, and its own rules. */
export function checkInputs(type: string, inputs: Properties): CheckFailure[] {
  const custom = CUSTOM_RESOURCES[type];
  const schema = custom === undefined ? SCHEMAS.find((s) => type in s.resources) : undefined;
  const shape = custom?.shape ?? schema?.resources[type];
  if (shape === undefined) return [{ property: "", reason: `the sandbox does not know the resource type ${type}` }];
  const failures = checkShape(inputs, shape, custom?.types ?? schema?.types ?? {}, "");
  // Rules read what the shape promises, so a wrong shape is told first.
  return failures.length > 0 ? failures : ruleFailures(type, inputs);
}

function checkShape(value: Properties, shape: Shape, types: Record<string, Shape>, path: string): CheckFailure[] {
  const failures: CheckFailure[] = [];
  const known = new Map(Object.entries(shape).map(([name, type]) => [name.replace(/\?$/, ""), { type, required: !name.endsWith("?") }]));
  for (const [name, { required }] of known) {
    if (required && (value[name] === undefined || value[name] === null))
      failures.push({ property: at(path, name), reason: `missing required property "${name}"` });
  }
  for (const [name, inner] of Object.entries(value)) {
    if (name === "__defaults") continue;
    const property = known.get(name);
    if (property === undefined)
      failures.push({ property: at(path, name), reason: `unknown property "${name}"${suggestion(name, [...known.keys()])}` });
    else failures.push(...checkType(inner, property.type, types, at(path, name)));
  }
  return failures;
}

function checkType(value: unknown, type: Type, types: Record<string, Shape>, path: string): CheckFailure[] {
  if (value === undefined || value === null || value === UNKNOWN || type === "any") return [];
  const wrong = (expected: string): CheckFailure[] => [{ property: path, reason: `expected ${expected}, got ${described(value)}` }];
  if (typeof type === "string") return typeof value === type ? [] : wrong(`a ${type}`);
  switch (type[0]) {
    case "one":
      return type.slice(1).includes(value as string)
        ? []
        : wrong(
            type
              .slice(1)
              .map((t) => JSON.stringify(t))
              .join(" or "),
          );
    case "list":
      return Array.isArray(value) ? value.flatMap((v, i) => checkType(v, type[1], types, `${path}[${i}]`)) : wrong("a list");
    case "map":
      return isMap(value) ? Object.entries(value).flatMap(([k, v]) => checkType(v, type[1], types, `${path}["${k}"]`)) : wrong("a map");
    case "ref": {
      const shape = types[type[1]];
      if (shape === undefined) throw new Error(`the schema has no type ${type[1]}`);
      return isMap(value) ? checkShape(value, shape, types, path) : wrong("an object");
    }
    case "any-of": {
      const results = (type.slice(1) as Type[]).map((t: Type) => checkType(value, t, types, path));
      return results.some((r) => r.length === 0) ? [] : (results[0] ?? []);
    }
  }
}

const at = (path: string, name: string): string => (path === "" ? name : `${path}.${name}`);
const isMap = (value: unknown): value is Properties => typeof value === "object" && value !== null && !Array.isArray(value);
const described = (value: unknown): string =>
  Array.isArray(value) ? "a list" : isMap(value) ? "an object" : `the ${typeof value} ${JSON.stringify(value)}`;

function suggestion(name: string, known: string[]): string {
  const near = known.find((k) => k.toLowerCase() === name.toLowerCase()) ?? known.find((k) => k.startsWith(name) || name.startsWith(k));
  return near === undefined ? "" : `; did you mean "${near}"?`;
}
