#include "peer/peers_i.h"

#include "xmpp/escape.h"

enum { PEERS_MAX = 1000, OUTBOX_MAX = 5000, ID_SHORTEST = 6 };

static struct str peer_key(const void *item) { return jid_str(((const struct peer *)item)->entity.jid); }

/* ---- finding ---- */

struct peer *peers_find(const struct peers *ps, struct str address) { return map_find(&ps->peers, address); }

bool peers_domain_of(struct str id, char ret[DOMAIN_SIZE])
{
	struct buf domain;

	if (!nodeid_is(id))
		return false;
	buf_init(&domain, DOMAIN_SIZE);
	nodeid_domain(&domain, id);
	memcpy(ret, buf_cstr(&domain), domain.n + 1);
	buf_clear(&domain);
	return true;
}

struct peer *peers_find_id(const struct peers *ps, struct str id)
{
	char domain[DOMAIN_SIZE];

	return peers_domain_of(id, domain) ? peers_find(ps, str_z(domain)) : NULL;
}

static bool is_called(const struct peer *p, struct str text)
{
	struct str instance = str_z(p->instance), name = instance, id = jid_domain(p->entity.jid);
	struct buf jid;
	bool same;

	if (str_eq(str_z(p->label), text) || (instance.n && str_eq(instance, text)))
		return true;
	if (instance.n && str_eq(str_cut(&name, '@'), text))
		return true;
	if (p->user && str_eq(str_z(p->user), text))
		return true;
	if (p->kind == PEER_KEYED && text.n >= ID_SHORTEST && str_starts(id, text))
		return true;
	buf_init(&jid, JID_MAX);
	same = str_eq(jid_str(peer_jid(p, &jid)), text);
	buf_clear(&jid);
	return same;
}

static bool same_but_for_case(struct str a, struct str b)
{
	char z[LABEL_MAX + 1];

	if (a.n != b.n || b.n > LABEL_MAX)
		return false;
	memcpy(z, b.p, b.n);
	z[b.n] = '\0';
	return str_is_nocase(a, z);
}

static struct peer *labelled(const struct peers *ps, const struct peer *p, struct str label)
{
	struct peer *o;

	for (uint32_t pos = 0; (o = map_next(&ps->peers, &pos));)
		if (o != p && same_but_for_case(str_z(o->label), label))
			return o;
	return NULL;
}

/* What somebody calls himself whom our user neither knows nor has named must not keep him from using a name. */
static struct peer *mistakable(const struct peers *ps, const struct peer *p, struct str label)
{
	struct peer *o;

	for (uint32_t pos = 0; (o = map_next(&ps->peers, &pos));)
		if (o != p && (o->named || peer_known(o)) &&
			(same_but_for_case(str_z(o->label), label) || is_called(o, label)))
			return o;
	return NULL;
}

/* alice@alpha, as it would look as a label. */
static bool looks_like_ours(const struct peers *ps, struct str label)
{
	CLEANUP(buf_clear) struct buf flat = {.max = LABEL_MAX};
	struct str host = str_z(peers_instance(&ps->host)), user = str_cut(&host, '@');

	buf_fmt(&flat, "%.*s-%.*s", STR_FMT(user), STR_FMT(host));
	return buf_ok(&flat) && same_but_for_case(buf_view(&flat), label);
}

static bool is_ours(const struct peers *ps, struct str label)
{
	return looks_like_ours(ps, label) || same_but_for_case(str_z(ps->user), label) ||
		same_but_for_case(str_z(ps->instance), label) || same_but_for_case(str_z(ps->named), label) ||
		str_is(label, ps->id) || str_is(label, ps->domain);
}

bool peers_label_taken(const struct peers *ps, const struct peer *p, struct str label)
{
	return labelled(ps, p, label) || is_ours(ps, label);
}

bool peers_is_our_instance(const struct peers *ps, struct str instance)
{
	return same_but_for_case(str_z(ps->instance), instance) || same_but_for_case(str_z(ps->named), instance);
}

