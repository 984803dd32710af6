import { Command, Option } from "commander";
import { type Cli, wholeNumber } from "./cli.js";

/**
 * Commands that do their work on this machine. What they need (engine, providers, cloud clients) takes seconds to load,
 * so each loads it when it runs, and help stays quick.
 */

const port = wholeNumber(0, 65_535);

export const discoverCommand = (cli: Cli): Command =>
  new Command("discover")
    .description("list what runs today, and which application of the inventory it belongs to")
    .option("--region <region...>", "regions to look in (default: AWS_REGION)", [])
    .option("--profile <profile...>", "profiles of the shared AWS configuration, one account each", [])
    .option("--role <arn...>", "roles to assume, one account each", [])
    .option("--endpoint <url>", "another endpoint for every service")
    .addOption(new Option("--output <form>", "how to print it").choices(["table", "markdown", "csv", "json", "yaml"]).default("table"))
    .action(async (options) => (await import("./discover.js")).discoverCommand({ ...cli.globals(), ...options }));

export const startCommand = (cli: Cli): Command =>
  new Command("start")
    .description("rehearse every application in the sandbox, report, then serve until Ctrl-C")
    .option("--exit", "end after the report instead of serving")
    .option("--fresh", "begin a new rehearsal even when one was interrupted")
    .option("--fault <stack:fault...>", "faults to inject (default: web-api-production:errors@25% where there is that stack)")
    .option("--port <port>", "port to serve on; 0 takes a free one", port, 8_080)
    .action(async (options) => (await import("./start.js")).start({ ...cli.globals(), ...options }));

export const serveCommand = (cli: Cli): Command =>
  new Command("serve")
    .description("serve the HTTP API and the portal, over the sandbox as it is or over real environments")
    .option("--targets <file>", "how real environments are reached (docs/targets.md); without it, the sandbox")
    .option("--access <file>", "who may use it, with which identity provider, from where (docs/security.md)")
    .addOption(new Option("--operations <file>", "notifications, hooks and drift detection (docs/operations.md)").env("CUTOVER_OPERATIONS"))
    .addOption(
      new Option("--shutdown-seconds <seconds>", "how long a running update may take to finish at the end")
        .env("CUTOVER_SHUTDOWN_SECONDS")
        .argParser(wholeNumber(0, 3_600))
        .default(25),
    )
    .option("--host <host>", "address to listen on", "127.0.0.1")
    .option("--port <port>", "port to listen on; 0 takes a free one", port, 8_080)
    .action(async (options) => (await import("./serve.js")).serve({ ...cli.globals(), ...options }));

export const sandboxCommand = (cli: Cli): Command =>
  new Command("sandbox")
    .description("run a command, such as pulumi, against the sandbox")
    .argument("<command...>", "for example: pulumi preview --stack web-api-staging")
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (command: string[]) => (await import("./sandbox.js")).sandboxCommand({ ...cli.globals(), command }));
