/* Rooms (XEP-0045) from an occupant's side: coming in, going out, what is said. */
#include "client/client_i.h"

struct room *client_room(const struct client *c, struct str bare) { return map_find(&c->rooms, bare); }

bool client_in_room(const struct client *c, struct str room)
{
	struct room *r = client_room(c, room);

	return r && r->state != ROOM_OUT;
}

struct str client_own_nick(const struct client *c, struct str room)
{
	struct room *r = client_room(c, room);

	return r && r->state != ROOM_OUT ? str_z(r->nick) : STR_NONE;
}

static struct str occupant_key(const void *item) { return str_z(((const struct occupant *)item)->nick); }

static void room_free(struct room *r)
{
	client_occupants_clear(r);
	client_gone_clear(r);
	client_shown_clear(r);
	xfree(r->jid);
	xfree(r->nick);
	xfree(r->wanted);
	xfree(r->password);
	xfree(r->subject);
	xfree(r->last_id);
	client_catch_up_drop(r);
	xfree(r->subject_by);
	xfree(r->settings);
	xfree(r);
}

void client_rooms_clear(struct client *c)
{
	struct room *r;
	uint32_t pos = 0;

	while ((r = map_next(&c->rooms, &pos)))
		room_free(r);
	map_clear(&c->rooms);
}

static struct room *room_make(struct client *c, struct str jid)
{
	struct room *r = client_room(c, jid);

	if (r)
		return r;
	r = xcalloc(1, sizeof(*r));
	r->jid = str_dup(jid);
	map_init(&r->occupants, occupant_key, OCCUPANTS_MAX);
	if (map_add(&c->rooms, r) == 0)
		return r;
	room_free(r);
	return NULL;
}

void client_room_event(struct client *c, struct room *r, enum client_event_kind kind, struct str who, const char *verb,
	struct str detail)
{
	struct client_event e = {.kind = kind,
		.room = true,
		.conversation = str_z(r->jid),
		.who = who,
		.verb = str_z(verb),
		.detail = detail};

	client_emit(c, &e);
}

/* ---- coming and going ---- */

/* What we missed, or a little to read. */
void client_room_enter(struct client *c, struct room *r, enum room_state state)
{
	CLEANUP(buf_clear) struct buf to = {.max = JID_MAX}, x = {.max = 8192};

	buf_fmt(&to, "%s/%s", r->jid, r->nick);
	buf_z(&x, "<x xmlns='" NS_MUC "'>");
	if (r->password)
		xml_put_text(&x, "password", str_z(r->password));
	client_catch_up_drop(r);
	r->catching = state == ROOM_RETURNS && client_catch_up_can(c, r);
	if (r->catching)
		buf_z(&x, "<history maxstanzas='0'/>");
	else if (r->last)
		buf_fmt(&x, "<history seconds='%lld'/>", (long long)((c->wall - r->last) / 1000 + 1));
	else
		buf_z(&x, "<history maxstanzas='20'/>");
	buf_z(&x, "</x>");
	client_occupants_clear(r);
	if (c->now >= r->leaving_until)
		r->leaving = 0;
	r->settled = r->left = false;
	r->state = state;
	r->settle_at = c->now + ANSWER_MS;
	client_put_presence(c, buf_view(&to), buf_view(&x));
}

int client_join(struct client *c, struct str room, struct str nick, struct str password)
{
	CLEANUP(buf_clear) struct buf prepared = {.max = JID_MAX};
	struct room *r = client_room(c, room);
	bool in = r && r->state == ROOM_IN && !r->left;

	if (c->state != CLIENT_ONLINE)
		return ERR_CLOSED;
	if (!nick.n)
		nick = in ? str_z(r->nick) : jid_local(jid_view(client_bare(c)));
	if (jid_prep_resource(nick, &prepared) != 0)
		return ERR_INVALID;
	/* We stay in, whatever becomes of it. */
	if (in && !str_eq(buf_view(&prepared), str_z(r->nick))) {
		client_nick(c, room, nick);
		return ERR_EXISTS;
	}
	r = room_make(c, room);
	if (!r)
		return ERR_LIMIT;
	set_text(&r->nick, buf_view(&prepared));
	if (password.n || !in)
		set_text(&r->password, password.n ? password : client_invited_password(c, room));
	r->last = 0;
	r->asked_twice = false;
	client_room_enter(c, r, ROOM_ASKED);
	return 0;
}

