import { expect } from "chai";
import { drafted, refused } from "./drafted.js";

describe("init from files of several kinds", () => {
  it("knows a file by what it says, whatever it is called", async () => {
    expect((await drafted({ a: 'services: { web: { image: "a/b:1", ports: [80] } }' })).kind).to.equal("compose");
    expect((await drafted({ b: "web: run\nworker: work\n" })).kind).to.equal("procfile");
    expect((await drafted({ "c.service": "; mine\n[Unit]\n[Service]\nExecStart=/usr/bin/run\n" })).kind).to.equal("systemd");
    expect((await drafted({ e: "image: { repository: a/b, tag: '1' }\nservices: { name: chat }\n" })).kind).to.equal("helm");
    expect((await drafted({ d: "replicaCount: 2\nimage: { repository: acme/web, tag: v1 }\n" })).kind).to.equal("helm");
  });

  it("asks for the kind of what may be two, and takes it from the name", async () => {
    const text = { odd: "first: 1\nsecond: two\n" };
    expect(await refused(text))
      .to.contain("a Procfile and a chart's values may both have")
      .and.contain("procfile=");
    expect((await drafted(text, ["procfile=odd"])).kind).to.equal("procfile");
    expect((await drafted(text, ["helm=odd"])).kind).to.equal("helm");
  });

  it("refuses what is none of them by what it is", async () => {
    expect(await refused({ "x.yml": "apiVersion: v1\nkind: Service\n" })).to.contain('a Kubernetes object (kind "Service")');
    expect(await refused({ "Chart.yaml": "apiVersion: v2\nname: a\nversion: 1.0.0\n" })).to.contain("a chart's own description");
    expect(await refused({ "a.csv": "Application,Technology\nweb,Node.js\n" }))
      .to.contain("a table")
      .and.contain("an inventory without --from");
    expect(await refused({ ".env.prod": "PASSWORD=hunter2hunter2\n" }))
      .to.contain("[secret]")
      .and.not.contain("hunter2");
    expect(await refused({ a: "x" }, ["."])).to.contain("got a folder");
    expect(await refused({ a: "x" }, ["nowhere.yml"])).to.contain("got no such file");
  });

  it("refuses kinds together, and names that are none", async () => {
    const files = { Procfile: "web: run\n", "compose.yml": 'services: { web: { image: "a/b:1", ports: [80] } }' };
    expect(await refused(files))
      .to.contain("a Procfile (")
      .and.contain("docker-compose files (");
    expect(await refused(files, ["Procfile"], { name: "Not A Label" })).to.contain('--name: got "Not A Label"');
    expect((await drafted(files, ["Procfile"], { name: "store" })).application).to.equal("store");
  });
});
