/* What the node tells its user's clients in headlines: lines for people, which programs can read, too, and what only programs
 * read. What lasts is in the index table, and our user is reminded of it when he comes as long as he has not decided about it; other
 * lines that nobody was there to hear wait for him in memory, the last of each kind about each peer. Nobody hears where all clients
 * have lost their connections and may come back, or may have been killed; and what was on its way to one that does not come
 * back, which has not acknowledged it, was not heard either. */
#include "peer/peers_i.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "xml/write.h"

/* text: NULL: not for people. time: when it was said; it may come back unheard, long after. What is between begin() and end() are
 * further attributes of the event. */
static void begin(struct packet_writer *w, struct peers *ps, const char *kind, const char *text, int64_t time)
{
	struct packet_head head = {.kind = STANZA_MESSAGE,
		.type = TYPE_HEADLINE,
		.from = str_z(ps->domain),
		.to = jid_bare_str(ps->self)};

	packet_begin(w, &head);
	if (text)
		xml_put_text(&w->out, "body", str_z(text));
	xml_put_open(&w->out, "event", NS_EVENT);
	xml_put_attr(&w->out, "kind", str_z(kind));
	if (!text)
		return;
	buf_z(&w->out, " stamp='");
	clock_format(&w->out, time);
	buf_char(&w->out, '\'');
}

static void put_peer(struct packet_writer *w, const struct peer *p)
{
	xml_put_attr(&w->out, "peer", str_z(p->label));
	xml_put_attr(&w->out, "jid", jid_str(p->entity.jid));
}

/* since: when it was to be told; 0: now. */
static void end(struct packet_writer *w, struct peers *ps, int64_t since)
{
	struct packet *packet;
	struct stanza *s;

	buf_z(&w->out, "/>");
	if (since) {
		xml_put_open(&w->out, "delay", NS_DELAY);
		xml_put_attr(&w->out, "from", str_z(ps->domain));
		buf_z(&w->out, " stamp='");
		clock_format(&w->out, since);
		buf_z(&w->out, "'/>");
	}
	packet = packet_end(w);
	if (packet && packet_parse(packet, JID_NONE, &s) == 0)
		core_send(peers_core(ps), &s);
	packet_unref(&packet);
}

/* ---- what nobody has heard ---- */

/* Of these our user is reminded by whoever knows that they still hold. */
static bool is_reminded_of(const char *kind)
{
	static const char *const kinds[] = {"request", "changed", "plaintext", "network", "secrets"};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kind, kinds[i]) == 0)
			return true;
	return false;
}

static void untold_clear(struct untold *u)
{
	xfree(u->kind);
	xfree(u->text);
	xfree(u->label);
	xfree(u->jid);
}

static void forget(struct peers *ps, unsigned i)
{
	untold_clear(&ps->untold[i]);
	ps->untold_n--;
	memmove(&ps->untold[i], &ps->untold[i + 1], (ps->untold_n - i) * sizeof(*ps->untold));
}

/* One who makes many of them takes one place, of which the last counts, whatever the order in which they come back. label, jid: of
 * whom it is; absent: nobody. time: when it was said. */
static void keep(struct peers *ps, const char *kind, struct str label, struct str jid, const char *text, int64_t time)
{
	unsigned i = 0;

	while (i < ps->untold_n && (strcmp(ps->untold[i].kind, kind) != 0 || !str_eq(str_z(ps->untold[i].jid), jid)))
		i++;
	/* What is said now is the last, even if the clock was put back. */
	if (i < ps->untold_n && ps->untold[i].time > time && time < core_wall(peers_core(ps)))
		return;
	if (i < ps->untold_n)
		forget(ps, i);
	else if (ps->untold_n == UNTOLD_MAX)
		forget(ps, 0);
	ps->untold[ps->untold_n++] = (struct untold){.kind = xstrdup(kind),
		.text = xstrdup(text),
		.label = jid.n ? str_dup(label) : NULL,
		.jid = jid.n ? str_dup(jid) : NULL,
		.time = time};
}

static void tell_untold(struct peers *ps)
{
	for (unsigned i = 0; i < ps->untold_n; i++) {
		const struct untold *u = &ps->untold[i];
		struct packet_writer w;

		begin(&w, ps, u->kind, u->text, u->time);
		if (u->jid) {
			xml_put_attr(&w.out, "peer", str_z(u->label));
			xml_put_attr(&w.out, "jid", str_z(u->jid));
		}
		end(&w, ps, u->time);
	}
	notice_clear(ps);
}

