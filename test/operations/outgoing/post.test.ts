import { expect } from "chai";
import { Terminal, Transient } from "../../../src/errors.js";
import { isPublic } from "../../../src/operations/outgoing/addresses.js";
import { type Outgoing, post } from "../../../src/operations/outgoing/post.js";
import { receiver } from "../../support/receiver.js";

const to = (url: string, more: Partial<Outgoing> = {}): Promise<{ status: number; body: string }> =>
  post({ name: "hooks.x", url: new URL(url), headers: {}, body: "{}", deadlineMs: 5_000, allowHosts: [], ...more });
const failure = (sent: Promise<unknown>): Promise<Error> =>
  sent.then(
    () => expect.fail("it was sent"),
    (error: Error) => error,
  );

describe("the addresses that webhooks may go to", () => {
  const inside = [
    ...["127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.100.100.200"],
    ...["169.254.169.254", "169.254.170.2", "168.63.129.16", "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"],
    ...["::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1"],
    ...["2002:7f00:1::", "2001:db8::1", "2001::1", "not an address", ""],
  ];
  for (const address of inside) it(`leave out ${JSON.stringify(address)}`, () => expect(isPublic(address)).to.equal(false));
  for (const address of ["1.1.1.1", "8.8.8.8", "172.32.0.1", "169.253.0.1", "2606:4700:4700::1111", "2a00:1450:4001::1"])
    it(`take ${address}`, () => expect(isPublic(address)).to.equal(true));
});

describe("what is posted to a user's receiver", () => {
  const inside = ["https://127.0.0.1/", "https://[::1]/", "https://2130706433/", "https://0x7f.1/", "https://169.254.169.254/latest"];
  for (const url of inside) {
    it(`never goes to ${url}`, async () => {
      const error = await failure(to(url));
      expect(error).to.be.instanceOf(Terminal);
      expect(error.message).to.contain("is not public");
    });
  }

  it("goes over TLS alone", async () => {
    const { url, received } = await receiver();
    const error = await failure(to(url));
    expect(error.message).to.equal("hooks.x: only https is allowed, unless 127.0.0.1 is listed in allowHosts");
    expect((await failure(to("file:///etc/passwd", { allowHosts: [""] }))).message).to.contain("only https");
    expect(received).to.deep.equal([]);
  });

  it("goes to no name that resolves to an address inside, also when only one of several is", async () => {
    for (const addresses of [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["fd00::1"]]) {
      const resolve = async () => addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
      const error = await failure(to("https://rebinding.example.com/", { resolve }));
      expect(error, addresses.join()).to.be.instanceOf(Terminal);
      expect(error.message).to.equal("hooks.x: rebinding.example.com has an address that is not public");
    }
  });

  it("goes to the very address that was checked: the name is resolved once", async () => {
    const { port, received } = await receiver();
    let asked = 0;
    const resolve = async () => {
      asked += 1;
      return [{ address: asked === 1 ? "127.0.0.1" : "10.255.255.1", family: 4 }];
    };
    const answer = await to(`http://inside.example.com:${port}/x`, { allowHosts: [`inside.example.com:${port}`], resolve });
    expect([answer.status, asked, received[0]?.headers.host]).to.deep.equal([204, 1, `inside.example.com:${port}`]);
  });

  it("follows redirects that keep the method, checks each one, and not without end", async () => {
    const last = await receiver();
    const first = await receiver((request, response) => {
      const location = request.path === "/there" ? `${last.url}/end` : request.path === "/inside" ? "https://10.0.0.1/" : "/loop";
      response.writeHead(307, { location }).end();
    });
    const allowHosts = [first.host, last.host];
    expect((await to(`${first.url}/there`, { allowHosts })).status).to.equal(204);
    expect(last.received.map((r) => [r.path, r.body])).to.deep.equal([["/end", "{}"]]);
    expect((await failure(to(`${first.url}/there`, { allowHosts: [first.host] }))).message).to.contain("only https");
    expect((await failure(to(`${first.url}/inside`, { allowHosts }))).message).to.contain("10.0.0.1 has an address that is not public");
    expect((await failure(to(`${first.url}/loop`, { allowHosts }))).message).to.equal("hooks.x: more than 3 redirects");
  });

  it("does not wait beyond its deadline, and says nothing of the address in its error", async () => {
    const silent = await receiver(() => undefined);
    const error = await failure(to(`${silent.url}/services/T0/SECRET`, { allowHosts: [silent.host], deadlineMs: 50 }));
    expect(error).to.be.instanceOf(Transient);
    expect(error.message).to.equal("hooks.x: no answer within 0.05 s");
    const closed = await failure(to("http://127.0.0.1:1/SECRET", { allowHosts: ["127.0.0.1:1"] }));
    expect(closed.message).to.equal("hooks.x: ECONNREFUSED");
  });

  it("takes in no more of an answer than it may need", async () => {
    const { host, url } = await receiver((_, response) => response.end("x".repeat(1_000_000)));
    expect((await to(url, { allowHosts: [host] })).body.length).to.equal(16_384);
  });
});
