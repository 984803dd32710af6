import { type ContainerFiles, found, ignore, lines, NOT_READ, type RecipeInput, unpinned, wgetCheck } from "../recipe.js";
import { has, json } from "../sources.js";

const USUAL = "8.3";
/** Oldest PHP with security updates. Source: php.net's supported versions, for 2026. */
const OLDEST_MINOR = 2;

interface Composer {
  require?: Record<string, string>;
  "require-dev"?: Record<string, string>;
}

/** Extensions that the official image has without more. */
const BUILT_IN = new Set([
  "json",
  "ctype",
  "curl",
  "dom",
  "fileinfo",
  "filter",
  "hash",
  "iconv",
  "libxml",
  "mbstring",
  "openssl",
  "pdo",
  "phar",
  "readline",
  "session",
  "simplexml",
  "sodium",
  "tokenizer",
  "xml",
  "xmlreader",
  "xmlwriter",
  "zlib",
  "posix",
  "pcre",
  "date",
  "random",
]);

/** A PHP application: PHP-FPM behind nginx in one image. */
export function php(input: RecipeInput): ContainerFiles {
  const { sources, port } = input;
  const findings: string[] = [];
  if (sources === undefined) findings.push(NOT_READ);
  const composer = sources === undefined ? undefined : json<Composer>(sources, "composer.json");
  const stated = found([composer?.require?.php, input.technology.version], /(\d+\.\d+)/);
  const minor = /^8\.(\d+)/.exec(stated ?? "")?.[1];
  const release = minor === undefined || Number(minor) < OLDEST_MINOR ? USUAL : `8.${minor}`;
  if (stated === undefined) findings.push(`Nothing says which PHP it needs; the image uses ${USUAL}.`);
  else if (release !== stated)
    findings.push(`PHP ${stated} gets no security updates; the image uses ${release}, in which the sources may not run as they are.`);
  const isLaravel = sources !== undefined && has(sources, "artisan");
  const isWordPress = sources !== undefined && (has(sources, "wp-config-sample.php") || has(sources, "wp-load.php"));
  const root =
    sources === undefined || has(sources, "public/index.php") ? "/app/public" : has(sources, "web/index.php") ? "/app/web" : "/app";
  const extensions = [
    ...new Set([
      "opcache",
      ...(isLaravel ? ["pdo_pgsql", "pdo_mysql", "bcmath"] : isWordPress ? ["mysqli", "exif"] : ["pdo_pgsql", "pdo_mysql"]),
      ...Object.keys(composer?.require ?? {}).flatMap((name) => (name.startsWith("ext-") ? [name.slice("ext-".length).toLowerCase()] : [])),
    ]),
  ].filter((name) => !BUILT_IN.has(name));
  if (isWordPress)
    findings.push("WordPress keeps uploads and plugins on disk: they need a volume or an object store before it runs in several pods.");
  const usesComposer = sources === undefined || composer !== undefined;
  const hasTests =
    composer?.["require-dev"]?.["phpunit/phpunit"] !== undefined || composer?.["require-dev"]?.["pestphp/pest"] !== undefined;
  const install = "composer install --no-interaction --no-progress --ignore-platform-reqs";
  const dockerfile = lines(
    "# Dependencies are installed apart: the image holds no Composer",
    `FROM composer:2 AS builder`,
    "WORKDIR /app",
    "COPY . .",
    ...(usesComposer ? [`RUN ${install} --no-dev --optimize-autoloader --no-scripts`] : []),
    "",
    `FROM php:${release}-fpm-alpine AS runtime`,
    "COPY --from=mlocati/php-extension-installer:2 /usr/bin/install-php-extensions /usr/local/bin/",
    unpinned("DL3018", `RUN apk add --no-cache nginx && install-php-extensions ${extensions.join(" ")}`),
    "WORKDIR /app",
    ...(hasTests
      ? [
          "",
          "FROM runtime AS test",
          "COPY --from=composer:2 /usr/bin/composer /usr/local/bin/composer",
          "COPY . .",
          `RUN ${install}`,
          `CMD ["vendor/bin/${composer?.["require-dev"]?.["pestphp/pest"] === undefined ? "phpunit" : "pest"}"]`,
        ]
      : []),
    "",
    "FROM runtime",
    "RUN addgroup -g 1001 -S app && adduser -S app -u 1001 -G app",
    "COPY --from=builder --chown=1001:1001 /app ./",
    "COPY --chown=1001:1001 nginx.conf /etc/nginx/nginx.conf",
    "COPY --chmod=0755 start.sh /usr/local/bin/start",
    "USER 1001",
    `EXPOSE ${port}`,
    wgetCheck(input),
    'CMD ["/usr/local/bin/start"]',
  );
  const files = {
    Dockerfile: dockerfile,
    ".dockerignore": ignore(["vendor", "node_modules", "storage/logs"]),
    "nginx.conf": nginx(port, root),
    "start.sh": START,
  };
  return { files, findings, ...(hasTests ? { testStage: "test" } : {}) };
}

/** Either one's end is the container's: Kubernetes starts it again. */
const START = `#!/bin/sh
set -e
php-fpm --nodaemonize &
fpm=$!
nginx -g 'daemon off;' &
nginx=$!
trap 'kill -QUIT $fpm $nginx' TERM INT
while kill -0 $fpm 2>/dev/null && kill -0 $nginx 2>/dev/null; do sleep 1; done
kill -QUIT $fpm $nginx 2>/dev/null || true
wait
`;

/** Everything that is written goes to /tmp: the file system is read-only. */
const nginx = (port: number, root: string): string => `worker_processes 1;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
events { worker_connections 1024; }
http {
  include /etc/nginx/mime.types;
  access_log /dev/stdout;
  client_max_body_size 32m;
  client_body_temp_path /tmp/nginx-body;
  proxy_temp_path /tmp/nginx-proxy;
  fastcgi_temp_path /tmp/nginx-fastcgi;
  uwsgi_temp_path /tmp/nginx-uwsgi;
  scgi_temp_path /tmp/nginx-scgi;
  server {
    listen ${port};
    root ${root};
    index index.php index.html;
    location / { try_files $uri $uri/ /index.php?$query_string; }
    location ~ \\.php$ {
      try_files $uri =404;
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
      fastcgi_pass 127.0.0.1:9000;
    }
    location ~ /\\. { deny all; }
  }
}
`;
