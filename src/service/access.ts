import { join } from "node:path";
import type { Access } from "../access/access.js";
import { forgetLocalToken, keepLocalToken, makeLocalToken } from "../access/localToken.js";
import { OidcVerifier } from "../access/oidc.js";
import { openTokens } from "../access/openTokens.js";
import { WebhookSenders } from "../access/webhooks.js";
import { type AccessConfig, defaultAccess, readAccess } from "../config/access.js";
import { giveUpFolder, ownFolder } from "../database/folderOwner.js";
import { UserError } from "../errors.js";

export interface AccessOptions {
  /** Folder for tokens. */
  state: string;
  /** Address that the service listens on. */
  host: string;
  /** `access.yaml`: with it, people come with credentials of their own, and there is no local token. */
  file?: string | undefined;
  /** Whether the local token may name people: in rehearsals. */
  namesPeople: boolean;
}

export interface OpenAccess {
  access: Access;
  settings: AccessConfig;
  /** Once the service listens: this machine's command line finds the local token. Before, another one may have the port. */
  announce(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Who may use a service: API tokens always, people of an identity provider when the file names one, and on loopback
 * without a file whoever reads this machine's local token.
 * @throws UserError when others could reach the service and nobody had a credential
 */
export async function openAccess({ state, host, file, namesPeople }: AccessOptions): Promise<OpenAccess> {
  const tokenFolder = join(state, "service");
  const settings = file === undefined ? defaultAccess() : await readAccess(file);
  const tokens = await openTokens(state);
  const oidc = settings.oidc === undefined ? undefined : new OidcVerifier(settings.oidc, settings.grants);
  const local = file === undefined && isLoopback(host) ? makeLocalToken({ namesPeople }) : undefined;
  if (local === undefined && oidc === undefined && (await tokens.list()).length === 0) {
    await tokens.close();
    throw new UserError(
      { path: file ?? "--host", got: file === undefined ? host : "no identity provider", accepted: "a service that somebody may use" },
      { next: "Make an API token first (cutover token create), or name an identity provider with --access (docs/security.md)." },
    );
  }
  if (local !== undefined)
    // A second service here would take the running one's users their way in.
    await ownFolder(tokenFolder, "local token", "End it, or give this service a folder of its own with --state.").catch(async (error) => {
      await tokens.close();
      throw error;
    });
  return {
    access: {
      tokens,
      ...(local === undefined ? {} : { local }),
      ...(oidc === undefined ? {} : { oidc }),
      ...(settings.webhooks.length === 0 ? {} : { webhooks: new WebhookSenders(settings.webhooks) }),
    },
    settings,
    announce: async () => {
      if (local !== undefined) await keepLocalToken(state, local);
    },
    close: async () => {
      await tokens.close();
      if (local === undefined) return;
      await forgetLocalToken(state, local);
      await giveUpFolder(tokenFolder);
    },
  };
}

const isLoopback = (host: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host);
