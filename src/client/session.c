/* The stream of a client: what the opening and the parser say, and what becomes of a session whose connection breaks. */
#include "client/client_i.h"

static const struct xml_limits limits = {.stanza = 4 << 20, .depth = 64, .attrs = 64, .name = 512, .nodes = 1 << 17};

static struct str message_key(const void *item) { return str_z(((const struct message *)item)->id); }
static struct str pending_key(const void *item) { return str_z(((const struct pending *)item)->id); }
static struct str contact_key(const void *item) { return str_z(((const struct contact *)item)->jid); }
static struct str room_key(const void *item) { return str_z(((const struct room *)item)->jid); }
static struct str talk_key(const void *item) { return str_z(((const struct talk *)item)->jid); }

/* ---- life ---- */

static void copy_config(struct client_config *to, const struct client_config *from)
{
	struct str *const texts[] = {&to->domain, &to->user, &to->password, &to->resource, &to->known_as};

	*to = *from;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		*texts[i] = str_z(str_dup(*texts[i]));
	to->version = xstrdup(from->version ? from->version : "");
}

struct client *client_new(const struct client_config *config, client_event_fn *on_event, void *arg)
{
	struct client *c = xcalloc(1, sizeof(*c));

	copy_config(&c->config, config);
	c->on_event = on_event;
	c->arg = arg;
	c->scratch = xml_scratch_new();
	buf_init(&c->out, OUT_MAX);
	list_init(&c->unacked);
	list_init(&c->waiting);
	list_init(&c->message_order);
	list_init(&c->archive.histories);
	map_init(&c->messages, message_key, MESSAGES_MAX);
	map_init(&c->pending, pending_key, PENDING_MAX);
	map_init(&c->contacts, contact_key, CONTACTS_MAX);
	map_init(&c->rooms, room_key, ROOMS_MAX);
	map_init(&c->talks, talk_key, TALKS_MAX);
	return c;
}

static void free_config(struct client_config *k)
{
	if (k->password.p)
		mem_wipe((char *)k->password.p, k->password.n);
	xfree((char *)k->domain.p);
	xfree((char *)k->user.p);
	xfree((char *)k->known_as.p);
	xfree((char *)k->password.p);
	xfree((char *)k->resource.p);
	xfree((char *)k->version);
}

void client_free(struct client **client)
{
	struct client *c = TAKE(*client);
	struct pending *p;
	uint32_t pos = 0;

	if (!c)
		return;
	while ((p = map_next(&c->pending, &pos)))
		client_pending_free(p);
	map_clear(&c->pending);
	client_send_clear(c);
	client_messages_clear(c);
	client_talks_clear(c);
	client_roster_clear(c);
	client_rooms_clear(c);
	client_invited_clear(c);
	client_histories_clear(c);
	buf_clear(&c->found.text);
	opening_free(&c->opening);
	xml_parser_free(&c->parser);
	xml_scratch_free(&c->scratch);
	buf_clear(&c->out);
	free_config(&c->config);
	xfree(c->token);
	xfree(c->jid);
	xfree(c->last_error);
	xfree(c->show);
	xfree(c->text);
	xfree(c->found.service);
	xfree(c->archive.last);
	xfree(c);
}

void client_time(struct client *c, int64_t now, int64_t wall)
{
	c->now = now;
	c->wall = wall;
}

struct buf *client_out(struct client *c) { return &c->out; }
bool client_online(const struct client *c) { return c->state == CLIENT_ONLINE; }
void client_give_up(struct client *c) { c->back = RETURN_USELESS; }
bool client_final(const struct client *c) { return c->back == RETURN_USELESS; }
bool client_stopped(const struct client *c) { return c->back == RETURN_LATER; }
struct str client_domain(const struct client *c) { return c->config.domain; }
struct str client_bare(const struct client *c) { return c->jid ? jid_bare_str(jid_view(str_z(c->jid))) : STR(""); }
struct str client_jid(const struct client *c) { return client_bare(c); }

/* ---- connections ---- */

