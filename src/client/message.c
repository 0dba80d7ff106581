/* Messages: what comes from people, and how far ours have come (XEP-0184, 0333, 0085, 0280, 0203). */
#include "base/clock.h"
#include "client/client_i.h"

/* ---- ours, and their fate ---- */

struct message *client_message(const struct client *c, struct str id) { return map_find(&c->messages, id); }

static void message_free(struct message *m)
{
	list_remove(&m->node);
	xfree(m->conversation);
	xfree(m->label);
	xfree(m->nick);
	xfree(m->heir);
	xfree(m->body);
	xfree(m);
}

void client_messages_clear(struct client *c)
{
	struct list *n;

	map_clear(&c->messages);
	while ((n = list_take(&c->message_order)))
		message_free(LIST_ITEM(n, struct message, node));
}

unsigned client_count(const struct client *c, enum message_state state) { return c->counts[state]; }

unsigned client_last(const struct client *c) { return c->counts[MESSAGE_STATES]; }

static void emit_state(struct client *c, const struct message *m, struct str detail, bool final)
{
	struct str own = client_own_nick(c, jid_bare_str(jid_view(str_z(m->conversation))));
	struct client_event e = {.kind = EVENT_STATE,
		.own = true,
		.final = final,
		.room = m->room,
		.secret = m->secret,
		.state = m->state,
		.conversation = str_z(m->conversation),
		.body = str_z(m->body),
		.detail = detail,
		.id = str_z(m->id)};

	if (str_starts(e.body, STR(CLIENT_ACTION)))
		e.who = own.n ? own : jid_local(jid_view(client_bare(c)));
	/* Whoever is blocked or forgotten meanwhile is nobody's contact any more. */
	if (!client_is_known(c, e.conversation))
		e.label = str_z(m->label);
	client_emit(c, &e);
}

/* Only forward; a failure is the end, unless it was delivered. */
static bool enter(struct client *c, struct message *m, enum message_state state)
{
	if (state <= m->state || (state == MESSAGE_FAILED && m->state >= MESSAGE_DELIVERED))
		return false;
	c->counts[m->state]--;
	c->counts[state]++;
	c->counts[MESSAGE_STATES] -= m->last;
	m->last = false;
	m->state = state;
	m->tell_at = 0;
	return true;
}

void client_enter_state(struct client *c, struct message *m, enum message_state state, struct str detail)
{
	if (enter(c, m, state))
		emit_state(c, m, detail, false);
}

/* If he is there it is on its way already, most likely, and more will be heard of it. */
void client_kept(struct client *c, struct message *m)
{
	if (!enter(c, m, MESSAGE_KEPT))
		return;
	if (m->room || client_present(c, str_z(m->conversation)))
		m->tell_at = c->now + KEPT_MS;
	else
		emit_state(c, m, STR_NONE, false);
}

void client_messages_tick(struct client *c)
{
	if (!c->counts[MESSAGE_KEPT])
		return;
	LIST_EACH(n, &c->message_order) {
		struct message *m = LIST_ITEM(n, struct message, node);

		if (!m->tell_at || m->tell_at > c->now)
			continue;
		m->tell_at = 0;
		emit_state(c, m, STR_NONE, false);
	}
}

/* The oldest is forgotten when there are too many. */
static struct message *message_new(struct client *c, struct str to, struct str body)
{
	CLEANUP(buf_clear) struct buf label = {.max = 2 * JID_MAX};
	struct message *m;

	if (c->messages.n >= MESSAGES_MAX) {
		m = LIST_ITEM(c->message_order.next, struct message, node);
		map_remove(&c->messages, str_z(m->id));
		message_free(m);
	}
	m = xcalloc(1, sizeof(*m));
	rand_token(m->id, 20);
	m->conversation = str_dup(to);
	m->body = str_dup(body);
	client_label(c, to, &label);
	m->label = str_dup(buf_view(&label));
	m->when = c->wall;
	list_append(&c->message_order, &m->node);
	must(map_add(&c->messages, m) == 0);
	return m;
}

static void put_said(const struct message *m, struct buf *out)
{
	buf_fmt(out, "<message type='%s' id='%s'", m->room ? "groupchat" : "chat", m->id);
	xml_put_attr(out, "to", str_z(m->conversation));
	buf_char(out, '>');
	xml_put_text(out, "body", str_z(m->body));
	if (m->secret)
		buf_z(out, "<x xmlns='" NS_MUC_USER "'/>");
	if (!m->room)
		buf_z(out,
			"<request xmlns='" NS_RECEIPTS "'/><markable xmlns='" NS_MARKERS
			"'/><active xmlns='" NS_CHATSTATES "'/>");
	buf_z(out, "</message>");
}

