import { expect } from "chai";
import { drafted, refused } from "./drafted.js";

describe("init from a Helm chart's values", () => {
  it("reads what the common conventions tell, and lists the rest", async () => {
    const { config, asked, text } = await drafted({
      "values.yaml": `
replicaCount: 2
nameOverride: ""
image: { registry: ghcr.io, repository: acme/web, tag: v1.2.3, pullPolicy: IfNotPresent }
serviceAccount: { create: true, annotations: { eks.amazonaws.com/role-arn: "arn:aws:iam::123456789012:role/web" } }
service: { type: ClusterIP, port: 80, targetPort: 8080 }
ingress:
  enabled: true
  className: nginx
  hosts: [{ host: web.acme.com, paths: [{ path: / }] }, chart-example.local, other.acme.com]
resources: { limits: { memory: 1Gi, cpu: 1 } , requests: { memory: 128Mi } }
env: [{ name: MODE, value: fast }, { name: ADDRESS, value: "$(POD_IP):80" }, { name: TOKEN, value: abcdef123456 }, { name: FROM, valueFrom: { secretKeyRef: { name: s, key: k } } }, { name: NODE, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }]
livenessProbe: { httpGet: { path: /live, port: http }, periodSeconds: 5 }
readinessProbe: { enabled: true, path: /ready, initialDelaySeconds: 3 }
startupProbe: { tcpSocket: { port: 8080 }, failureThreshold: 30 }
podSecurityContext: { fsGroup: 1000 }
securityContext: { runAsUser: 1001 }
persistence: { enabled: true, mountPath: /data/, size: 8Gi }
postgresql: { enabled: true, auth: { database: web, username: web, password: secretsecret1 } }
redis: { enabled: true }
mysql: { enabled: false }
nodeSelector: {}
args: [serve, --api-key, secretsecret1]
smtp: { host: mail.acme.com }
autoscaling: { enabled: false }
`,
    });
    expect(config.workload).to.deep.include({
      image: "ghcr.io/acme/web:v1.2.3",
      replicas: 2,
      containerPort: 8_080,
      servicePort: 80,
      runAsUser: 1_001,
      roleArn: "arn:aws:iam::123456789012:role/web",
    });
    expect(config.workload.env).to.deep.equal({ MODE: "fast", ADDRESS: "$(POD_IP):80" });
    expect(config.workload.secretEnv).to.deep.equal({ TOKEN: "token", FROM: "from" });
    expect(config.workload.probes.liveness).to.include({ kind: "http", path: "/live", periodSeconds: 5 });
    expect(config.workload.probes.readiness).to.include({ kind: "http", path: "/ready", initialDelaySeconds: 3 });
    expect(config.workload.probes.startup).to.include({ kind: "tcp", port: 8_080, failureThreshold: 30 });
    expect(config.workload.mounts[0]).to.include({ path: "/data", volume: "data" });
    expect(config.workload.security).to.include({ fsGroup: 1_000 });
    expect(config.workload.resources).to.deep.equal({ requests: { memory: "128Mi", cpu: "250m" }, limits: { memory: "1Gi", cpu: "1" } });
    expect(config.ingress?.host).to.equal("web.acme.com");
    expect(config.database?.source).to.include({ databaseName: "web", username: "web" });
    expect(config.stores.map((s) => s.kind)).to.deep.equal(["Redis", "files"]);
    for (const part of [
      "chart-example.local",
      "other.acme.com is another host",
      "NODE comes from an object",
      "were not read, since only the chart's templates say what they do: ingress.className, smtp",
    ])
      expect(asked).to.contain(part);
    expect(text).not.to.contain("secretsecret1").and.not.to.contain("abcdef123456");
  });

  it("lays one file of values over another, and takes the last of a key that stands twice", async () => {
    const { config, asked } = await drafted({
      "values.yaml": "image: { repository: acme/web, tag: '1' }\nreplicaCount: 1\nenv: { A: '1', B: x }\n",
      "values-prod.yaml": "replicaCount: 2\nreplicaCount: 4\nenv: { A: '2' }\n",
    });
    expect(config.workload).to.deep.include({ replicas: 4, env: { A: "2", B: "x" } });
    expect(asked).to.contain("values-prod.yaml line 2: a key stands twice");
  });

  it("asks where the chart's own version counts, and where a probe's path is its templates'", async () => {
    const { config, asked } = await drafted({
      "values.yaml":
        "image: { repository: acme/web, tag: '' }\nlivenessProbe: { periodSeconds: 5, odd: 1 }\npersistence: { enabled: true }\nservice: { port: 80 }\ncommand: run it\n",
    });
    expect(config.workload.image).to.equal("acme/web:replaceme");
    for (const part of [
      "appVersion",
      "does not say what is asked",
      "livenessProbe.odd",
      "only its templates say where it is mounted",
      "on which port does the container",
      "command: is a text",
    ])
      expect(asked).to.contain(part);
  });

  for (const [what, text, message] of [
    ["no number of replicas", "replicaCount: many\n", 'values.yaml: replicaCount: got "many"'],
    ["no quantity", "resources: { limits: { memory: lots } }\n", 'resources.limits.memory: got "lots"'],
    ["a list", "- image: x\n", "accepted: a map of values"],
    ["comments alone", "# nothing\n", "got nothing; accepted: a map of values"],
  ] as const)
    it(`refuses ${what}`, async () => {
      expect(await refused({ "values.yaml": text })).to.contain(message);
    });
});
