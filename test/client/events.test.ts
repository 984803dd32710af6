import { mock } from "node:test";
import { expect } from "chai";
import { CutoverClient, CutoverProblem, type EventOptions } from "../../src/client/index.js";

const REFUSED = new Response(null, { status: 401 });
type Answer = () => Response | Promise<Response>;

const stream = (text = ""): Response => new Response(text, { headers: { "content-type": "text/event-stream" } });
const away: Answer = () => Promise.reject(new TypeError("fetch failed"));
/** Promises that are due have their turn; timers have not. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The client over a service that answers one after another what it is told to, and then never. */
function over(answers: Answer[], options: EventOptions = {}) {
  const ended = new AbortController();
  const asked: (string | null)[] = [];
  const states: unknown[] = [];
  const cutover = new CutoverClient({
    url: "http://cutover.test",
    fetch: (_, init) => {
      asked.push(new Headers(init?.headers).get("last-event-id"));
      const answer = answers.shift();
      if (answer !== undefined) return Promise.resolve().then(answer);
      return new Promise((_resolve, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
    },
  });
  const onState = (live: boolean, problem?: Error): void => void states.push(problem === undefined ? live : problem.message);
  const seen: string[] = [];
  const reading = (async () => {
    for await (const { id } of cutover.events({ signal: ended.signal, onState, ...options })) seen.push(id);
  })();
  return { asked, states, seen, reading, end: () => ended.abort() };
}

describe("the reader of events", () => {
  beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
  afterEach(() => mock.timers.reset());

  /** How long it pauses until it asks again. */
  async function pauseOf(asked: readonly unknown[], most = 60_000): Promise<number> {
    const before = asked.length;
    for (let ms = 0; ms <= most; ms += 100) {
      if (asked.length > before) return ms;
      mock.timers.tick(100);
      await turn();
      await turn();
    }
    return Number.POSITIVE_INFINITY;
  }

  it("waits longer after each try that fails, up to 15 s, and begins again once it was let in", async () => {
    const { asked, reading, end } = over([...Array<Answer>(7).fill(away), () => stream(), away, away]);
    await turn();
    const pauses: number[] = [];
    for (let i = 0; i < 10; i += 1) pauses.push(await pauseOf(asked));
    expect(pauses).to.deep.equal([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 500, 1_000, 2_000]);
    end();
    await reading;
  });

  it("tells when it is live and what broke it, and goes on where it was", async () => {
    const event = `id: 7\nevent: step.completed\ndata: {}\n\n`;
    const { asked, states, seen, reading, end } = over([() => stream(event), away]);
    await turn();
    while (asked.length < 3) await pauseOf(asked);
    expect(seen).to.deep.equal(["7"]);
    expect(asked).to.deep.equal([null, "7", "7"]);
    expect(states).to.deep.equal([true, false, "The service at http://cutover.test does not answer: fetch failed"]);
    end();
    await reading;
    expect(states).to.have.length(3);
  });

  it("[people-28] gives up a service that takes the connection and says nothing at all", async () => {
    const { asked, states, reading, end } = over([], { silenceMs: 1_000 });
    await turn();
    expect(await pauseOf(asked)).to.equal(1_500);
    expect(states).to.deep.equal(["The service has said nothing for 1 s."]);
    end();
    await reading;
  });

  it("ends with a refusal, or waits it out where whoever is signed out may sign in again", async () => {
    const refused = await over([() => REFUSED.clone()]).reading.catch((error: CutoverProblem) => error);
    expect(refused).to.be.instanceOf(CutoverProblem).and.to.include({ status: 401 });
    const { asked, states, reading, end } = over([() => REFUSED.clone(), () => stream()], { outlastsRefusal: true });
    await turn();
    await pauseOf(asked);
    expect(states.slice(0, 2)).to.deep.equal(["The service answered 401.", true]);
    end();
    await reading;
  });
});