static struct str kept_until(const struct client *c)
{
	if (c->state == CLIENT_ONLINE)
		return STR("this chat keeps it until the room is back");
	return c->config.node ? STR("this chat keeps it until the node is back")
			      : STR("this chat keeps it until it is online");
}

int client_say(struct client *c, struct str to, struct str body)
{
	CLEANUP(buf_clear) struct buf out = {.max = 8 * CLIENT_BODY_MAX};
	struct jid j = jid_view(to);
	struct room *r = client_room(c, jid_bare_str(j));
	struct message *m;
	bool held;
	int err;

	if (!body.n || body.n > CLIENT_BODY_MAX)
		return ERR_LIMIT;
	if (r && r->state == ROOM_OUT)
		return ERR_NOTFOUND;
	m = message_new(c, to, body);
	m->room = r && !j.resource;
	m->secret = r && j.resource;
	m->nick = m->room ? xstrdup(r->nick) : NULL;
	put_said(m, &out);
	c->counts[MESSAGE_UNSENT]++;
	held = c->state != CLIENT_ONLINE || (m->room && (client_room_retries(r) || r->catching));
	err = buf_ok(&out) ? client_put_message(c, buf_view(&out), m->id, m->room ? r->jid : NULL) : ERR_LIMIT;
	if (err) {
		c->counts[MESSAGE_UNSENT]--;
		map_remove(&c->messages, str_z(m->id));
		message_free(m);
	} else if (held) {
		emit_state(c, m, kept_until(c), false);
	}
	return err;
}

/* ---- conversations ---- */

static void talk_free(struct talk *k)
{
	xfree(k->jid);
	xfree(k->markable);
	xfree(k->from);
	xfree(k);
}

void client_talks_clear(struct client *c)
{
	struct talk *k;
	uint32_t pos = 0;

	while ((k = map_next(&c->talks, &pos)))
		talk_free(k);
	map_clear(&c->talks);
}

static struct talk *talk_make(struct client *c, struct str jid)
{
	struct talk *k = map_find(&c->talks, jid);

	if (k)
		return k;
	k = xcalloc(1, sizeof(*k));
	k->jid = str_dup(jid);
	if (map_add(&c->talks, k) == 0)
		return k;
	talk_free(k);
	return NULL;
}

static void put_note(struct client *c, struct str to, const char *name, const char *ns, struct str id, const char *hint)
{
	CLEANUP(buf_clear) struct buf out = {.max = 8192};

	buf_z(&out, "<message type='chat'");
	xml_put_attr(&out, "to", to);
	buf_fmt(&out, "><%s xmlns='%s'", name, ns);
	xml_put_attr(&out, "id", id);
	buf_fmt(&out, "/><%s xmlns='" NS_HINTS "'/></message>", hint);
	if (buf_ok(&out))
		client_put(c, buf_view(&out));
}

void client_displayed(struct client *c, struct str conversation)
{
	struct talk *k = map_find(&c->talks, conversation);

	if (!k || !k->markable || c->state != CLIENT_ONLINE)
		return;
	put_note(c, str_z(k->from), "displayed", NS_MARKERS, str_z(k->markable), "store");
	xfree(TAKE(k->markable));
}

void client_typing(struct client *c, struct str to, bool composing)
{
	bool told = !client_room(c, jid_bare_str(jid_view(to))) && client_present(c, to);
	struct talk *k = told ? talk_make(c, to) : NULL;

	if (!k || k->composing == composing)
		return;
	k->composing = composing;
	put_note(c, to, composing ? "composing" : "paused", NS_CHATSTATES, STR_NONE, "no-store");
}

/* ---- reading ---- */

static uint32_t child(const struct said *m, const char *name, const char *ns)
{
	return xml_child(m->t, m->node, name, ns);
}

bool client_said_text(const struct said *m, const char *name, struct buf *tmp, struct str *ret)
{
	uint32_t i = child(m, name, NS_CLIENT);

	if (!i)
		return false;
	*ret = xml_text(m->t, i, tmp);
	return buf_ok(tmp);
}

struct str client_said_verb(const struct said *m)
{
	return child(m, "replace", NS_CORRECT) ? STR("corrected") : STR_NONE;
}

static void read_delay(struct said *m)
{
	uint32_t i = child(m, "delay", NS_DELAY);

	m->delayed = i && clock_parse(xml_attr(m->t, i, "stamp"), &m->when) == 0;
}

