import {
  ALPINE_USER,
  type ContainerFiles,
  found,
  ignore,
  lines,
  NOT_READ,
  type RecipeInput,
  refused,
  unpinned,
  wgetCheck,
} from "../recipe.js";

const USUAL = "1.25";

/** A Go service: one static binary. */
export function go(input: RecipeInput): ContainerFiles {
  const { sources, port } = input;
  const findings: string[] = [];
  const module = sources?.text("go.mod");
  if (sources !== undefined && module === undefined) return refused("There is no go.mod at the root of its sources.");
  if (sources === undefined) findings.push(NOT_READ);
  const release = found([module, input.technology.version], /^(?:toolchain go|go )(\d+\.\d+)/m, /^(\d+\.\d+)/) ?? USUAL;
  const mains = (sources?.files ?? []).filter(
    (file) => file.endsWith(".go") && !file.endsWith("_test.go") && /^package main\b/m.test(sources?.text(file) ?? ""),
  );
  const folders = [...new Set(mains.map((file) => (file.includes("/") ? file.slice(0, file.lastIndexOf("/")) : ".")))];
  if (sources !== undefined && folders.length === 0) return refused("None of its packages is named main: it is a library.");
  const usual =
    folders.find((folder) => folder === ".") ?? folders.find((folder) => /(^|\/)(server|api|web|app)$/.test(folder)) ?? folders[0] ?? ".";
  if (folders.length > 1) findings.push(`It has several programs (${folders.join(", ")}); the image runs ${usual}.`);
  const usesC = sources?.files.some((file) => file.endsWith(".go") && /^import "C"/m.test(sources.text(file) ?? "")) === true;
  if (usesC) findings.push("It calls C: it is compiled with a C compiler, for Alpine's C library.");
  const dockerfile = lines(
    "# Compiled apart: the image holds one program",
    `FROM golang:${release}-alpine AS builder`,
    ...(usesC ? [unpinned("DL3018", "RUN apk add --no-cache build-base")] : [`ENV CGO_ENABLED=0`]),
    "WORKDIR /app",
    "COPY go.* ./",
    "RUN go mod download",
    "COPY . .",
    `RUN go build -trimpath -ldflags="-s -w" -o /out/app ${usual === "." ? "." : `./${usual}`}`,
    "",
    "FROM builder AS test",
    'CMD ["go", "test", "./..."]',
    "",
    "FROM alpine:3.22",
    unpinned("DL3018", "RUN apk add --no-cache ca-certificates tzdata"),
    ALPINE_USER,
    "WORKDIR /app",
    "COPY --from=builder /out/app ./app",
    `ENV PORT=${port}`,
    "USER 1001",
    `EXPOSE ${port}`,
    wgetCheck(input),
    'CMD ["/app/app"]',
  );
  return { files: { Dockerfile: dockerfile, ".dockerignore": ignore(["bin", "vendor"]) }, findings, testStage: "test" };
}
