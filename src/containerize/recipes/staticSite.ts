import { type ContainerFiles, ignore, lines, NOT_READ, type RecipeInput, wgetCheck } from "../recipe.js";
import { has, json, type Sources } from "../sources.js";
import { dependencies, tested } from "./node.js";
import { nodeProject } from "./nodePackage.js";

const NGINX = "nginxinc/nginx-unprivileged:1.27-alpine";

/** Where each tool writes, by the package that brings it. */
const OUTPUT: Record<string, string> = {
  vite: "dist",
  "react-scripts": "build",
  "@vue/cli-service": "dist",
  gatsby: "public",
  "@11ty/eleventy": "_site",
  parcel: "dist",
  webpack: "dist",
};

/** A site of files: built where it has a build, served by nginx as a user without rights. */
export function staticSite(input: RecipeInput): ContainerFiles {
  const { sources, port, healthPath } = input;
  const files = { ".dockerignore": ignore(["node_modules", "build", "dist", "coverage"]), "nginx.conf": nginx(port, healthPath) };
  const project = nodeProject(sources, undefined);
  const server = (copy: string): string[] => [
    `FROM ${NGINX}`,
    "COPY nginx.conf /etc/nginx/conf.d/default.conf",
    copy,
    "USER 1001",
    `EXPOSE ${port}`,
    wgetCheck(input),
    'CMD ["nginx", "-g", "daemon off;"]',
  ];
  if (project === undefined) {
    const page = sources?.files.find((file) => /(^|\/)index\.html$/.test(file));
    if (page === undefined) return { files: {}, findings: ["There is neither a package.json nor an index.html in its sources."] };
    const root = page.includes("/") ? page.slice(0, page.lastIndexOf("/")) : ".";
    const copied = ["# What is served, without what is not", `FROM ${NGINX} AS site`, `COPY ${root} /site`, ""];
    return { files: { Dockerfile: lines(...copied, ...server("COPY --from=site /site /usr/share/nginx/html")), ...files }, findings: [] };
  }
  const { findings, pack } = project;
  const output = sources === undefined ? "build" : outputOf(sources, pack);
  if (output === undefined) findings.push("Nothing says where its build writes; the folder dist is taken.");
  const hasTests = pack.scripts?.test !== undefined && !/no test specified/.test(pack.scripts.test);
  const dockerfile = lines(
    ...dependencies(project),
    ...tested(project, hasTests),
    "",
    ...server(`COPY --from=builder /app/${output ?? "dist"} /usr/share/nginx/html`),
  );
  const said = sources === undefined ? [...findings, NOT_READ] : findings;
  return { files: { Dockerfile: dockerfile, ...files }, findings: said, ...(hasTests ? { testStage: "test" } : {}) };
}

function outputOf(sources: Sources, pack: { dependencies?: object; devDependencies?: object }): string | undefined {
  const angular = json<{
    projects: Record<string, { architect?: { build?: { options?: { outputPath?: string | { base: string } }; builder?: string } } }>;
  }>(sources, "angular.json");
  const build = Object.values(angular?.projects ?? {})[0]?.architect?.build;
  if (build !== undefined) {
    const path = build.options?.outputPath;
    const base = typeof path === "object" ? path.base : (path ?? `dist/${Object.keys(angular?.projects ?? {})[0]}`);
    // The application builder, since Angular 17, writes what browsers get into a folder of its own.
    return /:application$/.test(build.builder ?? "") ? `${base}/browser` : base;
  }
  const config = sources.files.find((file) => /^vite\.config\./.test(file));
  const stated = config === undefined ? undefined : /outDir:\s*["'`]([^"'`]+)/.exec(sources.text(config) ?? "")?.[1];
  const all = { ...pack.dependencies, ...pack.devDependencies };
  return stated ?? Object.entries(OUTPUT).find(([name]) => name in all)?.[1] ?? (has(sources, "public/index.html") ? "build" : undefined);
}

const nginx = (port: number, healthPath: string): string => `server {
  listen ${port};
  root /usr/share/nginx/html;
${[...new Set([healthPath, "/ready"])].map((path) => `  location = ${path} { access_log off; default_type text/plain; return 200 "ok"; }`).join("\n")}
  location / { try_files $uri /index.html; }
}
`;