int peers_label_free(const struct peers *ps, const struct peer *p, struct str label, struct buf *why)
{
	const struct peer *other;

	if (is_ours(ps, label)) {
		buf_fmt(why, "%.*s is this node's own name, so that could be taken for you", STR_FMT(label));
		return ERR_EXISTS;
	}
	if (!label_is_plain(label)) {
		buf_z(why,
			"a name has 1 to 63 bytes, all of which are seen; it has none of : @ / \" ' ( ) in it and does not "
			"begin with # * - > |");
		return ERR_SYNTAX;
	}
	other = mistakable(ps, p, label);
	if (other) {
		buf_fmt(why, "that could be taken for %s (%.*s)", other->label, STR_FMT(jid_str(other->entity.jid)));
		return ERR_EXISTS;
	}
	return 0;
}

void peer_make_way(const struct peer *p, struct buf *ret_said)
{
	CLEANUP(buf_clear) struct buf label = {.max = LABEL_MAX};
	struct peer *other = labelled(p->peers, p, str_z(p->label));

	if (!other)
		return;
	label_of_instance(p->peers, other, str_z(other->instance ? other->instance : other->label), &label);
	peer_set_label(other, buf_view(&label));
	if (ret_said)
		buf_fmt(ret_said, "; the stranger who called himself so is shown as %s", other->label);
}

int peer_rename(struct peer *p, struct str label, struct buf *why)
{
	int err = peers_label_free(p->peers, p, label, why);

	if (err)
		return err;
	p->named = true;
	peer_store(p);
	peer_set_label(p, label);
	peer_changed(p);
	peer_make_way(p, why);
	return 0;
}

/* An address is one row's alone. What is shown as a label means whoever is shown so, above all if our user has chosen or knows him.
 * Other names are of their bearers' making, and no stranger's takes away that of somebody known. */
enum called {
	NOT_CALLED,
	CALLED_BY_STRANGER,
	CALLED_BY_KNOWN,
	LABEL_OF_STRANGER,
	LABEL_OF_KNOWN,
	LABEL_CHOSEN,
	ADDRESS
};

static bool is_address(const struct peer *p, struct str text)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	bool whole_id = p->kind == PEER_KEYED && text.n == NODEID_LEN && str_starts(jid_str(p->entity.jid), text);

	return whole_id || str_eq(jid_str(p->entity.jid), text) || str_eq(jid_str(peer_jid(p, &jid)), text);
}

static enum called how_called(const struct peer *p, struct str text)
{
	bool known = peer_known(p) || p->named;

	if (is_address(p, text))
		return ADDRESS;
	if (str_eq(str_z(p->label), text))
		return p->named ? LABEL_CHOSEN : known ? LABEL_OF_KNOWN : LABEL_OF_STRANGER;
	if (!is_called(p, text))
		return NOT_CALLED;
	return known ? CALLED_BY_KNOWN : CALLED_BY_STRANGER;
}

int peers_find_label(const struct peers *ps, struct str text, struct peer **ret, struct buf *why)
{
	enum called best = NOT_CALLED, how;
	struct peer *p, *found = NULL;
	unsigned n = 0;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));) {
		how = how_called(p, text);
		if (how == NOT_CALLED || how < best)
			continue;
		n = how == best ? n + 1 : 1;
		best = how;
		found = p;
	}
	if (n == 1)
		*ret = found;
	for (uint32_t pos = 0; n > 1 && (p = map_next(&ps->peers, &pos));)
		if (how_called(p, text) == best)
			buf_fmt(why, "%s%s (%.*s)", why->n ? ", " : "", p->label, STR_FMT(jid_str(p->entity.jid)));
	return n == 1 ? 0 : n ? ERR_EXISTS : ERR_NOTFOUND;
}

/* ---- the gateway ---- */

static struct peer *by_domain(struct peers *ps, struct jid to)
{
	struct str domain = jid_domain(to), id;
	bool rooms;

