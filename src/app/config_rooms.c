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

static bool is_served(const struct config *c, const struct entry *e)
{
	bool served = !e->service.p;
	char service[JID_PART_MAX + 8];

	for (unsigned i = 0; i < c->domains.n && !served; i++) {
		snprintf(service, sizeof(service), "rooms.%s", c->domains.item[i]);
		served = is_for(e, service);
	}
	return served;
}

int config_rooms_check_services(const struct config *c, struct buf *why)
{
	const struct {
		const char *name;
		const struct text_list *list;
	} options[] = {{"room-default", &c->rooms.defaults}, {"room-limit", &c->rooms.limits}};

	for (size_t k = 0; k < ARRAY_LEN(options); k++)
		for (unsigned i = 0; i < options[k].list->n; i++) {
			struct entry e;

			must(read_entry(options[k].list->item[i], &e));
			if (is_served(c, &e))
				continue;
			config_where(c, options[k].name, i, why);
			buf_fmt(why, "%s: '%.*s' is no service of rooms here; a domain's is rooms.DOMAIN",
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
