import { PublicIngress, WeightedDns, Workload } from "cutover/components";

const namespace = "production";
const host = "api.example.com";
const zoneId = "Z1234567890ABC";
const web = new Workload("web-api", { namespace, image: "ghcr.io/your-org/web-api:1.0.0" });
const backends = [{ serviceName: web.serviceName, weight: 100 }];
const { hostname } = new PublicIngress("web-api", { namespace, host, zoneId, backends });
const records = { records: "both", weights: { old: 90, new: 10 }, oldAddresses: ["1.2.3.4"] };
new WeightedDns("web-api", { zoneId, name: host, ...records, loadBalancerHostname: hostname });
