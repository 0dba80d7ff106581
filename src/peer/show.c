/* Presence, both ways. What a peer's own clients say comes by the link and is passed on as it is. As long as none says
 * anything the peer itself is shown, as its record on the network has it, or away if only the link tells that it is there. */
#include <stdio.h>

#include "peer/peers_i.h"

#include "xml/write.h"
#include "xmpp/looks.h"

#define RESOURCE "lan"

/* What its record says, as a <show/>; empty: available. libpurple says dnd for away and away for idle. */
static struct str show_in(const struct service *s)
{
	struct str show = service_txt(s, "show"), status = service_txt(s, "status");

	if (str_is(show, "away") || str_is(show, "xa") || str_is(show, "dnd"))
		return show;
	if (str_is(status, "dnd"))
		return str_is(service_txt(s, "node"), "libpurple") ? STR("away") : STR("dnd");
	return str_is(status, "away") ? status : STR("");
}

static struct packet *make(const struct peer *p, struct jid to, bool available)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	CLEANUP(buf_clear) struct buf from = {.max = JID_MAX};
	struct packet_head head = {.kind = STANZA_PRESENCE,
		.type = available ? TYPE_AVAILABLE : TYPE_UNAVAILABLE,
		.to = jid_str(to)};
	struct str show = p->service ? show_in(p->service) : STR("away");
	struct str text = p->service ? service_txt(p->service, "msg") : STR_NONE;
	struct packet_writer w;

	buf_str(&from, jid_str(peer_jid(p, &jid)));
	buf_z(&from, "/" RESOURCE);
	head.from = buf_view(&from);
	packet_begin(&w, &head);
	if (available && show.n)
		xml_put_text(&w.out, "show", show);
	if (available && text.n && str_utf8(text))
		xml_put_text(&w.out, "status", text);
	if (available && p->kind == PEER_LEGACY)
		buf_z(&w.out, "<priority>0</priority>");
	if (available)
		picture_put_update(p, &w.out);
	return packet_end(&w);
}

static void send_to_user(struct peer *p, struct packet **packet)
{
	struct stanza *s;

	if (*packet && packet_parse(*packet, JID_NONE, &s) == 0)
		core_send(peer_core(p), &s);
	packet_unref(packet);
}

static void say(struct peer *p, bool available)
{
	struct packet *packet = make(p, jid_bare(p->peers->self), available);

	send_to_user(p, &packet);
}

static bool is_visible(const struct peer *p)
{
	return (p->service || peer_is_up(p)) && !p->presence_n && p->trust != TRUST_BLOCKED && !p->entity.dead;
}

void show_peer(struct peer *p)
{
	bool visible = is_visible(p);

	if (visible == p->shown)
		return;
	p->shown = visible;
	say(p, visible);
}

void show_again(struct peer *p)
{
	if (is_visible(p))
		p->shown = false;
	show_peer(p);
}

void show_hide(struct peer *p)
{
	if (!p->shown)
		return;
	p->shown = false;
	say(p, false);
}

/* ---- what its own clients say ---- */

static unsigned find(const struct peer *p, struct str jid)
{
	unsigned i = 0;

	while (i < p->presence_n && !str_eq(str_z(p->presences[i].jid), jid))
		i++;
	return i;
}

static void drop(struct peer *p, unsigned i)
{
	xfree(p->presences[i].jid);
	packet_unref(&p->presences[i].packet);
	p->presences[i] = p->presences[--p->presence_n];
}

static bool is_for_user(const struct peer *p, const struct stanza *s)
{
	return jid_eq_bare(s->to, p->peers->self) && str_eq(jid_domain(s->from), jid_str(p->entity.jid));
}

bool show_note(struct peer *p, const struct stanza *s)
{
	unsigned i = find(p, jid_str(s->from));

	if (!is_for_user(p, s))
		return true;
	if (s->type == TYPE_UNAVAILABLE) {
		/* An answer to our question: none of its clients is there. The node is. */
		if (!s->from.resource)
			return false;
		if (i < p->presence_n)
			drop(p, i);
		return true;
	}
	if (s->type != TYPE_AVAILABLE)
		return s->type == TYPE_PROBE || s->type == TYPE_ERROR; /* both rosters follow from the network */
	if (!s->from.resource)
		return false;
	if (i == PRESENCES_MAX)
		return false;
	if (i == p->presence_n)
		p->presences[p->presence_n++] = (struct peer_presence){.jid = str_dup(jid_str(s->from))};
	packet_unref(&p->presences[i].packet);
	p->presences[i].packet = packet_from(s, &(struct str){p->peers->self.s, jid_bare_len(p->peers->self)});
	return true;
}

static void say_gone(struct peer *p, const char *jid)
{
	struct packet_head head = {.kind = STANZA_PRESENCE,
		.type = TYPE_UNAVAILABLE,
		.from = str_z(jid),
		.to = jid_bare_str(p->peers->self)};
	struct packet_writer w;
	struct packet *packet;

	packet_begin(&w, &head);
	packet = packet_end(&w);
	send_to_user(p, &packet);
}