static void remind(struct peers *ps)
{
	unsigned more;

	/* Who comes after it was noticed would wait in vain for somebody to be seen. */
	if (ps->no_network)
		notice(ps, "network", NULL, "%s", ps->network);
	more = inbound_remind(ps) + changed_remind(ps);
	if (more) /* keys cost nothing, and whoever makes a thousand shall not fill the screen each time */
		notice(ps, "more", NULL, "and %u more are to be decided on; /peers shows them", more);
	dial_remind(ps);
}

/* Somebody is there who hears it now. A client that has lost its connection and is expected back is not. */
static bool is_heard(const struct peers *ps)
{
	const struct session *s;
	bool any = false;

	for (uint32_t pos = 0; ps->available && (s = core_next_session(peers_core(ps), &pos));) {
		if (s->ops->is_link || !session_alive(s))
			continue;
		if (s->state == SESSION_OPEN)
			return true;
		any = true;
	}
	return ps->available && !any;
}

void notice_catch_up(struct peers *ps, bool comes)
{
	if (!is_heard(ps))
		return;
	tell_untold(ps);
	if (comes || ps->reminders_due)
		remind(ps);
	ps->reminders_due = false;
}

void notice_clear(struct peers *ps)
{
	while (ps->untold_n)
		forget(ps, ps->untold_n - 1);
}

/* ---- */

static void put_off(struct peers *ps, const char *kind, struct str label, struct str jid, const char *text,
	int64_t time)
{
	if (is_reminded_of(kind))
		ps->reminders_due = true;
	else
		keep(ps, kind, label, jid, text, time);
}

/* For a client that has gone since, and has not said that it has it. Lines for programs alone are of no use to others. */
void peers_unheard(struct host *h, const struct stanza *s)
{
	struct peers *ps = (struct peers *)h;
	CLEANUP(buf_clear) struct buf text = {.max = 4096}, kind = {.max = 64}, joined = {.max = 4096};
	uint32_t body = stanza_child(s, "body", NS_CLIENT), event = stanza_child(s, "event", NS_EVENT);
	int64_t now = core_wall(peers_core(ps)), time = now;

	if (body == XML_NONE || event == XML_NONE)
		return;
	buf_str(&kind, xml_attr(&s->tree, event, "kind"));
	buf_str(&text, xml_text(&s->tree, body, &joined));
	clock_parse(xml_attr(&s->tree, event, "stamp"), &time);
	if (!buf_ok(&kind) || !buf_ok(&text) || !buf_ok(&joined))
		return;
	put_off(ps, buf_cstr(&kind), xml_attr(&s->tree, event, "peer"), xml_attr(&s->tree, event, "jid"),
		buf_cstr(&text), time < now ? time : now);
	notice_catch_up(ps, false);
}

void notice(struct peers *ps, const char *kind, const struct peer *p, const char *fmt, ...)
{
	struct packet_writer w;
	int64_t now = core_wall(peers_core(ps));
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_info("notice", "kind=%s peer=%.*s", kind, p ? (int)jid_str(p->entity.jid).n : 0, p ? p->entity.jid.s : "");
	if (!is_heard(ps))
		put_off(ps, kind, p ? str_z(p->label) : STR_NONE, p ? jid_str(p->entity.jid) : STR_NONE, text, now);
	if (ps->available && !is_heard(ps)) /* else each that comes back would have it twice */
		return;
	begin(&w, ps, kind, text, now);
	if (p)
		put_peer(&w, p);
	end(&w, ps, 0);
}

void notice_sent(const struct peer *p, struct str id)
{
	struct packet_writer w;

	begin(&w, p->peers, "sent", NULL, 0);
	put_peer(&w, p);
	xml_put_attr(&w.out, "id", id);
	if (p->kind == PEER_LEGACY)
		xml_put_attr(&w.out, "last", STR("true"));
	end(&w, p->peers, 0);
}

void notice_became(const struct peer *p, struct str was)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	struct packet_writer w;

	begin(&w, p->peers, "became", NULL, 0);
	xml_put_attr(&w.out, "was", was);
	xml_put_attr(&w.out, "jid", jid_str(peer_jid(p, &jid)));
	end(&w, p->peers, 0);
}