void client_rejoin(struct client *c)
{
	struct room *r;
	uint32_t pos = 0;

	while ((r = map_next(&c->rooms, &pos))) {
		r->leaves = r->left = false; /* it has lost the session that was in */
		r->leaving = 0;
		if (r->state == ROOM_OUT) {
			client_unsay(c, r->jid);
			continue;
		}
		r->tries = 0;
		client_room_enter(c, r, r->state == ROOM_ASKED ? ROOM_ASKED : ROOM_RETURNS);
	}
}

void client_rooms_lost(struct client *c)
{
	struct room *r;
	uint32_t pos = 0;

	while ((r = map_next(&c->rooms, &pos))) {
		client_gone_note_all(r); /* they may be, by then */
		client_occupants_clear(r);
		r->settled = false;
	}
}

void client_room_settle(struct client *c, struct room *r)
{
	if (r->state != ROOM_IN || r->settled || r->catching)
		return;
	r->settled = true;
	r->last = c->wall; /* up to here we know all */
	client_release(c, r->jid);
}

static void put_to_occupant(struct client *c, struct room *r, const char *type, struct str nick, struct str status)
{
	CLEANUP(buf_clear) struct buf out = {.max = 16384}, to = {.max = JID_MAX};

	buf_fmt(&to, "%s/%.*s", r->jid, STR_FMT(nick));
	buf_z(&out, "<presence");
	xml_put_attr(&out, "type", str_z(type));
	xml_put_attr(&out, "to", buf_view(&to));
	buf_char(&out, '>');
	if (status.n)
		xml_put_text(&out, "status", status);
	buf_z(&out, "</presence>");
	if (buf_ok(&out))
		client_put(c, buf_view(&out));
}

/* Said twice it is answered once. */
void client_put_leave(struct client *c, struct room *r, struct str reason)
{
	r->leaving += !r->left;
	r->leaving_until = c->now + ANSWER_MS;
	r->left = true;
	put_to_occupant(c, r, "unavailable", str_z(r->nick), reason);
}

int client_leave(struct client *c, struct str room, struct str reason)
{
	struct room *r = client_room(c, room);

	if (!r || r->state == ROOM_OUT)
		return ERR_NOTFOUND;
	if (c->state == CLIENT_ONLINE)
		client_put_leave(c, r, reason);
	if (c->state != CLIENT_ONLINE || client_host_awaited(r)) { /* nobody is there who would say that we are out */
		r->leaves = c->state != CLIENT_ONLINE;
		r->state = ROOM_OUT;
		client_room_event(c, r, EVENT_LEFT, str_z(r->nick), "left", reason);
		client_unsay(c, r->jid);
	}
	return 0;
}

/* The session goes on, and the room does not know yet. Behind what was written before: that is said. */
void client_rooms_leave(struct client *c)
{
	struct room *r;
	uint32_t pos = 0;

	while ((r = map_next(&c->rooms, &pos)))
		if (r->leaves) {
			r->leaves = false;
			client_put_leave(c, r, STR_NONE);
		}
}

int client_nick(struct client *c, struct str room, struct str nick)
{
	CLEANUP(buf_clear) struct buf prepared = {.max = JID_MAX};
	struct room *r = client_room(c, room);

	if (!r || r->state != ROOM_IN)
		return ERR_NOTFOUND;
	if (jid_prep_resource(nick, &prepared) != 0)
		return ERR_INVALID;
	set_text(&r->wanted, buf_view(&prepared));
	put_to_occupant(c, r, NULL, buf_view(&prepared), STR_NONE);
	return c->state == CLIENT_ONLINE ? 0 : ERR_CLOSED;
}

static void show_topic(struct client *c, const struct room *r)
{
	CLEANUP(buf_clear) struct buf out = {.max = TEXT_MAX};

	client_label(c, str_z(r->jid), &out);
	if (r->subject && *r->subject)
		buf_fmt(&out, " is about: %s", r->subject);
	else
		buf_z(&out, " has no subject; /topic TEXT sets one");
	if (r->subject && *r->subject && r->subject_by && *r->subject_by) {
		buf_z(&out, " (set by ");
		client_put_nick(&out, str_z(r->subject_by), true);
		buf_char(&out, ')');
	}
	client_say_event(c, EVENT_ANSWER, buf_view(&out));
}

