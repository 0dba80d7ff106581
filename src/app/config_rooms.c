#include "app/config_rooms.h"

#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "room/config.h"
#include "xmpp/jid.h"

#define AT(member) offsetof(struct rooms_config, member)

static const struct limit {
	const char *name;
	size_t offset; /* of a uint32_t */
	uint32_t min, max;
} limits[] = {
	{"rooms", AT(rooms_max), 1, 1000000},
	{"occupants", AT(occupants_max), 1, 100000},
	{"per-user", AT(per_user), 0, 10000},
	{"per-day", AT(made_max), 1, 100000},
	{"archive", AT(archive_max), 0, 1000000},
	{"archive-days", AT(archive_days), 0, 36500},
};

struct entry {
	struct str service; /* absent: all */
	struct str name, value;
};

/* What stands before a blank, which a name has not, is the service. */
static bool read_entry(const char *text, struct entry *ret)
{
	struct str rest = str_z(text), before;
	const char *equals = memchr(rest.p, '=', rest.n), *blank = memchr(rest.p, ' ', rest.n);

	*ret = (struct entry){0};
	if (!equals)
		return false;
	if (blank && blank < equals) {
		ret->service = str_cut(&rest, ' ');
		rest = str_trim(rest);
	}
	before = str_cut(&rest, '=');
	ret->name = str_trim(before);
	ret->value = rest;
	return ret->name.n && (!ret->service.p || ret->service.n);
}

static const struct limit *find_limit(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		if (str_is(name, limits[i].name))
			return &limits[i];
	return NULL;
}

bool config_rooms_check_limit(const char *value, struct buf *why)
{
	const struct limit *l;
	struct entry e;
	uint64_t n;

	if (!read_entry(value, &e)) {
		buf_z(why, "not of the form [SERVICE ]LIMIT=N, like occupants=200");
		return false;
	}
	l = find_limit(e.name);
	if (!l) {
		buf_z(why, "no limit that there is; there are:");
		for (size_t i = 0; i < ARRAY_LEN(limits); i++)
			buf_fmt(why, " %s", limits[i].name);
		return false;
	}
	if (str_uint(e.value, l->max, &n) < 0 || n < l->min) {
		buf_fmt(why, "no number from %u to %u", l->min, l->max);
		return false;
	}
	return true;
}

static void list_settings(struct buf *why)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = CONFIG_TEXT_MAX};
	struct room_config c;
	struct str name, value;

	room_config_init(&c);
	for (unsigned i = 0; room_config_show(&c, i, &name, &value, &tmp); i++)
		buf_fmt(why, " %.*s", STR_FMT(name));
	room_config_clear(&c);
}

bool config_rooms_check_default(const char *value, struct buf *why)
{
	struct room_config c;
	struct entry e;
	int err;

	if (!read_entry(value, &e)) {
		buf_z(why, "not of the form [SERVICE ]SETTING=VALUE, like moderatedroom=1");
		return false;
	}
	room_config_init(&c);
	err = room_config_change(&c, e.name, e.value);
	room_config_clear(&c);
	if (err == ERR_NOTFOUND) {
		buf_z(why, "no setting of a room; there are:");
		list_settings(why);
	} else if (err) {
		buf_z(why, "no value that this setting can have");
	}
	return err == 0;
}

/* ---- for which service ---- */

static bool is_for(const struct entry *e, const char *service)
{
	struct jid_buf jid;

	return !e->service.p || (jid_parse_buf(e->service, &jid) == 0 && str_is(jid_str(jid.jid), service));
}

/* ---- what services are called ---- */

struct name {
	struct jid_buf domain, service;
	bool has_domain;
};

static bool read_domain(struct str text, struct jid_buf *ret)
{
	return jid_parse_buf(text, ret) == 0 && !ret->jid.local && !ret->jid.resource;
}

static bool read_name(const char *text, struct name *ret)
{
	struct str rest = str_z(text), first = str_cut(&rest, ' ');

	rest = rest.p ? str_trim(rest) : rest;
	ret->has_domain = rest.n > 0;
	if (!ret->has_domain)
		return read_domain(first, &ret->service);
	return read_domain(first, &ret->domain) && read_domain(rest, &ret->service);
}

bool config_rooms_check_host(const char *value, struct buf *why)
{
	struct name n;

	if (read_name(value, &n))
		return true;
	buf_z(why, "not of the form [DOMAIN ]NAME, like conference.example.org");
	return false;
}

static bool is_of(const struct name *n, const char *domain)
{
	return !n->has_domain || str_is(jid_str(n->domain.jid), domain);
}

