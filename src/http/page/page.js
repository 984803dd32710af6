// The status page: asks for all migrations once, then follows the service's events.
const rows = new Map();
const body = document.getElementById("migrations");
const problem = document.getElementById("problem");

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function cell(...children) {
  const made = document.createElement("td");
  made.append(...children);
  return made;
}

function users(m) {
  if (m.dns === undefined) return [element("span", "no public name")];
  const label = `${m.dns.new} % new, ${m.dns.old} % old`;
  return [element("progress", undefined, { max: "100", value: String(m.dns.new), "aria-label": label }), element("small", label)];
}

function now(m) {
  if (m.heldReason !== undefined) return [element("span", m.heldReason, { class: "reason" })];
  if (m.step === undefined) return [element("span", "Everything is done.")];
  const gates = m.gates.map((g) => `${g.gate} ${g.shown}`).join(" · ");
  return [element("span", m.step.asks ?? m.step.title), element("small", gates === "" ? m.step.id : `${m.step.id}: ${gates}`)];
}

function show(m) {
  // A snapshot may come after an event that is newer.
  if ((rows.get(m.stack)?.view.lastSeq ?? 0) > m.lastSeq) return;
  const row = document.createElement("tr");
  const name = element("th", m.application, { scope: "row" });
  name.append(element("small", m.environment));
  const progress = element("progress", undefined, {
    max: String(m.steps),
    value: String(m.done),
    "aria-label": `${m.done} of ${m.steps} steps done`,
  });
  row.append(
    name,
    cell(element("span", m.status, { class: "status", "data-status": m.status }), element("small", m.running ? "running" : m.phase)),
    cell(progress, element("small", `${m.done} of ${m.steps} steps`)),
    cell(...users(m)),
    cell(...now(m)),
    cell(element("span", String(m.revision)), element("small", m.image.split("/").at(-1))),
  );
  const before = rows.get(m.stack);
  if (before === undefined) body.append(row);
  else before.row.replaceWith(row);
  rows.set(m.stack, { row, view: m });
}

function summarise() {
  const all = [...rows.values()].map((r) => r.view);
  const count = (status) => all.filter((m) => m.status === status).length;
  const parts = [`${all.length} migrations`, `${count("completed")} completed`];
  for (const status of ["running", "approval", "held", "returning"]) if (count(status) > 0) parts.push(`${count(status)} ${status}`);
  document.getElementById("summary").textContent = all.length === 0 ? "No migrations yet." : parts.join(", ");
}

function complain(text) {
  problem.hidden = text === "";
  problem.textContent = text;
}

try {
  const answer = await fetch("v1/migrations");
  for (const m of (await answer.json()).migrations) show(m);
  summarise();
  const events = new EventSource("v1/events");
  const take = (event) => {
    show(JSON.parse(event.data));
    summarise();
  };
  for (const type of [
    "snapshot",
    "command",
    "step.started",
    "step.completed",
    "update.succeeded",
    "gates.watching",
    "gates.passed",
    "gates.failed",
    "rollback.started",
    "rollback.completed",
    "migration.created",
    "migration.held",
    "migration.completed",
    "migration.aborted",
  ])
    events.addEventListener(type, take);
  events.onopen = () => complain("");
  events.onerror = () => complain("The service does not answer; what you see may be old. Trying again…");
} catch (error) {
  complain(`The service does not answer: ${error.message}`);
}