int client_topic(struct client *c, struct str room, struct str subject)
{
	CLEANUP(buf_clear) struct buf out = {.max = TEXT_MAX};
	struct room *r = client_room(c, room);
	char id[17];

	if (!r || r->state != ROOM_IN)
		return ERR_NOTFOUND;
	if (!subject.p) {
		show_topic(c, r);
		return 0;
	}
	rand_token(id, 16);
	buf_fmt(&out, "<message type='groupchat' id='%s'", id);
	xml_put_attr(&out, "to", room);
	buf_char(&out, '>');
	xml_put_text(&out, "subject", subject);
	buf_z(&out, "</message>");
	return buf_ok(&out) ? client_put(c, buf_view(&out)) : ERR_LIMIT;
}

/* ---- presence ---- */

static void list_nicks(const struct room *r, struct buf *out)
{
	struct occupant *o;
	uint32_t pos = 0;

	while ((o = map_next(&r->occupants, &pos))) {
		if (strcmp(o->nick, r->nick) == 0)
			continue;
		buf_z(out, out->n ? ", " : "");
		client_put_nick(out, str_z(o->nick), true);
	}
}

/* again: nobody has asked for it, we were in already. */
static void tell_joined(struct client *c, struct room *r, const char *verb, bool again)
{
	CLEANUP(buf_clear) struct buf others = {.max = 4096};

	list_nicks(r, &others);
	client_emit(c,
		&(struct client_event){.kind = EVENT_JOINED,
			.room = true,
			.again = again,
			.conversation = str_z(r->jid),
			.who = str_z(r->nick),
			.verb = str_z(verb),
			.detail = buf_ok(&others) ? buf_view(&others) : STR("many others")});
}

/* Only now others can enter. */
static void on_opened(struct client *c, const struct pending *p, const struct stanza *s)
{
	struct room *r = client_room(c, str_z(p->about));

	if (!r || r->state != ROOM_IN)
		return;
	if (!s || s->type != TYPE_RESULT) {
		client_refuse(c, "create the room", s);
		return;
	}
	tell_joined(c, r, "created", p->number);
	if (p->number)
		client_anew_tell(c, r);
}

