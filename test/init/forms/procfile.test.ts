import { expect } from "chai";
import { drafted, refused } from "./drafted.js";

describe("init from a Procfile", () => {
  it("takes process types for what Heroku's conventions make of them", async () => {
    const { config, asked } = await drafted({
      Procfile: `# the shop
web: bundle exec puma -C config/puma.rb

worker: bundle exec sidekiq -C "config/side kiq.yml"
clock: bundle exec clockwork clock.rb
release: RAILS_ENV=production rails db:migrate && echo "done: $(date)"
urgent_worker: bundle exec sidekiq -q urgent
mailer: ./mail
`,
    });
    expect(config.workload.command).to.deep.equal(["bundle", "exec", "puma", "-C", "config/puma.rb"]);
    expect(config.workload.env).to.deep.equal({ PORT: "3000" });
    expect(Object.entries(config.processes).map(([name, p]) => `${name} ${p.kind}`)).to.deep.equal([
      ...["worker worker", "clock singleton", "release release", "urgent-worker worker", "mailer singleton"],
    ]);
    expect(config.processes.worker?.command?.at(-1)).to.equal("config/side kiq.yml");
    expect(config.processes.release?.command).to.deep.equal([
      "/bin/sh",
      "-c",
      'RAILS_ENV=production rails db:migrate && echo "done: $$(date)"',
    ]);
    expect(config.workload.image).to.equal("ghcr.io/acme/shop:replaceme");
    expect(asked).to.contain("names no variables").and.contain("Procfile line 8: mailer: nothing says").and.not.contain("line 4");
  });

  it("reads Windows' line ends and a byte order mark, and another web process that somebody names", async () => {
    const { config } = await drafted({ Procfile: "\uFEFFapi: run --port $PORT\r\n# no\r\nworker: work\r\n" }, ["Procfile"], { web: "api" });
    expect(config.workload.command).to.deep.equal(["/bin/sh", "-c", "run --port $PORT"]);
    expect(await refused({ Procfile: "web: run\n" }, ["Procfile"], { web: "wep" })).to.contain('--web: got "wep"; accepted: one of web');
  });

  it("keeps a credential of a command to itself", async () => {
    const { text, asked, noted } = await drafted({ Procfile: "web: run --api-key hunter2hunter2\n" });
    expect(`${text}${asked}${noted}`).not.to.contain("hunter2");
    expect(asked).to.contain("workload.command: a credential stands in it");
  });

  for (const [what, text, message] of [
    ["a type twice", "web: run\nweb: again\n", "Procfile line 2: got web again"],
    ["a type without a command", "web:\n", "Procfile line 1: got web without a command"],
    ["a line without a type", "web: a\nrun it\n", "Procfile line 2: got a line without a process type; accepted: TYPE: COMMAND"],
    ["comments alone", "# nothing\n", "got no process type"],
  ] as const)
    it(`refuses ${what}, with its line`, async () => {
      expect(await refused({ Procfile: text })).to.contain(message);
    });
});
