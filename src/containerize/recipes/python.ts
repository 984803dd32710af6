import { type ContainerFiles, found, healthCheck, ignore, lines, NOT_READ, type RecipeInput, refused } from "../recipe.js";
import { has, type Sources } from "../sources.js";

const PYTHON = "3.12";
/** Oldest Python with security updates, since October 2026. Source: PEP 619. */
const OLDEST_MINOR = 10;
const VENV = "python -m venv /opt/venv";
const PIP = "/opt/venv/bin/pip install --no-cache-dir";

/** A Python service: its dependencies by the tool that locks them, its start by the framework that it uses. */
export function python(input: RecipeInput): ContainerFiles {
  const { sources, port, healthPath } = input;
  const findings: string[] = [];
  const release = releaseOf(sources, input.technology.version, findings);
  const start = startOf(sources, port);
  if (start === undefined)
    return refused(
      "Nothing says where it begins: there is no manage.py, no app.py, main.py, wsgi.py or asgi.py with an application, and no __main__.py.",
    );
  if (sources === undefined) findings.push(NOT_READ);
  const install = installOf(sources, findings);
  if (install === undefined) return refused("Nothing says what it depends on: add requirements.txt, or a pyproject.toml.");
  const server = start.server !== undefined && !isListed(sources, start.server) ? start.server : undefined;
  if (server !== undefined) findings.push(`${server} serves it in the image; its requirements do not name it.`);
  const test = testOf(sources);
  if (test === undefined) findings.push("It has no tests that are found: nothing of it is tested in the image.");
  const check = `import sys, urllib.request; sys.exit(0 if urllib.request.urlopen('http://localhost:${port}${healthPath}', timeout=3).status == 200 else 1)`;
  const path = "ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1";
  const dockerfile = lines(
    "# Dependencies are installed apart, so that the image holds no build tools",
    `FROM python:${release}-slim AS builder`,
    "WORKDIR /app",
    `COPY ${install.files.join(" ")} ./`,
    `RUN ${[VENV, ...install.commands, ...(server === undefined ? [] : [`${PIP} ${server}`])].join(" && ")}`,
    ...(test === undefined
      ? []
      : [
          "",
          "# Has what tests need beside",
          "FROM builder AS test",
          path,
          "COPY . .",
          `RUN ${test.install}`,
          `CMD ${JSON.stringify(test.command)}`,
        ]),
    "",
    `FROM python:${release}-slim`,
    "RUN groupadd -g 1001 app && useradd -u 1001 -g 1001 -M app",
    "WORKDIR /app",
    "COPY --from=builder /opt/venv /opt/venv",
    "COPY --chown=1001:1001 . .",
    `${path} PORT=${port}`,
    "USER 1001",
    `EXPOSE ${port}`,
    healthCheck(["python", "-c", check]),
    `CMD ${JSON.stringify(start.command)}`,
  );
  const files = { Dockerfile: dockerfile, ".dockerignore": ignore(["__pycache__", "*.pyc", ".venv", ".pytest_cache"]) };
  return { files, findings, ...(test === undefined ? {} : { testStage: "test" }) };
}

