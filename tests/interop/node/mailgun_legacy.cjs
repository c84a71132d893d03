// mailgun-js, the client that many older programs still use: its ordinary calls. Run by test_node.py.
// The last line printed is what it saw that may depend on the dialect, and the calls that are not served.
const assert = require("node:assert/strict");
const mailgunJs = require("mailgun-js");

const { BASE, KEY: apiKey, DOMAIN: domain } = process.env;
const { hostname: host, port } = new URL(BASE);
const mailgun = mailgunJs({ apiKey, domain, host, port, protocol: "http:" });

const seen = {};

function refusal(error) {
  return error.statusCode;
}

async function main() {
  const attachment = new mailgun.Attachment({
    data: Buffer.from([0, 255, 10]),
    filename: "übersicht.txt",
    contentType: "text/plain",
    knownLength: 3,
  });
  const form = { from: `News <news@${domain}>`, to: "ann@example.org", subject: "Grüße", text: "Hello" };
  const queued = await mailgun.messages().send({ ...form, "o:tag": ["a", "b"], attachment });
  assert.equal(queued.message, "Queued. Thank you.");
  await mailgun.messages().send({ ...form, to: ["ann@example.org", "bob@example.org"], "recipient-variables": { "ann@example.org": { n: 1 } } });
  const mime = `From: news@${domain}\r\nTo: ann@example.org\r\nSubject: MIME\r\n\r\nHello\r\n`;
  await mailgun.messages().sendMime({ to: "ann@example.org", message: mime });

  const made = await mailgun.domains().create({ name: "new.example.com" });
  seen["domains().create: domain.state"] = made.domain.state;
  seen["domains().create: message"] = made.message ?? null;
  assert.equal((await mailgun.domains("new.example.com").verify().verify()).domain.state, "active");
  assert.equal((await mailgun.domains().list()).total_count, 2);
  assert.equal((await mailgun.domains("new.example.com").info()).domain.name, "new.example.com");
  await mailgun.domains("new.example.com").delete();

  await mailgun.domains(domain).credentials().create({ login: "alice", password: "test_new_creds" });
  await mailgun.domains(domain).credentials("alice").update({ password: "test_newer_creds" });
  assert.equal((await mailgun.domains(domain).credentials().list()).items.length, 1);
  await mailgun.domains(domain).credentials("alice").delete();

  for (const list of ["bounces", "complaints", "unsubscribes"]) {
    await mailgun[list]().create({ address: "a+b@example.org", tag: "*" });
    assert.equal((await mailgun[list]().list()).items.length, 1);
    const one = mailgun[list](encodeURIComponent("a+b@example.org"));
    assert.equal((await one.info()).address, "a+b@example.org");
    await one.delete();
    await assert.rejects(one.info(), { statusCode: 404 });
  }
  await mailgun.post(`/${domain}/unsubscribes`, [{ address: "c@example.org" }, { address: "d@example.org" }]);
  assert.equal((await mailgun.unsubscribes().list()).items.length, 2);

  assert.equal((await mailgun.get(`/${domain}/stats/total`, { event: ["accepted", "delivered"] })).resolution, "day");
  const parsed = await mailgun.parse(["ann@example.org", "nobody"], true);
  seen["parse: unparseable"] = parsed.unparseable ?? null;

  const stranger = mailgunJs({ apiKey: "wrong", domain, host, port, protocol: "http:" });
  await assert.rejects(stranger.domains().list(), { statusCode: 401 });

  // What Omnivery's page does not list.
  seen["events().get"] = await mailgun.events().get().catch(refusal);
  seen["lists().list"] = await mailgun.lists().list().catch(refusal);
  seen["routes().list"] = await mailgun.routes().list().catch(refusal);
  seen["tags().list"] = await mailgun.tags().list().catch(refusal);
  console.log(JSON.stringify(seen));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
