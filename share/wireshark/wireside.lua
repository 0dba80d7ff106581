-- Chat layer for Wireshark, tshark and sharkd: XMPP streams are found on any port and under TLS, and each thing that is said
-- on them becomes an event with fields of its own, chat.*. Wireside's own views read the same fields.
-- Licence: GPL-2.0-or-later, as everything that uses Wireshark's Lua interface.
if wireside_chat then return end
wireside_chat = true

local xmpp = Dissector.get("xmpp")

---- streams on any port ----

-- Direct TLS (XEP-0368): told by the protocol that both ends agreed on.
for _, name in ipairs{"xmpp-client", "xmpp-server"} do DissectorTable.get("tls.alpn"):add(name, xmpp) end
-- Many clients name none; the port is the usual one then, or the stream is known by how it begins.
DissectorTable.get("tls.port"):add(5223, xmpp)

local any = Proto("chat_stream", "XMPP stream on any port")
local taken = {} -- frames that this took in the first pass
local inside = {} -- connections with a stream in TLS from the first byte
function any.init() taken, inside = {}, {} end
function any.dissector(tvb, pinfo, tree)
  -- A connection whose beginning is missing is known by a later packet: what came before is not read in the second pass alone.
  if pinfo.visited and not taken[pinfo.number] then return 0 end
  taken[pinfo.number] = true
  return xmpp:call(tvb, pinfo, tree)
end

local function is_stream(tvb)
  local n = tvb:reported_length_remaining()
  if n < 16 then return false end
  local s = tvb:range(0, math.min(n, 400)):string()
  if not (s:find("^%s*<%?xml") or s:find("^%s*<stream:stream")) then return false end
  return n < 120 or s:find("http://etherx.jabber.org/streams", 1, true) ~= nil
end

-- A connection that was there before the capture is known by the first of its packets that begins with a stanza, or with what else
-- XMPP says between stanzas; other XML has such elements, too, so they must say something that only XMPP does.
local begins = {
  message={" from=", " to=", " type=", " id="}, presence={" from=", " to=", " type=", " id=", "/>"}, iq={" id="},
  ["stream:features"]={"<stream:features"}, ["stream:error"]={"<stream:error"}, ["/stream:stream"]={"</stream:stream>"},
}
for _, name in ipairs{"auth", "challenge", "response", "success", "failure", "starttls", "proceed"} do
  begins[name] = {"urn:ietf:params:xml:ns:xmpp-"}
end
for _, name in ipairs{"r", "a", "enable", "enabled", "resume", "resumed", "failed"} do begins[name] = {"urn:xmpp:sm:"} end
local function is_stanza(tvb)
  local n = tvb:reported_length_remaining()
  if n < 8 then return false end
  local tag = tvb:range(0, math.min(n, 400)):string():match("^%s*(<[^>]*>?)")
  for _, sign in ipairs(tag and begins[tag:match("^<(/?[%w:]+)[%s/>]") or ""] or {}) do
    if tag:find(sign, 1, true) then return true end
  end
  return false
end

-- The same inside TLS from the first byte, where no protocol was named: each record is asked for, so streams are remembered.
local function ends(pinfo)
  local one = tostring(pinfo.src) .. " " .. pinfo.src_port
  local other = tostring(pinfo.dst) .. " " .. pinfo.dst_port
  return one < other and one .. " " .. other or other .. " " .. one
end
any:register_heuristic("tls", function(tvb, pinfo, tree)
  if not is_stream(tvb) and not inside[ends(pinfo)] then return false end
  inside[ends(pinfo)] = true
  xmpp:call(tvb, pinfo, tree)
  return true
end)

any:register_heuristic("tcp", function(tvb, pinfo, tree)
  if not (pinfo.visited and taken[pinfo.number]) then
    if not is_stream(tvb) and not is_stanza(tvb) then return false end
    -- Set again in the second pass, it would undo STARTTLS.
    if not pinfo.visited then pinfo.conversation = any end
  end
  taken[pinfo.number] = true
  xmpp:call(tvb, pinfo, tree)
  return true
end)

---- the text of a stream -> elements ----

