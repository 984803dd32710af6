import { expect } from "chai";
import { isColoured, paintFor } from "../../src/cli/output.js";

describe("the command line's colour", () => {
  const terminal = { isTTY: true } as NodeJS.WriteStream;

  it("is for terminals, and for nobody who asked for none", () => {
    expect(isColoured(terminal, {})).to.equal(true);
    expect(isColoured({ isTTY: false } as NodeJS.WriteStream, {}), "into a file").to.equal(false);
    expect(isColoured({} as NodeJS.WriteStream, {}), "into a pipe").to.equal(false);
    expect(isColoured(terminal, { NO_COLOR: "1" })).to.equal(false);
    expect(isColoured(terminal, { NO_COLOR: "" }), "set to nothing").to.equal(true);
    expect(isColoured(terminal, { TERM: "dumb" })).to.equal(false);
  });

  it("leaves text as it is where there is none", () => {
    expect(paintFor({ isTTY: false } as NodeJS.WriteStream)("red", "held")).to.equal("held");
  });
});
