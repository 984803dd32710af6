import { type ContainerFiles, found, healthCheck, ignore, lines, NOT_READ, type RecipeInput, refused, unpinned } from "../recipe.js";
import { has } from "../sources.js";

const USUAL = "3.4";
/** Oldest Ruby with security updates, since March 2026. Source: ruby-lang.org's maintenance branches. */
const OLDEST_MINOR = 3;

/** A Ruby application: Rails, or anything that Rack starts. */
export function ruby(input: RecipeInput): ContainerFiles {
  const { sources, port, healthPath } = input;
  const findings: string[] = [];
  const gemfile = sources?.text("Gemfile");
  if (sources !== undefined && gemfile === undefined) return refused("There is no Gemfile at the root of its sources.");
  if (sources === undefined) findings.push(NOT_READ);
  const lock = sources?.text("Gemfile.lock");
  if (sources !== undefined && lock === undefined)
    findings.push("There is no Gemfile.lock: each build chooses its versions itself. Commit one.");
  const stated = found(
    [sources?.text(".ruby-version"), sources?.text(".tool-versions"), gemfile, lock, input.technology.version],
    /^(?:ruby[- ])?(\d+\.\d+)/m,
    /^ruby\s+["'][^"'\d]*(\d+\.\d+)/m,
    /^RUBY VERSION\n\s+ruby (\d+\.\d+)/m,
  );
  const release = stated ?? USUAL;
  if (stated === undefined) findings.push(`Nothing says which Ruby it needs; the image uses ${USUAL}.`);
  else if (Number(stated.split(".")[0]) < 3 || Number(stated.split(".")[1]) < OLDEST_MINOR)
    findings.push(`Ruby ${stated} gets no security updates; the image has it as it is.`);
  const names = `${gemfile ?? ""}\n${lock ?? ""}`;
  const isRails = sources === undefined || /\brails\b/.test(names);
  if (!isRails && sources !== undefined && !has(sources, "config.ru"))
    return refused("Nothing says where it begins: it is no Rails application and has no config.ru.");
  const libraries = ["libpq5", ...(/mysql2/.test(names) ? ["libmariadb3"] : []), ...(/sqlite3/.test(names) ? ["libsqlite3-0"] : [])];
  const headers = [
    "build-essential",
    "libpq-dev",
    "libyaml-dev",
    ...(/mysql2/.test(names) ? ["libmariadb-dev"] : []),
    ...(/sqlite3/.test(names) ? ["libsqlite3-dev"] : []),
  ];
  const apt = (packages: string[]): string =>
    unpinned(
      "DL3008",
      `RUN apt-get update && apt-get install -y --no-install-recommends ${packages.join(" ")} && rm -rf /var/lib/apt/lists/*`,
    );
  const hasAssets = /sprockets|propshaft|webpacker|shakapacker|jsbundling|cssbundling/.test(names);
  const needsNode = sources !== undefined && has(sources, "package.json");
  if (needsNode) findings.push("Its assets need Node.js: the build installs Debian's.");
  const rspec = /rspec/.test(names);
  const hasTests = sources?.files.some((file) => /^(spec|test)\/.*_(spec|test)\.rb$/.test(file)) === true;
  const check = `require 'net/http'; exit(Net::HTTP.get_response(URI('http://localhost:${port}${healthPath}')).code == '200' ? 0 : 1)`;
  const dockerfile = lines(
    "# Gems are compiled apart: the image holds no compiler",
    `FROM ruby:${release}-slim AS builder`,
    apt(needsNode ? [...headers, "nodejs", "npm"] : headers),
    "ENV BUNDLE_PATH=/bundle",
    "WORKDIR /app",
    `COPY Gemfile${lock === undefined && sources !== undefined ? "" : " Gemfile.lock"} ./`,
    "RUN bundle install --jobs 4",
    "COPY . .",
    ...(hasTests
      ? [
          "",
          "# Has the gems of every group, which tests need",
          "FROM builder AS test",
          "ENV RAILS_ENV=test RACK_ENV=test",
          `CMD ${JSON.stringify(rspec ? ["bundle", "exec", "rspec"] : ["bundle", "exec", isRails ? "rails" : "rake", "test"])}`,
        ]
      : []),
    "",
    "FROM builder AS production",
    "ENV RAILS_ENV=production RACK_ENV=production BUNDLE_WITHOUT=development:test",
    ...(isRails && hasAssets
      ? [`RUN ${needsNode ? "npm install && " : ""}SECRET_KEY_BASE_DUMMY=1 bundle exec rails assets:precompile && rm -rf node_modules`]
      : []),
    "RUN bundle clean --force",
    "",
    `FROM ruby:${release}-slim`,
    apt(libraries),
    "RUN groupadd -g 1001 app && useradd -u 1001 -g 1001 -M app",
    "WORKDIR /app",
    "COPY --from=production /bundle /bundle",
    "COPY --from=production --chown=1001:1001 /app ./",
    `ENV RAILS_ENV=production RACK_ENV=production BUNDLE_PATH=/bundle BUNDLE_WITHOUT=development:test RAILS_LOG_TO_STDOUT=1 PORT=${port}`,
    "USER 1001",
    `EXPOSE ${port}`,
    healthCheck(["ruby", "-e", check]),
    `CMD ${JSON.stringify(isRails ? ["bundle", "exec", "rails", "server", "-b", "0.0.0.0", "-p", String(port)] : ["bundle", "exec", "rackup", "-o", "0.0.0.0", "-p", String(port)])}`,
  );
  const files = { Dockerfile: dockerfile, ".dockerignore": ignore(["log/*", "tmp/*", "node_modules", "public/assets"]) };
  return { files, findings, ...(hasTests ? { testStage: "test" } : {}) };
}
