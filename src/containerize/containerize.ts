import type { Application } from "../inventory/csv.js";

export interface ContainerFiles {
  /** Content by file name. */
  files: Record<string, string>;
  /** What a person should know, as sentences. */
  findings: string[];
}

/** Oldest Node.js that still gets security updates; the seed's Dockerfile uses it too. */
const OLDEST_NODE = 20;
const PYTHON = "3.12";

const NODE_CHECK =
  "require('http').get('http://localhost:3000/health', (r) => process.exit(r.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))";
const PYTHON_CHECK =
  "import sys, urllib.request; sys.exit(0 if urllib.request.urlopen('http://localhost:3000/health', timeout=3).status == 200 else 1)";

/** The seed's timings. */
const healthCheck = (command: string[]): string =>
  `HEALTHCHECK --interval=30s --timeout=3s --start-period=40s --retries=3 \\\n  CMD ${JSON.stringify(command)}`;

/**
 * Dockerfile and .dockerignore for an application, from its technology in the inventory: multi-stage, user 1001, port
 * 3000, a health check that needs neither a shell nor curl.
 * A technology without a recipe gets no files and a finding.
 */
export function containerize(application: Application): ContainerFiles {
  const { kind, text, version } = application.technology;
  switch (kind) {
    case "nodejs":
      return node(version);
    case "static":
      return staticSite();
    case "python":
      return python(version);
    default:
      // Built elsewhere, it is as good as one of ours: what it must do is asked of it where it runs.
      return {
        files: {},
        findings: [
          `There is no recipe for ${text} here: the image that the stack config names is taken as it was built elsewhere; it must run as a user without rights, with a read-only root file system.`,
        ],
      };
  }
}

function node(version: string | undefined): ContainerFiles {
  const wanted = Number.parseInt(version ?? String(OLDEST_NODE), 10);
  const major = Math.max(wanted, OLDEST_NODE);
  const findings =
    wanted < OLDEST_NODE ? [`The inventory says Node.js ${wanted}, which gets no security updates; the image uses Node.js ${major}.`] : [];
  const dockerfile = `# Multi-stage build for production
FROM node:${major}-alpine AS builder
WORKDIR /app
COPY package*.json ./
# The build needs the development dependencies; they are pruned after it.
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev && npm cache clean --force

FROM node:${major}-alpine
RUN addgroup -g 1001 -S nodejs && adduser -S nodejs -u 1001
WORKDIR /app
COPY --from=builder --chown=nodejs:nodejs /app/node_modules ./node_modules
COPY --from=builder --chown=nodejs:nodejs /app/dist ./dist
COPY --from=builder --chown=nodejs:nodejs /app/package*.json ./
ENV NODE_ENV=production
USER 1001
EXPOSE 3000
${healthCheck(["node", "-e", NODE_CHECK])}
CMD ["node", "dist/server.js"]
`;
  return { files: { Dockerfile: dockerfile, ".dockerignore": ignore(["node_modules", "dist", "coverage"]) }, findings };
}

function staticSite(): ContainerFiles {
  const dockerfile = `# Built with Node.js, served by nginx as a user without rights
FROM node:${OLDEST_NODE}-alpine AS builder
WORKDIR /app
COPY package*.json ./
RUN npm ci
COPY . .
RUN npm run build && npm cache clean --force

FROM nginxinc/nginx-unprivileged:1.27-alpine
COPY nginx.conf /etc/nginx/conf.d/default.conf
COPY --from=builder /app/build /usr/share/nginx/html
USER 1001
EXPOSE 3000
${healthCheck(["wget", "-q", "-O", "/dev/null", "http://localhost:3000/health"])}
CMD ["nginx", "-g", "daemon off;"]
`;
  const nginx = `server {
  listen 3000;
  root /usr/share/nginx/html;
  location = /health { access_log off; default_type text/plain; return 200 "ok"; }
  location = /ready { access_log off; default_type text/plain; return 200 "ok"; }
  location / { try_files $uri /index.html; }
}
`;
  return {
    files: { Dockerfile: dockerfile, ".dockerignore": ignore(["node_modules", "build", "coverage"]), "nginx.conf": nginx },
    findings: ["The build's output is taken from the folder build; Vite writes to dist: change the COPY line then."],
  };
}

function python(version: string | undefined): ContainerFiles {
  const release = version !== undefined && /^3\.\d+/.test(version) ? version : PYTHON;
  const differs = version !== undefined && release !== version;
  const dockerfile = `# Dependencies are installed apart, so that the image holds no build tools
FROM python:${release}-slim AS builder
WORKDIR /app
COPY requirements.txt ./
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir -r requirements.txt

FROM python:${release}-slim
RUN groupadd -g 1001 app && useradd -u 1001 -g 1001 -M app
WORKDIR /app
COPY --from=builder /opt/venv /opt/venv
COPY --chown=1001:1001 . .
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1
USER 1001
EXPOSE 3000
${healthCheck(["python", "-c", PYTHON_CHECK])}
CMD ["python", "-m", "app"]
`;
  const findings = [
    ...(version === undefined ? [`The inventory gives no Python version; the image uses ${PYTHON}.`] : []),
    ...(differs
      ? [`The inventory says Python ${version}; the image uses Python ${PYTHON}, in which the sources may not run as they are.`]
      : []),
  ];
  return { files: { Dockerfile: dockerfile, ".dockerignore": ignore(["__pycache__", "*.pyc", ".venv"]) }, findings };
}

const ignore = (own: string[]): string => [".git", ".env", ".env.*", "*.log", "Dockerfile", ".dockerignore", ...own, ""].join("\n");
