import { expect } from "chai";
import { scheduleOfCalendar } from "../../../src/init/forms/systemd/calendar.js";
import { drafted, refused } from "./drafted.js";

describe("init from systemd units", () => {
  const units = {
    "chat-web.service": `
[Unit]
After=network.target
# a comment
[Service]
Type=simple
User=1200
Environment="PORT=3000" \\
  ; a comment between
  "RAILS_ENV=production"
Environment=SECRET_KEY_BASE=abcdefabcdef123456 "TWO=a b"
EnvironmentFile=-/etc/default/chat
ExecStartPre=/usr/bin/env bin/prepare %N
ExecStart=/bin/bash -lc 'bin/rails server -p $PORT'
TimeoutStopSec=5min 20s
MemoryMax=1G
CPUQuota=150%
Weird=yes
StateDirectory=chat
CacheDirectory=chat
`,
    "chat-web.service.d/override.conf": "[Service]\nEnvironment=RAILS_ENV=staging\nTimeoutStopSec=\nTimeoutStopSec=30\n",
    chat: "DATABASE_URL=postgres://chat:pw12345678@chat-db.abc.eu-west-1.rds.amazonaws.com:5432/chat\nREDIS_URL=redis://r.example.com:6379\n",
    "chat-worker@.service": `[Service]\nExecStart=/usr/bin/bundle exec sidekiq -i %i -C \${CONF} $OPTS\nEnvironment=CONF=s.yml OPTS="-v -q high"\n`,
    "chat-clean.service": "[Service]\nType=oneshot\nExecStart=/usr/bin/clean --all 100%% $$x\n",
    "chat-clean.timer": "[Timer]\nOnCalendar=Mon..Fri 09:00 Europe/Berlin\nPersistent=true\n[Install]\nWantedBy=timers.target\n",
    "chat-poll.service": "[Service]\nType=oneshot\nExecStart=/usr/bin/poll\n",
    "chat-poll.timer": "[Timer]\nOnUnitActiveSec=15min\n",
  };
  const from = Object.keys(units).filter((name) => name !== "chat");

  it("drafts services, their timers, drop-ins and files of variables", async () => {
    const { application, config, asked, text } = await drafted(units, from);
    expect(application).to.equal("chat");
    const { workload, processes } = config;
    expect(workload.command).to.deep.equal(["/bin/bash", "-lc", "bin/rails server -p $PORT"]);
    expect(workload.env).to.deep.equal({ PORT: "3000", RAILS_ENV: "staging", TWO: "a b", REDIS_URL: "redis://r.example.com:6379" });
    expect(workload.secretEnv).to.deep.equal({ SECRET_KEY_BASE: "secret-key-base", DATABASE_URL: "database-django-url" });
    expect(text).not.to.match(/abcdefabcdef|pw12345678/);
    expect(workload).to.include({ containerPort: 3_000, runAsUser: 1_200, terminationGraceSeconds: 70 });
    expect(workload.resources.limits).to.deep.equal({ memory: "1Gi", cpu: "1500m" });
    expect(workload.writablePaths).to.deep.equal(["/var/lib/chat", "/var/cache/chat"]);
    expect(workload.initContainers[0]).to.deep.include({
      command: ["/usr/bin/env", "bin/prepare", "chat-web"],
      env: workload.env,
      secretEnv: workload.secretEnv,
    });
    expect(config.database?.source).to.include({ identifier: "chat-db", databaseName: "chat" });
    expect(config.stores).to.deep.equal([{ kind: "Redis", name: "r.example.com", handling: "undecided" }]);
    expect(processes.clean).to.deep.include({
      kind: "schedule",
      schedule: "0 9 * * 1,2,3,4,5",
      timeZone: "Europe/Berlin",
      command: ["/usr/bin/clean", "--all", "100%", "$x"],
    });
    expect(processes.worker?.command).to.deep.equal([
      "/usr/bin/bundle",
      "exec",
      "sidekiq",
      "-i",
      "replaceme",
      "-C",
      "$(CONF)",
      "-v",
      "-q",
      "high",
    ]);
    expect(Object.keys(processes)).to.deep.equal(["worker", "clean"]);
    for (const part of [
      "Weird was not carried over",
      "is a template: which instances run",
      "OnUnitActiveSec counts from a start",
      "/var/lib/chat keeps data",
    ])
      expect(asked).to.contain(part);
  });

  it("keeps instances of a template apart", async () => {
    const unit = "[Service]\nExecStart=/usr/bin/work %i\n";
    const { config } = await drafted({
      "shop.service": "[Service]\nExecStart=/usr/bin/app --port 80\n",
      "shop-worker@a.service": unit,
      "shop-worker@b.service": unit,
    });
    expect(Object.entries(config.processes).map(([name, p]) => `${name} ${p.command?.at(-1)}`)).to.deep.equal(["worker-a a", "worker-b b"]);
  });

  it("fills in what the instance of a template is called", async () => {
    const { config } = await drafted({ "app@8001.service": "[Service]\nExecStart=/usr/bin/app --port %i\nUser=app\n" });
    expect(config.workload.command).to.deep.equal(["/usr/bin/app", "--port", "8001"]);
    expect(config.workload.containerPort).to.equal(8_001);
  });

  for (const [text, schedule] of [
    ["hourly", "0 * * * *"],
    ["daily", "0 0 * * *"],
    ["weekly", "0 0 * * 1"],
    ["monthly", "0 0 1 * *"],
    ["quarterly", "0 0 1 1,4,7,10 *"],
    ["Mon..Fri 09:00", "0 9 * * 1,2,3,4,5"],
    ["Sat,Sun *-*-* 10:30:00", "30 10 * * 0,6"],
    ["Fri..Mon 08:00", "0 8 * * 0,1,5,6"],
    ["Monday *-*-* 02:00", "0 2 * * 1"],
    ["*-*-* *:0/15", "*/15 * * * *"],
    ["*-*-* 5/6:00", "0 5-23/6 * * *"],
    ["*-*-1..7 04:00:00", "0 4 1-7 * *"],
    ["*-01,07-01 00:00", "0 0 1 1,7 *"],
    ["12-24 18:00", "0 18 24 12 *"],
    ["08:15,45", "15,45 8 * * *"],
    ["03:00", "0 3 * * *"],
    ["*:30", "30 * * * *"],
    ["*-*-* 08..17:00:00", "0 8-17 * * *"],
  ] as const)
    it(`reads OnCalendar=${text}`, () => {
      expect(scheduleOfCalendar(text)).to.deep.equal({ schedule });
    });

  it("keeps a time zone", () => {
    expect(scheduleOfCalendar("*-*-* 03:00 America/New_York")).to.deep.equal({ schedule: "0 3 * * *", timeZone: "America/New_York" });
    expect(scheduleOfCalendar("daily UTC")).to.deep.equal({ schedule: "0 0 * * *", timeZone: "UTC" });
  });

  for (const [text, why] of [
    ["Mon *-*-1..7 03:00", "on either"],
    ["2027-01-01 00:00", "no years"],
    ["*-*-* *:*:0/10", "no seconds"],
    ["*-*-* 00:00:30", "no seconds"],
    ["*-*~1 00:00", "end of a month"],
    ["*-*-32 00:00", "not understood"],
    ["*-*-* 25:00", "not understood"],
    ["Someday 03:00", "not understood"],
    ["soon", "not understood"],
  ] as const)
    it(`says why OnCalendar=${text} is no schedule`, () => {
      expect(scheduleOfCalendar(text)).to.have.property("why").that.contains(why);
    });

  for (const [what, files, message] of [
    ["a timer alone", { "a.timer": "[Timer]\nOnCalendar=daily\n" }, "a.timer: got no service"],
    ["a drop-in alone", { "a.service.d/x.conf": "[Service]\nUser=1\n" }, "got a drop-in of a.service alone"],
    ["a line before any section", { "a.service": "User=1\n[Service]\n" }, "a.service line 1: got User=1; accepted: a section first"],
    ["a line without a value", { "a.service": "[Service]\nExecStart\n" }, "a.service line 2: got ExecStart; accepted: KEY=value"],
    ["an open quote", { "a.service": '[Service]\nExecStart=/bin/a "b\n' }, "a.service line 2: got a command with a quote"],
    [
      "a variable without a name",
      { "a.service": "[Service]\nExecStart=/bin/a\nEnvironment=hunter2hunter2\n" },
      "a.service line 3: got a word without NAME=",
    ],
  ] as const)
    it(`refuses ${what}, with its place`, async () => {
      expect(await refused(files as Record<string, string>))
        .to.contain(message)
        .and.not.contain("hunter2");
    });
});
