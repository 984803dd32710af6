import { type AwsClients, awsClients } from "../adapters/aws/clients.js";
import { engineOf } from "../adapters/engines/registry.js";
import { databasesOf } from "../adapters/target.js";
import { StackFile } from "../config/stackFile.js";
import { readTarget } from "../config/targets.js";
import type { DatabaseReadiness, FindingKind } from "../ports/readiness.js";
import { secretOf } from "../service/secret.js";
import { type Finding, unknownOf } from "./check.js";

/** The readiness report of one stack's databases, as the service would compute it now. Changes nothing, never rejects. */
export async function readinessOfStack(options: {
  /** The project, with Pulumi.yaml. */
  root: string;
  /** Folder with the stack configs. */
  stacks: string;
  stack: string;
  /** File that says how environments are reached. */
  targets: string;
}): Promise<DatabaseReadiness> {
  const { root, stacks, stack, targets } = options;
  let clients: AwsClients | undefined;
  try {
    const file = await StackFile.read(stacks, stack);
    const config = file.shape();
    if (config.database === undefined) return { standing: "none", at: Date.now(), findings: [] };
    const target = await readTarget(targets, config.application.environment);
    const { costTag: _, ...account } = target.aws;
    const region = file.raw()["aws:region"];
    const given = Object.fromEntries(Object.entries(account).filter(([, v]) => v !== undefined));
    // Nobody waits for eight attempts at a prompt.
    clients = awsClients({ region: typeof region === "string" ? region : "us-east-1", ...given }, { attempts: 2 });
    const secret = (key: string) => secretOf({ root }, stack, key);
    return await engineOf(config)
      .open(databasesOf({ config: () => config, target, secret }, clients))
      .data.readiness();
  } catch (error) {
    return { standing: "unknown", at: Date.now(), findings: [], why: (error as Error).message.replaceAll("\n", " ") };
  } finally {
    clients?.close();
  }
}

const CHECK = "database readiness";
const STANDING: Record<FindingKind, Finding["standing"]> = { refuses: "failed", loses: "warning", slows: "warning", warns: "warning" };

/** As findings of the doctor: what refuses is broken, the rest is said. */
export function readinessFindings(stack: string, { standing, findings, why }: DatabaseReadiness): Finding[] {
  if (standing === "none") return [];
  if (standing === "unknown") return [unknownOf(CHECK, stack, why ?? "no answer")];
  if (standing === "past")
    return [{ check: CHECK, of: stack, standing: "ok", detail: "writes are stopped, or the new database was promoted" }];
  if (findings.length === 0) return [{ check: CHECK, of: stack, standing: "ok", detail: "nothing speaks against the move" }];
  return findings.map((f) => ({
    check: CHECK,
    of: stack,
    standing: STANDING[f.kind],
    detail: `${f.kind}: ${f.what}, ${f.means}`.replaceAll("\n", " "),
    mend: f.cure,
  }));
}