void config_rooms_service(const struct config *c, unsigned i, struct service_name *ret)
{
	struct name n;

	snprintf(ret->text, sizeof(ret->text), "rooms.%s", c->domains.item[i]);
	for (unsigned k = 0; k < c->rooms.hosts.n; k++)
		if (read_name(c->rooms.hosts.item[k], &n) && is_of(&n, c->domains.item[i]))
			snprintf(ret->text, sizeof(ret->text), "%.*s", STR_FMT(jid_str(n.service.jid)));
}

/* How many domains this is said of. */
static unsigned count_of(const struct config *c, const struct name *n)
{
	unsigned count = 0;

	for (unsigned i = 0; i < c->domains.n; i++)
		count += is_of(n, c->domains.item[i]);
	return count;
}

/* An address belongs to one: users of a domain, or one service. */
static bool is_taken(const struct config *c, unsigned i, const char *service)
{
	struct service_name other;
	bool taken = false;

	for (unsigned k = 0; k < c->domains.n; k++) {
		config_rooms_service(c, k, &other);
		taken = taken || strcmp(c->domains.item[k], service) == 0 ||
			(k != i && strcmp(other.text, service) == 0);
	}
	return taken;
}

static int check_hosts(const struct config *c, struct buf *why)
{
	struct service_name service;
	struct name n;

	for (unsigned k = 0; k < c->rooms.hosts.n; k++) {
		unsigned count;

		must(read_name(c->rooms.hosts.item[k], &n));
		count = count_of(c, &n);
		if (count == 1)
			continue;
		config_where(c, "rooms-host", k, why);
		buf_fmt(why, "rooms-host: '%s' %s", c->rooms.hosts.item[k],
			count ? "does not say of which domain: \"DOMAIN NAME\"" : "is of a domain that is not served");
		return ERR_INVALID;
	}
	for (unsigned i = 0; i < c->domains.n; i++) {
		config_rooms_service(c, i, &service);
		if (!is_taken(c, i, service.text))
			continue;
		buf_fmt(why,
			"rooms-host: %s is a domain of users, or of other rooms; the rooms of %s need a name of their own",
			service.text, c->domains.item[i]);
		return ERR_INVALID;
	}
	return 0;
}

static bool is_served(const struct config *c, const struct entry *e)
{
	bool served = !e->service.p;
	struct service_name service;

	for (unsigned i = 0; i < c->domains.n && !served; i++) {
		config_rooms_service(c, i, &service);
		served = is_for(e, service.text);
	}
	return served;
}

int config_rooms_check_services(const struct config *c, struct buf *why)
{
	const struct {
		const char *name;
		const struct text_list *list;
	} options[] = {{"room-default", &c->rooms.defaults}, {"room-limit", &c->rooms.limits}};

	if (check_hosts(c, why) < 0)
		return ERR_INVALID;
	for (size_t k = 0; k < ARRAY_LEN(options); k++)
		for (unsigned i = 0; i < options[k].list->n; i++) {
			struct entry e;

			must(read_entry(options[k].list->item[i], &e));
			if (is_served(c, &e))
				continue;
			config_where(c, options[k].name, i, why);
			buf_fmt(why,
				"%s: '%.*s' is no service of rooms here; a domain's is rooms.DOMAIN, or what rooms-host says",
				options[k].name, STR_FMT(e.service));
			return ERR_INVALID;
		}
	return 0;
}

/* ---- making use of them ---- */

static void apply_limit(const struct entry *e, struct rooms_config *rc)
{
	const struct limit *l = find_limit(e->name);
	uint64_t n;

	must(l && str_uint(e->value, l->max, &n) == 0);
	*(uint32_t *)(void *)((char *)rc + l->offset) = (uint32_t)n;
}

void config_rooms_apply(const struct config *c, const char *service, struct rooms_config *rc, const char **defaults)
{
	unsigned n = 0;

	/* First what is said of all. */
	for (int own = 0; own < 2; own++) {
		for (unsigned i = 0; i < c->rooms.limits.n; i++) {
			struct entry e;

			must(read_entry(c->rooms.limits.item[i], &e));
			if ((e.service.p != NULL) == own && is_for(&e, service))
				apply_limit(&e, rc);
		}
		for (unsigned i = 0; i < c->rooms.defaults.n; i++) {
			struct entry e;

			must(read_entry(c->rooms.defaults.item[i], &e));
			if ((e.service.p != NULL) == own && is_for(&e, service))
				defaults[n++] = e.name.p; /* to the end of the text */
		}
	}
	defaults[n] = NULL;
	rc->defaults = defaults;
}