	if (nodeid_parse_domain(domain, &id, &rooms))
		return peers_find_id(ps, id);
	if (to.local && (str_is(domain, DOMAIN_LEGACY) || str_is(domain, DOMAIN_TYPED)))
		return peers_find(ps, jid_bare_str(to));
	return NULL;
}

static struct entity *get(struct host *h, struct jid bare, const struct stanza *s, struct xerr *ret_error)
{
	struct peers *ps = (struct peers *)h;
	struct peer *p = by_domain(ps, bare);

	(void)s;
	if (!p)
		p = former_find(ps, jid_bare_str(bare));
	if (p)
		return &p->entity;
	*ret_error = xerr_text(XERR_REMOTE_SERVER_NOT_FOUND, "nobody on this network is known by this address");
	return NULL;
}

int peers_rename(struct host *h, struct jid contact, struct str name, struct buf *why)
{
	struct peer *p = by_domain((struct peers *)h, contact);

	if (!p)
		return ERR_NOTFOUND;
	return str_eq(str_z(p->label), name) ? 0 : peer_rename(p, name, why);
}

int peers_forget(struct host *h, struct jid contact)
{
	struct peer *p = by_domain((struct peers *)h, contact);

	if (!p)
		return ERR_NOTFOUND;
	peer_forget(p);
	return 0;
}

static void (*const on_kind[MSG_KIND_COUNT])(struct peers *ps, struct msg *m) = {
	[MSG_LINK_ASK] = link_on_ask,
	[MSG_LINK_OPEN] = link_on_open,
	[MSG_LINK_PROVEN] = link_on_proven,
	[MSG_LINK_FAILED] = link_on_failed,
	[MSG_RESUME] = link_on_resume,
	[MSG_FOUND] = found_on_msg,
	[MSG_GONE] = found_on_msg,
	[MSG_NAMED] = found_on_msg,
	[MSG_PICTURE] = found_on_msg,
	[MSG_NETWORK] = found_on_msg,
};

static void on_msg(struct host *h, struct msg *m)
{
	must(on_kind[m->kind]);
	on_kind[m->kind]((struct peers *)h, m);
}

static const struct host_ops host_ops = {.get = get, .on_msg = on_msg, .on_done = inbound_on_done};

/* The gateway's own domain is no address: nobody is there. */
static void deliver(struct entity *e, struct stanza **s) { core_bounce(e->core, s, xerr(XERR_SERVICE_UNAVAILABLE)); }

static void peers_free(struct entity *e)
{
	struct peers *ps = (struct peers *)e;
	struct dialling *d;

	for (uint32_t pos = 0; (d = table_next(&ps->dials, &pos));) {
		xfree(d->address);
		xfree(d);
	}
	table_clear(&ps->dials);
	map_clear(&ps->peers);
	inbound_clear(ps);
	msgs_clear(&ps->early);
	told_clear(ps);
	notice_clear(ps);
	former_clear(ps);
	while (ps->leaving_n)
		xfree(ps->leaving[--ps->leaving_n]);
	entity_clear(e);
	jid_free(&ps->self);
	xfree(ps->domain);
	xfree(ps->user);
	xfree(ps->instance);
	xfree(ps->named);
	xfree(ps->show);
	xfree(ps->status);
	xfree(ps->network);
	xfree(ps->picture.bytes);
	mem_wipe(ps->config.seed, sizeof(ps->config.seed));
	xfree(ps);
}

static void settle(struct entity *e) { peer_unfeed_gone((struct peers *)e); }

static const struct entity_ops entity_ops = {.name = "peers", .deliver = deliver, .settle = settle, .free = peers_free};

/* ---- loading ---- */

struct load {
	struct wait wait;
	struct peers *peers;
};

static void load_drop(struct wait *w) { xfree(w); }

/* Labels from before may be such that nobody can type them, or our user's own name by now. */
static void settle_label(struct peer *p)
{
	CLEANUP(buf_clear) struct buf label = {.max = LABEL_MAX};

	if (p->named || p->kind == PEER_TYPED ||
		(label_is_plain(str_z(p->label)) && !is_ours(p->peers, str_z(p->label))))
		return;
	label_of_instance(p->peers, p, str_z(p->instance ? p->instance : p->label), &label);
	peer_set_label(p, buf_view(&label));
}