local CARRY_MAX = 1048576 -- bytes of one element

-- Position of the '>' that ends the tag beginning at i; nil if it is not there yet.
local function tag_end(s, i)
  while true do
    local at = s:find("[\"'>]", i)
    if not at then return nil end
    local c = s:sub(at, at)
    if c == ">" then return at end
    at = s:find(c, at + 1, true)
    if not at then return nil end
    i = at + 1
  end
end

-- Comments, instructions and CDATA are not for XMPP, but in a hostile stream they must hide nothing: whatever quotes and brackets
-- are in them open no tag. True, and the position of the last byte, nil if it is not there yet; false: there is none at i.
local skips = {{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}}
local function skip_end(s, i)
  for _, pair in ipairs(skips) do
    if s:sub(i, i + #pair[1] - 1) == pair[1] then
      local _, e = s:find(pair[2], i + #pair[1], true)
      return true, e
    end
  end
  return false
end

-- Position of the last byte of the element beginning at i; nil if it is not there yet.
local function element_end(s, i)
  local depth = 0
  while true do
    local at = s:find("<", i, true)
    if not at then return nil end
    local skipped, e = skip_end(s, at)
    if skipped then
      if not e then return nil end
      i = e + 1
    else
      e = tag_end(s, at + 1)
      if not e then return nil end
      if s:sub(at + 1, at + 1) == "/" then depth = depth - 1
      elseif s:sub(e - 1, e - 1) ~= "/" then depth = depth + 1 end
      if depth <= 0 then return e end
      i = e + 1
    end
  end
end

local entities = {lt="<", gt=">", amp="&", quot='"', apos="'"}
local function decode(s)
  return (s:gsub("&(#?x?)(%w+);", function(how, name)
    local code = how == "#" and tonumber(name) or how == "#x" and tonumber(name, 16)
    if code and code < 0x110000 then
      if code < 128 then return string.char(code) end
      local out = {}
      local first = code < 0x800 and 0xC0 or code < 0x10000 and 0xE0 or 0xF0
      while code >= (first == 0xC0 and 32 or first == 0xE0 and 16 or 8) or #out == 0 do
        table.insert(out, 1, string.char(128 + code % 64)); code = math.floor(code / 64)
      end
      return string.char(first + code) .. table.concat(out)
    end
    return entities[name]
  end))
end

local function attribute(tag, name)
  local v = tag:match("%s" .. name .. "%s*=%s*'([^']*)'") or tag:match("%s" .. name .. '%s*=%s*"([^"]*)"')
  return v and decode(v)
end

-- The element as it would be without those: comments gone, CDATA as text.
local function plain_markup(e)
  if not e:find("<[!?]") then return e end
  local out, i = {}, 1
  while true do
    local at = e:find("<", i, true)
    if not at then break end
    out[#out + 1] = e:sub(i, at - 1)
    local skipped, last = skip_end(e, at)
    last = last or (not skipped and tag_end(e, at + 1)) or #e
    if e:sub(at, at + 8) == "<![CDATA[" then
      out[#out + 1] = (e:sub(at + 9, last - 3):gsub("&", "&amp;"):gsub("<", "&lt;"))
    elseif not skipped then
      out[#out + 1] = e:sub(at, last)
    end
    i = last + 1
  end
  return table.concat(out) .. e:sub(i)
end

-- Text of the first child with this name, directly or deeper.
local function child_text(element, name)
  local at = element:find("<" .. name .. "[%s>/]")
  local begin = at and tag_end(element, at + 1)
  if not begin or element:sub(begin - 1, begin - 1) == "/" then return nil end
  local close = element:find("</" .. name .. "%s*>", begin)
  return close and decode((element:sub(begin + 1, close - 1):gsub("<[^>]*>", "")))
end

-- Start tag of the first element with this namespace of its own.
local function child_of(element, namespace)
  local at = element:find("xmlns=['\"]" .. namespace:gsub("%p", "%%%0") .. "['\"]")
  if not at then return nil end
  local begin = at
  while begin > 1 and element:sub(begin, begin) ~= "<" do begin = begin - 1 end
  return element:sub(begin, tag_end(element, begin + 1) or at)
end

---- elements -> events ----

local function bare(jid) return jid and jid:gsub("/.*$", "") or "" end

-- Domain of a node -> the name of its only user, once he was seen in this file; and the other way round. Of two users with one
-- name the second one shows whose he is.
local users, nodes = {}, {}
local function learn(jid)
  local user, domain = bare(jid):match("^([^@]*)@(%w+%.internal)$")
  if not user or #domain <= 24 or users[domain] then return end
  users[domain] = nodes[user] and user .. " (" .. domain:sub(1, 6) .. ")" or user
  nodes[user] = nodes[user] or domain
end

-- For people: of somebody at a node the name, which the node's key stands behind; a room at the name of its node; of others all
-- but the resource.
local function node(domain)
  if #domain <= 24 then return domain end
  return users[domain] or domain:sub(1, 6) .. "..."
end
local function who(jid)
  if not jid then return nil end
  local name = bare(jid)
  local user, domain = name:match("^([^@]*)@(%w+%.internal)$")
  if user then return nodes[user] ~= domain and users[domain] or user end
  local room, host = name:match("^([^@]*)@rooms%.(%w+%.internal)$")
  if room then return room .. "@" .. node(host) end
  host = name:match("^rooms%.(%w+%.internal)$")
  if host then return "rooms of " .. node(host) end
  return name:find("^%w+%.internal$") and node(name) or name
end

-- Who says it: in a room its members have names of their own.
local function speaker(ev)
  local nick = ev.from and ev.from:match("/(.+)$")
  local room = bare(ev.from):match("^([^@]+)@")
  if nick and room and (ev.in_room or ev.from:find("@rooms%.%w+%.internal/")) then return nick .. " in " .. room end
  return who(ev.from)
end

-- What stands in columns reaches terminals: no control characters, nothing that turns the direction of writing.
local function printable(s)
  return (s:gsub("%c", "."):gsub("\xC2[\x80-\x9F]", "."):gsub("\xE2\x80[\x8E\x8F\xAA-\xAE]", "."):gsub("\xE2\x81[\xA6-\xA9]", "."))
end

local function namespace(e, ev) return e:match("xmlns=['\"]([^'\"]*)['\"]", #ev.tag) end
local function is_groupchat(ev) return attribute(ev.tag, "type") == "groupchat" end
-- What somebody says to all goes to the room's own address; the room sends it on from the address of the member.
local function comes_from_room(ev)
  return is_groupchat(ev) and (ev.from or ""):find("/") and ((ev.to or "/"):find("/") or ev.from:find("@rooms%.")) and true
end

-- What a message without text is, by the namespace of what it has instead; the first one that is there counts.
local instead = {
  {"urn:wireside:addresses:0", "addresses of its node, signed"}, {"urn:wireside:verify:0", "compares keys"},
  {"urn:wireside:event:0", "news of its node"}, {"urn:xmpp:reactions:0", "reacts to a message"},
  {"urn:xmpp:message-retract:1", "takes a message back"}, {"urn:xmpp:message-moderate:1", "takes somebody's message away"},
  {"urn:xmpp:carbons:2", "a copy of what went to or from another client"}, {"urn:xmpp:mam:2", "out of the archive"},
  {"http://jabber.org/protocol/pubsub#event", "news of what it publishes"}, {"jabber:x:conference", "invites to a room"},
  {"urn:xmpp:attention:0", "asks for attention"}, {"jabber:x:data", "a form"},
}
local function without_text(e, ev)
  local subject = child_text(e, "subject")
  if subject and #subject > 0 then return 'sets the subject: "' .. subject .. '"' end
  if e:find("<subject[%s/>]") then return is_groupchat(ev) and "the room has no subject" or "has no subject" end
  if child_of(e, "http://jabber.org/protocol/muc#user") then
    if e:find("<invite[%s/>]") then return "invites to a room" end
    if e:find("<decline[%s/>]") then return "declines to come into a room" end
    return "tells of a change of the room"
  end
  for _, one in ipairs(instead) do
    if child_of(e, one[1]) then return one[2] end
  end
  local other = namespace(e, ev)
  return other and "message without text (" .. other .. ")" or "message without text"
end

local function message(e, ev)
  local body, received = child_text(e, "body"), child_of(e, "urn:xmpp:receipts")
  local state, marker = child_of(e, "http://jabber.org/protocol/chatstates"), child_of(e, "urn:xmpp:chat-markers:0")
  ev.in_room = comes_from_room(ev)
  if received and received:find("^<received") then
    ev.kind, ev.receipt_of = "receipt", attribute(received, "id")
    ev.text = "delivered"
  elseif attribute(ev.tag, "type") == "error" then
    ev.kind, ev.text = "error", "message came back as an error"
  elseif body then
    ev.kind, ev.text, ev.said = "message", '"' .. body .. '"', body
    ev.wants = received ~= nil
    ev.room = is_groupchat(ev) and (ev.in_room and "copy" or "sent") or nil
  elseif marker and not marker:find("^<markable") then
    ev.kind, ev.text = "marker", marker:match("^<(%w+)") or "?"
  elseif state then
    ev.kind, ev.text = "typing", state:match("^<(%w+)") == "composing" and "is typing" or "stopped typing"
  else
    ev.kind, ev.text = "note", without_text(e, ev)
  end
end

local presences = {
  probe="asks who is there", unavailable="is gone", subscribe="asks to see when the other is there",
  subscribed="may be seen by the other", unsubscribe="does not want to see the other any more",
  unsubscribed="may not be seen by the other any more", error="presence came back as an error",
}
local function presence(e, ev)
  local kind, show, status = attribute(ev.tag, "type"), child_text(e, "show"), child_text(e, "status")
  local member = child_of(e, "http://jabber.org/protocol/muc#user")
  ev.kind, ev.in_room = "presence", member ~= nil
  ev.text = kind and (presences[kind] or "presence " .. kind) or "is here"
  if not kind and child_of(e, "http://jabber.org/protocol/muc") then ev.text = "wants to come into " .. (who(ev.to) or "a room") end
  if kind == nil and show then ev.text = ev.text .. " (" .. show .. ")" end
  if status then ev.text = ev.text .. ": " .. status end
end

local topics = {
  ["urn:xmpp:ping"]="a sign of life", ["http://jabber.org/protocol/disco#info"]="what it is and can do",
  ["http://jabber.org/protocol/disco#items"]="what there is", ["jabber:iq:roster"]="contacts", ["vcard-temp"]="a visiting card",
  ["jabber:iq:version"]="which program it is", ["urn:xmpp:time"]="the time", ["jabber:iq:register"]="registration",
  ["jabber:iq:private"]="private data", ["urn:xmpp:mam:2"]="the archive", ["urn:xmpp:carbons:2"]="copies for other clients",
  ["http://jabber.org/protocol/muc#owner"]="the room's configuration", ["http://jabber.org/protocol/muc#admin"]="the room's members",
  ["http://jabber.org/protocol/pubsub"]="what it publishes", ["urn:ietf:params:xml:ns:xmpp-bind"]="an address of its own",
  ["urn:ietf:params:xml:ns:xmpp-session"]="a session", ["urn:xmpp:blocking"]="whom it blocks",
  ["http://jabber.org/protocol/commands"]="a command",
}
local verbs = {get="asks for ", set="sets ", result="answers: "}
local function query(e, ev)
  local kind, space = attribute(ev.tag, "type") or "?", namespace(e, ev)
  ev.kind = "iq"
  if kind == "error" then
    ev.text = "refuses: " .. (e:match("<error.->%s*<([%w%-]+)") or "no reason given")
  elseif not space then
    ev.text = kind == "result" and "answers: done" or "iq " .. kind
  else
    ev.text = (verbs[kind] or "iq " .. kind .. " ") .. (topics[space] and topics[space] or space)
    -- Whom the server talks to on this connection: the answer itself need not say it.
    ev.bound = kind == "result" and space == "urn:ietf:params:xml:ns:xmpp-bind" and child_text(e, "jid") or nil
  end
end

local plain = {
  ["stream:features"]={"features", "stream features"}, ["stream:error"]={"stream-error", "stream error"},
  starttls={"starttls", "asks for TLS"}, proceed={"starttls", "go ahead with TLS"},
  auth={"sasl", "SASL: begins"}, authenticate={"sasl", "SASL: begins"}, challenge={"sasl", "SASL: challenge"},
  response={"sasl", "SASL: response"}, success={"sasl", "SASL: success"}, failure={"sasl", "SASL: failure"},
  abort={"sasl", "SASL: given up"},
  r={"ack-request", "asks what has arrived"}, a={"ack", "acknowledges"},
  enable={"sm", "asks for acknowledgements"}, enabled={"sm", "acknowledgements are on"},
  resume={"sm", "wants its session back"}, resumed={"sm", "session goes on"}, failed={"sm", "session cannot go on"},
}
local stanzas = {message=message, presence=presence, iq=query}

local function event_of(e)
  e = plain_markup(e)
  local tag = e:sub(1, tag_end(e, 2) or #e)
  local name = tag:match("^</?([%w:_%-]+)") or "?"
  local ev = {tag=tag, from=attribute(tag, "from"), to=attribute(tag, "to"), id=attribute(tag, "id"), text=name}
  if stanzas[name] then
    ev.stanza = name
    stanzas[name](e, ev)
  elseif plain[name] then
    ev.kind, ev.text = plain[name][1], plain[name][2]
    if name == "a" then local h = attribute(tag, "h") or "?"; ev.text = "has " .. h .. (h == "1" and " stanza" or " stanzas") end
    if name == "stream:error" then ev.text = "stream error: " .. (e:match("<([%w%-]+)", #tag) or "?") end
    if name == "auth" or name == "authenticate" then ev.text = "SASL: " .. (attribute(tag, "mechanism") or "begins") end
  else
    ev.kind = "other"
  end
  return ev
end

-- Events of a piece of a stream; what is not complete is carried over to the next piece. Each knows its first byte and how many
-- there are; before: bytes of the stream before this piece.
local function events_of(text, carry, before)
  local s, i, out = carry .. text, 1, {}
  if s:find("^%s+$") then return {{kind="keepalive", text="keepalive", first=before - #carry, size=#s}}, "" end
  while true do
    local at = s:find("<", i, true)
    if not at then return out, "" end
    local skipped, e = skip_end(s, at)
    if skipped and not s:find("^<%?xml%s", at) then
      if not e then break end
      out[#out + 1] = {kind="other", text="something that XMPP does not allow: " .. s:sub(at, math.min(e, at + 60))}
    elseif s:find("^<%?", at) or s:find("^<stream:stream[%s>]", at) or s:find("^</", at) then
      e = tag_end(s, at + 1)
      if not e then break end
      local tag = s:sub(at, e)
      if tag:find("^<stream") then
        out[#out + 1] = {kind="stream-open", text="opens a stream", from=attribute(tag, "from"), to=attribute(tag, "to"),
          id=attribute(tag, "id")}
      elseif tag:find("^</stream") then
        out[#out + 1] = {kind="stream-end", text="ends the stream"}
      end
    else
      e = element_end(s, at)
      if not e then break end
      out[#out + 1] = event_of(s:sub(at, e))
    end
    if e and out[#out] and not out[#out].size then out[#out].first, out[#out].size = before - #carry + at - 1, e - at + 1 end
    i = e + 1
  end
  local rest = s:sub((s:find("<", i, true)))
  return out, #rest <= CARRY_MAX and rest or ""
end

-- How many bytes are the rest of something that began before these: 0 for none, or where nothing begins later, either.
local starts = {"<message[%s>]", "<presence[%s/>]", "<iq%s", "<stream:[fe]", "</stream:stream", "<[ra]%s+xmlns=.urn:xmpp:sm:"}
local function rest_of_before(s)
  local name = s:match("^%s*<(/?%??[%w:_%-]+)")
  if name and (stanzas[name] or plain[name] or name == "stream:stream" or name == "/stream:stream" or name == "?xml") then return 0 end
  if s:find("^%s*$") then return 0 end
  local at = #s + 1
  for _, pattern in ipairs(starts) do at = math.min(at, s:find(pattern) or at) end
  for closed in pairs(stanzas) do
    local _, e = s:find("</" .. closed .. "%s*>")
    at = math.min(at, e and e + 1 or at)
  end
  return at <= #s + 1 and (at <= #s or s:find(">%s*$")) and at - 1 or 0
end

---- events -> fields ----

local chat = Proto("chat", "Chat")
local F = {
  kind=ProtoField.string("chat.kind", "Kind"), stanza=ProtoField.string("chat.stanza", "Stanza"),
  from=ProtoField.string("chat.from", "From"), to=ProtoField.string("chat.to", "To"),
  id=ProtoField.string("chat.id", "Id"), text=ProtoField.string("chat.text", "Text"),
  summary=ProtoField.string("chat.summary", "Summary"),
  encrypted=ProtoField.bool("chat.encrypted", "Encrypted on the wire"),
  receipt_for=ProtoField.framenum("chat.receipt_for", "Receipt for the message in", base.NONE, frametype.REQUEST),
  receipt_in=ProtoField.framenum("chat.receipt_in", "Receipt in", base.NONE, frametype.RESPONSE),
  -- By the clock of the machine that captured: at whoever got the message the way there and back is not in it.
  latency=ProtoField.relative_time("chat.receipt_latency", "From message to receipt",
    "From the frame in which the message ends to the one with its receipt, where this was captured"),
  returned_in=ProtoField.framenum("chat.returned_in", "The room sends it back in", base.NONE, frametype.RESPONSE),
  returned_for=ProtoField.framenum("chat.returned_for", "The room sends back the message in", base.NONE, frametype.REQUEST),
  row=ProtoField.string("chat.row", "For programs") }
chat.fields = F
local missing = ProtoExpert.new("chat.noreceipt", "A receipt was asked for, and is not in this file", expert.group.SEQUENCE,
  expert.severity.WARN)
chat.experts = {missing}
local get = {}
for key, name in pairs{x="xmpp", stream="tcp.stream", port="tcp.srcport", tls="tls.record.opaque_type", app="tls.app_data",
    lost="tcp.analysis.lost_segment", again="tcp.analysis.retransmission", late="tcp.analysis.out_of_order"} do
  get[key] = Field.new(name)
end

local frames, carries, passed, sent, receipts, said, returned, holes, noted -- of the file
local function forget()
  frames, carries, passed, sent, receipts, said, returned, users, nodes = {}, {}, {}, {}, {}, {}, {}, {}, {}
  holes, noted = {}, {}
end
chat.init = forget
forget()

local function first(field) local v = field(); return v and v.value end
local function is_encrypted() return get.tls() ~= nil or get.app() ~= nil end

local function note(ev, number, time)
  learn(ev.from)
  learn(ev.to)
  if ev.room and ev.id then
    -- The room's copy for whoever said it is its acknowledgement.
    local key = "room|" .. ev.id .. "|" .. bare(ev.room == "sent" and ev.to or ev.from)
    if ev.room == "sent" then
      said[key] = said[key] or {number, bare(ev.from)}
      ev.room_key = key
    elseif said[key] and said[key][2] == bare(ev.to) then
      returned[key] = returned[key] or number
      ev.room, ev.room_key = "back", key
    end
  elseif ev.kind == "message" and ev.id then
    local key = ev.id .. "|" .. bare(ev.to)
    sent[key] = sent[key] or {number, time}
    ev.key = key
  elseif ev.kind == "receipt" and ev.receipt_of then
    local key = ev.receipt_of .. "|" .. bare(ev.from)
    receipts[key] = receipts[key] or {number, time}
    ev.key = key
  end
end

local function direction_of() return tostring(first(get.stream)) .. "/" .. tostring(first(get.port)) end

local function read_frame(pinfo)
  local direction = direction_of()
  -- What is missing before these bytes does not go on in them, unless they are what was missing.
  if holes[direction] and not get.again() and not get.late() then carries[direction] = nil end
  holes[direction] = nil
  -- What came before TLS is not counted in its text.
  local way = direction .. (is_encrypted() and "/tls" or "")
  local all, had = {}, passed[way] or 0
  for _, info in ipairs{get.x()} do
    if info.range and info.len > 0 then
      local list, text = nil, info.range:bytes():raw()
      local rest = carries[direction] and 0 or rest_of_before(text)
      list, carries[direction] = events_of(text:sub(rest + 1), carries[direction] or "", had + rest)
      if rest > 0 then
        table.insert(list, 1, {kind="other", text="the rest of something whose beginning is not in the capture", first=had, size=rest})
      end
      had = had + info.len
      for _, ev in ipairs(list) do note(ev, pinfo.number, pinfo.rel_ts); all[#all + 1] = ev end
    end
  end
  passed[way] = had
  for _, ev in ipairs(all) do if ev.size then ev.after = had - ev.first - ev.size end end
  return all
end

local function seconds(d) return NSTime.new(math.floor(d), math.floor((d % 1) * 1e9)) end

local function quote(s)
  return (tostring(s or ""):gsub("[^%w%-_%.@]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function show(ev, t, pinfo, encrypted)
  local other = ev.key and (ev.kind == "receipt" and sent[ev.key] or ev.kind == "message" and receipts[ev.key])
  local summary, latency = ev.text, nil
  if other then
    latency = math.abs(pinfo.rel_ts - other[2])
    if ev.kind == "receipt" then summary = ("delivered, %.1f ms after frame %d"):format(latency * 1e3, other[1]) end
  end
  local from = speaker(ev)
  summary = printable(from and from .. ": " .. summary or summary)
  t:add(F.kind, ev.kind)
  if ev.stanza then t:add(F.stanza, ev.stanza) end
  if ev.from then t:add(F.from, ev.from) end
  if ev.to then t:add(F.to, ev.to) end
  if ev.id then t:add(F.id, ev.id) end
  if ev.said then t:add(F.text, ev.said) end
  t:add(F.encrypted, encrypted)
  if other then
    t:add(ev.kind == "receipt" and F.receipt_for or F.receipt_in, other[1]):set_generated()
    if ev.kind == "receipt" then t:add(F.latency, seconds(latency)):set_generated() end
  elseif ev.wants and pinfo.visited then
    t:add_proto_expert_info(missing)
  end
  local back, first_said = returned[ev.room_key or ""], said[ev.room_key or ""]
  if ev.room == "sent" and back then t:add(F.returned_in, back):set_generated() end
  if ev.room == "back" then t:add(F.returned_for, first_said[1]):set_generated() end
  t:add(F.summary, summary):set_generated()
  t:add(F.row, table.concat({ev.kind, ev.stanza or "", quote(ev.id), quote(who(ev.from)), quote(who(ev.to or ev.bound)), quote(ev.text),
    other and other[1] or "", latency and ("%.6f"):format(latency) or "", quote(ev.key), ev.size or "", ev.first or "", ev.after or "",
    quote(speaker(ev)), ev.room or "", quote(ev.room_key), bare(ev.from):find("rooms%.%w+%.internal$") and "room" or ""}, "|")):set_hidden()
  t:append_text(", " .. summary)
  return summary
end

function chat.dissector(tvb, pinfo, tree)
  if not noted[pinfo.number] and get.lost() ~= nil then
    noted[pinfo.number], holes[direction_of()] = true, true
  end
  if not get.x() then return end
  local all = frames[pinfo.number]
  if not all then
    all = read_frame(pinfo)
    frames[pinfo.number] = all
  end
  if #all == 0 then return end
  local encrypted, texts = is_encrypted(), {}
  for _, ev in ipairs(all) do texts[#texts + 1] = show(ev, tree:add(chat, tvb()), pinfo, encrypted) end
  pinfo.cols.info:clear_fence()
  pinfo.cols.info:set((encrypted and "[TLS] " or "[clear] ") .. table.concat(texts, "; "))
  pinfo.cols.info:fence()
end
register_postdissector(chat, true)
