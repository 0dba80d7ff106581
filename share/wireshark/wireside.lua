-- Chat layer for Wireshark, tshark and sharkd: XMPP streams are found on any port and under TLS, and each thing that is said
-- on them becomes an event with fields of its own, chat.*. Wireside's own views read the same fields.
-- Licence: GPL-2.0-or-later, as everything that uses Wireshark's Lua interface.
if wireside_chat then return end
wireside_chat = true

local xmpp = Dissector.get("xmpp")

---- streams on any port ----

-- Direct TLS (XEP-0368): told by the protocol that both ends agreed on.
for _, name in ipairs{"xmpp-client", "xmpp-server"} do DissectorTable.get("tls.alpn"):add(name, xmpp) end

local any = Proto("chat_stream", "XMPP stream on any port")
local taken = {} -- frames that this took in the first pass
function any.init() taken = {} end
function any.dissector(tvb, pinfo, tree)
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

any:register_heuristic("tcp", function(tvb, pinfo, tree)
  if not (pinfo.visited and taken[pinfo.number]) then
    if not is_stream(tvb) then return false end
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

-- Domain of a node -> the name of its only user, once he was seen in this file.
local users = {}
local function learn(jid)
  local user, domain = bare(jid):match("^([^@]*)@(%w+%.internal)$")
  if user and #domain > 24 then users[domain] = user end
end

-- For people: of somebody at a node the name, which the node's key stands behind; of others all but the resource.
local function who(jid)
  if not jid then return nil end
  local name = bare(jid)
  local user = name:match("^([^@]*)@%w+%.internal$")
  if user then return user end
  if #name > 24 and name:find("^%w+%.internal$") then return users[name] or name:sub(1, 6) .. "..." end
  return name
end

-- What stands in columns reaches terminals: no control characters, nothing that turns the direction of writing.
local function printable(s)
  return (s:gsub("%c", "."):gsub("\xC2[\x80-\x9F]", "."):gsub("\xE2\x80[\x8E\x8F\xAA-\xAE]", "."):gsub("\xE2\x81[\xA6-\xA9]", "."))
end

local function message(e, ev)
  local body, received = child_text(e, "body"), child_of(e, "urn:xmpp:receipts")
  local state, marker = child_of(e, "http://jabber.org/protocol/chatstates"), child_of(e, "urn:xmpp:chat-markers:0")
  if received and received:find("^<received") then
    ev.kind, ev.receipt_of = "receipt", attribute(received, "id")
    ev.text = "delivered"
  elseif attribute(ev.tag, "type") == "error" then
    ev.kind, ev.text = "error", "message came back as an error"
  elseif body then
    ev.kind, ev.text, ev.said = "message", '"' .. body .. '"', body
    ev.wants = received ~= nil
  elseif marker and not marker:find("^<markable") then
    ev.kind, ev.text = "marker", marker:match("^<(%w+)") or "?"
  elseif state then
    ev.kind, ev.text = "typing", state:match("^<(%w+)") == "composing" and "is typing" or "stopped typing"
  else
    ev.kind, ev.text = "note", "message without text: " .. (e:match("xmlns=['\"]([^'\"]*)['\"]", #ev.tag) or "?")
  end
end

local function presence(e, ev)
  local kind, show, status = attribute(ev.tag, "type"), child_text(e, "show"), child_text(e, "status")
  ev.kind = "presence"
  ev.text = kind == "probe" and "asks who is there" or kind or "is here"
  if kind == nil and show then ev.text = "is here (" .. show .. ")" end
  if status then ev.text = ev.text .. ": " .. status end
end

local function query(e, ev)
  ev.kind = "iq"
  ev.text = "iq " .. (attribute(ev.tag, "type") or "?") .. " " .. (e:match("xmlns=['\"]([^'\"]*)['\"]", #ev.tag) or "")
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
  latency=ProtoField.relative_time("chat.receipt_latency", "From message to receipt"),
  row=ProtoField.string("chat.row", "For programs") }
chat.fields = F
local missing = ProtoExpert.new("chat.noreceipt", "A receipt was asked for, and is not in this file", expert.group.SEQUENCE,
  expert.severity.WARN)
chat.experts = {missing}
local get = {}
for key, name in pairs{x="xmpp", stream="tcp.stream", port="tcp.srcport", tls="tls.record.opaque_type", app="tls.app_data"} do
  get[key] = Field.new(name)
end

local frames, carries, passed, sent, receipts -- of the file
local function forget() frames, carries, passed, sent, receipts, users = {}, {}, {}, {}, {}, {} end
chat.init = forget
forget()

local function first(field) local v = field(); return v and v.value end
local function is_encrypted() return get.tls() ~= nil or get.app() ~= nil end

local function note(ev, number, time)
  learn(ev.from)
  learn(ev.to)
  if ev.kind == "message" and ev.id then
    local key = ev.id .. "|" .. bare(ev.to)
    sent[key] = sent[key] or {number, time}
    ev.key = key
  elseif ev.kind == "receipt" and ev.receipt_of then
    local key = ev.receipt_of .. "|" .. bare(ev.from)
    receipts[key] = receipts[key] or {number, time}
    ev.key = key
  end
end

local function read_frame(pinfo)
  local direction = tostring(first(get.stream)) .. "/" .. tostring(first(get.port))
  -- What came before TLS is not counted in its text.
  local way = direction .. (is_encrypted() and "/tls" or "")
  local all, had = {}, passed[way] or 0
  for _, info in ipairs{get.x()} do
    if info.range and info.len > 0 then
      local list
      list, carries[direction] = events_of(info.range:bytes():raw(), carries[direction] or "", had)
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
  local from = who(ev.from)
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
  t:add(F.summary, summary):set_generated()
  t:add(F.row, table.concat({ev.kind, ev.stanza or "", quote(ev.id), quote(who(ev.from)), quote(who(ev.to)), quote(ev.text),
    other and other[1] or "", latency and ("%.6f"):format(latency) or "", quote(ev.key), ev.size or "", ev.first or "", ev.after or ""}, "|")):set_hidden()
  t:append_text(", " .. summary)
  return summary
end

function chat.dissector(tvb, pinfo, tree)
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
