/* What the node tells its user's clients in headlines: lines for people, which programs can read, too, and what only programs
 * read. What lasts is in the index table, and our user is reminded of it when he comes as long as he has not decided about it; other
 * lines that nobody was there to hear wait for him in memory, the last of each kind about each peer. */
#include "peer/peers_i.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "xml/write.h"

/* text: NULL: not for people. What is between begin() and end() are further attributes of the event. */
static void begin(struct packet_writer *w, struct peers *ps, const char *kind, const char *text)
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

/* One who makes many of them takes one place. */
static void keep(struct peers *ps, const char *kind, const struct peer *p, const char *text)
{
	struct str jid = p ? jid_str(p->entity.jid) : STR("");
	unsigned i = 0;

	while (i < ps->untold_n && (strcmp(ps->untold[i].kind, kind) != 0 || !str_eq(str_z(ps->untold[i].jid), jid)))
		i++;
	if (i < ps->untold_n)
		forget(ps, i);
	else if (ps->untold_n == UNTOLD_MAX)
		forget(ps, 0);
	ps->untold[ps->untold_n++] = (struct untold){.kind = xstrdup(kind),
		.text = xstrdup(text),
		.label = p ? xstrdup(p->label) : NULL,
		.jid = p ? str_dup(jid) : NULL,
		.time = core_wall(peers_core(ps))};
}

void notice_catch_up(struct peers *ps)
{
	unsigned more;

	for (unsigned i = 0; i < ps->untold_n; i++) {
		const struct untold *u = &ps->untold[i];
		struct packet_writer w;

		begin(&w, ps, u->kind, u->text);
		if (u->jid) {
			xml_put_attr(&w.out, "peer", str_z(u->label));
			xml_put_attr(&w.out, "jid", str_z(u->jid));
		}
		end(&w, ps, u->time);
	}
	notice_clear(ps);
	more = inbound_remind(ps) + changed_remind(ps);
	if (more) /* keys cost nothing, and whoever makes a thousand shall not fill the screen each time */
		notice(ps, "more", NULL, "and %u more are to be decided on; /peers shows them", more);
	dial_remind(ps);
}

void notice_clear(struct peers *ps)
{
	while (ps->untold_n)
		forget(ps, ps->untold_n - 1);
}

/* ---- */

void notice(struct peers *ps, const char *kind, const struct peer *p, const char *fmt, ...)
{
	struct packet_writer w;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_info("notice", "kind=%s peer=%.*s", kind, p ? (int)jid_str(p->entity.jid).n : 0, p ? p->entity.jid.s : "");
	if (!ps->available && !is_reminded_of(kind))
		keep(ps, kind, p, text);
	begin(&w, ps, kind, text);
	if (p)
		put_peer(&w, p);
	end(&w, ps, 0);
}

void notice_sent(const struct peer *p, struct str id)
{
	struct packet_writer w;

	begin(&w, p->peers, "sent", NULL);
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

	begin(&w, p->peers, "became", NULL);
	xml_put_attr(&w.out, "was", was);
	xml_put_attr(&w.out, "jid", jid_str(peer_jid(p, &jid)));
	end(&w, p->peers, 0);
}