int client_forwarded(const struct xml_tree *t, uint32_t parent, struct jid_buf *from, struct jid_buf *to,
	struct said *ret)
{
	uint32_t f = xml_child(t, parent, "forwarded", NS_FORWARD);
	uint32_t m = f ? xml_child(t, f, "message", NS_CLIENT) : XML_NONE;
	uint32_t delay = f ? xml_child(t, f, "delay", NS_DELAY) : XML_NONE;
	int64_t came;
	struct str text;

	if (!m || jid_parse_buf(xml_attr(t, m, "from"), from) != 0)
		return ERR_INVALID;
	*ret = (struct said){.t = t,
		.node = m,
		.from = from->jid,
		.id = xml_attr(t, m, "id"),
		.type = xml_attr(t, m, "type")};
	text = xml_attr(t, m, "to");
	if (text.p && jid_parse_buf(text, to) == 0)
		ret->to = to->jid;
	read_delay(ret);
	/* An archive says when it came. What had waited on its way says itself when it was written, which is what people ask for;
	 * but never later than it was there. */
	if (delay && clock_parse(xml_attr(t, delay, "stamp"), &came) == 0 && (!ret->delayed || ret->when > came)) {
		ret->delayed = true;
		ret->when = came;
	}
	return 0;
}

/* Messages come twice in good faith: from the archive and from a session that could not be resumed. */
bool client_is_new(struct client *c, struct str from, struct str id)
{
	uint64_t key = hash_bytes(from.p, from.n) * 31 + hash_bytes(id.p, id.n);

	if (!id.n)
		return true;
	for (unsigned i = 0; i < SEEN_MAX; i++)
		if (c->seen.keys[i] == key)
			return false;
	c->seen.keys[c->seen.at++ % SEEN_MAX] = key;
	return true;
}

/* ---- what people say ---- */

/* Of our node: whom it is for has got it. That is no line for people, and nobody else may say so. */
static bool on_sent(struct client *c, const struct said *m)
{
	uint32_t event = child(m, "event", NS_NODE_EVENT);
	struct message *o;

	if (!event || m->from.local || !client_is_own(c, m->from) || !str_is(xml_attr(m->t, event, "kind"), "sent"))
		return false;
	o = client_message(c, xml_attr(m->t, event, "id"));
	if (o && enter(c, o, MESSAGE_SENT)) {
		o->last = str_is(xml_attr(m->t, event, "last"), "true");
		c->counts[MESSAGE_STATES] += o->last;
		emit_state(c, o, STR_NONE, o->last);
	}
	return true;
}

/* What was written to an address goes to whoever is there, and what waited for an old program to the node that took its place. */
static bool becomes_another(struct str conversation)
{
	struct str domain = jid_domain(jid_view(conversation));

	return str_is(domain, CLIENT_TYPED) || str_is(domain, CLIENT_LEGACY);
}

/* Of somebody whom our user takes for the same, and of whom our node has said so, too. */
static bool is_other_end(const struct message *o, struct str from)
{
	return str_eq(from, jid_bare_str(jid_view(str_z(o->conversation)))) || (o->heir && str_is(from, o->heir));
}

static void on_receipt(struct client *c, const struct said *m, uint32_t i, enum message_state state)
{
	struct message *o = client_message(c, xml_attr(m->t, i, "id"));
	struct str from = jid_bare_str(m->from);

	/* Only whom it was sent to can have it. */
	if (!o || o->room ||
		!(o->secret ? str_eq(jid_str(m->from), str_z(o->conversation))
			    : str_eq(client_peer(c, from), client_peer(c, str_z(o->conversation))) ||
					is_other_end(o, from) || becomes_another(str_z(o->conversation))))
		return;
	client_enter_state(c, o, state, STR_NONE);
}

static void answer_receipt(struct client *c, const struct said *m)
{
	struct talk *k;

	if (!c->config.receipts || m->history || m->copy || !m->id.n || m->id.n > 1024)
		return;
	if (child(m, "request", NS_RECEIPTS))
		put_note(c, jid_str(m->from), "received", NS_RECEIPTS, m->id, "store");
	k = child(m, "markable", NS_MARKERS) ? talk_make(c, jid_bare_str(m->from)) : NULL;
	if (k) {
		set_text(&k->markable, m->id);
		set_text(&k->from, jid_str(m->from));
	}
}