function releaseOf(sources: Sources | undefined, stated: string | undefined, findings: string[]): string {
  const ofSources = found(
    [sources?.text(".python-version"), sources?.text("runtime.txt"), sources?.text("pyproject.toml"), sources?.text("Pipfile")],
    /^\s*(?:python-)?(3\.\d+)/,
    /requires-python\s*=\s*["'][^"'\d]*(3\.\d+)/,
    /^python(?:_version)?\s*=\s*["'][^"'\d]*(3\.\d+)/m,
  );
  const version = ofSources ?? stated;
  if (version === undefined) {
    findings.push(`Nothing says which Python it needs; the image uses ${PYTHON}.`);
    return PYTHON;
  }
  const minor = /^3\.(\d+)/.exec(version)?.[1];
  if (minor === undefined) {
    findings.push(`The inventory says Python ${version}; the image uses Python ${PYTHON}, in which the sources may not run as they are.`);
    return PYTHON;
  }
  if (Number(minor) < OLDEST_MINOR) findings.push(`Python 3.${minor} gets no security updates; the image has it as it is.`);
  return `3.${minor}`;
}

function installOf(sources: Sources | undefined, findings: string[]): { files: string[]; commands: string[] } | undefined {
  if (sources === undefined || (has(sources, "requirements.txt") && !has(sources, "uv.lock") && !has(sources, "poetry.lock")))
    return { files: ["requirements.txt"], commands: [`${PIP} -r requirements.txt`] };
  if (has(sources, "uv.lock"))
    return {
      files: ["pyproject.toml", "uv.lock"],
      commands: [`${PIP} uv`, "UV_PROJECT_ENVIRONMENT=/opt/venv /opt/venv/bin/uv sync --frozen --no-dev --no-install-project --inexact"],
    };
  if (has(sources, "poetry.lock"))
    return {
      files: ["pyproject.toml", "poetry.lock"],
      // Poetry itself stands apart from what the image gets, and installs into the environment that is active.
      commands: ["pip install --no-cache-dir poetry", "VIRTUAL_ENV=/opt/venv poetry install --only main --no-root --no-interaction"],
    };
  if (has(sources, "Pipfile.lock"))
    return {
      files: ["Pipfile", "Pipfile.lock"],
      commands: ["pip install --no-cache-dir pipenv", "VIRTUAL_ENV=/opt/venv PIPENV_IGNORE_VIRTUALENVS=0 pipenv sync"],
    };
  if (!has(sources, "pyproject.toml")) return undefined;
  findings.push("pyproject.toml has no lock file beside it: each build chooses its versions itself. Commit one.");
  return { files: ["."], commands: [`${PIP} .`] };
}

interface Start {
  command: string[];
  /** The package that serves it, where one does. */
  server?: string;
}

function startOf(sources: Sources | undefined, port: number): Start | undefined {
  if (sources === undefined) return { command: ["python", "-m", "app"] };
  const wsgi = sources.files.find((file) => /(^|\/)wsgi\.py$/.test(file));
  if (has(sources, "manage.py") && wsgi !== undefined) return gunicorn(`${moduleOf(wsgi)}:application`, port);
  for (const file of sources.files.filter((name) => /(^|\/)(app|main|asgi|wsgi|__init__)\.py$/.test(name))) {
    const text = sources.text(file) ?? "";
    const asgi = /^(\w+)\s*(?::\s*\w+\s*)?=\s*(?:fastapi\.)?(?:FastAPI|Starlette|Litestar)\(/m.exec(text)?.[1];
    if (asgi !== undefined)
      return { command: ["uvicorn", `${moduleOf(file)}:${asgi}`, "--host", "0.0.0.0", "--port", String(port)], server: "uvicorn" };
    const flask = /^(\w+)\s*(?::\s*\w+\s*)?=\s*(?:flask\.)?Flask\(/m.exec(text)?.[1] ?? /^(application)\s*=/m.exec(text)?.[1];
    if (flask !== undefined) return gunicorn(`${moduleOf(file)}:${flask}`, port);
    if (/^def create_app\(/m.test(text)) return gunicorn(`${moduleOf(file)}:create_app()`, port);
  }
  const main = sources.files.find((file) => /^\w+\/__main__\.py$/.test(file));
  return main === undefined ? undefined : { command: ["python", "-m", main.split("/")[0] as string] };
}

const gunicorn = (application: string, port: number): Start => ({
  command: ["gunicorn", "--bind", `0.0.0.0:${port}`, application],
  server: "gunicorn",
});

const moduleOf = (file: string): string => file.replace(/(\/__init__)?\.py$/, "").replaceAll("/", ".");

const isListed = (sources: Sources | undefined, name: string): boolean =>
  sources === undefined ||
  ["requirements.txt", "pyproject.toml", "Pipfile"].some((file) =>
    new RegExp(`(^|["'\\s])${name}\\b`, "im").test(sources.text(file) ?? ""),
  );

function testOf(sources: Sources | undefined): { install: string; command: string[] } | undefined {
  if (sources === undefined || !sources.files.some((file) => /(^|\/)(tests?\/.*|test_\w+|\w+_test|tests)\.py$/.test(file)))
    return undefined;
  const extra = ["requirements-dev.txt", "requirements-test.txt", "dev-requirements.txt"].find((file) => has(sources, file));
  const usesPytest = sources.files.some((file) => /(^|\/)(pytest\.ini|conftest\.py)$/.test(file)) || !has(sources, "manage.py");
  const needed = [extra === undefined ? undefined : `-r ${extra}`, usesPytest ? "pytest" : undefined].filter((part) => part !== undefined);
  const install = needed.length === 0 ? "true" : `${PIP} ${needed.join(" ")}`;
  return { install, command: usesPytest ? ["python", "-m", "pytest"] : ["python", "manage.py", "test"] };
}