void client_connected(struct client *c, const struct stream_channel *ch)
{
	struct opening_config k = {.domain = c->config.domain,
		.user = c->config.user,
		.password = c->config.password,
		.resource = c->config.resource,
		.previd = str_z(c->token),
		.h = c->handled,
		.external = c->config.external,
		.trusted_channel = c->config.trusted_channel};

	must(c->state == CLIENT_OFFLINE);
	c->state = CLIENT_OPENING;
	c->channel = ch;
	c->parser = xml_parser_new(c->scratch, XML_STREAM, &limits);
	c->opening = opening_new(&k);
	c->heard = c->now;
	c->asked = c->unasked = false;
	c->back = RETURN_USEFUL;
	buf_reset(&c->out);
	opening_start(c->opening, &c->out);
}

void client_secured(struct client *c)
{
	xml_parser_reset(c->parser);
	opening_secured(c->opening, &c->out);
}

void client_lost(struct client *c, struct str why)
{
	struct client_event e = {.kind = EVENT_OFFLINE, .body = why, .final = client_final(c)};

	if (c->state == CLIENT_OFFLINE)
		return;
	if (!why.n && c->last_error)
		e.body = str_z(c->last_error);
	c->state = CLIENT_OFFLINE;
	c->channel = NULL;
	opening_free(&c->opening);
	xml_parser_free(&c->parser);
	buf_clear(&c->out);
	if (!c->closing)
		client_emit(c, &e);
	c->closing = false;
	xfree(TAKE(c->last_error));
}

/* Remembers why, for client_lost(). */
static enum client_need ended(struct client *c)
{
	enum opening_failure f = opening_failure(c->opening);
	struct str text = opening_text(c->opening);
	CLEANUP(buf_clear) struct buf why = {.max = 4096};

	buf_z(&why, opening_failure_name(f));
	if (text.n)
		buf_fmt(&why, " (%.*s)", STR_FMT(text));
	c->back = opening_is_final(c->opening) ? RETURN_USELESS : RETURN_USEFUL;
	if (f == OPENING_STREAM && str_starts(text, STR("system-shutdown"))) {
		c->back = RETURN_LATER;
		buf_reset(&why);
		buf_z(&why,
			c->config.node ? "this machine's node was stopped; /start starts it again"
				       : "the server is being stopped");
	}
	set_text(&c->last_error, buf_view(&why));
	/* After these the server has forgotten the session. */
	if (f == OPENING_STREAM || f == OPENING_OK)
		xfree(TAKE(c->token));
	return CLIENT_CLOSE;
}

/* ---- sessions ---- */

static void tell_online(struct client *c, bool resumed)
{
	struct client_event e = {.kind = EVENT_ONLINE,
		.who = str_z(c->jid),
		.label = c->config.known_as,
		.body = resumed ? STR("resumed") : STR("")};

	c->state = CLIENT_ONLINE;
	c->back = RETURN_USEFUL;
	client_emit(c, &e);
}

static void on_bound(struct client *c)
{
	if (opening_has_h(c->opening) && c->token)
		client_acked(c, opening_h(c->opening));
	client_requeue(c);
	set_text(&c->token, opening_token(c->opening));
	set_text(&c->jid, opening_jid(c->opening));
	c->handled = c->acked = 0;
	client_expire(c, true);
	client_forget_presence(c);
	client_rooms_lost(c);
	c->state = CLIENT_ONLINE;
	client_ask_roster(c);
	client_put_presence(c, STR_NONE, STR_NONE);
	client_discover(c);
	client_rejoin(c);
	client_release(c, NULL);
	tell_online(c, false);
}

static enum client_need on_resumed(struct client *c)
{
	if (!client_acked(c, opening_h(c->opening))) {
		xfree(TAKE(c->token)); /* its numbers are not ours: a new session is the only way */
		opening_close(c->opening, &c->out);
		return ended(c);
	}
	c->state = CLIENT_ONLINE;
	client_rewrite(c);
	client_rooms_leave(c);
	client_release(c, NULL);
	tell_online(c, true);
	return CLIENT_FINE;
}

static enum client_need on_ack(struct client *c)
{
	c->asked = false;
	if (client_acked(c, opening_h(c->opening)))
		return CLIENT_FINE;
	xfree(TAKE(c->token));
	opening_close(c->opening, &c->out);
	return ended(c);
}

static void on_stanza(struct client *c, const struct xml_tree *t)
{
	struct stanza *s = NULL;

	c->handled++;
	/* What has no form that we know is counted and passed over: the server lets it through, not we. */
	if (stanza_new(t, STR(NS_CLIENT), JID_NONE, STR_NONE, &s) == 0)
		client_on_stanza(c, s);
	stanza_free(&s);
}

