// Writes src/sandbox/schema/PACKAGE.json from the type declarations of the installed provider packages: the inputs of
// every resource type that the components register. The declarations are machine-made and regular, so a small parser does.
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const MODULES = join(ROOT, "node_modules", "@pulumi");

/** Resource type → declaration file and interface. */
const RESOURCES = {
  aws: {
    "aws:rds/instance:Instance": ["rds/instance", "InstanceArgs"],
    "aws:rds/subnetGroup:SubnetGroup": ["rds/subnetGroup", "SubnetGroupArgs"],
    "aws:ec2/securityGroup:SecurityGroup": ["ec2/securityGroup", "SecurityGroupArgs"],
    "aws:route53/record:Record": ["route53/record", "RecordArgs"],
    "aws:route53/healthCheck:HealthCheck": ["route53/healthCheck", "HealthCheckArgs"],
    "aws:acm/certificate:Certificate": ["acm/certificate", "CertificateArgs"],
    "aws:acm/certificateValidation:CertificateValidation": ["acm/certificateValidation", "CertificateValidationArgs"],
    "aws:lb/targetGroup:TargetGroup": ["lb/targetGroup", "TargetGroupArgs"],
    "aws:lb/listenerRule:ListenerRule": ["lb/listenerRule", "ListenerRuleArgs"],
    "aws:eks/nodeGroup:NodeGroup": ["eks/nodeGroup", "NodeGroupArgs"],
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": ["eks/podIdentityAssociation", "PodIdentityAssociationArgs"],
    "aws:iam/role:Role": ["iam/role", "RoleArgs"],
    "aws:iam/rolePolicy:RolePolicy": ["iam/rolePolicy", "RolePolicyArgs"],
  },
  "aws-native": { "aws-native:cloudwatch:Alarm": ["cloudwatch/alarm", "AlarmArgs"] },
  kubernetes: Object.fromEntries(
    [
      ["helm.sh/v3", "Release"],
      ["apps/v1", "Deployment"],
      ["core/v1", "Service"],
      ["core/v1", "ServiceAccount"],
      ["core/v1", "Secret"],
      ["core/v1", "ConfigMap"],
      ["core/v1", "Namespace"],
      ["core/v1", "Pod"],
      ["networking.k8s.io/v1", "Ingress"],
      ["networking.k8s.io/v1", "NetworkPolicy"],
      ["policy/v1", "PodDisruptionBudget"],
      ["autoscaling/v2", "HorizontalPodAutoscaler"],
      ["batch/v1", "Job"],
      ["batch/v1", "CronJob"],
      ["core/v1", "PersistentVolume"],
      ["core/v1", "PersistentVolumeClaim"],
      ["rbac.authorization.k8s.io/v1", "ClusterRole"],
      ["rbac.authorization.k8s.io/v1", "ClusterRoleBinding"],
      ["rbac.authorization.k8s.io/v1", "Role"],
      ["rbac.authorization.k8s.io/v1", "RoleBinding"],
      ["apiextensions.k8s.io/v1", "CustomResourceDefinition"],
    ].map(([group, kind]) => [
      `kubernetes:${group}:${kind}`,
      [`${group.replace(/(\.authorization)?\.k8s\.io|\.sh/, "")}/${kind[0].toLowerCase()}${kind.slice(1)}`, `${kind}Args`],
    ]),
  ),
};