static void on_loaded(struct core *c, struct wait *wait, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct load *l = (struct load *)wait;
	struct peers *ps = l->peers;
	struct store_value v[STORE_VALUES_MAX];
	enum store_row kind;
	unsigned n, number = 0;
	struct peer *p;

	xfree(l);
	if (rows->error)
		log_error("peers_load", "error=\"%s\"", err_name(rows->error));
	for (size_t pos = 0; !rows->error && store_rows_next(rows, &pos, &kind, v, &n);)
		peer_load_row(ps, kind, v);
	ps->loaded = true;
	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));) {
		settle_label(p);
		peer_changed(p);
		dial_at_start(p, number++);
	}
	log_info("peers_loaded", "node=%s peers=%u", ps->domain, ps->peers.n);
	found_early(ps);
	show_publish(ps);
}

bool peers_ready(const struct host *h) { return ((const struct peers *)h)->loaded; }

static void load(struct peers *ps)
{
	struct load *l = xcalloc(1, sizeof(*l));
	struct core *c = peers_core(ps);
	struct store_query *q;

	l->wait.answer = on_loaded;
	l->wait.drop = load_drop;
	l->peers = ps;
	q = store_query_new(STORE_PEERS_LOAD, core_wait(c, &l->wait), str_z(ps->domain));
	core_ask(c, &q);
}

/* ---- making ---- */

static void name_self(struct peers *ps)
{
	char domain[DOMAIN_SIZE];
	struct buf jid;

	nodeid_of(ps->config.key, ps->id);
	must(peers_domain_of(str_z(ps->id), domain));
	ps->domain = xstrdup(domain);
	buf_init(&jid, JID_MAX);
	buf_fmt(&jid, "%s@%s", ps->user, ps->domain);
	ps->self = jid_dup(jid_view(buf_view(&jid)));
	buf_clear(&jid);
}

struct host *peers_new(struct core *c, const struct peers_config *config)
{
	struct peers *ps = xcalloc(1, sizeof(*ps));

	ps->host.ops = &host_ops;
	ps->host.kind = HOST_PEERS;
	ps->host.title = "Peers";
	ps->config = *config;
	ps->config.peers_max = config->peers_max ? config->peers_max : PEERS_MAX;
	ps->config.outbox_max = config->outbox_max ? config->outbox_max : OUTBOX_MAX;
	must(ps->config.outbox_max < SEEN_MAX);
	ps->user = xstrdup(config->user);
	ps->instance = xstrdup(config->instance);
	ps->config.user = ps->user;
	ps->config.instance = ps->instance;
	name_self(ps);
	map_init(&ps->peers, peer_key, ps->config.peers_max);
	map_init(&ps->inflight, inflight_key, INFLIGHT_MAX);
	table_init(&ps->dials, ps->config.peers_max * PEER_ADDRESSES_MAX, 0);
	entity_init(&ps->host.entity, &entity_ops, c, NULL, jid_view(STR("peers.internal")));
	core_add_host(c, &ps->host);
	core_set_gateway(c, &ps->host);
	told_init(ps);
	load(ps);
	return &ps->host;
}

void peers_listening(struct host *h, uint16_t port, const struct peers_places *places)
{
	struct peers *ps = (struct peers *)h;
	bool new_port = ps->config.port != port;

	ps->config.port = port;
	told_set(ps, places);
	if (new_port)
		show_publish(ps);
}

bool peers_busy(const struct host *h)
{
	const struct peers *ps = (const struct peers *)h;
	const struct peer *p;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		if (p->outbox.n)
			return true;
	return false;
}

const char *peers_instance(const struct host *h)
{
	const struct peers *ps = (const struct peers *)h;

	return ps->named ? ps->named : ps->instance;
}
