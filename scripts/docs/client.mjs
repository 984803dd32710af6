// Makes src/client/generated.ts from the OpenAPI document: a type for each named schema, a method for each operation.

const indent = (text) => text.replaceAll("\n", "\n  ");
const comment = (text) => (text === undefined ? "" : `/** ${text.replaceAll("*/", "* /")} */\n`);
const key = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));
const nameOf = (reference) => reference.split("/").at(-1);

/** The TypeScript type of a JSON schema. */
export function typeOf(schema) {
  if (schema.$ref !== undefined) return nameOf(schema.$ref);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((v) => JSON.stringify(v)).join(" | ");
  const several = schema.anyOf ?? schema.oneOf;
  if (several !== undefined) return [...new Set(several.map(typeOf))].join(" | ");
  if (schema.allOf !== undefined) return schema.allOf.map((s) => grouped(typeOf(s))).join(" & ");
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type })).join(" | ");
  switch (schema.type) {
    case "string":
    case "boolean":
    case "null":
      return schema.type;
    case "integer":
    case "number":
      return "number";
    case "array":
      return schema.prefixItems === undefined
        ? `${grouped(typeOf(schema.items ?? {}))}[]`
        : `[${schema.prefixItems.map(typeOf).join(", ")}]`;
    case "object":
      return objectOf(schema);
    default:
      return "unknown";
  }
}

/** In brackets where it is of several parts; what stands within braces is of one. */
function grouped(type) {
  let [flat, outer] = [type, ""];
  while (flat !== outer) [outer, flat] = [flat, flat.replace(/\{[^{}]*\}/g, "")];
  return / [|&] /.test(flat) ? `(${type})` : type;
}

/** @param absent what else an optional member may be: of what is sent, `undefined` is as good as nothing */
function objectOf({ properties = {}, required = [], additionalProperties }, absent = "") {
  const members = Object.entries(properties).map(([name, schema]) => {
    const [sign, other] = required.includes(name) ? ["", ""] : ["?", absent];
    return `${comment(schema.description)}${key(name)}${sign}: ${typeOf(schema)}${other};`;
  });
  if (typeof additionalProperties === "object") {
    const rest = typeOf(additionalProperties);
    if (members.length === 0) return `Record<string, ${rest}>`;
    members.push(`[member: string]: ${rest};`);
  }
  return members.length === 0 ? "Record<string, never>" : `{\n  ${indent(members.join("\n"))}\n}`;
}

function declaration([name, schema]) {
  const type = typeOf(schema);
  const about = comment(schema.description);
  // A list or a choice of objects begins with a brace too.
  return schema.type === "object" && type.startsWith("{")
    ? `${about}export interface ${name} ${type}`
    : `${about}export type ${name} = ${type};`;
}

/** A method: the path's parameters, then the body or the query, then the options of the call. */
function method(path, verb, operation) {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  if (isStream(operation)) return [];
  const [status] = Object.keys(responses).filter((s) => s.startsWith("2"));
  const [[media, { schema: answer }]] = Object.entries(responses[status].content);
  const of = (where) => parameters.filter((p) => p.in === where);
  const query = { properties: {}, required: [] };
  for (const p of of("query")) {
    query.properties[p.name] = { ...p.schema, description: p.description };
    if (p.required) query.required.push(p.name);
  }
  const body = requestBody?.content["application/json"].schema;
  const takesBody = Object.keys(body?.properties ?? {}).length > 0;
  const takesQuery = Object.keys(query.properties).length > 0;
  const given = (name, schema, optional) => `${name}: ${objectOf(schema, " | undefined")}${optional ? " = {}" : ""}`;
  const args = [
    ...of("path").map((p) => `${p.name}: ${typeOf(p.schema)}`),
    ...(takesBody ? [given("body", body, !requestBody.required)] : []),
    ...(takesQuery ? [given("query", { type: "object", ...query }, query.required.length === 0)] : []),
    "options: CallOptions = {}",
  ];
  const call = [
    `method: ${JSON.stringify(verb.toUpperCase())}`,
    `path: \`${path.replaceAll(/\{(\w+)\}/g, (_, name) => `\${encodeURIComponent(${name})}`)}\``,
    ...(takesQuery ? ["query"] : []),
    ...(requestBody === undefined ? [] : [takesBody ? "body" : "body: {}"]),
    ...(of("header").length > 0 ? ["repeatable: true"] : []),
    ...(media === "application/json" ? [] : ["text: true"]),
    "...options",
  ];
  const text = `${comment([summary, description].filter((t) => t !== undefined).join(" "))}${operationId}(${args.join(", ")}): Promise<${typeOf(answer)}> {
  return this.call({ ${call.join(", ")} });
}`;
  return [text];
}

/** Streams have methods of their own, written by hand. */
const STREAM = "text/event-stream";
const isStream = ({ responses }) => Object.values(responses).some(({ content }) => STREAM in content);

/** The whole file. */
export function renderClient(document) {
  const streams = Object.entries(document.paths).flatMap(([path, verbs]) =>
    Object.values(verbs).flatMap((o) => (isStream(o) ? [`${o.operationId}: ${JSON.stringify(path)}`] : [])),
  );
  const methods = Object.entries(document.paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).flatMap(([verb, operation]) => method(path, verb, operation)),
  );
  return `// Made by npm run docs from docs/openapi.json.
import type { Call, CallOptions } from "./connection.js";

${Object.entries(document.components.schemas).map(declaration).join("\n\n")}

/** Every operation of the API that answers once. */
export class Operations {
  /** Paths of what does not answer once. */
  static readonly streams = { ${streams.join(", ")} } as const;

  constructor(private readonly call: <T>(call: Call) => Promise<T>) {}

  ${indent(methods.join("\n\n")).replaceAll(/\n +\n/g, "\n\n")}
}
`;
}
