// What a person can put right is a Failure: one sentence that says what to do, exit code 2, never a stack trace.

export class Failure extends Error {
  constructor(message, options = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Failure";
  }
}

const NO_NETWORK =
  /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|dial tcp|no such host|i\/o timeout|connection refused|network is unreachable|TLS handshake timeout|proxyconnect/;
const NO_SPACE = /ENOSPC|no space left on device|disk quota exceeded|EDQUOT/i;
const NOT_WRITABLE = /EACCES|EROFS|EPERM|permission denied|read-only file system/i;

/** Is it a matter of the machine (disk, network, rights)? Then the sentence for it, otherwise undefined. */
export function machineFailure(text, { doing, where }) {
  if (NO_SPACE.test(text)) return new Failure(`The disk is full (${doing}): free about 4 GB for ${where} and run the same command again.`);
  if (NO_NETWORK.test(text)) return new Failure(`No network (${doing}): connect, or set your proxy, and run the same command again.`);
  if (NOT_WRITABLE.test(text)) return new Failure(`No right to write (${doing}): make ${where} writable and run the same command again.`);
  if (/ENOTDIR/.test(text)) return new Failure(`A file stands where a folder is needed (${doing}): move ${where} out of the way.`);
  return undefined;
}

/** Runs a script's main function and turns whatever it throws into a sentence and an exit code. */
export async function runScript(main) {
  try {
    const code = await main();
    if (typeof code === "number") process.exitCode = code;
  } catch (error) {
    const failure =
      error instanceof Failure
        ? error
        : machineFailure(`${error?.code ?? ""} ${error?.message ?? error}`, { doing: "setting up", where: error?.path ?? "this folder" });
    if (failure !== undefined) {
      process.stderr.write(`cutover: ${failure.message}\n`);
      process.exitCode = 2;
    } else if (process.env.CUTOVER_DEBUG) {
      process.stderr.write(`${error?.stack ?? error}\n`);
      process.exitCode = 1;
    } else {
      process.stderr.write(`cutover: ${error?.message ?? error} (this is a bug; CUTOVER_DEBUG=1 shows where)\n`);
      process.exitCode = 1;
    }
  }
}
