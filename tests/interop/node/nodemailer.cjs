// nodemailer over nodemailer-mailgun-transport: a message with everything that the transport passes on. Run by test_node.py.
const assert = require("node:assert/strict");
const nodemailer = require("nodemailer");
const mailgunTransport = require("nodemailer-mailgun-transport");

const { BASE: url, SENDING_KEY: api_key, DOMAIN: domain } = process.env;
const transport = nodemailer.createTransport(mailgunTransport({ auth: { api_key, domain }, url }));

async function main() {
  const sent = await transport.sendMail({
    from: { name: "Grüße", address: `news@${domain}` },
    to: [{ name: "Ann", address: "ann@example.org" }, "bob@example.org"],
    cc: "cid@example.org",
    replyTo: "desk@example.org",
    subject: "Grüße",
    text: "Hello",
    html: "<p>Hello</p>",
    messageId: `<order-7@${domain}>`,
    "o:tag": ["a", "b"],
    "v:order": "7",
    attachments: [
      { filename: "übersicht.txt", content: Buffer.from([0, 255, 10]) },
      { cid: "logo.png", content: Buffer.from([137, 80]), contentType: "image/png" },
    ],
  });
  assert.equal(sent.messageId, `<order-7@${domain}>`);
  const stranger = nodemailer.createTransport(mailgunTransport({ auth: { api_key: "wrong", domain }, url }));
  await assert.rejects(stranger.sendMail({ from: `a@${domain}`, to: "b@example.org", text: "t" }), { status: 401 });
  console.log("{}");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
