// A WebSocket of RFC 7395 in front of a TCP stream (RFC 6120), for clients from browsers, which speak nothing else. TLS
// is the bridge's: it trusts what node trusts, which is NODE_EXTRA_CA_CERTS. What server and client say is passed on as
// it was written, but for the namespaces that the framing wants in every piece, and for the mechanisms bound to the TLS
// channel: they cannot go through what ends it.

import { connect as dial } from "node:net";
import { StringDecoder } from "node:string_decoder";
import { connect as secure } from "node:tls";

const FRAMING = "urn:ietf:params:xml:ns:xmpp-framing";
const STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const STREAMS = "http://etherx.jabber.org/streams";
const TOKEN =
  /<\/[^>]*>|<!\[CDATA\[[^]*?\]\]>|<\?[^]*?\?>|<(?![!?/])(?:"[^"]*"|'[^']*'|[^"'>])*>|[^<]+/y;

// The pieces of a stream: its header, each element below it, its end. A piece is [kind, text].
class Pieces {
  rest = "";
  at = 0; // where the next token begins
  depth = 0;

  *feed(text) {
    this.rest += text;
    for (;;) {
      TOKEN.lastIndex = this.at;
      const token = TOKEN.exec(this.rest)?.[0];
      if (token === undefined) return;
      this.at += token.length;
      const kind = this.step(token);
      if (!kind) continue;
      const piece = this.rest.slice(0, this.at);
      this.rest = this.rest.slice(this.at);
      this.at = 0;
      if (kind !== "between") yield [kind, piece];
    }
  }

  // What the token ends, if anything.
  step(token) {
    if (!token.startsWith("<") || /^<[!?]/.test(token)) return this.depth < 2 ? "between" : null;
    if (token.startsWith("</")) {
      this.depth--;
      return this.depth === 0 ? "end" : this.depth === 1 ? "element" : null;
    }
    if (!token.endsWith("/>")) this.depth++;
    else if (this.depth === 1) return "element";
    return this.depth === 1 ? "header" : null;
  }
}

const attribute = (tag, name) => new RegExp(`\\s${name}\\s*=\\s*["']([^"']*)["']`).exec(tag)?.[1];

// The element as it has to be when it stands alone.
function alone(element) {
  const tag = /^<[^>\s/]+/.exec(element)[0];
  const start = /^<(?:"[^"]*"|'[^']*'|[^"'>])*>/.exec(element)[0];
  const name = tag.startsWith("<stream:") ? "xmlns:stream" : "xmlns";
  if (attribute(start, name) !== undefined) return element;
  return `${tag} ${name}='${tag.startsWith("<stream:") ? STREAMS : "jabber:client"}'${element.slice(tag.length)}`;
}

const BOUND = /<mechanism>[^<]*-PLUS<\/mechanism>|<sasl-channel-binding[^]*<\/sasl-channel-binding>/g;

class Link {
  constructor(ws, { host, port, tls }) {
    this.ws = ws;
    this.target = { host, port };
    this.direct = tls === "direct";
    ws.on("message", (data) => this.fromClient(String(data)));
    ws.on("close", () => this.socket?.destroy());
  }

  fromClient(text) {
    if (text.startsWith("<open")) this.open(attribute(text, "to"));
    else this.socket?.write(text.startsWith("<close") ? "</stream:stream>" : text);
  }

  open(domain) {
    this.domain = domain;
    if (this.socket) this.header();
    else if (this.direct)
      this.use(secure({ ...this.target, servername: domain, ALPNProtocols: ["xmpp-client"] }), true);
    else this.use(dial(this.target), false);
  }

  use(socket, encrypted) {
    const decoder = new StringDecoder("utf8");
    this.socket = socket;
    this.encrypted = encrypted;
    socket.on("error", (e) => process.stderr.write(`bridge: ${e.message}\n`));
    socket.on("close", () => this.socket === socket && this.ws.close());
    socket.on("data", (data) => {
      for (const [kind, piece] of this.pieces.feed(decoder.write(data))) {
        if (this.socket !== socket) return; // TLS began in the middle
        this.fromServer(kind, piece);
      }
    });
    socket.once(encrypted ? "secureConnect" : "connect", () => this.header());
  }

  header() {
    this.pieces = new Pieces();
    this.socket.write(`<?xml version='1.0'?><stream:stream to='${this.domain}' version='1.0' xml:lang='en' ` +
      `xmlns='jabber:client' xmlns:stream='${STREAMS}'>`);
  }

  fromServer(kind, piece) {
    if (!this.encrypted) this.towardsTls(piece);
    else if (kind === "element") this.ws.send(alone(piece.startsWith("<stream:features") ? piece.replace(BOUND, "") : piece));
    else if (kind === "end") this.ws.send(`<close xmlns='${FRAMING}'/>`);
    else {
      const kept = ["from", "id", "version", "xml:lang"].map((name) => `${name}='${attribute(piece, name) ?? ""}'`);
      this.ws.send(`<open xmlns='${FRAMING}' ${kept.join(" ")}/>`);
    }
  }

  towardsTls(piece) {
    if (piece.startsWith("<stream:features")) this.socket.write(STARTTLS);
    else if (piece.startsWith("<proceed")) {
      this.socket.removeAllListeners("data");
      this.use(secure({ socket: this.socket, servername: this.domain }), true);
    }
  }
}

// Listens on this machine; returns the address for clients. WebSocketServer is that of the package ws.
export function startBridge(WebSocketServer, target) {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: () => "xmpp" });
  server.on("connection", (ws) => new Link(ws, target));
  return new Promise((resolve) => {
    server.on("listening", () => resolve(`ws://127.0.0.1:${server.address().port}/xmpp`));
  });
}
