#include "tests/sim/client.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "link/mem.h"
#include "xmpp/ns.h"

enum { READ_SIZE = 4096, OUT_MAX = 16 << 20 };

/* More than the server allows a client: what it sends is longer than what it got. */
static const struct xml_limits limits = {.stanza = 4 << 20, .depth = 100, .attrs = 100, .name = 1024, .nodes = 65536};
static struct xml_scratch *scratch; /* shared by all clients, freed with the last */
static unsigned users;

/* ---- the end of a connection ---- */

static void on_drop(struct defer *d) { link_free(&CONTAINER_OF(d, struct client, drop)->dropped); }

/* The link may be in a call right now, so it is freed at the end of the turn. */
static void forget_link(struct client *c)
{
	xml_parser_free(&c->parser);
	buf_clear(&c->out);
	c->cable = NULL;
	c->state = CLIENT_DOWN;
	c->fuse_in = c->fuse_out = -1;
	c->deaf = false;
	if (!c->link)
		return;
	link_watch(c->link, 0, NULL, NULL);
	link_free(&c->dropped);
	c->dropped = TAKE(c->link);
	loop_defer(c->stage->loop, &c->drop);
}

/* The session is of no use any more. */
static void end_life(struct client *c)
{
	struct client_sent *sent = TAKE(c->sent);
	uint32_t n = c->sent_n;

	if (!c->alive)
		return;
	c->alive = c->keeping = false;
	c->token[0] = '\0';
	c->sent_n = c->sent_cap = 0;
	c->ops->on_life_over(c);
	c->counting = false;
	for (uint32_t i = 0; i < n; i++) {
		c->ops->on_unsure(c, sent[i].tag);
		xfree(sent[i].text);
	}
	xfree(sent);
}

static void go_down(struct client *c, enum client_end end)
{
	bool closing = c->state == CLIENT_CLOSING;

	c->end = end;
	forget_link(c);
	if (!c->token[0] || closing || end != END_CUT)
		end_life(c);
	c->ops->on_down(c, end);
}

void client_cut(struct client *c)
{
	if (!c->link)
		return;
	mem_link_cut(c->cable);
	go_down(c, END_CUT);
}

/* ---- output ---- */

static void on_ready(void *arg, int events);

static void watch(struct client *c)
{
	int events = (c->deaf ? 0 : WATCH_READ) | (c->out.n ? WATCH_WRITE : 0);

	link_watch(c->link, events, on_ready, c);
}

static void flush(struct client *c)
{
	while (c->link && c->out.n) {
		size_t most = c->fuse_out >= 0 && (size_t)c->fuse_out < c->out.n ? (size_t)c->fuse_out : c->out.n;
		int n = most ? link_send(c->link, c->out.p, most) : 0;

		if (n == ERR_AGAIN)
			break;
		if (n < 0 || !most) {
			client_cut(c);
			return;
		}
		buf_eat(&c->out, (size_t)n);
		if (c->fuse_out >= 0)
			c->fuse_out -= n;
	}
	if (c->link)
		watch(c);
}

void client_raw(struct client *c, struct str text)
{
	if (!c->link)
		return;
	buf_str(&c->out, text);
	must(buf_ok(&c->out));
	flush(c);
}

static void raw_z(struct client *c, const char *z) { client_raw(c, str_z(z)); }

