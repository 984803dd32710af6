// Reads what the pages need from a component's source: interfaces, classes and their doc comments. Biome keeps the
// sources in one form, so a line reader does; test/components/docs.test.ts finds a property that it would miss.

/** Doc comment text without its stars: { text, tags } with tags by name. */
export function docComment(lines) {
  const plain = lines
    .join("\n")
    .replace(/^\s*\/\*\*/, "")
    .replace(/\*\/\s*$/, "")
    .split("\n")
    .map((l) => l.replace(/^\s*\* ?/, ""))
    .join("\n")
    .trim();
  const [text = "", ...rest] = plain.split(/(?:^|\s)@(?=(?:default|example|seed|cost)\b)/);
  const tags = {};
  for (const tag of rest) {
    const [, name, value] = /^(\w+)\s*([\s\S]*)$/.exec(tag) ?? [];
    if (name !== undefined) tags[name] = value.trim();
  }
  return { text: text.replace(/\s+/g, " ").trim(), tags };
}

/** Lines of the comment that ends right above a line, or none. */
function commentAbove(lines, index) {
  if (!/\*\/\s*$/.test(lines[index - 1] ?? "")) return [];
  let from = index - 1;
  while (!/^\s*\/\*\*/.test(lines[from])) from -= 1;
  return lines.slice(from, index);
}

const depthOf = (text) => [...text].reduce((d, c) => d + ("{([".includes(c) ? 1 : "})]".includes(c) ? -1 : 0), 0);

/** Properties between an opening line and its closing brace, each { name, optional, type, doc }. */
function properties(lines, from, indent) {
  const found = [];
  for (let i = from; lines[i] !== `${indent}}`; i += 1) {
    const match = new RegExp(`^${indent}  (?:readonly )?(\\w+)(\\?)?: (.*)$`).exec(lines[i]);
    if (match === null) continue;
    const doc = docComment(commentAbove(lines, i));
    let type = match[3];
    while (depthOf(type) > 0 || !type.endsWith(";")) {
      i += 1;
      type += ` ${lines[i].trim()}`;
    }
    found.push({ name: match[1], optional: match[2] === "?", type: type.slice(0, -1).replace(/\/\*\*.*?\*\/ ?/g, ""), doc });
  }
  return found;
}

/** Everything in one source file. */
export function declarationsOf(text) {
  const lines = text.split("\n");
  const interfaces = new Map();
  const classes = [];
  for (const [i, line] of lines.entries()) {
    const declared = /^export interface (\w+)(?: extends (.+))? \{$/.exec(line);
    if (declared !== null)
      interfaces.set(declared[1], {
        extends: declared[2],
        doc: docComment(commentAbove(lines, i)),
        properties: properties(lines, i + 1, ""),
      });
    const component = /^export class (\w+) extends pulumi\.ComponentResource \{$/.exec(line);
    if (component === null) continue;
    const end = lines.findIndex((l, j) => j > i && l.startsWith("  constructor("));
    const outputs = properties([...lines.slice(i + 1, end), "}"], 0, "").filter((p) => p.name !== "nodes");
    classes.push({
      name: component[1],
      doc: docComment(commentAbove(lines, i)),
      outputs: outputs.filter((p) => !isPrivate(lines, p.name)),
    });
  }
  return { interfaces, classes, text };
}

const isPrivate = (lines, name) => lines.some((l) => l.startsWith(`  private readonly ${name}:`));

/** Properties of an interface with those it takes over: `extends A`, `extends Omit<A, "x" | "y">`. */
export function allProperties(name, interfaces) {
  const declared = interfaces.get(name);
  if (declared === undefined) throw new Error(`no exported interface ${name} in src/components`);
  const own = declared.properties;
  if (declared.extends === undefined) return own;
  const [, omitting, base = declared.extends, omitted = ""] = /^(Omit)<(\w+), ([^>]+)>$/.exec(declared.extends) ?? [];
  const left = omitting === undefined ? [] : omitted.split("|").map((o) => JSON.parse(o.trim()));
  const names = own.map((p) => p.name);
  return [...own, ...allProperties(base, interfaces).filter((p) => !left.includes(p.name) && !names.includes(p.name))];
}

/** Types of the resources that a source constructs: `aws.rds.Instance`, and kinds of custom resources. */
export function createdBy(text) {
  const direct = [...text.matchAll(/new ((?:aws|k8s|native)(?:\.\w+)+)\(/g)].map((m) => m[1]).filter((t) => !t.endsWith("CustomResource"));
  const custom = [...text.matchAll(/apiVersion: "([^"]+)",\s+kind: "(\w+)"/g)].map((m) => `${m[2]} (${m[1]})`);
  return [...new Set([...direct, ...custom])].sort();
}
