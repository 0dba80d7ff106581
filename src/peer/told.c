/* Addresses that peers tell each other over a link, for the day when the network does not. They are signed by the key
 * they speak of, so who carries them does not matter. */
#include "peer/peers_i.h"

#include "xml/write.h"

enum { EVERY_MS = 10000 }; /* an interface that comes and goes is not told of each time */

/* ---- of ours ---- */

static void drop(char ***list)
{
	for (size_t i = 0; *list && (*list)[i]; i++)
		xfree((*list)[i]);
	xfree(TAKE(*list));
}

static void replace(char ***list, const char *const *by)
{
	size_t n = 0;

	drop(list);
	while (by && by[n])
		n++;
	*list = xcalloc(n + 1, sizeof(**list));
	for (size_t i = 0; i < n; i++)
		(*list)[i] = xstrdup(by[i]);
}

static void tell_all(struct peers *ps)
{
	struct peer *p;

	ps->told_next = core_now(peers_core(ps)) + EVERY_MS;
	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		told_send(p);
}

static void on_timer(struct timer *t) { tell_all(CONTAINER_OF(t, struct peers, told_timer)); }

void told_init(struct peers *ps) { ps->told_timer.fire = on_timer; }

void told_clear(struct peers *ps)
{
	timer_stop(core_timers(peers_core(ps)), &ps->told_timer);
	drop(&ps->told);
	drop(&ps->own);
	drop(&ps->broadcast);
}

static bool is_same(const struct peers *ps, const char *const *addresses)
{
	size_t i = 0;

	for (; ps->told && ps->told[i] && addresses && addresses[i]; i++)
		if (strcmp(ps->told[i], addresses[i]) != 0)
			return false;
	return ps->told && !ps->told[i] && !(addresses && addresses[i]);
}

void told_set(struct peers *ps, const struct peers_places *places)
{
	struct core *c = peers_core(ps);
	bool first = !ps->told;

	replace(&ps->own, places->own);
	replace(&ps->broadcast, places->broadcast);
	if (is_same(ps, places->told))
		return;
	replace(&ps->told, places->told);
	/* In a turn of the core, whose clock numbers the statements. At first there is no link. */
	if (!first && !timer_running(&ps->told_timer))
		timer_start(core_timers(c), &ps->told_timer, ps->told_next > core_now(c) ? ps->told_next : core_now(c));
}

/* Addresses of ours that may be told, at most so many as fit. */
static size_t own_addresses(const struct peers *ps, struct told_addr *ret)
{
	size_t n = 0;

	for (size_t i = 0; ps->told && ps->told[i] && n < TOLD_MAX; i++)
		if (told_addr_parse(str_z(ps->told[i]), &ret[n]) == 0)
			n++;
	return n;
}

void told_send(struct peer *p)
{
	struct peers *ps = p->peers;
	int64_t now = core_wall(peer_core(p));
	struct packet_head head = {.kind = STANZA_MESSAGE,
		.type = TYPE_NORMAL,
		.from = str_z(ps->domain),
		.to = jid_str(p->entity.jid)};
	struct told told = {.seq = (uint64_t)now, .expires = now + TOLD_LIFE_MAX};
	struct packet_writer w;
	struct packet *packet;

	/* Strangers learn no more than they know. */
	if (!peer_is_up(p) || p->kind != PEER_KEYED || !peer_known(p))
		return;
	told.count = own_addresses(ps, told.addrs);
	if (!told.count)
		return;
	packet_begin(&w, &head);
	told_write(&w.out, ps->config.seed, &told);
	packet = packet_end(&w);
	link_send(p, &packet, 0);
}

/* ---- of theirs ---- */

void told_on_stanza(struct peer *p, const struct stanza *s, uint32_t element)
{
	CLEANUP(buf_clear) struct buf text = {.max = 128};
	struct address address;
	struct told told;
	struct peer *about;

	if (told_read(&s->tree, element, core_wall(peer_core(p)), &told) != 0)
		return;
	about = peers_find_id(p->peers, str_z(told.id));
	/* Who speaks of himself may be new: our user may take him up later, and he need not say it again then. */
	if (!about || (about != p && !peer_known(about)) || (int64_t)told.seq <= about->statement)
		return;
	about->statement = (int64_t)told.seq;
	for (size_t i = 0; i < told.count; i++) {
		buf_reset(&text);
		told_addr_format(&text, &told.addrs[i]);
		if (address_read(buf_view(&text), &address) && !address_fault(&address))
			peer_address_put(about, buf_cstr(&text), SOURCE_TOLD);
	}
	peer_changed(about);
	dial_now(about);
}
