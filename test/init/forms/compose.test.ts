import { expect } from "chai";
import { drafted, refused } from "./drafted.js";

const compose = (text: string) => ({ "docker-compose.yml": text });
const from = ["docker-compose.yml"];

describe("init from a docker-compose file", () => {
  it("drafts an application of several processes, with its database, stores, folders and probes", async () => {
    const { config, application, asked } = await drafted(
      compose(`
services:
  db:
    image: postgres:16-alpine
    environment: { POSTGRES_USER: shop, POSTGRES_DB: shop_production, POSTGRES_PASSWORD: correct-horse-battery }
  redis: { image: "redis:7" }
  web:
    image: ghcr.io/acme/shop:v4.3.1
    command: bundle exec puma -C "config/my puma.rb"
    ports: ["127.0.0.1:3000:3000"]
    environment:
      DB_HOST: db
      DB_PORT: 5432
      DB_NAME: shop_production
      DB_USER: shop
      DB_PASS: correct-horse-battery
      QUEUE_DB_URL: postgresql://shop:correct-horse-battery@db/shop_production
      REDIS_HOST: redis
      CACHE_DRIVER: redis
      DB_TYPE: db
      ODD: redis
      CACHE_URL: redis://redis:6379/1
      KC_DB_URL_HOST: db
      KC_DB_USERNAME: shop
      STREAM_URL: http://streaming:4000/api
      RAILS_ENV: production
    healthcheck:
      test: ["CMD-SHELL", "curl -sf http://localhost:3000/up || exit 1"]
      interval: 1m30s
      timeout: 500ms
      retries: 4
      start_period: 20s
    volumes: ["./uploads:/app/uploads", "cache:/app/cache:ro", "/app/scratch"]
    tmpfs: "/app/tmp:size=64m"
    user: "991:992"
    stop_grace_period: 30s
    deploy: { replicas: 2, resources: { limits: { cpus: "0.50", memory: 1g }, reservations: { memory: 256m } } }
  streaming: { image: "ghcr.io/acme/stream:1.0", expose: [4000] }
  sidekiq:
    image: ghcr.io/acme/shop:v4.3.1
    command: ["bundle", "exec", "sidekiq"]
    healthcheck: { test: ["CMD", "pgrep", "sidekiq"] }
  migrate: { image: "ghcr.io/acme/shop:v4.3.1", command: rails db:migrate }
  boot:
    image: ghcr.io/acme/shop:v4.3.1
    depends_on: { migrate: { condition: service_completed_successfully } }
    command: celery -A shop worker -B
`),
    );
    expect(application).to.equal("shop");
    const { workload, processes } = config;
    expect(workload.args).to.deep.equal(["bundle", "exec", "puma", "-C", "config/my puma.rb"]);
    expect(workload).to.include({
      image: "ghcr.io/acme/shop:v4.3.1",
      replicas: 2,
      containerPort: 3_000,
      runAsUser: 991,
      terminationGraceSeconds: 70,
    });
    expect(workload.secretEnv).to.deep.equal({
      ...{
        DB_HOST: "database-host",
        DB_PORT: "database-port",
        DB_NAME: "database-name",
        DB_USER: "database-user",
        DB_PASS: "database-password",
      },
      QUEUE_DB_URL: "database-url",
      KC_DB_URL_HOST: "database-host",
      KC_DB_USERNAME: "database-user",
    });
    expect(workload.env).to.deep.equal({
      ...{
        REDIS_HOST: "redis.replaceme",
        CACHE_DRIVER: "redis",
        DB_TYPE: "db",
        ODD: "redis",
        CACHE_URL: "redis://redis.replaceme:6379/1",
        STREAM_URL: "http://shop-streaming:4000/api",
        RAILS_ENV: "production",
      },
    });
    expect(workload.probes.readiness).to.include({
      kind: "http",
      path: "/up",
      periodSeconds: 90,
      timeoutSeconds: 1,
      failureThreshold: 4,
      initialDelaySeconds: 20,
    });
    expect(config.ingress?.healthCheckPath).to.equal("/up");
    expect(workload.mounts).to.deep.equal([
      { path: "/app/uploads", volume: "uploads", readOnly: false, memory: false },
      { path: "/app/cache", volume: "cache", readOnly: true, memory: false },
      { path: "/app/tmp", readOnly: false, sizeLimit: "64Mi", memory: true },
    ]);
    expect(workload.writablePaths).to.deep.equal(["/app/scratch"]);
    expect(workload.resources).to.deep.equal({ requests: { memory: "256Mi", cpu: "250m" }, limits: { memory: "1Gi", cpu: "500m" } });
    expect(Object.fromEntries(Object.entries(processes).map(([name, { kind }]) => [name, kind]))).to.deep.equal({
      ...{ streaming: "service", sidekiq: "worker", migrate: "release", boot: "singleton" },
    });
    expect(processes.streaming).to.include({ image: "ghcr.io/acme/stream:1.0", containerPort: 4_000 });
    expect(config.stores.map((s) => `${s.kind} ${s.name} ${s.handling}`)).to.deep.equal([
      "Redis redis undecided",
      "files ./uploads undecided",
      "files cache undecided",
    ]);
    expect(config.database?.source).to.include({ databaseName: "shop_production", username: "shop" });
    expect(config.volumes.uploads).to.deep.equal({ kind: "efs", fileSystemId: "fs-replaceme" });
    expect(asked)
      .to.contain("services.db: PostgreSQL runs in a container")
      .and.contain("services.boot: its worker has the clock in it (-B)")
      .and.contain("environment.ODD: redis is the name of a service too");
  });

  it("keeps every credential out of the drafts, and out of what it says", async () => {
    const secrets = [
      "topsecretpw",
      "supersecretvalue99",
      "hunter2hunter2",
      "npm_ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
      "AKIAIOSFODNN7EXAMPLE",
      "redispw12345",
      "confpw123456",
      "filepw998877",
    ];
    const { text, asked, noted, config } = await drafted(
      {
        "docker-compose.yml": `
services:
  web:
    image: acme/web:1
    build: { context: ., args: { NPM_TOKEN: npm_ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 } }
    ports: ["80"]
    env_file: web.env
    environment:
      SECRET_KEY: \${SECRET_KEY}
      DATABASE_URL: postgres://bob:topsecretpw@db.example.com/app
      OLD: jdbc:postgresql://db/app?user=x&password=topsecretpw
      KEY_ID: AKIAIOSFODNN7EXAMPLE
      REDIS_URL: redis://:redispw12345@redis:6379
    command: run --password hunter2hunter2
    labels: { token: supersecretvalue99 }
    healthcheck: { test: ["CMD", "probe", "--token", "hunter2hunter2"] }
    secrets: [db_pw, { source: api_key, target: /etc/api }]
    configs: [{ source: c, target: /etc/c.conf }, { source: plain, target: /etc/plain.conf }]
  db: { image: "postgres:16", environment: { POSTGRES_PASSWORD: topsecretpw } }
  redis: { image: "redis:7", command: redis-server --requirepass redispw12345 }
secrets: { db_pw: { file: ./pw }, api_key: { environment: X } }
configs: { c: { content: "password=confpw123456" }, plain: { content: "level=info" } }
`,
        ".env": "SECRET_KEY=supersecretvalue99\n",
        "web.env": "API_PASSWORD=filepw998877\nPLAIN=yes\n",
        pw: "topsecretpw",
      },
      from,
    );
    for (const secret of secrets) expect(`${text}\n${asked}\n${noted}`).not.to.contain(secret);
    expect(config.workload.secretEnv).to.deep.equal({
      ...{
        API_PASSWORD: "api-password",
        SECRET_KEY: "secret-key",
        DATABASE_URL: "own-database-url",
        OLD: "database-jdbc-url-with-password",
        KEY_ID: "key-id",
        REDIS_URL: "redis-url",
      },
    });
    expect(config.workload.env).to.deep.equal({ PLAIN: "yes" });
    expect(config.workload.configFiles).to.have.deep.members([
      { path: "/etc/plain.conf", content: "level=info" },
      { path: "/run/secrets/db_pw", secret: "db-pw" },
      { path: "/etc/api", secret: "api-key" },
    ]);
    expect(asked)
      .to.contain("build.args.NPM_TOKEN")
      .and.contain("workload.args, workload.probes: a credential stands in it")
      .and.contain("the config c holds what looks like a credential");
    expect(config.stores.map((s) => s.kind)).to.include("PostgreSQL outside RDS");
  });

  it("asks for what it does not know, by its name, and leaves out what a profile has", async () => {
    const { asked, noted, config } = await drafted(
      compose(`
name: Corner Shop
strange: 1
x-mine: { anything: $UNREAD }
services:
  api:
    image: acme/api:latest
    ports: ["8080:8080/tcp", "9000:9000/udp", "7000/sctp", "5000-5100:5000-5100", "[::1]:9090:9090", "3000-3001:3000-3001"]
    sysctls: { a: 1 }
    privileged: true
    user: app
    restart: always
    networks: [a]
    working_dir: /srv
    deploy: { mode: global }
    volumes: ["/var/run/docker.sock:/var/run/docker.sock", "./nginx.conf:/etc/nginx.conf", "data:/tmp"]
    environment: { TOKEN_FROM: "\${NOBODY}", "bad name": x }
  debug: { image: "acme/debug:1", profiles: [debug] }
  none: { image: "acme/none:1", scale: 0 }
  traefik: { image: "traefik:v3", ports: ["80:80"] }
`),
    );
    expect(config.application.name).to.equal("corner-shop");
    for (const part of [
      "strange: an unknown key",
      "services.api.sysctls",
      "privileged",
      "user: app is a name",
      "working_dir",
      "deploy.mode",
      "docker.sock of the machine",
      "the file ./nginx.conf",
      "ports[2]: sctp",
      "a range of 101 ports",
      "acme/api:latest has no fixed version",
      "traefik:v3 is what the load balancer",
      "bad name",
      "services.none: none of it runs",
    ])
      expect(asked, part).to.contain(part);
    expect(noted)
      .to.contain("services.api.restart, services.api.networks: is Docker's own")
      .and.contain("runs in the profile debug only")
      .and.contain("{NOBODY} is set nowhere");
    expect(config.workload.ports.map((p) => `${p.port}${p.protocol}`)).to.deep.equal(["9000UDP", "9090TCP", "3000TCP", "3001TCP"]);
    expect(config.workload).to.include({ image: "acme/api:replaceme", containerPort: 8_080 });
    expect(config.processes).to.deep.equal({});
    expect(config.questions.join("\n")).to.contain("sctp");
  });

  it("never lets a process without a port, or by the name of a clock, run twice", async () => {
    const { config, asked } = await drafted(
      compose(`
services:
  web: { image: "acme/web:1", ports: ["80"] }
  scheduler: { image: "acme/web:1", command: schedule }
  thing: { image: "acme/web:1", command: thing }
  consumer: { image: "acme/web:1", command: consume, scale: 3 }
  beat: { image: "acme/web:1", command: celery -A app beat }
`),
    );
    expect(Object.entries(config.processes).map(([name, p]) => `${name} ${p.kind}`)).to.deep.equal([
      "scheduler singleton",
      "thing singleton",
      "consumer worker",
      "beat singleton",
    ]);
    expect(config.processes.consumer).to.include({ replicas: 3 });
    expect(asked).to.contain("services.thing: nothing says whether it may run several times").and.not.contain("services.beat");
  });

  it("merges files, extends, includes, anchors and merge keys as Compose does", async () => {
    const { config, asked } = await drafted(
      {
        "compose.yaml": `
include: [{ path: more.yaml }, gone.yaml]
x-base: &base { image: "acme/web:1", environment: &env { A: "1", B: "2" } }
services:
  web: { <<: *base, ports: ["80:80"], volumes: ["a:/data"], environment: { <<: *env, B: three } }
  other: { extends: { service: common, file: base/common.yaml }, command: other }
`,
        "more.yaml": 'services: { worker: { image: "acme/web:1", command: work } }',
        "base/common.yaml": 'services: { common: { image: "acme/common:2", environment: [X=1, Y] } }',
        "override.yaml": 'services: { web: { image: "acme/web:2", environment: [C=4], command: ["serve"], volumes: ["b:/data"] } }',
      },
      ["compose.yaml", "override.yaml"],
    );
    expect(config.workload).to.include({ image: "acme/web:2" });
    expect(config.workload.env).to.deep.equal({ A: "1", B: "three", C: "4" });
    expect(config.workload.mounts.map((m) => m.volume)).to.deep.equal(["b"]);
    expect(config.processes.other).to.deep.include({ image: "acme/common:2", env: { X: "1", Y: "replaceme" } });
    expect(config.processes.worker?.kind).to.equal("worker");
    expect(asked).to.contain("include: gone.yaml was not read");
  });

  it("takes a database on RDS from the address that names it, in every form", async () => {
    const host = "shop-db.abc123.eu-west-1.rds.amazonaws.com";
    const { config } = await drafted(
      compose(`
services:
  web:
    image: acme/web:1
    ports: ["80"]
    environment:
      DATABASE_URL: postgres://shop:pw@${host}:5432/shop?pool=5
      JDBC: jdbc:postgresql://${host}:5432/shop
      ALCHEMY: postgresql+psycopg2://shop:pw@${host}/shop
      PG_HOST: ${host}
      PG_HOSTPORT: ${host}:5432
      PG_USER: shop
`),
    );
    expect(config.database?.source).to.include({ identifier: "shop-db", endpoint: host, databaseName: "shop", username: "shop" });
    expect(config.workload.secretEnv).to.deep.equal({
      ...{
        DATABASE_URL: "database-url-form",
        JDBC: "database-jdbc-url",
        ALCHEMY: "database-sqlalchemy-url",
        PG_HOST: "database-host",
        PG_HOSTPORT: "database-host-port",
        PG_USER: "database-user",
      },
    });
    expect(config.database?.forms).to.deep.equal({ "database-url-form": "postgres://{user}:{password}@{host}:{port}/{name}?pool=5" });
  });

  it("takes a store's image for a job where it ends, and knows a service by all its names", async () => {
    const { config } = await drafted(
      compose(`
services:
  web:
    image: acme/web:1
    ports: [80]
    depends_on: { seed: { condition: service_completed_successfully } }
    environment: { DB_HOST: shop_db, CACHE_HOST: cache.internal, OTHER_HOST: the-db }
  db: { image: "postgres:16", container_name: shop_db, networks: { back: { aliases: [the-db] } } }
  cache: { image: "redis:7", hostname: cache.internal }
  seed: { image: "postgres:16", command: psql -f seed.sql }
  backup: { image: "postgres:16", command: pg_dump, restart: "no" }
`),
    );
    expect(Object.entries(config.processes).map(([name, p]) => `${name} ${p.kind}`)).to.deep.equal(["seed release", "backup singleton"]);
    expect(config.workload.secretEnv).to.deep.equal({ DB_HOST: "database-host", OTHER_HOST: "database-host" });
    expect(config.workload.env).to.deep.equal({ CACHE_HOST: "cache.replaceme" });
    expect(config.stores.map((s) => s.kind)).to.deep.equal(["Redis"]);
  });

  it("keeps two folders apart whose names are alike, and one that two services share together", async () => {
    const { config } = await drafted(
      compose(
        'services: { web: { image: "a/b:1", ports: [80], volumes: ["my_data:/a", "my-data:/b", "./my/data:/c"] }, worker: { image: "a/b:1", volumes: ["my_data:/a"] } }',
      ),
    );
    expect(config.workload.mounts.map((m) => m.volume)).to.deep.equal(["my-data", "my-data-2", "my-data-3"]);
    expect(config.processes.worker?.mounts.map((m) => m.volume)).to.deep.equal(["my-data"]);
    expect(Object.keys(config.volumes)).to.have.length(3);
  });

  it("leaves the application's own name out of its processes'", async () => {
    const { config } = await drafted(
      compose(
        'services: { shop-web: { image: "a/b:1", ports: [80], environment: { MAIL: "http://shop-a-very-long-mail-sender:25" } }, shop-a-very-long-mail-sender: { image: "a/b:1", expose: [25] }, shop-a-very-long-mail-sending: { image: "a/b:1", expose: [26] } }',
      ),
    );
    expect(Object.keys(config.processes)).to.deep.equal(["a-very-long-mail-sen", "a-very-long-mail-2"]);
    expect(config.workload.env.MAIL).to.equal("http://shop-a-very-long-mail-sen:25");
  });

  it("keeps dollars as they are, through Compose's escapes and Kubernetes' own", async () => {
    const { config } = await drafted(
      compose(`
services:
  web:
    image: "acme/web:\${TAG:-1.\${MINOR:-0}}"
    ports: ["80"]
    environment: { ID: 12345678901234567890, ON: yes, A: "$$HOME", B: "$$(date)", C: "\${D:+set}", E: "\${F-}" }
    command: sh -c 'echo $$HOME && run "$$(hostname)"'
`),
    );
    expect(config.workload.image).to.equal("acme/web:1.0");
    // The kubelet reads $$( as a dollar and a parenthesis, and leaves $HOME alone.
    expect(config.workload.env).to.deep.equal({ ID: "12345678901234567890", ON: "yes", A: "$HOME", B: "$$(date)", C: "", E: "" });
    expect(config.workload.args).to.deep.equal(["sh", "-c", 'echo $HOME && run "$$(hostname)"']);
  });

  it("reads JSON, a byte order mark and Windows' line ends alike", async () => {
    const json = await drafted({
      "docker-compose.json": '{"services":{"web":{"image":"acme/web:1","ports":["8080:8080"],"command":null,"entrypoint":[]}}}',
    });
    const windows = await drafted({
      "compose.yml": '\uFEFFservices:\r\n  web:\r\n    image: "acme/web:1"\r\n    ports:\r\n      - "8080:8080"\r\n',
    });
    const wide = await drafted({
      "compose.yml": Buffer.from('\uFEFFservices: { web: { image: "acme/web:1", ports: [8080] } }', "utf16le"),
    });
    for (const { config } of [json, windows, wide]) expect(config.workload).to.include({ image: "acme/web:1", containerPort: 8_080 });
  });

  it("names the web process that somebody chose, and refuses one that there is not", async () => {
    const text =
      'services: { front: { image: "acme/f:1", ports: ["80"] }, api: { image: "acme/a:1", ports: ["81"] }, web: { image: "acme/w:1", command: x }, off: { image: "acme/o:1", profiles: [p] } }';
    expect((await drafted(compose(text), from)).asked).to.contain("front, api all listen, and api was taken");
    const { config } = await drafted(compose(text), from, { web: "front" });
    expect(config.workload.image).to.equal("acme/f:1");
    expect(Object.keys(config.processes)).to.deep.equal(["api", "web-2"]);
    expect((await drafted(compose(text), from, { web: "off" })).config.workload.image).to.equal("acme/o:1");
    expect(await refused(compose(text), from, { web: "fron" })).to.contain('--web: got "fron"; accepted: one of front, api, web');
  });

  it("leaves out a web server that stands before the application, which has no port of its own in the file", async () => {
    const { config, asked } = await drafted(
      compose(
        'services: { nginx: { image: "nginx:1.27", ports: ["80:80"] }, web: { build: . }, cron: { build: ., image: "acme/cron:1" }, worker: { build: . }, mailer: { build: ./mail } }',
      ),
    );
    expect(config.workload.image).to.equal("ghcr.io/acme/shop:replaceme");
    expect(Object.entries(config.processes).map(([name, p]) => `${name} ${p.image}`)).to.deep.equal([
      ...["cron acme/cron:1", "worker undefined", "mailer ghcr.io/acme/shop-mailer:replaceme"],
    ]);
    expect(asked)
      .to.contain("nginx:1.27 stands before the application")
      .and.contain("services.web.image, services.worker.image, services.mailer.image: there is no image")
      .and.contain("workload.containerPort");
    const alone = await drafted(compose('services: { site: { image: "nginx:1.27", ports: ["80:80"] } }'));
    expect(alone.config.workload.image).to.equal("nginx:1.27");
  });

  const service = (rest: string): string => `services: { web: { image: "a/b:1", ports: [80], ${rest} } }`;
  const broken: [what: string, text: string | Buffer, message: string][] = [
    ["an open quote", 'services:\n  web:\n    image: "a:1\n', "docker-compose.yml line 4, column 1: got Missing closing"],
    ["tabs", "services:\n\tweb:\n", "docker-compose.yml line 2, column 1: got Tabs are not allowed"],
    ["two documents", "services: {}\n---\nservices: {}\n", "several documents"],
    ["a key twice", 'services:\n  web: {image: "a:1"}\n  web: {image: "a:2"}\n', "line 3, column 3: got Map keys must be unique"],
    ["no service", "services: {}\n", "docker-compose.yml: services: got {}; accepted: a map with one service at least"],
    ["a list of services", "services: [web]\n", 'services: got ["web"]'],
    [
      "a service without an image",
      "services: { web: }\n",
      "services.web: got neither image nor build; accepted: one of them, here or in a file",
    ],
    ["stores alone", 'services: { db: { image: "postgres:16" } }', "services: got db: data stores"],
    ["a file of version 1", 'web: { image: "a:1" }\ndb: { image: postgres }\n', "version 1, without a key services"],
    [
      "an anchor made to fill memory",
      `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nservices: { web: { image: "a:1", command: [*e,*e] } }\n`,
      "Excessive alias count",
    ],
    ["a variable that is not closed", `services: { web: { image: "a/b:\${TAG" } }`, "{ that is not closed"],
    [
      "a shell's substitution",
      'services: { web: { image: "a/b:1", command: "echo $(date)" } }',
      'services.web.command: got a $ before "("',
    ],
    ["an open quote in a command", service(`command: 'a "b'`), "services.web.command"],
    ["operators without a shell", service('command: "a && b"'), "services.web.command"],
    ["a port that is none", service("expose: [abc]"), 'services.web.expose[0]: got "abc"; accepted: [HOST:]'],
    ["a port beyond the last", service('expose: ["99999"]'), 'got "99999"'],
    ["a range that goes down", service('expose: ["3005-3000"]'), 'got "3005-3000"'],
    ["an address that is none", 'services: { web: { image: "a/b:1", ports: ["1:2:3:4:5"] } }', 'ports[0]: got "1:2:3:4:5"'],
    [
      "a map in place of a variable",
      service("environment: [{ PASSWORD: wronglymapped77 }]"),
      'services.web.environment: got {"PASSWORD":"[secret]"}',
    ],
    ["no duration", service('healthcheck: { test: ["CMD", "x"], interval: soon }'), 'healthcheck.interval: got "soon"'],
    ["a text in place of a map", service("deploy: x"), 'services.web.deploy: got "x"; accepted: a map'],
    ["a map in place of a text", service("user: { a: 1 }"), 'services.web.user: got {"a":1}; accepted: a text'],
    ["a text in place of a list", service("cap_add: NET_ADMIN"), 'services.web.cap_add: got "NET_ADMIN"; accepted: a list'],
    ["no test", service("healthcheck: { test: [curl] }"), 'healthcheck.test: got ["curl"]'],
    ["no size", service("mem_limit: much"), 'memory: got "much"; accepted: a size'],
    ["no number", service("scale: many"), 'replicas: got "many"'],
    ["a loop of extends", "services: { a: { extends: b }, b: { extends: a } }", "which extends a itself"],
    ["an unknown base", "services: { a: { extends: b } }", "extends: got b; accepted: one of a"],
    ["a mount that is none", service("volumes: [data]"), 'volumes[0]: got "data"'],
    ["nothing", "", "an empty file"],
    ["bytes", Buffer.from([0x73, 0, 0x72, 0, 0, 1, 2, 3]), "binary content"],
    ["more than a person writes", `services: {}\n${"#".repeat(1_024 * 1_024)}`, "more than 1 MiB"],
  ];
  for (const [what, text, message] of broken)
    it(`refuses ${what}, with its place`, async () => {
      expect(await refused({ "docker-compose.yml": text }))
        .to.contain(message)
        .and.not.match(/\n {4}at |undefined|wronglymapped77/);
    });
});