/* A room that did not exist is locked until its maker has said what it shall be: as it is (10.1.2). */
static void accept_defaults(struct client *c, struct room *r, bool again)
{
	client_ask(c, "set", str_z(r->jid),
		STR("<query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA "' type='submit'/></query>"), on_opened,
		str_z(r->jid), STR_NONE, again);
}

/* What comes now was said before the room had heard that we go, and that we come again. */
static bool is_of_before(const struct room *r) { return r->state == ROOM_ASKED && r->leaving && !r->left; }

/* s: absent where the room does not say that it is us. */
static void on_entered(struct client *c, struct room *r, const struct stanza *s)
{
	bool again = client_host_awaited(r), made = s && client_has_status(s, "201");

	if (s)
		set_text(&r->nick, jid_resource(s->from)); /* the service may have changed it (210) */
	if (made && client_anew_yields(c, r))
		return;
	if (made)
		client_room_forget(r);
	r->state = ROOM_IN;
	client_anew_note(r);
	r->missing_until = 0;
	r->settle_at = c->now + SETTLE_MS;
	client_invited_forget(c, str_z(r->jid));
	if (made)
		accept_defaults(c, r, again);
	else
		tell_joined(c, r, "joined", again);
	if (r->catching)
		client_catch_up_room(c, r);
	if (s)
		client_warn_entered(c, r, s);
}

/* Some services do not say who of those in it we are (110). Once all else has come, or should have, it is whoever is called as we
 * wanted to be. */
static void enter_unsaid(struct client *c, struct room *r)
{
	if (client_room_joining(r) && !r->left && client_occupant(r, str_z(r->nick)))
		on_entered(c, r, NULL);
}

/* Whoever has our nickname while we come in may be somebody else, or what is left of our last session. */
static bool is_ours(const struct room *r, const struct stanza *s)
{
	return client_has_status(s, "110") || (r->state == ROOM_IN && str_is(jid_resource(s->from), r->nick));
}

static void on_refused(struct client *c, struct room *r, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf what = {.max = 4096};

	if (r->state == ROOM_OUT ||
		(client_room_joining(r) && (client_host_waits(c, r, s) || client_anew_waits(c, r, s))))
		return;
	if (client_room_joining(r)) {
		r->leaving = 0; /* whoever was not in is not told that he is out */
		r->state = ROOM_OUT;
		client_cannot_join(c, r, s);
		client_unsay(c, r->jid);
		return;
	}
	client_label(c, str_z(r->jid), &what);
	buf_fmt(&what, ": you are still %s", r->nick);
	client_refuse_doing(c, DOING_NICK, buf_cstr(&what), s);
}

/* The service's trouble, not its wish (9.9, 17.3): we come back. True if it is that. */
static bool in_trouble(struct client *c, struct room *r, const struct stanza *s)
{
	bool stops = client_has_status(s, "332");

	if (!stops && !client_has_status(s, "333"))
		return false;
	/* Told before, of its host. */
	if (client_host_awaited(r))
		return true;
	if (r->state != ROOM_IN)
		return false;
	if (stops && client_host_stops(c, r))
		return true;
	r->state = ROOM_RETRIES;
	r->settle_at = c->now + AGAIN_MS;
	client_room_event(c, r, EVENT_OCCUPANT, str_z(r->nick), "was lost, and comes back", STR_NONE);
	return true;
}

void client_room_forget(struct room *r)
{
	client_gone_clear(r);
	client_shown_clear(r);
	set_text(&r->subject, STR(""));
	xfree(TAKE(r->last_id));
	client_catch_up_drop(r);
	r->catching = r->no_archive = false;
}

/* By somebody, or by a rule of the room's. */
static bool is_put_out(const struct stanza *s)
{
	static const char *const codes[] = {"301", "307", "321", "322"};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (client_has_status(s, codes[i]))
			return true;
	return false;
}

/* True: it is the answer to one, and we have asked to be in again since. */
static bool answers_leave(struct room *r, const struct stanza *s)
{
	bool before = is_of_before(r), own = client_has_status(s, "110") || str_is(jid_resource(s->from), r->nick);

	if (!own || client_has_status(s, "303"))
		return false;
	r->leaving -= r->leaving > 0;
	r->left &= r->leaving > 0;
	if (!before || is_put_out(s) || client_has_status(s, "332") || client_has_status(s, "333"))
		return false;
	client_occupants_clear(r);
	client_room_forget(r);
	return true;
}

static void on_out(struct client *c, struct room *r, const struct stanza *s)
{
	if (answers_leave(r, s))
		return;
	if (!is_ours(r, s) || client_has_status(s, "303")) {
		client_occupant_gone(c, r, s);
		return;
	}
	r->settled = false;
	if (in_trouble(c, r, s))
		return;
	if (r->tries && client_host_awaited(r) && !is_put_out(s)) /* we have left what we made */
		return;
	r->state = ROOM_OUT;
	client_occupant_gone(c, r, s);
	client_occupants_clear(r);
	client_room_forget(r);
	client_unsay(c, r->jid);
}

/* The room lets us in, and our user was told already that we are not: it gave no answer for too long, or we were put out, and what
 * we had asked before that was on its way. */
static void on_too_late(struct client *c, struct room *r, const struct stanza *s)
{
	if (s->type == TYPE_UNAVAILABLE)
		answers_leave(r, s);
	else if (s->type == TYPE_AVAILABLE && client_has_status(s, "110")) {
		set_text(&r->nick, jid_resource(s->from));
		client_put_leave(c, r, STR_NONE);
	}
}

/* A room may say so without a presence that takes the old name away (210). */
static void on_own_presence(struct client *c, struct room *r, struct str nick)
{
	if (!str_is(nick, r->nick))
		client_occupant_renamed(c, r, nick);
	client_anew_note(r);
}

static void on_in(struct client *c, struct room *r, const struct stanza *s)
{
	bool ours = is_ours(r, s);

	client_occupant_seen(c, r, s);
	if (is_of_before(r))
		return;
	if (ours && client_room_joining(r))
		on_entered(c, r, s);
	else if (ours)
		on_own_presence(c, r, jid_resource(s->from));
}

bool client_on_room_presence(struct client *c, const struct stanza *s)
{
	struct room *r = jid_some(s->from) ? client_room(c, jid_bare_str(s->from)) : NULL;

	if (!r)
		return false;
	if (s->type == TYPE_ERROR)
		on_refused(c, r, s);
	else if (r->state == ROOM_OUT)
		on_too_late(c, r, s);
	else if (s->type == TYPE_UNAVAILABLE)
		on_out(c, r, s);
	else if (s->type == TYPE_AVAILABLE && s->from.resource)
		on_in(c, r, s);
	return true;
}

static void refuse_silent(struct client *c, const struct room *r)
{
	CLEANUP(buf_clear) struct buf what = {.max = 4096};

	client_label(c, str_z(r->jid), &what);
	client_refuse_doing(c, DOING_JOIN, buf_cstr(&what), NULL);
}

/* A presence is lost with the link to a peer that breaks just then. To ask twice does no harm. */
static void ask_again(struct client *c, struct room *r)
{
	if (r->state != ROOM_ASKED || !c->config.node || r->asked_twice || c->now < r->settle_at - ANSWER_MS + AGAIN_MS)
		return;
	r->asked_twice = true;
	client_room_enter(c, r, ROOM_ASKED);
}

void client_rooms_tick(struct client *c)
{
	struct room *r;
	uint32_t pos = 0;

	while ((r = map_next(&c->rooms, &pos))) {
		client_catch_up_tick(c, r);
		ask_again(c, r);
		if (r->settled || r->state == ROOM_OUT || r->state == ROOM_AWAITS || c->now < r->settle_at)
			continue;
		if (r->state == ROOM_IN || r->state == ROOM_RETRIES) {
			r->state == ROOM_IN ? client_room_settle(c, r) : client_room_enter(c, r, ROOM_RETURNS);
			continue;
		}
		enter_unsaid(c, r);
		if (r->state == ROOM_IN || client_host_waits(c, r, NULL))
			continue;
		r->state = ROOM_OUT;
		refuse_silent(c, r);
		client_unsay(c, r->jid);
	}
}

/* ---- what is said ---- */

static void on_subject(struct client *c, struct room *r, const struct said *m, struct str subject)
{
	struct client_event e = {.kind = EVENT_SUBJECT,
		.when = m->delayed ? m->when : 0,
		.delayed = m->delayed,
		.room = true,
		.conversation = str_z(r->jid),
		.who = jid_resource(m->from),
		.body = subject};
	bool changed = !str_eq(subject, str_z(r->subject ? r->subject : ""));

	/* Out of the archive: what it was once. */
	if (m->history || m->archived.n) {
		client_emit(c, &e);
		return;
	}
	if (!is_of_before(r))
		enter_unsaid(c, r);
	if (r->state != ROOM_IN)
		return;
	set_text(&r->subject, subject);
	set_text(&r->subject_by, e.who);
	if (changed)
		client_emit(c, &e);
	client_room_settle(c, r);
}

/* As we are called, or were when we said it: the room may have changed that since. Others see its number when the room has given it
 * to all, so after that only our name counts. */
static bool is_by_us(const struct room *r, const struct message *o, struct str nick)
{
	return str_is(nick, r->nick) || (o->state < MESSAGE_DELIVERED && o->nick && str_is(nick, o->nick));
}

/* True if it is the room's echo of what we said. */
static bool on_echo(struct client *c, struct room *r, const struct said *m)
{
	struct message *o = m->id.p ? client_message(c, m->id) : NULL;

	if (!o || !o->room || strcmp(o->conversation, r->jid) != 0 || !is_by_us(r, o, jid_resource(m->from)))
		return false;
	client_unwait(c, m->id);
	client_shown_note(c, r, m, str_z(o->body), true);
	if (!m->delayed && !r->catching)
		r->last = c->wall;
	client_enter_state(c, o, MESSAGE_DELIVERED, STR_NONE);
	if (o->take_back)
		client_take_back_said(c, r, m);
	o->take_back = false;
	return true;
}

/* What the forms have in them that ask moderators for voice (8.6), and admins for membership (9.9). */
struct request_form {
	struct buf type, nick, jid;
};

static void read_form(const struct said *m, uint32_t x, struct request_form *ret)
{
	const struct {
		const char *var;
		struct buf *to;
	} fields[] = {{"FORM_TYPE", &ret->type}, {"muc#roomnick", &ret->nick}, {"muc#register_roomnick", &ret->nick},
		{"muc#jid", &ret->jid}};
	CLEANUP(buf_clear) struct buf tmp = {.max = 4096};

	XML_EACH(f, m->t, x) {
		uint32_t value = xml_child(m->t, f, "value", NS_DATA);

		for (size_t i = 0; value && i < ARRAY_LEN(fields); i++) {
			if (!str_is(xml_attr(m->t, f, "var"), fields[i].var))
				continue;
			buf_reset(&tmp);
			buf_str(fields[i].to, xml_text(m->t, value, &tmp));
		}
	}
}

static void tell_request(struct client *c, struct room *r, const struct request_form *f)
{
	CLEANUP(buf_clear) struct buf how = {.max = 8 * JID_MAX};
	struct jid_buf j;

	if (str_is(buf_view(&f->type), NS_MUC_REQUEST)) {
		client_room_event(c, r, EVENT_OCCUPANT, buf_view(&f->nick), "asks for voice", STR_NONE);
	} else if (str_is(buf_view(&f->type), NS_MUC_REGISTER) && jid_parse_buf(buf_view(&f->jid), &j) == 0 &&
		j.jid.local) {
		struct str who = jid_bare_str(j.jid);

		buf_fmt(&how, "/member %.*s says yes, /affiliate %.*s none says no", STR_FMT(who), STR_FMT(who));
		client_room_event(c, r, EVENT_OCCUPANT, buf_view(&f->nick), "asks to be a member", buf_view(&how));
	}
}

static void on_form(struct client *c, struct room *r, const struct said *m, uint32_t x)
{
	struct request_form f = {.type = {.max = 4096}, .nick = {.max = 4096}, .jid = {.max = 4096}};

	read_form(m, x, &f);
	if (f.type.n && f.nick.n)
		tell_request(c, r, &f);
	buf_clear(&f.type);
	buf_clear(&f.nick);
	buf_clear(&f.jid);
}

static void on_words(struct client *c, struct room *r, const struct said *m, struct str body)
{
	struct client_event e = {.kind = EVENT_MESSAGE,
		.when = m->delayed ? m->when : 0,
		.delayed = m->delayed,
		.history = m->history || m->delayed,
		.own = str_is(jid_resource(m->from), r->nick),
		.room = true,
		.conversation = str_z(r->jid),
		.who = jid_resource(m->from),
		.verb = client_said_verb(m),
		.body = body,
		.id = m->id};

	if (!m->history && !m->delayed && !r->catching)
		r->last = c->wall;
	client_shown_note(c, r, m, body, e.own && !m->delayed);
	client_emit(c, &e);
}

void client_on_room_said(struct client *c, struct room *r, const struct said *m)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = TEXT_MAX};
	uint32_t form = xml_child(m->t, m->node, "x", NS_DATA);
	struct str body = STR("");
	bool has_body = xml_child(m->t, m->node, "body", NS_CLIENT) != XML_NONE;

	client_catch_up_note(c, r, m);
	if (client_said_text(m, "subject", &tmp, &body) && !has_body) {
		on_subject(c, r, m, body);
		return;
	}
	client_on_room_changed(c, r, m);
	if (form && !m->from.resource)
		on_form(c, r, m, form);
	if (client_shown_taken(c, r, m))
		return;
	buf_reset(&tmp);
	if (!client_said_text(m, "body", &tmp, &body) || !body.n)
		return;
	if (!m->history && on_echo(c, r, m))
		return;
	/* History that we have seen before the connection broke. */
	if (m->delayed && !m->history && !client_is_new(c, jid_str(m->from), m->id))
		return;
	if (!m->delayed && !m->history)
		client_is_new(c, jid_str(m->from), m->id);
	on_words(c, r, m, body);
}
