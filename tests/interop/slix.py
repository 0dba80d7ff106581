"""A slixmpp client that takes commands as lines of JSON on standard input and reports answers and events on standard
output. Run with /usr/bin/python3 by clients.py."""

import asyncio
import json
import logging
import ssl
import sys
import xml.etree.ElementTree as ET

import slixmpp
from slixmpp.exceptions import IqError, IqTimeout, PresenceError
from slixmpp.plugins.xep_0198 import XEP_0198
from slixmpp.plugins.xep_0198.stanza import Resume
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath

CLIENT = "{jabber:client}"
DELAY = "{urn:xmpp:delay}delay"
MUC_JOIN = "{http://jabber.org/protocol/muc}x"
MUC_USER = "{http://jabber.org/protocol/muc#user}"
DATA = "{jabber:x:data}"
RETRACT = "{urn:xmpp:message-retract:1}"
MODERATE = "{urn:xmpp:message-moderate:1}"
MAX_LINE = 1 << 20
# The plugin would ask for an acknowledgement just before every n-th stanza; say() asks after each message instead, so
# that the last one is covered, too.
NEVER = 1 << 30


class Refused(Exception):
    def __init__(self, condition, text=""):
        super().__init__(condition)
        self.condition = condition
        self.text = text


def report(**item):
    print(json.dumps(item), flush=True)


def error_of(stanza):
    error = stanza.find(f"{CLIENT}error")
    if error is None:
        return None
    return next((child.tag.split("}")[1] for child in error if not child.tag.endswith("}text")), None)


def muc_of(stanza):
    x = stanza.find(f"{MUC_USER}x")
    if x is None:
        return None
    item = x.find(f"{MUC_USER}item")
    found = {} if item is None else dict(item.attrib)
    reason = None if item is None else item.findtext(f"{MUC_USER}reason")
    for name in ("invite", "decline", "destroy"):
        part = x.find(MUC_USER + name)
        if part is not None:
            found[name] = {**part.attrib, "reason": part.findtext(f"{MUC_USER}reason")}
    if x.find(f"{MUC_USER}password") is not None:
        found["password"] = x.findtext(f"{MUC_USER}password")
    return {**found, "reason": reason, "codes": sorted(int(s.get("code")) for s in x.findall(f"{MUC_USER}status"))}


def form_of(stanza):
    form = stanza.find(f"{DATA}x")
    if form is None:
        return None
    return {f.get("var"): [v.text for v in f.findall(f"{DATA}value")] for f in form.findall(f"{DATA}field")}


def retraction_of(stanza):
    """What takes another message back, or what is left of one that was taken back."""
    part = stanza.find(f"{RETRACT}retract")
    if part is None:
        part = stanza.find(f"{RETRACT}retracted")
    if part is None:
        return None
    moderated = part.find(f"{MODERATE}moderated")
    return {"what": part.tag.removeprefix(RETRACT), "id": part.get("id"), "reason": part.findtext(f"{RETRACT}reason"),
            "by": None if moderated is None else moderated.get("by")}


def extensions(stanza):
    """What is in rooms' stanzas beside the text; only what is there."""
    direct = stanza.find("{jabber:x:conference}x")
    hats = stanza.find("{urn:xmpp:hats:0}hats")
    number = stanza.find("{urn:xmpp:sid:0}stanza-id")
    occupant = stanza.find("{urn:xmpp:occupant-id:0}occupant-id")
    found = {"direct": None if direct is None else dict(direct.attrib),
             "hats": None if hats is None else [h.get("title") for h in hats],
             "stanza_id": None if number is None else number.get("id"),
             "occupant_id": None if occupant is None else occupant.get("id"),
             "form": form_of(stanza), "retraction": retraction_of(stanza)}
    return {name: what for name, what in found.items() if what is not None}


def describe(stanza):
    """What every message or presence is reported with. Text is exactly what the parser gave."""
    delay = stanza.find(DELAY)
    return {"from": stanza.get("from"), "to": stanza.get("to"), "type": stanza.get("type"), "id": stanza.get("id"),
            "delay": None if delay is None else delay.get("stamp"), "error": error_of(stanza), "muc": muc_of(stanza),
            **extensions(stanza)}


