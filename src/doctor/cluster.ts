import { readFile } from "node:fs/promises";
import { parseAllDocuments } from "yaml";
import { asked, type ClusterClients, found } from "../adapters/kubernetes/clients.js";
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

/** Labels of a namespace whose pods become ready only once the load balancer's targets are: of the controller, and of EKS Auto Mode. */
const GATES = ["elbv2.k8s.aws/pod-readiness-gate-inject", "eks.amazonaws.com/pod-readiness-gate-inject"];

/** Whether pods wait for the load balancer before they count as ready: without that a rolling update outruns its targets. */
export const readinessGates = (stack: string, config: StackConfig, { core }: ClusterClients): Promise<Finding> =>
  examine("readiness gates", stack, "Let the service get its namespace: apply deploy/kubernetes-rbac.yaml.", async () => {
    if (config.ingress === undefined) return "no load balancer leads to its pods";
    const name = namespaceOf(config);
    const mend = `kubectl label namespace ${name} ${GATES[0]}=enabled, before the workload is deployed there`;
    const namespace = await found(`read the namespace ${name}`, core.readNamespace({ name }));
    if (namespace === undefined) return { warning: `there is no namespace ${name} yet`, mend: `kubectl create namespace ${name}; ${mend}` };
    const labels = namespace.metadata?.labels ?? {};
    if (GATES.some((g) => labels[g] === "enabled")) return `the namespace ${name} asks for them`;
    return { warning: `the namespace ${name} does not ask for them: a rolling update may outrun the load balancer's targets`, mend };
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