/** All interfaces of a declaration file by their full name, each as { property: { type, required } } with types as text. */
function interfacesIn(text) {
  const found = new Map();
  const scope = [];
  let open;
  for (const raw of text.replace(/\/\*[\s\S]*?\*\//g, "").split("\n")) {
    const line = raw.trim();
    const namespace = /^(?:export )?(?:declare )?namespace (\w+) \{$/.exec(line);
    const declared = /^(?:export )?interface (\w+)(?: extends [^{]+)? \{$/.exec(line);
    if (open !== undefined && open.partial !== undefined) {
      open.partial += ` ${line}`;
      if (balanced(open.partial)) property(open, open.partial);
    } else if (open !== undefined && line === "}") open = undefined;
    else if (open !== undefined && line !== "") {
      if (balanced(line)) property(open, line);
      else open.partial = line;
    } else if (namespace !== null) scope.push(namespace[1]);
    else if (declared !== null) {
      open = { properties: {} };
      found.set([...scope, declared[1]].join("."), open.properties);
    } else if (line === "}" && scope.length > 0) scope.pop();
  }
  return found;
}

const balanced = (text) =>
  [...text].reduce((depth, c) => depth + ("{(<".includes(c) ? 1 : "})>".includes(c) ? -1 : 0), 0) === 0 && text.endsWith(";");

function property(open, text) {
  open.partial = undefined;
  const match = /^(?:readonly )?["']?([\w$-]+)["']?(\?)?: ([\s\S]+);$/.exec(text);
  if (match !== null) open.properties[match[1]] = { required: match[2] === undefined, type: match[3].trim() };
}

/** Splits at the top level only. */
function parts(text, separator) {
  const found = [""];
  let depth = 0;
  for (const c of text) {
    if ("{(<[".includes(c)) depth += 1;
    if ("})>]".includes(c)) depth -= 1;
    if (c === separator && depth === 0) found.push("");
    else found[found.length - 1] += c;
  }
  return found.map((p) => p.trim());
}

/** A type as compact JSON: "string" | "number" | "boolean" | "any" | ["list", T] | ["map", T] | ["ref", NAME] | ["one", …literals] | ["any-of", …T]. */
function typeOf(text) {
  const options = parts(text, "|").filter((o) => o !== "undefined" && o !== "");
  if (options.length > 1) {
    const types = options.map(typeOf);
    if (types.every((t) => Array.isArray(t) && t[0] === "one")) return ["one", ...types.map((t) => t[1])];
    if (types.includes("any")) return "any";
    return ["any-of", ...types];
  }
  const [only = ""] = options;
  if (/^pulumi\.Input<[\s\S]*>$/.test(only)) return typeOf(only.slice("pulumi.Input<".length, -1));
  if (only.endsWith("[]")) return ["list", typeOf(only.slice(0, -2))];
  if (/^\([\s\S]*\)$/.test(only)) return typeOf(only.slice(1, -1));
  const map = /^\{\s*\[key: string\]: ([\s\S]*?);?\s*\}$/.exec(only);
  if (map !== null) return ["map", typeOf(map[1])];
  if (/^"[^"]*"$/.test(only)) return ["one", JSON.parse(only)];
  if (["string", "number", "boolean"].includes(only)) return only;
  const ref = /^inputs\.([\w.]+)$/.exec(only);
  if (ref !== null) return ["ref", ref[1]];
  // Enumerations of the packages are open: services accept values that a package does not know yet.
  if (/^(enums\.|ARN$|aws\.|Region$|string)/.test(only)) return "string";
  return "any";
}

export async function generateSchema(pkg) {
  const folder = join(MODULES, pkg);
  const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const inputs = interfacesIn(await readFile(join(folder, "types", "input.d.ts"), "utf8"));
  const resources = {};
  const types = {};
  const shape = (properties) =>
    Object.fromEntries(
      Object.entries(properties).map(([name, { type, required }]) => [required ? name : `${name}?`, follow(typeOf(type))]),
    );
  const follow = (type) => {
    if (Array.isArray(type)) {
      if (type[0] === "ref") include(type[1]);
      else for (const inner of type.slice(1)) follow(inner);
    }
    return type;
  };
  const include = (name) => {
    if (name in types) return;
    const properties = inputs.get(name);
    if (properties === undefined) throw new Error(`${pkg}: the declarations have no input type ${name}`);
    types[name] = {};
    types[name] = shape(properties);
  };
  for (const [token, [file, name]] of Object.entries(RESOURCES[pkg])) {
    const properties = interfacesIn(await readFile(join(folder, `${file}.d.ts`), "utf8")).get(name);
    if (properties === undefined) throw new Error(`${pkg}: ${file}.d.ts has no ${name}`);
    resources[token] = shape(properties);
  }
  return { package: `@pulumi/${pkg}`, version, resources, types };
}

export const PACKAGES = Object.keys(RESOURCES);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const pkg of PACKAGES)
    await writeFile(join(ROOT, "src", "sandbox", "schema", `${pkg}.json`), `${JSON.stringify(await generateSchema(pkg))}\n`);
}