def keep_unacknowledged(sm, stanza, original=XEP_0198._handle_outgoing):
    """slixmpp 1.8.3 forgets what is unacknowledged when it sends <resume/>, so that it never sends it again."""
    kept = list(sm.unacked_queue)
    result = original(sm, stanza)
    if isinstance(stanza, Resume):
        sm.unacked_queue.extend(kept)
    return result


XEP_0198._handle_outgoing = keep_unacknowledged


class Client(slixmpp.ClientXMPP):
    def __init__(self, jid, password, address, ca, tls, sm, presence, mechanism, tls_max, priority):
        super().__init__(jid, password, sasl_mech=mechanism)
        self.address_of_server = address
        self.direct = tls == "direct"
        self.ca_certs = ca
        self.sm = sm
        self.wants_presence = presence
        self.first_priority = priority
        self.auto_authorize = None  # subscriptions are answered by the test
        self.auto_subscribe = False
        self.asked = {}  # by room: the last form that it sent
        self.joining = {}  # by room: a future that becomes the error of a refused join
        self.started = asyncio.get_running_loop().create_future()
        if tls_max:
            self.ssl_context.maximum_version = getattr(ssl.TLSVersion, tls_max)
        for plugin in ("0004", "0030", "0045", "0049", "0054", "0092", "0199", "0249", "0313", "0352"):
            self.register_plugin(f"xep_{plugin}")
        if sm:
            self.register_plugin("xep_0198", {"window": NEVER})
        self.listen()

    async def _pick_dns_answer(self, domain, port=None):
        return None  # the address is given: never ask the resolver

    def listen(self):
        self.register_handler(Callback("report messages", MatchXPath(f"{CLIENT}message"), self.on_message_stanza))
        self.register_handler(Callback("report presence", MatchXPath(f"{CLIENT}presence"), self.on_presence_stanza))
        for name, what in (("sm_enabled", self.on_sm_enabled), ("session_resumed", self.on_resumed),
                           ("sm_failed", self.on_sm_failed), ("stanza_acked", self.on_acked),
                           ("disconnected", self.on_disconnected), ("auth_success", self.on_auth),
                           ("failed_auth", self.on_auth_failed), ("failed_all_auth", self.on_auth_given_up),
                           ("stream_error", self.on_stream_error), ("session_start", self.on_start),
                           ("roster_update", self.on_roster), ("connection_failed", self.on_no_connection),
                           ("ssl_invalid_chain", self.on_bad_chain)):
            self.add_event_handler(name, what)

    def go(self):
        self.connect(self.address_of_server, use_ssl=self.direct, force_starttls=not self.direct)

    # What came in

    def on_message_stanza(self, msg):
        x = msg.xml
        if x.find(f"{DATA}x") is not None:
            self.asked[msg["from"].bare] = x.find(f"{DATA}x")
        report(ev="message", body=x.findtext(f"{CLIENT}body"), subject=x.findtext(f"{CLIENT}subject"),
               thread=x.findtext(f"{CLIENT}thread"), **describe(x))

    def on_presence_stanza(self, pres):
        x = pres.xml
        report(ev="presence", show=x.findtext(f"{CLIENT}show"), status=x.findtext(f"{CLIENT}status"),
               priority=x.findtext(f"{CLIENT}priority"), join=x.find(MUC_JOIN) is not None, **describe(x))
        refused = self.joining.get(pres["from"].bare)
        if refused and pres["type"] == "error" and not refused.done():
            refused.set_exception(Refused(error_of(x)))

    def on_roster(self, iq):
        if iq["type"] != "set":
            return
        for item in iq.xml.iter("{jabber:iq:roster}item"):
            report(ev="push", jid=item.get("jid"), name=item.get("name"), subscription=item.get("subscription"),
                   ask=item.get("ask"), groups=sorted(g.text for g in item))

    # What became of the connection

    def on_auth(self, _):
        tls = self.socket.version() if isinstance(self.socket, (ssl.SSLSocket, ssl.SSLObject)) else None
        report(ev="auth", mechanism=self["feature_mechanisms"].mech.name, tls=tls,
               offered=sorted(self["feature_mechanisms"].mech_list))

    def on_auth_failed(self, failure):
        report(ev="auth_failed", mechanism=self["feature_mechanisms"].mech.name, condition=failure["condition"])
        self.last_failure = failure["condition"]

    def on_auth_given_up(self, _):
        self.fail(getattr(self, "last_failure", "no-mechanism"))

    def on_stream_error(self, error):
        report(ev="stream_error", condition=error["condition"], text=error["text"])

    def on_sm_enabled(self, enabled):
        report(ev="sm_enabled", id=enabled["id"] or None)

    def on_sm_failed(self, _):
        report(ev="sm_failed")

    def on_resumed(self, _):
        report(ev="resumed")
        self.settle()

    def on_acked(self, stanza):
        report(ev="acked", id=stanza["id"])

    def on_no_connection(self, why):
        report(ev="connection_failed", text=str(why))
        self.fail("no-connection")

    def on_bad_chain(self, why):
        report(ev="bad_certificate", text=str(why))
        self.fail("bad-certificate")
        self.abort()

    def on_disconnected(self, reason):
        report(ev="disconnected", reason=str(reason))
        self.fail("disconnected")

    async def on_start(self, _):
        report(ev="start", jid=self.boundjid.full)
        try:
            await self.get_roster()
        except (IqError, IqTimeout):
            report(ev="no_roster")
        if self.wants_presence:
            self.send_presence(ppriority=self.first_priority)
        self.settle()

    def settle(self):
        if not self.started.done():
            self.started.set_result(None)

    def fail(self, condition):
        if not self.started.done():
            self.started.set_exception(Refused(condition))


