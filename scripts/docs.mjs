// npm run docs: one page a component in docs/components, docs/openapi.json from the routes, docs/reference from the command line and
// the stack config's schema. `-- --check` only tells what differs.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "./build.mjs";
import { renderApi } from "./docs/api.mjs";
import { renderCli } from "./docs/cli.mjs";
import { renderConfig } from "./docs/config.mjs";
import { allProperties, createdBy, declarationsOf } from "./docs/declarations.mjs";
import { row } from "./docs/tables.mjs";

const FOLDER = join("docs", "components");
const code = (text) => `\`${text.replace(/\s+/g, " ").replace(/pulumi\.(Input|Output)/g, "$1")}\``;

/** @returns path in the checkout → text, for every page */
export async function renderDocs(root) {
  const folder = join(root, "src", "components");
  const sources = new Map();
  for (const name of (await readdir(folder)).filter((n) => n.endsWith(".ts") && n !== "index.ts").sort())
    sources.set(name, declarationsOf(await readFile(join(folder, name), "utf8")));
  const interfaces = new Map([...sources.values()].flatMap((s) => [...s.interfaces]));
  const components = [...sources].flatMap(([file, source]) => source.classes.map((c) => ({ ...c, file, text: source.text })));
  const helpers = [...sources].filter(([, s]) => s.classes.length === 0);
  const pages = new Map(components.map((c) => [join(FOLDER, `${c.name}.md`), page(c, { interfaces, components, helpers })]));
  pages.set(join(FOLDER, "README.md"), index(components));
  return pages;
}

function page(component, all) {
  const { name, doc, outputs, file } = component;
  const args = allProperties(`${name}Args`, all.interfaces);
  return `${[
    `<!-- Made by npm run docs from src/components/${file}. -->`,
    `# ${name}`,
    doc.text,
    `From the guide: ${doc.tags.seed ?? "-"}.`,
    "## Example",
    `\`\`\`ts\n${imports(doc.tags.example ?? "", all.components)}\n\n${doc.tags.example}\n\`\`\``,
    "## Arguments",
    argumentsTable(args),
    ...namedTypes(args, all.interfaces),
    ...(outputs.length === 0 ? [] : ["## Outputs", outputTable(outputs)]),
    "## Creates",
    creates(component, all),
    "## Cost",
    doc.tags.cost ?? "Nothing on its own.",
  ].join("\n\n")}\n`;
}

const imports = (example, components) => {
  const used = components.map((c) => c.name).filter((n) => new RegExp(`\\b${n}\\b`).test(example));
  return `import { ${used.join(", ")} } from "cutover/components";`;
};

function argumentsTable(properties) {
  const rows = properties.map(({ name, optional, type, doc }) =>
    row(code(name), code(type), doc.tags.default ?? (optional ? "none" : "required"), doc.text),
  );
  return [row("argument", "type", "default", "what it is"), "|---|---|---|---|", ...rows].join("\n");
}

function outputTable(outputs) {
  return [row("output", "type", "what it is"), "|---|---|---|", ...outputs.map((o) => row(code(o.name), code(o.type), o.doc.text))].join(
    "\n",
  );
}

/** Tables of the interfaces that arguments are made of. */
function namedTypes(args, interfaces) {
  const names = [...new Set(args.flatMap((a) => a.type.match(/\b[A-Z]\w+/g) ?? []))].filter((n) => interfaces.has(n));
  return names.flatMap((n) => [`### ${n}`, argumentsTable(allProperties(n, interfaces))]);
}

function creates({ text: source, name }, { components, helpers }) {
  const text = withoutComments(source);
  // What a helper of the folder creates counts for each component that calls it.
  const called = helpers.filter(([, h]) =>
    [...h.text.matchAll(/^export (?:function|const) (\w+)/gm)].some((m) => text.includes(`${m[1]}(`)),
  );
  const resources = [...new Set([text, ...called.map(([, h]) => withoutComments(h.text))].flatMap(createdBy))].sort();
  const others = components.map((c) => c.name).filter((c) => c !== name && text.includes(`new ${c}(`));
  return [...resources.map((r) => `- \`${r}\``), ...others.map((o) => `- [${o}](${o}.md)`)].join("\n");
}

/** Examples in comments construct what the code does not. */
const withoutComments = (text) => text.replace(/\/\*\*[\s\S]*?\*\//g, "");

function index(components) {
  const first = (text) => `${text.split(/(?<=[.:])\s/)[0]}`.replace(/:$/, ".");
  const rows = components.map((c) => row(`[${c.name}](${c.name}.md)`, first(c.doc.text), c.doc.tags.seed ?? "-"));
  return `${[
    "<!-- Made by npm run docs from src/components. -->",
    "# Components",
    'Each is a `ComponentResource` of its own: `import { Workload } from "cutover/components"`. Providers, transformations, aliases and `protect` are passed on to their resources as Pulumi does for every component; AWS resources take `tags`. A wrong argument fails at construction with its path.',
    [row("component", "what it is", "from the guide"), "|---|---|---|", ...rows].join("\n"),
  ].join("\n\n")}\n`;
}

async function main(root, check) {
  await build();
  const pages = new Map([
    ...(await renderDocs(root)),
    ...(await renderApi(root)),
    ...(await renderCli(root)),
    ...(await renderConfig(root)),
  ]);
  await mkdir(join(root, FOLDER), { recursive: true });
  const stale = (await readdir(join(root, FOLDER))).map((n) => join(FOLDER, n)).filter((path) => !pages.has(path));
  const different = [];
  for (const [path, text] of pages) if ((await readFile(join(root, path), "utf8").catch(() => "")) !== text) different.push(path);
  if (check) {
    for (const path of [...different, ...stale]) process.stdout.write(`${path} is not up to date: npm run docs\n`);
    return different.length + stale.length === 0 ? 0 : 1;
  }
  for (const path of different) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), pages.get(path));
  }
  for (const path of stale) await rm(join(root, path));
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = await main(join(dirname(fileURLToPath(import.meta.url)), ".."), process.argv.includes("--check"));
