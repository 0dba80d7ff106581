#include "user/transit.h"
#include "user/users_i.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"
#include "xmpp/ns.h"

static struct str account_key(const void *item) { return jid_local(((const struct account *)item)->entity.jid); }

/* ---- the domain itself as an address ---- */

/* RFC 6120 10.5.1: requests are answered; nobody reads messages to a domain, and its presence is of no interest. */
static void deliver(struct entity *e, struct stanza **s)
{
	switch ((*s)->kind) {
	case STANZA_IQ:
		iq_dispatch(e, AT_SERVER, s);
		return;
	case STANZA_PRESENCE:
		core_done(e->core, s);
		return;
	case STANZA_MESSAGE:
		if ((*s)->type == TYPE_HEADLINE)
			core_done(e->core, s);
		else
			core_bounce(e->core, s, xerr(XERR_SERVICE_UNAVAILABLE));
		return;
	}
}

static void users_free(struct entity *e)
{
	struct users *u = (struct users *)e;

	entity_clear(e);
	map_clear(&u->accounts);
	for (size_t i = 0; u->admins && u->admins[i]; i++)
		xfree(u->admins[i]);
	xfree(u->admins);
	timer_stop(core_timers(e->core), &u->transit_timer);
	xfree(u->handles);
	mem_wipe(u->secret, sizeof(u->secret));
	feed_free(u);
	xfree(u);
}

static const struct entity_ops entity_ops = {.name = "host", .deliver = deliver, .free = users_free};

/* ---- accounts ---- */

static struct entity *get(struct host *h, struct jid bare, const struct stanza *s, struct xerr *ret_error)
{
	struct account *a = account_get((struct users *)h, bare);

	if (a)
		return &a->entity;
	*ret_error = xerr(XERR_RESOURCE_CONSTRAINT);
	return NULL;
}

static const struct host_ops host_ops = {.get = get, .on_login = login_on_msg, .hurry = transit_hurry};

static char **copy_admins(const char *const *from)
{
	size_t n = 0;
	char **own;

	while (from && from[n])
		n++;
	if (n == 0)
		return NULL;
	own = xcalloc(n + 1, sizeof(*own));
	for (size_t i = 0; i < n; i++)
		own[i] = xstrdup(from[i]);
	return own;
}

static void take_config(struct users *u, const struct users_config *config)
{
	u->config = *config;
	u->config.offline_max = config->offline_max ? config->offline_max : 100;
	u->config.archive_max = config->archive_max ? config->archive_max : 10000;
	u->config.roster_max = config->roster_max ? config->roster_max : 2000;
	u->config.sessions_max = config->sessions_max ? config->sessions_max : 20;
	u->config.idle_evict = config->idle_evict ? config->idle_evict : 60;
	u->admins = copy_admins(config->admins);
	u->config.admins = (const char *const *)u->admins;
	u->config.secret = STR_NONE;
	u->config.fed = config->fed ? xstrdup(config->fed) : NULL;
	if (config->secret.n >= 16)
		hash_hmac(HASH_SHA256, STR("made-up salts"), config->secret, u->secret);
	else
		rand_bytes(u->secret, sizeof(u->secret));
}

struct host *users_new(struct core *c, const char *domain, const struct users_config *config)
{
	struct users *u = xcalloc(1, sizeof(*u));

	u->host.ops = &host_ops;
	u->host.kind = HOST_USERS;
	u->host.title = "Wireside";
	u->started = core_now(c);
	list_init(&u->transit_due);
	u->transit_timer.fire = transit_on_tick;
	take_config(u, config);
	map_init(&u->accounts, account_key, ACCOUNTS_MAX);
	entity_init(&u->host.entity, &entity_ops, c, NULL, jid_view(str_z(domain)));
	core_add_host(c, &u->host);
	feed_vcard_load(u);
	return &u->host;
}

struct users *users_find(const struct core *c, struct str domain)
{
	struct host *h = core_find_host(c, domain);

	return h && h->kind == HOST_USERS ? (struct users *)h : NULL;
}

/* ---- one multicast ---- */

void users_collect(struct users *u, uint64_t handle)
{
	if (u->handles_n == u->handles_cap) {
		u->handles_cap = u->handles_cap ? u->handles_cap * 2 : 32;
		u->handles = xrealloc(u->handles, u->handles_cap * sizeof(*u->handles));
	}
	u->handles[u->handles_n++] = handle;
}

void users_multicast(struct users *u, struct packet **p, uint64_t commit)
{
	struct packet *one = TAKE(*p);
	uint32_t n = u->handles_n;

	u->handles_n = 0;
	if (one && n > 0)
		core_multicast(u->host.entity.core, &one, 1, u->handles, n, commit);
	else
		packet_unref(&one);
}

/* ---- small things ---- */

struct stanza *stanza_make(const struct packet_head *head, struct str payload)
{
	struct packet_writer w;
	struct packet *p;
	struct stanza *s = NULL;

	packet_begin(&w, head);
	if (payload.p)
		buf_str(&w.out, payload);
	p = packet_end(&w);
	if (p && packet_parse(p, JID_NONE, &s) != 0)
		s = NULL;
	packet_unref(&p);
	return s;
}

void send_presence(struct core *c, enum stanza_type type, struct jid from, struct jid to, struct str id)
{
	struct packet_head head = {.kind = STANZA_PRESENCE,
		.type = type,
		.from = jid_str(from),
		.to = jid_str(to),
		.id = id};
	struct stanza *s = stanza_make(&head, STR_NONE);

	if (s)
		core_send(c, &s);
}
