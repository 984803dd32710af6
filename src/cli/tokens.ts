import { Command, Option } from "commander";
import { ROLES, type Role } from "../access/caller.js";
import { makeToken, type StoredToken, type TokenStore } from "../access/tokens.js";
import { NotFound } from "../errors.js";
import { type Cli, type OutputOptions, prints, wholeNumber } from "./cli.js";
import { print, say } from "./output.js";

const DAY = 86_400_000;

/** `cutover token`: who may use a service, with credentials of its own. */
export function tokenCommand(cli: Cli): Command {
  const token = new Command("token").description("make, list and revoke API tokens: of DATABASE_URL, or of the state folder");
  const state = (): string => cli.globals().state;
  token
    .command("create")
    .description("make a token and print it, once: only its hash is kept")
    .argument("<name>", "whose it is: the name in the journal")
    .addOption(new Option("--role <role>", "what it may do, each more than the one before").choices(ROLES).makeOptionMandatory())
    .option("--application <name...>", "only these applications (default: every one)")
    .option("--environment <name...>", "only these environments (default: every one)")
    .option("--days <days>", "how long it is accepted; 0: without an end", wholeNumber(0, 3_650), 90)
    .action((name: string, options: CreateOptions) => createToken(state(), name, options));
  token.addCommand(
    prints(new Command("list"))
      .description("show them by name: id, role, end")
      .action(({ output }: OutputOptions) =>
        withTokens(state(), async (tokens) => {
          const all = (await tokens.list()).map(({ hash: _, ...shown }) => shown);
          print(output, all, () => (all.length === 0 ? "There are no API tokens." : all.map(described).join("\n")));
        }),
      ),
  );
  token
    .command("revoke")
    .description("end a token at once")
    .argument("<id>", "as list shows it")
    .action((id: string) =>
      withTokens(state(), async (tokens) => {
        if (!(await tokens.revoke(id))) throw new NotFound(`There is no API token ${id}.`, { next: "cutover token list shows them." });
        say(`${id} is revoked; services refuse it from now on.`);
      }),
    );
  return token;
}

interface CreateOptions {
  role: Role;
  application?: string[];
  environment?: string[];
  days: number;
}

function createToken(state: string, name: string, { role, application, environment, days }: CreateOptions): Promise<void> {
  return withTokens(state, async (tokens) => {
    const grant = {
      role,
      ...(application === undefined ? {} : { applications: application }),
      ...(environment === undefined ? {} : { environments: environment }),
    };
    const ends = days === 0 ? {} : { expiresAt: new Date(Date.now() + days * DAY).toISOString() };
    const { token, stored } = makeToken({ name, grants: [grant], ...ends });
    await tokens.add(stored);
    say(`${described(stored)}\nKeep it now: it is shown once.`);
    process.stdout.write(`${token}\n`);
  });
}

async function withTokens(state: string, use: (tokens: TokenStore) => Promise<void>): Promise<void> {
  const { openTokens } = await import("../access/openTokens.js");
  const tokens = await openTokens(state);
  try {
    await use(tokens);
  } finally {
    await tokens.close();
  }
}

function described({ id, name, grants, expiresAt }: Omit<StoredToken, "hash">): string {
  const held = grants.map(
    (g) => `${g.role} of ${g.applications?.join(", ") ?? "every application"} in ${g.environments?.join(", ") ?? "every environment"}`,
  );
  return `${id}  ${name}: ${held.join("; ")}, ${expiresAt === undefined ? "without an end" : `until ${expiresAt.slice(0, 10)}`}`;
}