/* Told only when it changes. */
static void on_state(struct client *c, const struct said *m, bool own)
{
	bool composing = child(m, "composing", NS_CHATSTATES) != XML_NONE;
	bool paused = child(m, "paused", NS_CHATSTATES) != XML_NONE;
	struct client_event e = {.kind = EVENT_TYPING,
		.conversation = jid_bare_str(m->from),
		.verb = composing ? STR("composing") : STR("paused")};
	struct talk *k;

	if (own || m->history || m->delayed || client_room(c, jid_bare_str(m->from)))
		return;
	k = composing ? talk_make(c, jid_bare_str(m->from)) : map_find(&c->talks, jid_bare_str(m->from));
	if (!k || k->they_compose == composing)
		return;
	k->they_compose = composing;
	if (composing || paused)
		client_emit(c, &e);
}

static void on_text(struct client *c, const struct said *m, struct str body, bool own)
{
	struct jid peer = own ? m->to : m->from;
	bool in_room = client_room(c, jid_bare_str(peer)) != NULL;
	CLEANUP(buf_clear) struct buf who = {.max = 2 * JID_MAX};
	struct client_event e = {.kind = EVENT_MESSAGE,
		.when = m->delayed ? m->when : 0,
		.delayed = m->delayed,
		.history = m->history,
		.own = own,
		.secret = in_room,
		.verb = client_said_verb(m),
		.body = body,
		.id = m->id};

	/* A copy of what was said to nobody: another client of ours may have. */
	if (!jid_some(peer))
		return;
	e.conversation = in_room ? jid_str(peer) : m->with.n ? m->with : client_peer(c, jid_bare_str(peer));
	if (own)
		buf_z(&who, "me");
	else if (in_room)
		buf_str(&who, jid_resource(peer));
	else
		client_label(c, e.conversation, &who);
	e.who = buf_view(&who);
	if (!own)
		answer_receipt(c, m); /* before it is shown: what is seen at once is read at once */
	client_emit(c, &e);
}

static void on_invited(struct client *c, struct str room, struct jid by, bool direct, struct str reason,
	struct str password)
{
	CLEANUP(buf_clear) struct buf who = {.max = JID_MAX};
	struct client_event e = {.kind = EVENT_INVITED, .room = true, .detail = reason};
	struct jid_buf j;

	if (jid_parse_buf(room, &j) != 0 || !j.jid.local)
		return;
	client_label(c, jid_bare_str(by), &who);
	e.conversation = jid_bare_str(j.jid);
	e.who = buf_view(&who);
	client_invited_note(c, e.conversation, direct ? STR_NONE : jid_bare_str(by), password);
	client_emit(c, &e);
}

/* XEP-0045 7.8.2, through the room; XEP-0249, directly. */
static bool on_invitation(struct client *c, const struct said *m)
{
	uint32_t x = child(m, "x", NS_MUC_USER), direct = child(m, "x", NS_X_CONFERENCE);
	uint32_t invite = x ? xml_child(m->t, x, "invite", NS_MUC_USER) : XML_NONE;
	CLEANUP(buf_clear) struct buf tmp = {.max = 4096}, secret = {.max = 4096};
	struct jid_buf by;

	if (invite && jid_parse_buf(xml_attr(m->t, invite, "from"), &by) == 0) {
		uint32_t reason = xml_child(m->t, invite, "reason", NS_MUC_USER),
			 password = xml_child(m->t, x, "password", NS_MUC_USER);
		on_invited(c, jid_bare_str(m->from), by.jid, false, reason ? xml_text(m->t, reason, &tmp) : STR_NONE,
			password ? xml_text(m->t, password, &secret) : STR_NONE);
		return true;
	}
	if (!direct || !m->from.local)
		return false;
	on_invited(c, xml_attr(m->t, direct, "jid"), m->from, true, xml_attr(m->t, direct, "reason"),
		xml_attr(m->t, direct, "password"));
	return true;
}

/* Of the server or node; what others send as headline is shown as theirs. */
static bool on_notice(struct client *c, const struct said *m, struct str body)
{
	uint32_t event = child(m, "event", NS_NODE_EVENT);
	struct client_event e = {.kind = EVENT_NOTICE,
		.when = m->delayed ? m->when : 0,
		.delayed = m->delayed,
		.body = body,
		.verb = event ? xml_attr(m->t, event, "kind") : STR("notice"),
		.detail = event ? xml_attr(m->t, event, "peer") : STR_NONE};

	if (m->from.local || !client_is_own(c, m->from))
		return false;
	client_emit(c, &e);
	return true;
}

/* What was written to the one waits for the other now, who will say how far it has come. */
static void leave_to_heir(struct client *c, struct str was, struct str heir)
{
	LIST_EACH(n, &c->message_order) {
		struct message *m = LIST_ITEM(n, struct message, node);

		if (!m->room && !m->secret && was.n && is_other_end(m, was))
			set_text(&m->heir, heir);
	}
}