static void raw_fmt(struct client *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void raw_fmt(struct client *c, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	raw_z(c, text);
}

static void keep(struct client *c, struct str text, uint64_t tag)
{
	if (c->sent_n == c->sent_cap) {
		c->sent_cap = c->sent_cap ? 2 * c->sent_cap : 16;
		c->sent = xrealloc(c->sent, c->sent_cap * sizeof(*c->sent));
	}
	c->sent[c->sent_n++] = (struct client_sent){.tag = tag, .text = str_dup(text)};
}

void client_send(struct client *c, struct str text, uint64_t tag)
{
	if (c->keeping)
		keep(c, text, tag);
	if (c->state == CLIENT_ON)
		client_raw(c, text);
}

void client_fmt(struct client *c, uint64_t tag, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	must(n >= 0 && n < (int)sizeof(text));
	client_send(c, (struct str){text, (size_t)n}, tag);
}

void client_ask(struct client *c)
{
	if (c->state == CLIENT_ON && c->counting)
		raw_z(c, "<r xmlns='" NS_SM "'/>");
}

void client_ack(struct client *c)
{
	if (c->state != CLIENT_ON || !c->counting)
		return;
	c->said = c->received;
	raw_fmt(c, "<a xmlns='" NS_SM "' h='%u'/>", c->received);
}

/* ---- counting ---- */

/* The server has h stanzas of ours. A server that says less than before, or more than there are, is broken. */
static void acknowledged(struct client *c, uint64_t h)
{
	uint32_t n = (uint32_t)h - c->sent_acked;

	if (n > c->sent_n) {
		fprintf(stderr, "%s: the server acknowledges %llu, but %u were sent and %u acknowledged\n", c->jid,
			(unsigned long long)h, c->sent_acked + c->sent_n, c->sent_acked);
		must(!"a wrong acknowledgement");
	}
	for (uint32_t i = 0; i < n; i++) {
		c->ops->on_acked(c, c->sent[i].tag);
		xfree(c->sent[i].text);
	}
	memmove(c->sent, c->sent + n, (c->sent_n - n) * sizeof(*c->sent));
	c->sent_n -= n;
	c->sent_acked += n;
}

static uint64_t number(const struct xml_tree *t, const char *attr)
{
	uint64_t n = UINT64_MAX;

	must(str_uint(xml_attr(t, XML_ROOT, attr), UINT32_MAX, &n) == 0);
	return n;
}

/* ---- logging in ---- */

static void open_stream(struct client *c)
{
	raw_fmt(c,
		"<?xml version='1.0'?><stream:stream to='%s' version='1.0' xmlns='" NS_CLIENT
		"' xmlns:stream='" NS_STREAM "'>",
		c->domain ? c->domain : STAGE_DOMAIN);
}

static void login(struct client *c)
{
	CLEANUP(buf_clear) struct buf text = {0};
	char plain[64];
	int n = snprintf(plain, sizeof(plain), "%c%s%csecret", 0, c->user, 0);

	buf_init(&text, 1024);
	buf_z(&text, "<auth xmlns='" NS_SASL "' mechanism='PLAIN'>");
	b64_encode(&text, plain, (size_t)n);
	buf_z(&text, "</auth>");
	client_raw(c, buf_view(&text));
	c->step = STEP_SUCCESS;
}

static void bind_resource(struct client *c)
{
	c->step = STEP_BOUND;
	raw_z(c, "<iq type='set' id='bind'><bind xmlns='" NS_BIND "'>");
	if (c->resource[0])
		raw_fmt(c, "<resource>%s</resource>", c->resource);
	raw_z(c, "</bind></iq>");
}

static void resume_or_bind(struct client *c)
{
	if (!c->alive || !c->token[0]) {
		bind_resource(c);
		return;
	}
	c->step = STEP_RESUMED;
	c->said = c->received;
	raw_fmt(c, "<resume xmlns='" NS_SM "' previd='%s' h='%u'/>", c->token, c->received);
}

static void enter_session(struct client *c, bool resumed)
{
	c->state = CLIENT_ON;
	c->step = STEP_DONE;
	c->ops->on_session(c, resumed);
}

static void on_bound(struct client *c, const struct xml_tree *t)
{
	uint32_t bind = xml_child(t, XML_ROOT, "bind", NS_BIND);
	uint32_t jid = bind == XML_NONE ? XML_NONE : xml_child(t, bind, "jid", NS_BIND);
	struct buf tmp;

	if (jid == XML_NONE) { /* refused: the store is failing, or there are too many */
		client_cut(c);
		return;
	}
	buf_init(&tmp, 1024);
	snprintf(c->jid, sizeof(c->jid), "%.*s", STR_FMT(xml_text(t, jid, &tmp)));
	buf_clear(&tmp);
	end_life(c);
	c->life++;
	c->alive = true;
	c->received = c->said = c->sent_acked = 0;
	c->ops->on_bound(c);
	if (c->use_sm) {
		c->step = STEP_ENABLED;
		c->keeping = true;
		raw_z(c, "<enable xmlns='" NS_SM "' resume='true'/>");
	}
	if (c->link && (!c->use_sm || c->eager))
		enter_session(c, false);
}

static void on_enabled(struct client *c, const struct xml_tree *t)
{
	struct str id = xml_attr(t, XML_ROOT, "id");

	must(id.n > 0 && id.n < sizeof(c->token));
	snprintf(c->token, sizeof(c->token), "%.*s", STR_FMT(id));
	c->counting = true;
	c->received = 0;
	if (c->state == CLIENT_LOGIN)
		enter_session(c, false);
}

static void on_resumed(struct client *c, const struct xml_tree *t)
{
	must(str_eq(xml_attr(t, XML_ROOT, "previd"), str_z(c->token)));
	acknowledged(c, number(t, "h"));
	for (uint32_t i = 0; i < c->sent_n && c->link; i++)
		raw_z(c, c->sent[i].text);
	if (c->link)
		enter_session(c, true);
}

static void on_not_resumed(struct client *c, const struct xml_tree *t)
{
	if (xml_attr(t, XML_ROOT, "h").p)
		acknowledged(c, number(t, "h"));
	c->token[0] = '\0';
	end_life(c);
	bind_resource(c);
}

static void in_login(struct client *c, const struct xml_tree *t)
{
	switch (c->step) {
	case STEP_FEATURES:
		must(xml_is(t, XML_ROOT, "features", NS_STREAM));
		login(c);
		return;
	case STEP_SUCCESS:
		if (!xml_is(t, XML_ROOT, "success", NS_SASL)) { /* the keys could not be read */
			client_cut(c);
			return;
		}
		xml_parser_reset(c->parser);
		c->step = STEP_FEATURES_AGAIN;
		open_stream(c);
		return;
	case STEP_FEATURES_AGAIN:
		must(xml_is(t, XML_ROOT, "features", NS_STREAM));
		resume_or_bind(c);
		return;
	case STEP_RESUMED:
		if (xml_is(t, XML_ROOT, "resumed", NS_SM))
			on_resumed(c, t);
		else
			on_not_resumed(c, t);
		return;
	case STEP_BOUND:
		on_bound(c, t);
		return;
	case STEP_ENABLED:
	case STEP_DONE:
		return;
	}
}

/* ---- in a session ---- */

static void on_sm(struct client *c, const struct xml_tree *t)
{
	if (xml_is(t, XML_ROOT, "enabled", NS_SM))
		on_enabled(c, t);
	else if (xml_is(t, XML_ROOT, "a", NS_SM))
		acknowledged(c, number(t, "h"));
	else if (xml_is(t, XML_ROOT, "r", NS_SM) && c->ack_all)
		client_ack(c);
}

static void on_stream_error(struct client *c, const struct xml_tree *t)
{
	snprintf(c->error, sizeof(c->error), "%.*s", STR_FMT(xml_name(t, xml_first(t, XML_ROOT))));
	go_down(c, END_ERROR);
}

static void on_element(struct client *c, const struct xml_tree *t)
{
	if (xml_is(t, XML_ROOT, "error", NS_STREAM)) {
		on_stream_error(c, t);
	} else if (c->state == CLIENT_LOGIN && c->step < STEP_ENABLED) {
		in_login(c, t);
	} else if (str_is(xml_ns(t, XML_ROOT), NS_SM)) {
		on_sm(c, t);
	} else if (c->state != CLIENT_CLOSING || !c->counting) {
		/* What is counted and comes after our </stream:stream> is never acknowledged, so the server keeps it: it must
		 * not be used. */
		c->received += c->counting;
		c->ops->on_stanza(c, t);
	}
}

static void on_bytes(struct client *c, struct str in)
{
	struct xml_tree t;

	while (in.n && c->link) {
		enum xml_event event = xml_parse(c->parser, &in, &t);

		if (event == XML_MORE)
			return;
		if (event == XML_STANZA)
			on_element(c, &t);
		else if (event == XML_END)
			go_down(c, c->state == CLIENT_CLOSING ? END_CLOSED : END_ERROR);
		else
			must(event == XML_OPEN);
	}
}

static void read_all(struct client *c)
{
	char bytes[READ_SIZE];

	while (c->link && !c->deaf) {
		size_t most = c->fuse_in >= 0 && c->fuse_in < READ_SIZE ? (size_t)c->fuse_in : READ_SIZE;
		int n = most ? link_recv(c->link, bytes, most) : ERR_CLOSED;

		if (n == ERR_AGAIN)
			return;
		if (n <= 0) {
			client_cut(c);
			return;
		}
		if (c->fuse_in >= 0)
			c->fuse_in -= n;
		on_bytes(c, (struct str){bytes, (size_t)n});
	}
}

static void on_ready(void *arg, int events)
{
	struct client *c = arg;

	if (events & WATCH_WRITE)
		flush(c);
	if (c->link && events & WATCH_READ)
		read_all(c);
}

/* ---- what the owner does ---- */

void client_init(struct client *c, struct stage *s, const char *user, const char *resource)
{
	*c = (struct client){.stage = s, .fuse_in = -1, .fuse_out = -1, .ack_all = true, .capacity = 65536};
	snprintf(c->user, sizeof(c->user), "%s", user);
	snprintf(c->resource, sizeof(c->resource), "%s", resource);
	c->drop.run = on_drop;
	buf_init(&c->out, OUT_MAX);
	if (users++ == 0)
		scratch = xml_scratch_new();
}

void client_clear(struct client *c)
{
	forget_link(c);
	loop_undefer(&c->drop);
	link_free(&c->dropped);
	for (uint32_t i = 0; i < c->sent_n; i++)
		xfree(c->sent[i].text);
	xfree(TAKE(c->sent));
	if (--users == 0)
		xml_scratch_free(&scratch);
}

bool client_dial(struct client *c)
{
	must(c->state == CLIENT_DOWN && !c->link);
	c->link = stage_connect(c->stage, c->capacity, c->trickle, &c->cable);
	if (!c->link)
		return false;
	if (c->give_up)
		end_life(c);
	c->give_up = false;
	c->parser = xml_parser_new(scratch, XML_STREAM, &limits);
	c->state = CLIENT_LOGIN;
	c->step = STEP_FEATURES;
	c->error[0] = '\0';
	watch(c);
	open_stream(c);
	return true;
}

void client_close(struct client *c)
{
	if (c->state != CLIENT_ON)
		return;
	client_ack(c);
	if (c->state != CLIENT_ON) /* the cable was cut at this byte */
		return;
	c->state = CLIENT_CLOSING;
	raw_z(c, "</stream:stream>");
}

void client_set_deaf(struct client *c, bool deaf)
{
	if (!c->link)
		return;
	c->deaf = deaf;
	watch(c);
}

struct link *client_abandon(struct client *c, struct link **ret_cable)
{
	struct link *link = TAKE(c->link);

	if (!link)
		return NULL;
	*ret_cable = c->cable;
	link_watch(link, 0, NULL, NULL);
	go_down(c, END_CUT);
	return link;
}
