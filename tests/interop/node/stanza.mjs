// stanza, the library, as a process: takes commands as lines of JSON, reports answers and all of the library's own
// events, with what it made of them. It comes from browsers, so it goes through bridge.mjs.

import { createRequire } from "node:module";

import { startBridge } from "./bridge.mjs";
import { report, serve } from "./commands.mjs";

const require = createRequire(process.env.INTEROP_NODE + "/");
const { createClient } = require("stanza");
const { WebSocketServer } = require("ws");

const INNER = /^(raw|stream:data|stanza|--|(presence|message|iq):id:)/; // said twice, or not meant for us

let client = null;

// What the library rejects a promise with is the stanza, or an Error.
function conditionOf(e) {
  return Object.assign(new Error(e?.error?.text ?? e?.message ?? JSON.stringify(e)), {
    condition: e?.error?.condition ?? "exception" });
}

const commands = {
  async login({ jid, password, host, port, resource, tls = "starttls" }) {
    const url = await startBridge(WebSocketServer, { host, port, tls });
    client = createClient({ jid, password, resource, transports: { websocket: url }, autoReconnect: false });
    client.on("*", (ev, what) => {
      if (!INNER.test(ev)) report({ ...(what && typeof what === "object" ? what : { value: what }), ev });
    });
    client.on("raw", (way, text) => process.stderr.write(`${way} ${text}\n`));
    await new Promise((resolve, reject) => {
      client.once("session:started", resolve);
      client.once("auth:failed", () => reject(Object.assign(new Error("refused"), { condition: "not-authorized" })));
      client.once("disconnected", () => reject(new Error("disconnected")));
      client.connect();
    });
    const roster = await client.getRoster();
    client.sendPresence();
    return { jid: client.jid, roster: roster.items.map((item) => item.jid) };
  },

  async logout() {
    const gone = new Promise((resolve) => client.once("disconnected", resolve));
    client.disconnect();
    await gone;
  },

  // Any method of the library.
  async run({ method, args }) {
    try {
      return await client[method](...args);
    } catch (e) {
      throw conditionOf(e);
    }
  },
};

serve(commands, async () => client?.transport && commands.logout());
