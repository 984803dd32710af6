import { readFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";
import { asked, type ClusterClients } from "../adapters/kubernetes/clients.js";
import { namespaceOf, type StackConfig } from "../config/schema.js";
import { Terminal } from "../errors.js";
import { examine, type Finding } from "./check.js";

interface Right {
  group: string;
  resource: string;
  subresource?: string;
  verb: string;
  /** Absent for what belongs to no namespace. */
  namespace?: string;
}

/** Rights that only some stacks need. */
const ONLY_CANARY = "argoproj.io";

/** Whether the cluster answers, and allows everything that the shipped role has, in one stack's namespace. */
export const rights = (stack: string, config: StackConfig, { authorization, server }: ClusterClients, role: string): Promise<Finding> =>
  examine("cluster access", stack, "Apply deploy/kubernetes-rbac.yaml in the application's namespace.", async () => {
    const wanted = rightsIn(await readFile(role, "utf8"), namespaceOf(config)).filter(
      (r) => r.group !== ONLY_CANARY || config.strategy.kind === "canary",
    );
    const answers = await Promise.all(
      wanted.map(async ({ group, resource, subresource, verb, namespace }) => {
        const resourceAttributes = {
          group,
          resource,
          verb,
          ...(subresource === undefined ? {} : { subresource }),
          ...(namespace === undefined ? {} : { namespace }),
        };
        const body = { spec: { resourceAttributes } };
        const { status } = await asked("ask for its own rights", authorization.createSelfSubjectAccessReview({ body }));
        return {
          allowed: status?.allowed === true,
          text: `${verb} ${group === "" ? "" : `${group}/`}${resource}${subresource === undefined ? "" : `/${subresource}`}`,
        };
      }),
    );
    const denied = answers.filter((a) => !a.allowed).map((a) => a.text);
    if (denied.length > 0)
      throw new Terminal(`not allowed in ${namespaceOf(config)}: ${denied.join(", ")}`, {
        next: `Bind the role of deploy/kubernetes-rbac.yaml in the namespace ${namespaceOf(config)}.`,
      });
    return `${server} allows ${answers.length} rights in ${namespaceOf(config)}`;
  });

interface RoleDocument {
  kind: string;
  rules?: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
}

/** Every right of the shipped roles. */
function rightsIn(text: string, namespace: string): Right[] {
  return parseAllDocuments(text)
    .map((d) => d.toJS() as RoleDocument)
    .flatMap(({ kind, rules = [] }) =>
      rules.flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((path) => {
            const [resource = "", subresource] = path.split("/");
            const where = kind === "Role" ? { namespace } : {};
            return verbs.map((verb) => ({ group, resource, verb, ...(subresource === undefined ? {} : { subresource }), ...where }));
          }),
        ),
      ),
    );
}
