// mailgun.js, Mailgun's own client for JavaScript: its ordinary calls, over axios or fetch. Run by test_node.py.
// The last line printed is what it saw that may depend on the dialect, and the calls that are not served.
import assert from "node:assert/strict";
import Mailgun from "mailgun.js";
import FormData from "form-data";

const { BASE: url, KEY: key, SENDING_KEY: sendingKey, DOMAIN: domain, FETCH: useFetch } = process.env;
const mailgun = new Mailgun(useFetch ? globalThis.FormData : FormData);
const client = mailgun.client({ username: "api", key, url, useFetch: Boolean(useFetch) });
const sender = mailgun.client({ username: "api", key: sendingKey, url, useFetch: Boolean(useFetch) });
const seen = {};

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return error.status;
  }
  return 200;
}

// Messages.
const queued = await sender.messages.create(domain, {
  from: `BatchDelta <news@${domain}>`,
  to: ["ann@example.org", "bob@example.org"],
  subject: "Grüße",
  text: "Hello",
  "o:tag": ["a", "b"],
  "o:testmode": true,
  attachment: [{ filename: "übersicht.txt", data: Buffer.from([0, 255, 10]) }],
});
assert.equal(queued.status, 200);
assert.match(queued.id, /^<.*@.*>$/);
const mime = `From: news@${domain}\r\nTo: ann@example.org\r\nSubject: MIME\r\n\r\nHello\r\n`;
await sender.messages.create(domain, { to: "ann@example.org", message: mime });

// Domains: listed, made and verified under /v4, deleted under /v3.
const made = await client.domains.create({ name: "new.example.com", wildcard: true });
seen["domains.create: state"] = made.state;
seen["domains.create: sending_dns_records[0].valid"] = made.sending_dns_records[0].valid;
assert.equal((await client.domains.verify("new.example.com")).state, "active");
assert.equal((await client.domains.get("new.example.com")).sending_dns_records.length, 4);
assert.equal((await client.domains.list()).length, 2);
assert.equal((await client.domains.domainTracking.getTracking(domain)).open.active, true);
await client.domains.destroy("new.example.com");

// Credentials.
await client.domains.domainCredentials.create(domain, { login: "alice", password: "test_new_creds" });
await client.domains.domainCredentials.update(domain, "alice", { password: "test_newer_creds" });
assert.equal((await client.domains.domainCredentials.list(domain)).totalCount, 1);
seen["domainCredentials.destroy: spec"] = (await client.domains.domainCredentials.destroy(domain, "alice")).spec ?? null;

// Suppressions: JSON arrays for bounces and complaints, a form for one unsubscribe and for white lists.
for (const list of ["bounces", "complaints", "unsubscribes"]) {
  await client.suppressions.create(domain, list, [1, 2, 3].map((n) => ({ address: `a+${n}@example.org` })));
  await client.suppressions.create(domain, list, { address: "b@example.org" });
  const page = await client.suppressions.list(domain, list, { limit: 3 });
  assert.equal(page.items.length, 3);
  const next = await client.suppressions.list(domain, list, { limit: 3, page: page.pages.next.page });
  assert.deepEqual(next.items.map((item) => item.address), ["b@example.org"]);
  assert.equal((await client.suppressions.get(domain, list, "a+1@example.org")).address, "a+1@example.org");
  if (list === "unsubscribes")
    seen["suppressions.get(unsubscribes): tags"] = (await client.suppressions.get(domain, list, "b@example.org")).tags ?? null;
  await client.suppressions.destroy(domain, list, "a+1@example.org");
  await assert.rejects(client.suppressions.get(domain, list, "a+1@example.org"), { status: 404 });
}
const entry = await client.suppressions.create(domain, "whitelists", { domain: "example.org" });
assert.equal(entry.value, "example.org");
const [listed] = (await client.suppressions.list(domain, "whitelists")).items;
assert.equal(listed.value, "example.org");
assert.ok(Math.abs(listed.createdAt - new Date()) < 60_000);
await client.suppressions.destroyAll(domain, "bounces");

// Webhooks.
await client.webhooks.create(domain, "clicked", "https://example.com/");
assert.deepEqual((await client.webhooks.get(domain, "clicked")).urls, ["https://example.com/"]);
await client.webhooks.update(domain, "clicked", ["https://example.com/a", "https://example.com/b"]);
assert.equal((await client.webhooks.list(domain)).clicked.urls.length, 2);
await client.webhooks.destroy(domain, "clicked");

// Statistics.
const stats = await client.stats.getDomain(domain, { event: ["accepted", "delivered"], start: new Date(0), resolution: "month" });
assert.equal(stats.stats.at(-1).accepted.outgoing, 3);

// A wrong key.
const stranger = mailgun.client({ username: "api", key: "wrong", url, useFetch: Boolean(useFetch) });
await assert.rejects(stranger.domains.get(domain), { status: 401 });

// What Omnivery's page does not list.
seen["events.get"] = await refusal(() => client.events.get(domain, {}));
seen["ips.list"] = await refusal(() => client.ips.list());
seen["lists.list"] = await refusal(() => client.lists.list());
seen["routes.list"] = await refusal(() => client.routes.list());
seen["domains.domainTags.list"] = await refusal(() => client.domains.domainTags.list(domain));
seen["domains.domainTemplates.list"] = await refusal(() => client.domains.domainTemplates.list(domain));
seen["domains.domainTracking.updateTracking"] = await refusal(() =>
  client.domains.domainTracking.updateTracking(domain, "open", { active: true }),
);
seen["validate.get"] = await refusal(() => client.validate.get("ann@example.org"));
console.log(JSON.stringify(seen));
