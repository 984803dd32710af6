// Progress for the long parts: one line that updates itself on a terminal, a line every ten seconds elsewhere.

const TTY_EVERY_MS = 200;
const PLAIN_EVERY_MS = 10_000;

/** "48 s" or "2 min 05 s" since `start` (milliseconds). */
export function elapsed(start, now = Date.now()) {
  const seconds = Math.round((now - start) / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
}

/**
 * Shows `title` with the elapsed time and whatever `detail()` says, until `done` or `stop`.
 * Quick parts leave no line behind at all on a terminal unless `done` is given a text.
 */
export function startProgress(title, { stream = process.stderr, detail = () => "" } = {}) {
  const started = Date.now();
  const text = () => [title, elapsed(started), detail()].filter((part) => part !== "").join(", ");
  const width = () => (stream.columns || 80) - 1;
  if (!stream.isTTY) stream.write(`${title} ...\n`);
  const draw = stream.isTTY ? () => stream.write(`\r\x1b[2K${text().slice(0, width())}`) : () => stream.write(`${text()}\n`);
  const timer = setInterval(draw, stream.isTTY ? TTY_EVERY_MS : PLAIN_EVERY_MS);
  timer.unref();
  const stop = () => {
    clearInterval(timer);
    if (stream.isTTY) stream.write("\r\x1b[2K");
  };
  return {
    stop,
    done(result) {
      stop();
      stream.write(`${result} (${elapsed(started)})\n`);
    },
  };
}

/** Says that another set-up is waited for, and every ten seconds that it still is. */
export function waitingFor(say, owner, what) {
  const who = owner?.pid === undefined ? "Another set-up" : `Another set-up (process ${owner.pid})`;
  const started = Date.now();
  say(`${who} is ${what}: waiting for it.`);
  const timer = setInterval(
    () => say(`Still waiting for it, ${elapsed(started)}; Ctrl-C ends the wait and harms nothing.`),
    PLAIN_EVERY_MS,
  );
  timer.unref();
  return { stop: () => clearInterval(timer) };
}
