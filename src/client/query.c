/* IQs: ours, with those who wait for the answers, and those of others, which all get one. */
#include <stdlib.h>

#include "base/clock.h"
#include "client/client_i.h"

/* ---- ours ---- */

void client_pending_free(struct pending *p)
{
	xfree(p->to);
	xfree(p->about);
	xfree(p->extra);
	xfree(p);
}

int client_ask(struct client *c, const char *type, struct str to, struct str payload, pending_fn *on_answer,
	struct str about, struct str extra, unsigned number)
{
	CLEANUP(buf_clear) struct buf out = {.max = TEXT_MAX};
	struct pending *p;
	int err;

	if (c->state != CLIENT_ONLINE)
		return ERR_CLOSED;
	p = xcalloc(1, sizeof(*p));
	rand_token(p->id, 16);
	buf_fmt(&out, "<iq type='%s' id='%s'", type, p->id);
	xml_put_attr(&out, "to", to);
	buf_char(&out, '>');
	buf_str(&out, payload);
	buf_z(&out, "</iq>");
	p->to = str_dup(to);
	p->about = str_dup(about);
	p->extra = str_dup(extra);
	p->number = number;
	p->on_answer = on_answer;
	p->until = c->now + ANSWER_MS;
	err = !buf_ok(&out) ? ERR_LIMIT : map_add(&c->pending, p);
	if (!err)
		err = client_put(c, buf_view(&out));
	if (err) {
		if (map_find(&c->pending, str_z(p->id)) == p)
			map_remove(&c->pending, str_z(p->id));
		client_pending_free(p);
	}
	return err;
}

static void on_ordered(struct client *c, const struct pending *p, const struct stanza *s)
{
	if (s && s->type == TYPE_RESULT)
		client_say_event(c, EVENT_DONE, str_z(p->about));
	else
		client_refuse(c, p->about, s);
}

int client_order(struct client *c, struct str to, struct str payload, const char *what)
{
	return client_ask(c, "set", to, payload, on_ordered, str_z(what), STR_NONE, 0);
}

static void on_synced(struct client *c, const struct pending *p, const struct stanza *s)
{
	(void)c;
	(void)p;
	(void)s;
}

void client_sync(struct client *c)
{
	client_ask(c, "get", client_domain(c), STR("<ping xmlns='" NS_PING "'/>"), on_synced, STR_NONE, STR_NONE, 0);
}

/* Only the one who was asked may answer. */
static bool is_from(const struct client *c, const struct pending *p, const struct stanza *s)
{
	return p->to ? str_is(jid_str(s->from), p->to) || (client_is_own(c, s->from) && str_is(client_bare(c), p->to))
		     : client_is_own(c, s->from);
}

void client_on_answer(struct client *c, const struct stanza *s)
{
	struct pending *p = s->id.p ? map_find(&c->pending, s->id) : NULL;

	if (!p || !is_from(c, p, s))
		return;
	map_remove(&c->pending, s->id);
	p->on_answer(c, p, s);
	client_pending_free(p);
}

static struct pending *find_expired(const struct client *c, bool all)
{
	struct pending *p;
	uint32_t pos = 0;

	while ((p = map_next(&c->pending, &pos)))
		if (all || p->until <= c->now)
			return p;
	return NULL;
}

void client_expire(struct client *c, bool all)
{
	struct pending *p;

	for (unsigned i = 0; i < PENDING_MAX && (p = find_expired(c, all)); i++) {
		map_remove(&c->pending, str_z(p->id));
		p->on_answer(c, p, NULL);
		client_pending_free(p);
	}
}

unsigned client_pending(const struct client *c)
{
	unsigned n = c->pending.n;
	struct room *r;
	uint32_t pos = 0;

	while ((r = map_next(&c->rooms, &pos)))
		n += client_room_joining(r) && !client_room_retries(r); /* who waits for a host has asked for nothing */
	return n;
}

/* ---- of others ---- */

static void answer_ping(const struct client *c, struct buf *out)
{
	(void)c;
	(void)out;
}

static void answer_version(const struct client *c, struct buf *out)
{
	buf_z(out, "<query xmlns='" NS_VERSION "'><name>Wireside</name>");
	xml_put_text(out, "version", str_z(c->config.version));
	buf_z(out, "</query>");
}

static void answer_time(const struct client *c, struct buf *out)
{
	int m = c->config.utc_offset;

	buf_fmt(out, "<time xmlns='" NS_TIME "'><tzo>%c%02d:%02d</tzo><utc>", m < 0 ? '-' : '+', abs(m) / 60,
		abs(m) % 60);
	clock_format(out, c->wall);
	buf_z(out, "</utc></time>");
}

static void answer_info(const struct client *c, struct buf *out)
{
	(void)c;
	client_put_features(out);
}

static void answer_items(const struct client *c, struct buf *out)
{
	(void)c;
	buf_z(out, "<query xmlns='" NS_DISCO_ITEMS "'/>");
}

static const struct {
	const char *name, *ns;
	void (*answer)(const struct client *c, struct buf *out);
} questions[] = {
	{"ping", NS_PING, answer_ping},
	{"query", NS_VERSION, answer_version},
	{"time", NS_TIME, answer_time},
	{"query", NS_DISCO_INFO, answer_info},
	{"query", NS_DISCO_ITEMS, answer_items},
};

static bool answer(const struct client *c, const struct stanza *s, struct buf *out)
{
	uint32_t q = stanza_payload(s);

	for (size_t i = 0; q && s->type == TYPE_GET && i < ARRAY_LEN(questions); i++) {
		if (!xml_is(&s->tree, q, questions[i].name, questions[i].ns))
			continue;
		questions[i].answer(c, out);
		return true;
	}
	return false;
}

static void reply(struct client *c, const struct stanza *s, const char *type, struct str inside)
{
	CLEANUP(buf_clear) struct buf out = {.max = TEXT_MAX};

	buf_fmt(&out, "<iq type='%s'", type);
	xml_put_attr(&out, "to", jid_str(s->from));
	xml_put_attr(&out, "id", s->id);
	buf_char(&out, '>');
	buf_str(&out, inside);
	buf_z(&out, "</iq>");
	if (buf_ok(&out))
		client_put(c, buf_view(&out));
}

void client_on_question(struct client *c, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf inside = {.max = 65536};
	uint32_t q = stanza_payload(s);

	if (q && s->type == TYPE_SET && xml_is(&s->tree, q, "query", NS_ROSTER) && client_is_own(c, s->from)) {
		client_on_roster(c, s);
		reply(c, s, "result", STR(""));
	} else if (answer(c, s, &inside)) {
		reply(c, s, "result", buf_view(&inside));
	} else {
		xerr_write(&inside, xerr(XERR_SERVICE_UNAVAILABLE));
		reply(c, s, "error", buf_view(&inside));
	}
}
