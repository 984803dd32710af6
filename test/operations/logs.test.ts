import { expect } from "chai";
import { createLogger, logMigrations } from "../../src/operations/logs.js";
import { STACK } from "../automation/model.js";
import { act, modelService } from "../automation/modelService.js";

function logging(level?: string) {
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger(level, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { logger, lines };
}

describe("structured logs", () => {
  it("are JSON lines with level, time and what was said", () => {
    const { logger, lines } = logging("info");
    logger.info({ stack: STACK, ms: 5 }, "done");
    logger.debug("not at this level");
    expect(lines).to.have.length(1);
    expect(lines[0]).to.include({ level: "info", service: "cutover", stack: STACK, ms: 5, msg: "done" });
    expect(lines[0]?.time).to.match(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it("hold no secret, wherever it stands", () => {
    const { logger, lines } = logging("info");
    const url = "postgresql://admin:hunter2@db/x";
    logger.error(
      { err: new Error(`no route to ${url}`), headers: { authorization: "Bearer hunter2hunter2" }, token: "hunter2" },
      `lost ${url}`,
    );
    logger.child({ database: url }).warn("again password=hunter2");
    expect(JSON.stringify(lines)).not.to.contain("hunter2");
    expect(lines[0]?.msg).to.equal("lost postgresql://[secret]@db/x");
  });

  it("tell what happens in the journals, with its stack, step and person, and no config", async () => {
    const { logger, lines } = logging("info");
    const service = modelService().start();
    logMigrations(logger, service);
    await service.create(STACK, "alice");
    await act(service);
    await service.settled(STACK);
    expect(lines.map((l) => l.entry)).to.include.members(["migration.created", "command", "step.started", "action.succeeded"]);
    expect(lines.find((l) => l.entry === "command")).to.include({ stack: STACK, command: "advance", who: "alice", level: "info" });
    expect(JSON.stringify(lines)).not.to.contain("v1:sealed");
    await service.close();
  });

  it("say what levels there are", () => {
    expect(() => createLogger("loud")).to.throw("CUTOVER_LOG_LEVEL: got loud; accepted: one of trace, debug, info");
  });
});
