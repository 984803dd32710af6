/** Exit codes by convention: 128 and the signal's number. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/** Resolves at the first Ctrl-C or SIGTERM. A second one ends the process at once. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    // The listeners stay: a library of the engine's SDK ends the process when it finds itself the only one that listens.
    for (const [signal, code] of Object.entries(SIGNALS))
      process.on(signal, () => {
        if (asked) process.exit(code);
        asked = true;
        resolve();
      });
  });
}
