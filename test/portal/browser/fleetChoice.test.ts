import { expect } from "chai";
import fc from "fast-check";
import { fleetAddress, placeOf } from "../../../src/portal/browser/lib/addresses.js";
import {
  choiceOf,
  FIRST_CHOICE,
  type FleetChoice,
  ORDERS,
  type Order,
  STATES,
  type State,
  textOf,
} from "../../../src/portal/browser/views/fleetChoice.js";

const choices: fc.Arbitrary<FleetChoice> = fc.record({
  text: fc.string(),
  state: fc.constantFrom(...(Object.keys(STATES) as State[])),
  order: fc.constantFrom(...(Object.keys(ORDERS) as Order[])),
  folded: fc.uniqueArray(fc.string({ minLength: 1 })).map((titles) => new Set(titles)),
  graph: fc.constantFrom("", "all", "wave-2", "of-web-api"),
});

describe("what of the fleet is shown", () => {
  it("[people-18] is what it was for whoever opens its address, whatever was typed", () => {
    fc.assert(
      fc.property(choices, (choice) => {
        const address = fleetAddress(textOf(choice));
        const place = placeOf(address);
        expect(place.stack).to.equal(undefined);
        expect(choiceOf(place.view)).to.deep.equal(choice);
      }),
    );
  });

  it("has the shortest address where nothing was chosen, and the same one for the same choice", () => {
    expect(fleetAddress(textOf(FIRST_CHOICE))).to.equal("#/");
    const folded = (...titles: string[]) => textOf({ ...FIRST_CHOICE, folded: new Set(titles) });
    expect(folded("Wave 1", "Not begun")).to.equal(folded("Not begun", "Wave 1")).and.to.equal("fold=Not+begun&fold=Wave+1");
  });

  it("shows everything where an address says what is not there", () => {
    expect(choiceOf("state=lost&order=toString&other=1")).to.deep.equal(FIRST_CHOICE);
  });
});

describe("the page's address", () => {
  it("names the fleet, a tab of a migration, or rehearsals", () => {
    expect(placeOf("")).to.deep.equal({ view: "" });
    expect(placeOf("#/web-api-production")).to.deep.equal({ stack: "web-api-production", view: "overview" });
    expect(placeOf("#/web-api-production/journal")).to.deep.equal({ stack: "web-api-production", view: "journal" });
    expect(placeOf("#/~rehearsals/2026-01-05%20a")).to.deep.equal({ view: "", rehearsals: { id: "2026-01-05 a" } });
  });
});
