import type { Role } from "./described.js";

/** What may run only once in the world, by the words that people use for it. */
const CLOCK_NAME = /(^|[-_.])(clock|cron|crond|scheduler|beat|timer|ticker)([-_.\d]|$)/i;
const CLOCK_COMMAND =
  /\b(celery\b.*\bbeat|clockwork|supercronic|crond|ofelia|schedule:(work|run)|rqscheduler|celerybeat|resque-scheduler)\b/i;
const CLOCK_WITHIN = /\bcelery\b.*\bworker\b.*\s(-B|--beat)(\s|$)/;
/** What takes work from a queue, beside its like. */
const WORKER_NAME =
  /(^|[-_.])(workers?|sidekiq|queues?|jobs?|consumers?|celery|resque|delayed[-_]?job|horizon|rq|dramatiq|good[-_]?job|solid[-_]?queue)([-_.\d]|$)/i;
const WORKER_COMMAND =
  /\b(sidekiq|celery\b.*\bworker|resque:work|jobs:work|queue:(work|listen)|horizon|rq worker|dramatiq|good_job|solid_queue|qcluster)\b/i;
const RELEASE_NAME = /(^|[-_.])(release|migrations?|migrate|migrator|db-?migrate|init|setup|prepare)([-_.\d]|$)/i;

interface Known {
  name: string;
  /** Its words, with spaces. */
  command: string;
  /** Whether it listens. */
  listens: boolean;
  /** Whether others reach it from outside. */
  published?: boolean;
  /** How many of it run, where that is said. */
  replicas?: number;
}

/** What a process beside the web is, and what to ask where its words alone say so. The careful reading is that it may run only once. */
export function roleOf({ name, command, listens, published = false, replicas }: Known): {
  role: Exclude<Role, "web" | "schedule">;
  question?: string;
} {
  // A worker with the clock in it (celery worker -B): two of it would begin everything twice.
  if (CLOCK_WITHIN.test(command))
    return {
      role: "singleton",
      question: "its worker has the clock in it (-B), so it may run only once: may the clock be a process of its own?",
    };
  if (replicas !== undefined && replicas > 1) return { role: listens && !WORKER_NAME.test(name) ? "service" : "worker" };
  if (published) return { role: "service" };
  if (CLOCK_COMMAND.test(command)) return { role: "singleton" };
  if (CLOCK_NAME.test(name))
    return {
      role: "singleton",
      question: "its name says that it may run only once, so it is a singleton: is that so, or may it run several times (worker)?",
    };
  if (WORKER_COMMAND.test(command)) return { role: "worker" };
  if (WORKER_NAME.test(name))
    return {
      role: "worker",
      question: "its name says that it takes work from a queue, beside its like: is that so, or may it run only once (singleton)?",
    };
  if (listens) return { role: "service" };
  if (RELEASE_NAME.test(name))
    return { role: "release", question: "its name says that it runs to its end before a version starts (release): is that so?" };
  return {
    role: "singleton",
    question: "nothing says whether it may run several times at once; it is a singleton, which never does: is it a worker?",
  };
}
