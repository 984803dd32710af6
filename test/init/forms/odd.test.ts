import { expect } from "chai";
import { stringify } from "yaml";
import { UserError } from "../../../src/errors.js";
import { drafted } from "./drafted.js";

/** What people leave in files: nothing, the wrong kind, empty lists and maps. */
const ODD: unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  "",
  " ",
  "x",
  "x:y",
  "/",
  [],
  {},
  [null],
  [[]],
  [{}],
  [""],
  [1],
  { a: null },
  { "": [] },
  { "a b": { c: [{}] } },
];

const SERVICE = [
  ...[
    "image",
    "build",
    "command",
    "entrypoint",
    "environment",
    "env_file",
    "ports",
    "expose",
    "volumes",
    "tmpfs",
    "healthcheck",
    "depends_on",
  ],
  ...["deploy", "scale", "user", "cap_add", "stop_grace_period", "secrets", "configs", "read_only", "mem_limit", "mem_reservation", "cpus"],
  ...["shm_size", "profiles", "privileged", "working_dir", "extends", "networks", "container_name", "labels", "restart"],
];
const TOP = ["version", "name", "services", "volumes", "networks", "secrets", "configs", "include", "x-mine", "odd"];
const VALUES = [
  ...[
    "image",
    "replicaCount",
    "resources",
    "service",
    "ingress",
    "env",
    "extraEnv",
    "envFrom",
    "livenessProbe",
    "readinessProbe",
    "persistence",
  ],
  ...[
    "podSecurityContext",
    "securityContext",
    "serviceAccount",
    "command",
    "args",
    "containerPorts",
    "postgresql",
    "redis",
    "autoscaling",
    "odd",
  ],
];

/** Drafted, or refused in words: anything else is a bug. */
async function isAnswered(file: string, tree: unknown): Promise<string | undefined> {
  return drafted({ [file]: stringify(tree, { aliasDuplicateObjects: false }) }).then(
    () => undefined,
    (error: Error) =>
      error instanceof UserError && !/undefined|\[object|not a valid stack config/.test(error.message)
        ? undefined
        : `${JSON.stringify(tree)}: ${error.stack}`,
  );
}

describe("init from files with odd values", function () {
  this.timeout(60_000);

  it("drafts or refuses a compose file in words, whatever stands at a key", async () => {
    const bugs: string[] = [];
    const db = { image: "postgres:16" };
    for (const odd of ODD) {
      for (const key of SERVICE) {
        const web = { image: "a/b:1", ports: ["80"], [key]: odd };
        bugs.push((await isAnswered("compose.yml", { services: { web, db } })) ?? "");
      }
      for (const key of ["image", "environment", "networks"])
        bugs.push((await isAnswered("compose.yml", { services: { web: { image: "a/b:1" }, db: { ...db, [key]: odd } } })) ?? "");
      for (const key of TOP) bugs.push((await isAnswered("compose.yml", { services: { web: { image: "a/b:1" } }, [key]: odd })) ?? "");
      for (const key of ["test", "interval", "retries", "disable"])
        bugs.push(
          (await isAnswered("compose.yml", { services: { web: { image: "a/b:1", healthcheck: { test: "true", [key]: odd } } } })) ?? "",
        );
      for (const key of ["replicas", "resources", "mode", "update_config"])
        bugs.push((await isAnswered("compose.yml", { services: { web: { image: "a/b:1", deploy: { [key]: odd } } } })) ?? "");
    }
    expect(bugs.filter((bug) => bug !== "")).to.deep.equal([]);
  });

  it("drafts or refuses a chart's values in words, whatever stands at a key", async () => {
    const bugs: string[] = [];
    for (const odd of ODD)
      for (const key of VALUES) {
        bugs.push((await isAnswered("values.yaml", { image: { repository: "a/b", tag: "1" }, [key]: odd })) ?? "");
        bugs.push(
          (await isAnswered("values.yaml", {
            image: { repository: "a/b", tag: "1" },
            [key]: { enabled: true, hosts: odd, limits: odd, path: odd, port: odd },
          })) ?? "",
        );
      }
    expect(bugs.filter((bug) => bug !== "")).to.deep.equal([]);
  });
});
