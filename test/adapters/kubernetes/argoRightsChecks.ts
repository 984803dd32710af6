import { expect } from "chai";
import { ArgoRollouts } from "../../../src/components/index.js";
import { registered } from "../../components/harness.js";
import { type clusterForSuite, objectsOf } from "../../support/cluster.js";

const ACCOUNT = "system:serviceaccount:argo-rollouts:argo-rollouts";
/** What the role of v1.8.3's own install manifest allows for what cutover makes: resource.group → verbs. */
const UPSTREAM: Record<string, string[]> = {
  "rollouts.argoproj.io": ["get", "list", "watch", "update", "patch"],
  "analysisruns.argoproj.io": ["create", "get", "list", "watch", "update", "patch", "delete"],
  "analysistemplates.argoproj.io": ["get", "list", "watch"],
  "replicasets.apps": ["create", "get", "list", "watch", "update", "patch", "delete"],
  services: ["get", "list", "watch", "patch"],
  secrets: ["get", "list", "watch"],
  pods: ["list", "update", "watch"],
  events: ["create", "update", "patch"],
  "ingresses.networking.k8s.io": ["create", "get", "list", "watch", "update", "patch"],
  "leases.coordination.k8s.io": ["create", "get", "update"],
  // The verification of target groups.
  endpoints: ["get"],
  "targetgroupbindings.elbv2.k8s.aws": ["list", "get"],
};

/** What the API server lets the installed controller do. */
export function argoRightsChecks(cluster: ReturnType<typeof clusterForSuite>): void {
  const allowed = async (target: string, verb: string): Promise<boolean> => {
    const [resource, ...group] = target.split(".");
    const resourceAttributes = { resource, group: group.join("."), verb, namespace: "production" };
    const review = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec: { user: ACCOUNT, resourceAttributes } };
    return (await cluster.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)).body.status.allowed;
  };

  it("the installed Argo Rollouts may do what its own manifest lets it, also to verify target groups, and no more to secrets", async () => {
    const objects = objectsOf(await registered(() => new ArgoRollouts("argo-rollouts", { version: "v1.8.3" })));
    for (const object of objects.filter((o) => /^(ServiceAccount|ClusterRole|ClusterRoleBinding)$/.test(o.kind)))
      expect((await cluster.apply(object)).status, object.kind).to.be.oneOf([200, 201]);
    const deniedNow = async (): Promise<string[]> => {
      const denied: string[] = [];
      for (const [target, verbs] of Object.entries(UPSTREAM))
        for (const verb of verbs) if (!(await allowed(target, verb))) denied.push(`${verb} ${target}`);
      return denied;
    };
    // The API server's authorizer reads roles from its watch cache, a moment after they were written.
    let denied = await deniedNow();
    for (let tries = 0; denied.length > 0 && tries < 50; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      denied = await deniedNow();
    }
    expect(denied).to.deep.equal([]);
    expect(await allowed("secrets", "create")).to.equal(false);
  });
}