/* Of our node: whom we had by an address alone has shown who he is. */
static bool on_became(struct client *c, const struct said *m)
{
	uint32_t event = child(m, "event", NS_NODE_EVENT);
	struct jid_buf jid;
	struct client_event e = {.kind = EVENT_CONTACT, .verb = STR("became")};

	if (!event || m->from.local || !client_is_own(c, m->from) || !str_is(xml_attr(m->t, event, "kind"), "became"))
		return false;
	if (jid_parse_buf(xml_attr(m->t, event, "jid"), &jid) != 0 || !jid.jid.local)
		return true;
	e.conversation = jid_bare_str(jid.jid);
	e.detail = xml_attr(m->t, event, "was");
	leave_to_heir(c, e.detail, e.conversation);
	client_emit(c, &e);
	return true;
}

static bool is_group(const struct client *c, const struct said *m)
{
	return str_is(m->type, "groupchat") || (!m->from.resource && client_room(c, jid_bare_str(m->from)));
}

/* A node has one user, who may have had another name when he said it. */
static bool is_ours(const struct client *c, struct jid from)
{
	return str_eq(jid_bare_str(from), client_bare(c)) ||
		(c->config.node && from.local && str_eq(jid_domain(from), jid_domain(jid_view(client_bare(c)))));
}

void client_on_said(struct client *c, const struct said *m)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = TEXT_MAX};
	bool own = is_ours(c, m->from);
	struct room *r = client_room(c, jid_bare_str(m->from));
	uint32_t received = child(m, "received", NS_RECEIPTS), displayed = child(m, "displayed", NS_MARKERS);
	struct str body = STR_NONE;

	if (on_sent(c, m) || on_became(c, m))
		return;
	if (is_group(c, m)) {
		bool invited = !str_is(m->type, "groupchat") && on_invitation(c, m);

		if (r && !invited)
			client_on_room_said(c, r, m);
		return;
	}
	if (received)
		on_receipt(c, m, received, MESSAGE_DELIVERED);
	if (displayed)
		on_receipt(c, m, displayed, MESSAGE_READ);
	on_state(c, m, own);
	if (on_invitation(c, m))
		return;
	if (!client_said_text(m, "body", &tmp, &body) || !body.n)
		return;
	if (!jid_some(m->from) || (str_is(m->type, "headline") && on_notice(c, m, body)))
		return;
	if (own && client_message(c, m->id) && !m->history)
		return; /* said here */
	if (m->history || client_is_new(c, jid_bare_str(m->from), m->id))
		on_text(c, m, body, own);
	else if (!own)
		answer_receipt(c, m); /* the first one may have got lost */
}

static void on_error(struct client *c, const struct stanza *s)
{
	struct message *m = s->id.p ? client_message(c, s->id) : NULL;
	struct room *r = client_room(c, jid_bare_str(s->from));
	CLEANUP(buf_clear) struct buf text = {.max = 8192};

	if (m && is_other_end(m, jid_bare_str(s->from))) {
		client_put_reason(s, m->room || m->secret ? DOING_SAY_ROOM : DOING_SAY, &text);
		client_enter_state(c, m, MESSAGE_FAILED, buf_view(&text));
	} else if (r && client_is_invitation(s->id)) {
		buf_z(&text, "the invitation to ");
		client_label(c, str_z(r->jid), &text);
		client_refuse_doing(c, DOING_INVITE, buf_cstr(&text), s);
	} else if (r) {
		client_label(c, str_z(r->jid), &text);
		client_refuse(c, buf_cstr(&text), s);
	}
}

/* XEP-0280: only our own account may tell what our other clients said. */
static bool on_copy(struct client *c, const struct stanza *s)
{
	static const char *const kinds[] = {"received", "sent"};
	struct jid_buf from, to;
	struct said m;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		uint32_t node = stanza_child(s, kinds[i], NS_CARBONS);

		if (!node)
			continue;
		if (!str_eq(jid_str(s->from), client_bare(c)) || client_forwarded(&s->tree, node, &from, &to, &m) != 0)
			return true;
		m.copy = true;
		client_on_said(c, &m);
		return true;
	}
	return false;
}

void client_on_message(struct client *c, const struct stanza *s)
{
	struct said m = {.t = &s->tree, .node = XML_ROOT, .from = s->from, .to = s->to, .id = s->id};

	m.type = xml_attr(&s->tree, XML_ROOT, "type");
	if (s->type == TYPE_ERROR) {
		on_error(c, s);
		return;
	}
	if (client_on_archived(c, s) || on_copy(c, s))
		return;
	if (client_catch_up_holds(c, s))
		return;
	read_delay(&m);
	client_on_said(c, &m);
}