static enum client_need act(struct client *c, enum opening_action a, const struct xml_tree *t)
{
	switch (a) {
	case OPENING_START_TLS:
		return CLIENT_START_TLS;
	case OPENING_RESTART:
		xml_parser_reset(c->parser);
		return CLIENT_FINE;
	case OPENING_WORK:
		return CLIENT_WORK;
	case OPENING_BOUND:
		on_bound(c);
		return CLIENT_FINE;
	case OPENING_RESUMED:
		return on_resumed(c);
	case OPENING_STANZA:
		on_stanza(c, t);
		return CLIENT_FINE;
	case OPENING_ACK:
		return on_ack(c);
	case OPENING_ACK_WANTED:
		buf_fmt(&c->out, "<a xmlns='" NS_SM "' h='%u'/>", c->handled);
		return CLIENT_FINE;
	case OPENING_END:
		return ended(c);
	case OPENING_GO_ON:
		return CLIENT_FINE;
	}
	return CLIENT_FINE;
}

static enum opening_action feed(struct client *c, enum xml_event e, const struct xml_tree *t)
{
	if (e == XML_OPEN)
		return opening_on_open(c->opening, t, &c->out);
	if (e == XML_STANZA)
		return opening_on_element(c->opening, t, c->channel, &c->out);
	if (e == XML_END)
		return opening_on_end(c->opening, &c->out);
	return opening_on_bad_xml(c->opening, &c->out);
}

enum client_need client_bytes(struct client *c, struct str *in)
{
	enum client_need need = CLIENT_FINE;

	if (in->n)
		c->heard = c->now;
	while (in->n && need == CLIENT_FINE) {
		struct xml_tree t;
		enum xml_event e = xml_parse(c->parser, in, &t);

		if (e == XML_MORE)
			break;
		/* Behind the end there is nothing to read; a stream that we have ended goes on until the other end has. */
		if (e != XML_OPEN && e != XML_STANZA)
			*in = STR("");
		need = act(c, feed(c, e, &t), &t);
	}
	/* What was sent in the clear behind <proceed/> is somebody else's. */
	if (need == CLIENT_START_TLS)
		*in = STR("");
	if (need == CLIENT_FINE && !buf_ok(&c->out)) {
		set_text(&c->last_error, STR("the server does not read"));
		need = CLIENT_CLOSE;
	}
	return need;
}

void client_work(struct client *c) { opening_work(c->opening); }

enum client_need client_worked(struct client *c) { return act(c, opening_worked(c->opening, &c->out), NULL); }

void client_flush(struct client *c)
{
	if (c->state != CLIENT_ONLINE || !c->unasked || c->asked || !opening_counts(c->opening))
		return;
	buf_z(&c->out, "<r xmlns='" NS_SM "'/>");
	c->asked = true;
	c->unasked = false;
}

/* A server that has said nothing for a while is asked; one that does not answer is gone. */
static enum client_need watch_silence(struct client *c)
{
	int64_t quiet = c->now - c->heard;

	if (quiet > QUIET_MS + DEAD_MS) {
		set_text(&c->last_error, STR("the server does not answer"));
		return CLIENT_CLOSE;
	}
	if (quiet > QUIET_MS && c->state == CLIENT_ONLINE && !c->asked) {
		if (opening_counts(c->opening))
			buf_z(&c->out, "<r xmlns='" NS_SM "'/>");
		else
			buf_char(&c->out, ' ');
		c->asked = true;
	}
	return CLIENT_FINE;
}

enum client_need client_tick(struct client *c)
{
	client_expire(c, false);
	if (c->state == CLIENT_OFFLINE)
		return CLIENT_FINE;
	client_messages_tick(c);
	client_rooms_tick(c);
	client_list_tick(c);
	client_flush(c);
	return watch_silence(c);
}

void client_close(struct client *c)
{
	if (c->state == CLIENT_OFFLINE)
		return;
	c->closing = true;
	if (c->state == CLIENT_ONLINE)
		buf_z(&c->out, "<presence type='unavailable'/>");
	opening_close(c->opening, &c->out);
	ended(c);
	xfree(TAKE(c->token));
}
