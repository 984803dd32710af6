import { expect } from "chai";
import { CanaryRollout, Workload } from "../../../src/components/index.js";
import type { Properties, SandboxBackend } from "../../../src/sandbox/backend.js";
import { onCluster } from "../../../src/sandbox/cluster.js";
import { registered } from "../../components/harness.js";
import { type clusterForSuite, type KubernetesManifest, objectsOf, pathOf } from "../../support/cluster.js";

type Deployed = KubernetesManifest & Properties;

const NAMESPACE = "scaled";
/** A provider that only passes on. */
const PLAIN: SandboxBackend = {
  create: async (_, inputs) => ({ id: "id", outputs: inputs }),
  read: async () => undefined,
  update: async (_, __, ___, news) => ({ outputs: news }),
  delete: async () => undefined,
};

/** What runs an application's pods, in a version. */
const RUNNERS: Record<string, (version: string) => unknown> = {
  Deployment: (version) =>
    new Workload("web-api", { namespace: NAMESPACE, image: `ghcr.io/your-org/web-api:${version}`, replicas: 3, identity: false }),
  Rollout: (version) =>
    new CanaryRollout("web-api", {
      namespace: NAMESPACE,
      image: `ghcr.io/your-org/web-api:${version}`,
      rootService: "web-api",
      replicas: 3,
      identity: false,
    }),
};

/** What becomes of the number of pods once an autoscaler owned it. */
export function forcedChecks(cluster: ReturnType<typeof clusterForSuite>): void {
  describe("a number of pods that the autoscaler set", () => {
    const backend = () => onCluster(PLAIN, cluster.kubeconfig());
    const runner = async (kind: string, version: string): Promise<Deployed> =>
      objectsOf(await registered(() => RUNNERS[kind]?.(version))).find((o) => o.kind === kind) as Deployed;
    const shown = async (object: Deployed) => {
      const { spec } = (await cluster.request("GET", pathOf(object))).body;
      return [spec.replicas, /[^:]+$/.exec(spec.template.spec.containers[0].image)?.[0]];
    };
    /** 1.0.0 with 3 pods, which the autoscaler made 5. */
    const scaled = async (kind: string): Promise<Deployed> => {
      const object = await runner(kind, "1.0.0");
      await backend().create({ type: `kubernetes:x:${kind}`, urn: "u" }, object);
      const { status, body } = await cluster.request(
        "PATCH",
        `${pathOf(object)}/scale?fieldManager=kube-controller-manager`,
        { spec: { replicas: 5 } },
        "application/merge-patch+json",
      );
      expect(status, body.message).to.equal(200);
      expect(await shown(object)).to.deep.equal([5, "1.0.0"]);
      return object;
    };
    const update = (kind: string, before: Deployed, after: Deployed, ignoreChanges: string[] = []) =>
      backend().update({ type: `kubernetes:x:${kind}`, urn: "u", ignoreChanges }, "id", before, after);

    before("a namespace", () =>
      cluster.request("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } }),
    );

    afterEach("remove what ran", async () => {
      for (const kind of Object.keys(RUNNERS))
        await backend().delete({ type: `kubernetes:x:${kind}`, urn: "u" }, "id", await runner(kind, "1.0.0"));
    });

    for (const kind of Object.keys(RUNNERS)) {
      it(`promise 5: the way back of a ${kind} sets it again, whoever owns it`, async () => {
        const before = await scaled(kind);
        await update(kind, before, await runner(kind, "1.1.0"));
        expect(await shown(before)).to.deep.equal([3, "1.1.0"]);
      });

      it(`is left alone in a ${kind} as long as the program ignores it`, async () => {
        const before = await scaled(kind);
        await update(kind, before, await runner(kind, "1.1.0"), ["spec.replicas"]);
        expect(await shown(before)).to.deep.equal([5, "1.1.0"]);
      });

      it(`is a conflict in a ${kind} that does not say it is to be forced, as with the real provider`, async () => {
        const before = await scaled(kind);
        const after = await runner(kind, "1.1.0");
        const { name, namespace } = after.metadata;
        const problem = await update(kind, before, { ...after, metadata: { name, namespace } } as Deployed).catch((e: Error) => e.message);
        expect(problem).to.match(
          new RegExp(`that ${kind} web-api has a field conflict: .*kube-controller-manager.*\\.spec\\.replicas`, "s"),
        );
        expect(await shown(before)).to.deep.equal([5, "1.0.0"]);
      });
    }
  });
}