class Commands:
    """One method a command; its result is the answer."""

    def __init__(self):
        self.c = None

    async def login(self, jid, password, host, port, ca, resource=None, tls="starttls", sm=False, presence=True,
                    mechanism=None, tls_max=None, priority=None):
        full = f"{jid}/{resource}" if resource else jid
        self.c = Client(full, password, (host, port), ca, tls, sm, presence, mechanism, tls_max, priority)
        self.c.go()
        await self.c.started
        return {"jid": self.c.boundjid.full}

    async def reconnect(self, port=None):
        """Connect again with the state kept: with stream management this tries to resume."""
        if port:
            self.c.address_of_server = (self.c.address_of_server[0], port)
        self.c.started = asyncio.get_running_loop().create_future()
        self.c.go()
        await self.c.started
        return {"jid": self.c.boundjid.full}

    async def logout(self):
        gone = self.c.wait_until("disconnected", 10)
        self.c.disconnect(reason="asked")
        await gone

    async def drop(self):
        """Hang up without a word."""
        gone = self.c.wait_until("disconnected", 10)
        self.c.abort()
        await gone

    # Messages and presence

    async def say(self, to, body, type="chat", id=None, subject=None):
        msg = self.c.make_message(mto=to, mbody=body, mtype=type, msubject=subject)
        msg["id"] = id or self.c.new_id()
        msg.send()
        if self.c.sm:
            await asyncio.wait_for(self.c.waiting_queue.join(), 5)
            if self.c.is_connected():
                self.c["xep_0198"].request_ack()
        return msg["id"]

    async def stream_of_messages(self, to, count, prefix, type="chat", window=8):
        """Numbered messages in the background; with stream management, each with a request for acknowledgement, and at
        most window of them unacknowledged. Ends by itself, or with the connection."""
        self.stream = asyncio.ensure_future(self._send_many(to, count, prefix, type, window))

    async def _send_many(self, to, count, prefix, type, window):
        for n in range(count):
            while self.c.sm and len(self.c["xep_0198"].unacked_queue) >= window and self.c.is_connected():
                await asyncio.sleep(0.001)
            if not self.c.is_connected():
                break
            await self.say(to, f"{prefix} {n}", type=type, id=f"{prefix}-{n}")
            await asyncio.sleep(0)
        report(ev="sent_all", prefix=prefix)

    async def receipts(self):
        """From now on ask for receipts and give them (XEP-0184)."""
        self.c.register_plugin("xep_0184", {"auto_ack": True, "auto_request": True})
        self.c.add_event_handler("receipt_received", lambda msg: report(ev="receipt", id=msg["receipt"]))

    async def presence(self, to=None, type=None, show=None, status=None, priority=None):
        self.c.send_presence(pto=to, ptype=type, pshow=show, pstatus=status, ppriority=priority)

    # Roster

    async def looked_at(self, active):
        """Client state indication; refused if the server does not offer it."""
        if not self.c["xep_0352"].enabled:
            raise Refused("not-offered")
        if active:
            self.c["xep_0352"].send_active()
        else:
            self.c["xep_0352"].send_inactive()

    async def roster(self):
        iq = self.c.make_iq_get(queryxmlns="jabber:iq:roster")
        result = await iq.send(timeout=10)
        query = result.xml.find("{jabber:iq:roster}query")
        items = {i.get("jid"): {"name": i.get("name"), "subscription": i.get("subscription"), "ask": i.get("ask"),
                                "groups": sorted(g.text for g in i)} for i in query}
        return {"items": items, "ver": query.get("ver")}

    async def roster_set(self, jid, name=None, groups=(), subscription=None):
        iq = self.c.make_iq_set()
        iq["roster"]["items"] = {jid: {"name": name or "", "groups": list(groups), "subscription": subscription or ""}}
        await iq.send(timeout=10)

    # Questions

    async def ping(self, jid=None):
        return await self.c["xep_0199"].ping(jid or self.c.boundjid.domain, timeout=10)

    async def disco_info(self, jid, node=None):
        info = (await self.c["xep_0030"].get_info(jid=jid, node=node, timeout=10))["disco_info"]
        return {"identities": sorted(f"{i[0]}/{i[1]}" for i in info["identities"]),
                "features": sorted(info["features"])}

    async def disco_items(self, jid):
        items = (await self.c["xep_0030"].get_items(jid=jid, timeout=10))["disco_items"]
        return sorted(str(i[0]) for i in items["items"])

    async def version(self, jid):
        v = (await self.c["xep_0092"].get_version(jid, timeout=10))["software_version"]
        return {"name": v["name"], "version": v["version"]}

    async def vcard_set(self, **fields):
        card = self.c["xep_0054"].make_vcard()
        for name, value in fields.items():
            card[name] = value
        await self.c["xep_0054"].publish_vcard(card, timeout=10)

    async def vcard_get(self, jid=None):
        card = (await self.c["xep_0054"].get_vcard(jid=jid, local=False, cached=False, timeout=10))["vcard_temp"]
        return {"FN": card["FN"], "NICKNAME": card["NICKNAME"]}

    async def archive(self, with_=None, page=2):
        """Bodies and ids of all that is in the archive, page by page."""
        found = []
        async for one in self.c["xep_0313"].retrieve(with_jid=with_ and slixmpp.JID(with_), iterator=True, timeout=10,
                                                     rsm={"max": page}):
            for message in one["mam"]["results"]:
                result = message["mam_result"]
                found.append({"id": result["id"], "body": result["forwarded"]["stanza"]["body"],
                              "from": str(result["forwarded"]["stanza"]["from"])})
        return found

    async def archive_pages(self, jid, page, reverse=False):
        """The same of a room, page by page as they come: each a list of nicknames and texts."""
        found = []
        async for one in self.c["xep_0313"].retrieve(jid=slixmpp.JID(jid), iterator=True, timeout=10, reverse=reverse,
                                                     rsm={"max": page}):
            stanzas = [result["mam_result"]["forwarded"]["stanza"] for result in one["mam"]["results"]]
            found.append([[s["from"].resource, s["body"]] for s in stanzas])
        return found

    async def iq(self, type, payload, to=None):
        """Any request, as XML; the answer's payload comes back as XML."""
        iq = self.c.make_iq(itype=type, ito=to)
        iq.append(ET.fromstring(payload))
        result = await iq.send(timeout=10)
        return [ET.tostring(child, encoding="unicode") for child in result.xml]

    # Rooms

    async def join(self, room, nick, maxstanzas=None, password=None):
        # The plugin sees only those refusals that repeat the <x/> of the request, as the examples of XEP-0045 do.
        refused = self.c.joining[room] = asyncio.get_running_loop().create_future()
        joined = asyncio.ensure_future(self.c["xep_0045"].join_muc_wait(
            slixmpp.JID(room), nick, maxstanzas=maxstanzas, password=password, timeout=10))
        await asyncio.wait([joined, refused], return_when=asyncio.FIRST_COMPLETED)
        del self.c.joining[room]
        if refused.done():
            joined.cancel()
            await asyncio.wait([joined])
            return refused.result()
        mine, subject, occupants, history = joined.result()
        return {"muc": muc_of(mine.xml), "nick": mine["from"].resource, "subject": subject["subject"],
                "occupants": [p["from"].resource for p in occupants if p["from"] != mine["from"]],
                "history": [{"nick": m["from"].resource, "body": m["body"], "id": m["id"],
                             "delay": describe(m.xml)["delay"]} for m in history]}

    async def room_config(self, room, values):
        """Fill in the room's own form; with no values this accepts the defaults."""
        form = await self.c["xep_0045"].get_room_config(room, timeout=10)
        form.reply()
        known = form.get_fields()
        fields = {}
        for var, field in known.items():
            if field["value"] not in (None, ""):
                fields[var] = field["value"]
        missing = [var for var in values if var not in known]
        if missing:
            raise Refused("no-such-field", ", ".join(missing))
        answer = self.c["xep_0004"].make_form(ftype="submit")
        for var, value in {**fields, **values}.items():
            answer.add_field(var=var, ftype=known[var]["type"], value=value)
        await self.c["xep_0045"].set_room_config(room, answer, timeout=10)

    async def room_form(self, room):
        """The form of a room as it is: of each field the type, the value and what may be chosen."""
        fields = (await self.c["xep_0045"].get_room_config(room, timeout=10)).get_fields()
        return {var: {"type": f["type"], "value": f["value"], "options": [o["value"] for o in f["options"]]}
                for var, f in fields.items()}

    async def room_answer(self, room, **values):
        """Send back the form that the room sent last, filled in."""
        form = self.c["xep_0004"].stanza.Form(xml=self.c.asked.pop(room))
        given = {**form.get_values(), **values}
        message = self.c.make_message(mto=room)
        message.append(self.c["xep_0004"].make_form(ftype="submit"))
        for var, field in form.get_fields().items():
            message["form"].add_field(var=var, ftype=field["type"], value=given[var])
        message.send()

    async def room_request_voice(self, room):
        self.c["xep_0045"].request_voice(room, "participant")

    async def room_invite(self, room, jid, reason):
        self.c["xep_0045"].invite(room, jid, reason)

    async def room_decline(self, room, jid, reason):
        self.c["xep_0045"].decline(room, jid, reason)

    async def room_destroy(self, room, reason, other):
        await self.c["xep_0045"].destroy(room, reason, other, timeout=10)

    async def room_subject(self, room, subject):
        self.c["xep_0045"].set_subject(room, subject)

    async def room_nick(self, room, nick):
        self.c.send_presence(pto=f"{room}/{nick}")

    async def room_role(self, room, nick, role, reason=""):
        await self.c["xep_0045"].set_role(room, nick, role, reason=reason, timeout=10)

    async def room_affiliation(self, room, jid, affiliation, reason=""):
        await self.c["xep_0045"].set_affiliation(room, affiliation, jid=jid, reason=reason, timeout=10)

    async def room_affiliates(self, room, affiliation):
        return sorted(str(j) for j in await self.c["xep_0045"].get_affiliation_list(room, affiliation, timeout=10))

    async def leave(self, room, nick):
        self.c["xep_0045"].leave_muc(room, nick)


async def answer(commands, request):
    number, do = request.pop("re"), request.pop("do")
    try:
        report(re=number, value=await getattr(commands, do)(**request))
    except (IqError, PresenceError) as e:
        report(re=number, error={"condition": e.condition, "text": e.text})
    except IqTimeout:
        report(re=number, error={"condition": "timeout", "text": do})
    except Refused as e:
        report(re=number, error={"condition": e.condition, "text": e.text})
    except Exception as e:  # whatever it is, the test shall see it
        logging.exception("%s failed", do)
        report(re=number, error={"condition": "exception", "text": repr(e)})


async def serve():
    reader = asyncio.StreamReader(limit=MAX_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    commands = Commands()
    running = set()
    while line := await reader.readline():
        task = asyncio.ensure_future(answer(commands, json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)
        await asyncio.sleep(0)  # in the order given, as far as they go without waiting
    if commands.c and commands.c.is_connected():
        commands.c.disconnect(wait=1.0)
        await commands.c.wait_until("disconnected", 2)


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
    except (asyncio.TimeoutError, BrokenPipeError, KeyboardInterrupt):
        sys.exit(1)