void show_forget(struct peer *p)
{
	while (p->presence_n) {
		say_gone(p, p->presences[0].jid);
		drop(p, 0);
	}
	show_peer(p);
}

void show_clear(struct peer *p)
{
	while (p->presence_n)
		drop(p, 0);
}

void show_answer_probe(struct peer *p, const struct stanza *probe)
{
	struct core *c = peer_core(p);
	struct packet *packet;

	for (unsigned i = 0; i < p->presence_n; i++) {
		struct stanza *s;

		if (packet_parse(p->presences[i].packet, JID_NONE, &s) != 0)
			continue;
		packet = packet_from(s, &(struct str){probe->from.s, jid_str(probe->from).n});
		stanza_free(&s);
		if (packet && packet_parse(packet, JID_NONE, &s) == 0)
			core_send(c, &s);
		packet_unref(&packet);
	}
	if (!p->shown)
		return;
	packet = make(p, probe->from, true);
	send_to_user(p, &packet);
}

/* ---- for a list ---- */

static struct str text_of(const struct stanza *s, const char *name, struct buf *tmp)
{
	uint32_t i = stanza_child(s, name, NS_CLIENT);

	return i ? str_trim(xml_text(&s->tree, i, tmp)) : STR("");
}

static void read_client(const struct stanza *s, struct buf *show, struct buf *text)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 64}, long_tmp = {.max = 4096};
	struct str said = text_of(s, "show", &tmp), words = text_of(s, "status", &long_tmp);

	buf_reset(show);
	buf_reset(text);
	buf_str(show, said.n && buf_ok(&tmp) ? said : STR("available"));
	if (buf_ok(&long_tmp))
		buf_str(text, words);
}

bool show_read(const struct peer *p, struct buf *ret_show, struct buf *ret_text)
{
	struct stanza *best = NULL, *s;

	if (!p->service && !peer_is_up(p))
		return false;
	for (unsigned i = 0; i < p->presence_n; i++) {
		if (packet_parse(p->presences[i].packet, JID_NONE, &s) != 0)
			continue;
		if (best && !looks_presence_before(s, best)) {
			stanza_free(&s);
			continue;
		}
		stanza_free(&best);
		best = s;
	}
	if (best)
		read_client(best, ret_show, ret_text);
	stanza_free(&best);
	if (p->presence_n)
		return true;
	buf_str(ret_show, !p->service ? STR("away") : show_in(p->service).n ? show_in(p->service) : STR("available"));
	if (p->service && str_utf8(service_txt(p->service, "msg")))
		buf_str(ret_text, service_txt(p->service, "msg"));
	return true;
}

/* ---- of our user, in our record ---- */

static const char *show_of(const struct peers *ps)
{
	struct str show = str_z(ps->show);

	if (!ps->available)
		return "away";
	return str_is(show, "away") || str_is(show, "xa") || str_is(show, "dnd") ? ps->show : "";
}

void show_publish(struct peers *ps)
{
	struct service *s;
	char port[8];
	struct msg *m;

	if (!ps->loaded || !ps->config.port)
		return;
	s = service_new(str_z(ps->instance), ps->config.port);
	if (!s)
		return;
	snprintf(port, sizeof(port), "%u", ps->config.port);
	service_txt_set(s, "txtvers", STR("1"));
	service_txt_set(s, "1st", str_z(ps->user));
	service_txt_set(s, "last", STR(""));
	/* Those of libpurple take everything but dnd for available; ours look at our own key. */
	service_txt_set(s, "status", *show_of(ps) ? STR("dnd") : STR("avail"));
	if (*show_of(ps))
		service_txt_set(s, "show", str_z(show_of(ps)));
	if (ps->status && strlen(ps->status) < 200)
		service_txt_set(s, "msg", str_z(ps->status));
	service_txt_set(s, "port.p2pj", str_z(port));
	service_txt_set(s, "node", STR("wireside"));
	service_txt_set(s, "ver", STR(WIRESIDE_VERSION));
	if (!ps->config.keyless)
		service_txt_set(s, "wk", str_z(ps->id));
	m = core_to_discovery(peers_core(ps), MSG_PUBLISH);
	m->publish.service = s;
	picture_publish(ps, m);
}

static void tell_traced(struct peers *ps)
{
	notice(ps, ps->traced ? "secrets" : "secrets-end", NULL,
		ps->traced
			? "the secrets of your links are being recorded: who has the capture can read what is said now"
			: "the secrets of your links are not recorded any more");
}

void peers_traced(struct host *h, bool traced)
{
	struct peers *ps = (struct peers *)h;

	if (ps->traced == traced)
		return;
	ps->traced = traced;
	tell_traced(ps);
}

void peers_show(struct host *h, bool available, struct str show, struct str status)
{
	struct peers *ps = (struct peers *)h;
	bool comes = available && !ps->available;

	ps->available = available;
	xfree(ps->show);
	xfree(ps->status);
	ps->show = str_dup(show);
	ps->status = str_dup(status);
	show_publish(ps);
	if (available && ps->traced)
		tell_traced(ps);
	notice_catch_up(ps, comes);
}
