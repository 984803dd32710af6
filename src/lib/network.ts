/** What Node.js calls a network that fails for a while: the words of its messages differ from case to case. */
const NETWORK = /^(ECONNRESET|ECONNREFUSED|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|ENOTFOUND|EAI_AGAIN)$/;
const NETWORK_SAID = /ECONN|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|socket hang up|Client network socket disconnected/;

/** Whether the network failed, not the service; a name with several addresses fails with one error for each. */
export function isOfNetwork(error: unknown, depth = 0): boolean {
  const { code, message, cause, errors } = (error ?? {}) as { code?: unknown; message?: unknown; cause?: unknown; errors?: unknown };
  if (NETWORK.test(String(code)) || NETWORK_SAID.test(String(message))) return true;
  const within = [cause, ...(Array.isArray(errors) ? errors : [])].filter((e) => e !== undefined);
  return depth < 5 && within.some((e) => isOfNetwork(e, depth + 1));
}
