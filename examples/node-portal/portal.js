import { createCutoverRouter } from "cutover/server";
import express from "express";

/**
 * A small portal with people of its own, and cutover as one of its pages: who somebody is and what they may do is this
 * portal's business, and cutover is told.
 */
const PEOPLE = {
  ana: { password: "ana's secret", team: "platform" },
  ben: { password: "ben's secret", team: "platform" },
  eve: { password: "eve's secret", team: "sales" },
};
const ROLES = { platform: ["operator", "approver"], sales: ["viewer"] };

/** HTTP Basic stands for whatever the portal signs people in with. */
function personOf(request) {
  const [, encoded = ""] = /^Basic (.+)$/.exec(request.get("authorization") ?? "") ?? [];
  const [name, password] = Buffer.from(encoded, "base64").toString().split(/:(.*)/s);
  return Object.hasOwn(PEOPLE, name) && PEOPLE[name].password === password ? name : undefined;
}

export function portal(migrations) {
  const app = express();
  app.use((request, response, next) => {
    if (personOf(request) !== undefined) return next();
    response.set("WWW-Authenticate", 'Basic realm="portal"').status(401).send("Who are you?");
  });
  app.get("/", (_, response) => response.type("html").send('<!doctype html><title>Portal</title><a href="/cutover/">Migrations</a>'));
  app.use(
    "/cutover",
    createCutoverRouter({
      migrations,
      authenticate: async (request) => {
        const name = personOf(request);
        return { name, grants: ROLES[PEOPLE[name].team].map((role) => ({ role })) };
      },
    }),
  );
  return app;
}
