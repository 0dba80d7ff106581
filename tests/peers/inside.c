#include "tests/peers/inside.h"

#include "core/core.h"
#include "peer/peers_i.h"

static const struct peers *peers_of(const struct core *c) { return (const struct peers *)core_gateway(c); }
static const struct peer *row(const struct core *c, const char *domain)
{
	return peers_find(peers_of(c), str_z(domain));
}

uint32_t inside_waiting(const struct core *c)
{
	const struct peer *p;
	uint32_t n = 0;

	for (uint32_t pos = 0; (p = map_next(&peers_of(c)->peers, &pos));)
		n += p->outbox.n;
	return n;
}

bool inside_is_known(const struct core *c, const char *domain) { return row(c, domain) != NULL; }

bool inside_is_linked(const struct core *c, const char *domain)
{
	const struct peer *p = row(c, domain);

	return p && peer_is_up(p);
}

bool inside_dialled(const struct core *c, const char *domain)
{
	const struct peer *p = row(c, domain);

	return p && p->link && p->link->dialled;
}

const uint8_t *inside_exporter(const struct core *c, const char *domain)
{
	const struct peer *p = row(c, domain);

	return p && p->link ? p->link->exporter : NULL;
}

unsigned inside_dialling(const struct core *c, const char *domain)
{
	const struct peer *p = row(c, domain);

	return p ? p->dialling : 0;
}

uint64_t inside_handle(const struct core *c, const char *domain)
{
	const struct peer *p = row(c, domain);

	return p && p->link ? p->link->session.handle : 0;
}

const char *inside_trust(const struct core *c, const char *domain)
{
	const struct peer *p = row(c, domain);

	return p ? trust_name(p->trust) : "none";
}

bool inside_has_seen(const struct core *c, const char *domain, const char *id)
{
	const struct peer *p = row(c, domain);

	return p && seen_has(&p->seen, seen_hash(str_z(id)));
}

unsigned inside_sessions(const struct core *c, const char *domain)
{
	const struct session *s;
	unsigned n = 0;

	for (uint32_t pos = 0; (s = core_next_session(c, &pos));)
		n += s->ops->is_link && str_is(jid_str(s->jid), domain);
	return n;
}

void inside_addresses(const struct core *c, const char *domain, struct buf *out)
{
	const struct peer *p = row(c, domain);

	for (unsigned i = 0; p && i < p->address_n; i++)
		buf_fmt(out, "%s%s %s", i ? " " : "", p->addresses[i].text, source_name(p->addresses[i].source));
}
