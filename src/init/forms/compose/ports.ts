import { isIP } from "node:net";
import { UserError } from "../../../errors.js";
import type { Findings, Pod } from "../described.js";
import { isTree, listed, scalar, shown, type Tree } from "../yamlText.js";

export interface Ports {
  /** The first TCP port, on which its health is asked and the load balancer leads to it. */
  main?: number;
  more: NonNullable<Pod["ports"]>;
  /** Whether it is reached from outside the application. */
  published: boolean;
}

interface One {
  port: number;
  protocol: "TCP" | "UDP";
}

const ACCEPTED = "[HOST:][PUBLISHED:]PORT[/tcp|udp], a range of ports, or a map with target";
/** Each is named one by one. */
const MOST = 20;

/** Ports that a service listens on. @throws UserError for what is none */
export function readPorts(service: Tree, at: string, findings: Findings): Ports {
  const published = listed(service.ports).flatMap((p, i) => portsOf(p, `${at}.ports[${i}]`, findings));
  const exposed = listed(service.expose).flatMap((p, i) => portsOf(p, `${at}.expose[${i}]`, findings));
  const all = new Map([...published, ...exposed].map((p) => [`${p.port}${p.protocol}`, p]));
  const main = [...all.values()].find((p) => p.protocol === "TCP")?.port;
  const more = [...all.values()].filter((p) => p.protocol === "UDP" || p.port !== main);
  return {
    ...(main === undefined ? {} : { main }),
    more: more.map(({ port, protocol }) => ({ name: `${protocol === "UDP" ? "udp" : "port"}-${port}`, port, protocol })),
    published: published.length > 0,
  };
}

function portsOf(entry: unknown, at: string, findings: Findings): One[] {
  const refuse = (): UserError => new UserError({ path: at, got: shown(entry), accepted: ACCEPTED });
  const text = isTree(entry) ? `${scalar(entry.target) ?? ""}/${scalar(entry.protocol) ?? "tcp"}` : scalar(entry);
  if (text === undefined) throw refuse();
  const [places = "", protocol = "tcp", ...rest] = text.trim().split("/");
  const container = places.slice(places.lastIndexOf(":") + 1);
  const [from = "", to = from, ...more] = container.split("-");
  if (container.toLowerCase().includes("replaceme")) {
    findings.ask(at, `the port ${places} is set by a variable that nobody told: which port does it listen on?`);
    return [];
  }
  const [first, last] = [Number(from), Number(to)];
  const isRange = [from, to].every((p) => /^\d+$/.test(p)) && more.length === 0 && first >= 1 && first <= last && last <= 65_535;
  const host = places.slice(0, Math.max(0, places.length - container.length - 1));
  const isHost = isPlace(host);
  if (!isRange || !isHost || rest.length > 0) throw refuse();
  const kind = protocol.toUpperCase();
  if (kind !== "TCP" && kind !== "UDP") {
    findings.ask(at, `${protocol} is not carried over: a process has TCP and UDP ports. Is it needed?`);
    return [];
  }
  if (last - first >= MOST) {
    findings.ask(at, `a range of ${last - first + 1} ports was not carried over: each stands in ports by its name. Which are needed?`);
    return [];
  }
  return Array.from({ length: last - first + 1 }, (_, i) => ({ port: first + i, protocol: kind }));
}

/** What stands before a container's port: nothing, published ports, an address, or both. */
function isPlace(text: string): boolean {
  const [, address = "", published = ""] = /^(?:(.*):)?([\d-]*)$/.exec(text) ?? [undefined, text];
  return /^(\d+(-\d+)?)?$/.test(published) && (address === "" || /^[\w.-]+$/.test(address) || isIP(address.replace(/^\[|\]$/g, "")) !== 0);
}
