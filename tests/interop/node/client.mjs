// An @xmpp/client that takes commands as lines of JSON on standard input and reports answers and events on standard
// output. The packages are in the folder that INTEROP_NODE names.

import { webcrypto } from "node:crypto";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

import { report, serve } from "./commands.mjs";

globalThis.crypto ??= webcrypto; // node 18, which Debian 12 has, does not offer it by itself

const require = createRequire(process.env.INTEROP_NODE + "/");
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { client, xml } = await load("@xmpp/client");

const NS_SM = "urn:xmpp:sm:3";
const NS_MUC = "http://jabber.org/protocol/muc";
const LIMIT = 10_000; // ms for anything that is waited for

let entity = null;

// What every message or presence is reported with.
function describe(stanza) {
  const { from, to, type, id } = stanza.attrs;
  const error = stanza.getChild("error");
  const x = stanza.getChild("x", NS_MUC + "#user");
  return {
    from, to, type: type ?? null, id: id ?? null,
    delay: stanza.getChild("delay", "urn:xmpp:delay")?.attrs.stamp ?? null,
    error: error?.getChildElements().find((e) => e.name !== "text")?.name ?? null,
    muc: x ? { ...x.getChild("item")?.attrs,
      codes: x.getChildren("status").map((s) => Number(s.attrs.code)).sort() } : null,
  };
}

function onStanza(stanza) {
  const text = (name) => stanza.getChildText(name);
  if (stanza.is("message"))
    report({ ev: "message", body: text("body"), subject: text("subject"), ...describe(stanza) });
  else if (stanza.is("presence"))
    report({ ev: "presence", show: text("show"), status: text("status"), priority: text("priority"),
      ...describe(stanza) });
}

function within(promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${LIMIT} ms: ${what}`)), LIMIT);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const commands = {
  async login({ jid, password, host, port, resource, sm = true, presence = true, tls = "starttls" }) {
    const [username, domain] = jid.split("@");
    entity = client({ service: `${tls === "direct" ? "xmpps" : "xmpp"}://${host}:${port}`, domain, username, password,
      resource });
    entity.timeout = LIMIT;
    entity.reconnect.stop();
    entity.on("error", (e) => report({ ev: "error", condition: e.condition ?? null, text: String(e) }));
    entity.on("status", (status) => report({ ev: "status", status }));
    entity.on("stanza", onStanza);
    entity.on("send", (e) => {
      if (e.is("auth")) report({ ev: "auth", mechanism: e.attrs.mechanism, tls: entity.socket.socket.getProtocol() });
    });
    entity.streamManagement.on("ack", (stanza) => report({ ev: "acked", id: stanza.attrs.id ?? null }));
    // Sent before <enabled/> has come, a stanza makes this client and the server count from different points: it sets
    // its counter of received stanzas back when <enabled/> arrives, and then acknowledges wrong numbers.
    const enabled = sm && new Promise((resolve) => {
      entity.on("nonza", (e) => {
        if (e.is("enabled", NS_SM)) resolve(e.attrs.id ?? null);
      });
    });
    await within(entity.start(), "login");
    if (sm) report({ ev: "sm_enabled", id: await within(enabled, "<enabled/>") });
    const roster = await entity.iqCaller.get(xml("query", { xmlns: "jabber:iq:roster" }));
    if (presence) await entity.send(xml("presence"));
    return { jid: String(entity.jid), roster: roster.getChildren("item").map((i) => i.attrs.jid) };
  },

  async say({ to, body, type = "chat", id = null }) {
    const number = id ?? Math.random().toString(36).slice(2);
    await entity.send(xml("message", { to, type, id: number }, xml("body", {}, body)));
    return number;
  },

  async presence({ to, type, show, status }) {
    await entity.send(xml("presence", { to, type },
      show && xml("show", {}, show), status && xml("status", {}, status)));
  },

  async ping({ jid }) {
    await entity.iqCaller.get(xml("ping", { xmlns: "urn:xmpp:ping" }), jid, LIMIT);
  },

  async join({ room, nick }) {
    const address = `${room}/${nick}`;
    const joined = new Promise((resolve, reject) => {
      entity.on("stanza", (s) => {
        if (!s.is("presence") || s.attrs.from !== address) return;
        if (s.attrs.type === "error") reject(Object.assign(new Error("refused"), { condition: describe(s).error }));
        else if (describe(s).muc?.codes.includes(110)) resolve(describe(s).muc);
      });
    });
    await entity.send(xml("presence", { to: address }, xml("x", { xmlns: NS_MUC })));
    return { muc: await within(joined, `joining ${address}`) };
  },

  async leave({ room, nick }) {
    await entity.send(xml("presence", { to: `${room}/${nick}`, type: "unavailable" }));
  },

  async logout() {
    await entity.stop();
  },
};

serve(commands, async () => entity?.status === "online" && entity.stop());
