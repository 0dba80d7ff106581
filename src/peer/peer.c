/* A row of the index table. */
#include "peer/peers_i.h"

static const char *const trust_names[TRUST_COUNT] = {
	[TRUST_NEW] = "new",
	[TRUST_PINNED] = "pinned",
	[TRUST_VERIFIED] = "verified",
	[TRUST_CHANGED] = "changed",
	[TRUST_BLOCKED] = "blocked",
	[TRUST_LEGACY] = "legacy",
};
static const char *const source_names[SOURCE_COUNT] = {
	[SOURCE_MDNS] = "mdns",
	[SOURCE_TYPED] = "typed",
	[SOURCE_SEEN] = "seen",
	[SOURCE_TOLD] = "told",
};

/* From FLAG_UNBLOCKED on: the trust from before the block, and one; 0: not known. */
enum { FLAG_NAMED = 1, FLAG_PLAIN_OK = 2, FLAG_UNANSWERED = 4, FLAG_TOLD_WRONG = 8, FLAG_UNBLOCKED = 16 };

const char *trust_name(enum trust t) { return trust_names[t]; }
const char *source_name(enum source s) { return source_names[s]; }

static struct str row_name(const struct peer *p) { return jid_str(p->entity.jid); }
static struct str row_domain(const struct peer *p) { return str_z(p->peers->domain); }

struct jid peer_jid(const struct peer *p, struct buf *out)
{
	buf_reset(out);
	if (p->kind == PEER_KEYED && p->user)
		buf_fmt(out, "%s@", p->user);
	buf_str(out, row_name(p));
	must(buf_ok(out));
	return jid_view(buf_view(out));
}

/* ---- store ---- */

static void store_row(const struct peer *p)
{
	struct str key = p->kind == PEER_KEYED ? (struct str){(const char *)p->key, sizeof(p->key)} : STR_NONE;
	struct str password = p->password ? (struct str){(const char *)p->password, sizeof(*p->password)} : STR_NONE;
	int64_t flags = (p->named ? FLAG_NAMED : 0) | (p->plain.ok ? FLAG_PLAIN_OK : 0) |
		(p->stranger.unanswered ? FLAG_UNANSWERED : 0) | (p->proof.told_wrong ? FLAG_TOLD_WRONG : 0);

	if (p->trust == TRUST_BLOCKED)
		flags += ((int64_t)p->unblocked + 1) * FLAG_UNBLOCKED;
	store_put(core_batch(peer_core(p)), STORE_PEER_PUT, row_domain(p), row_name(p), str_z(p->label), str_z(p->user),
		str_z(p->instance), key, (int64_t)p->trust, password, (int64_t)p->proof.failures, p->last_seen,
		p->created, p->statement, flags);
}

static void store_address(const struct peer *p, const struct peer_address *a)
{
	store_put(core_batch(peer_core(p)), STORE_PEER_ADDRESS_PUT, row_domain(p), row_name(p), str_z(a->text),
		(int64_t)a->source, a->success);
}

void peer_store(struct peer *p)
{
	if (p->stored)
		return;
	p->stored = true;
	store_row(p);
	for (unsigned i = 0; i < p->address_n; i++)
		if (p->addresses[i].source != SOURCE_MDNS || p->addresses[i].success)
			store_address(p, &p->addresses[i]);
}

/* ---- the roster ---- */

static const char *group_of(const struct peer *p)
{
	switch (p->trust) {
	case TRUST_NEW:
	case TRUST_CHANGED:
		return "Not known yet";
	case TRUST_LEGACY:
		return "Without encryption";
	default:
		return "";
	}
}

static void feed(const struct peer *p)
{
	const struct roster_feed *f = &p->peers->config.feed;
	struct buf jid;

	if (!f->put)
		return;
	if (p->peers->leaving_n)
		peer_unfeed_gone(p->peers); /* he may be one of them */
	buf_init(&jid, JID_MAX);
	if (p->trust == TRUST_BLOCKED)
		f->remove(f->arg, peer_jid(p, &jid));
	else
		f->put(f->arg, peer_jid(p, &jid), str_z(p->label), str_z(group_of(p)));
	buf_clear(&jid);
}

void peer_unfeed_gone(struct peers *ps)
{
	const struct roster_feed *f = &ps->config.feed;
	unsigned n = ps->leaving_n;

	ps->leaving_n = 0;
	for (unsigned i = 0; i < n; i++) {
		if (f->remove)
			f->remove(f->arg, jid_view(str_z(ps->leaving[i])));
		xfree(ps->leaving[i]);
	}
}

/* What has just been said of him, that he is gone or who he is now, is on its way to the account: a client that has no contact of this
 * address any more would make nothing of it. So the account is served first. */
static void unfeed(const struct peer *p)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	struct peers *ps = p->peers;

	if (ps->leaving_n == LEAVING_MAX)
		peer_unfeed_gone(ps);
	ps->leaving[ps->leaving_n++] = str_dup(jid_str(peer_jid(p, &jid)));
	ps->host.entity.unsettled = true;
	entity_park(&ps->host.entity, false);
}

void peer_changed(struct peer *p)
{
	if (p->stored)
		store_row(p);
	feed(p);
}

/* ---- fields ---- */

void peer_refile(const struct peer *p, struct str was)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	const struct peers *ps = p->peers;

	store_put(core_batch(peer_core(p)), STORE_ARCHIVE_PEER, str_z(ps->domain), jid_local(ps->self), was,
		jid_bare_str(peer_jid(p, &jid)));
}

void peer_became(const struct peer *p, struct str was)
{
	peer_refile(p, was);
	notice_became(p, was);
}

/* Whom our user knows he knows by the key: only strangers are called as they call themselves. */
static void tell_user(struct peer *p)
{
	CLEANUP(buf_clear) struct buf label = {.max = LABEL_MAX};

	if (p->named || peer_known(p)) {
		notice(p->peers, "name", p,
			"%s calls himself %s now. It is the same key, so all that was said goes on, and here he is still called %s",
			p->label, p->user, p->label);
		return;
	}
	if (p->instance)
		return;
	label_choose(p->peers, p, str_z(p->user), (struct str){p->entity.jid.s, 6}, &label);
	peer_set_label(p, buf_view(&label));
}

/* The new address is in the roster before the old one goes: to a client that is no end and no beginning. */
static void change_user(struct peer *p, struct str user)
{
	CLEANUP(buf_clear) struct buf was = {.max = JID_MAX};
	char *before = p->user;

	peer_jid(p, &was);
	p->user = str_dup(user);
	peer_changed(p);
	if (p->peers->config.feed.remove)
		p->peers->config.feed.remove(p->peers->config.feed.arg, jid_view(buf_view(&was)));
	if (before) {
		peer_became(p, buf_view(&was));
		tell_user(p);
	}
	xfree(before);
}

void peer_set_user(struct peer *p, struct str user)
{
	CLEANUP(buf_clear) struct buf prepared = {.max = JID_PART_MAX};

	if (p->kind != PEER_KEYED || jid_prep_local(user, &prepared) < 0)
		return;
	if (p->user && str_eq(str_z(p->user), buf_view(&prepared)))
		return;
	show_hide(p);
	change_user(p, buf_view(&prepared));
	show_peer(p);
}

void peer_set_label(struct peer *p, struct str label)
{
	struct str old = str_z(p->label);

	if (str_eq(old, label) || !label.n || label.n > LABEL_MAX || !str_utf8(label))
		return;
	if (!p->named) {
		xfree(p->stranger.label_before);
		p->stranger.label_before = TAKE(p->label);
	}
	xfree(p->label);
	p->label = label_clean(label);
	peer_changed(p);
}

void peer_set_trust(struct peer *p, enum trust trust)
{
	bool known = peer_known(p);

	if (p->trust == trust)
		return;
	log_info("peer_trust", "peer=%.*s from=%s to=%s", STR_FMT(row_name(p)), trust_names[p->trust],
		trust_names[trust]);
	if (trust == TRUST_BLOCKED)
		p->unblocked = p->trust;
	p->trust = trust;
	if (peer_known(p) || trust == TRUST_BLOCKED)
		p->stranger.unanswered = false;
	if (peer_known(p)) { /* what he has used is free for other strangers */
		p->peers->strangers_bytes -= p->stranger.bytes;
		p->stranger.bytes = 0;
	}
	if (trust != TRUST_NEW && trust != TRUST_LEGACY)
		peer_store(p);
	peer_changed(p);
	if (!known)
		told_send(p); /* which it was not at the beginning of the link */
}

/* ---- addresses ---- */

static struct peer_address *find_address(struct peer *p, struct str text)
{
	for (unsigned i = 0; i < p->address_n; i++)
		if (str_eq(str_z(p->addresses[i].text), text))
			return &p->addresses[i];
	return NULL;
}

static void drop_address(struct peer *p, unsigned i)
{
	if (p->stored)
		store_put(core_batch(peer_core(p)), STORE_PEER_ADDRESS_DEL, row_domain(p), row_name(p),
			str_z(p->addresses[i].text));
	xfree(p->addresses[i].text);
	p->addresses[i] = p->addresses[--p->address_n];
}

bool peer_address_drop(struct peer *p, const char *text)
{
	struct peer_address *a = find_address(p, str_z(text));

	if (!a)
		return false;
	drop_address(p, (unsigned)(a - p->addresses));
	p->next_address = p->address_n; /* they have changed places */
	return true;
}

/* What nobody typed, and what worked longest ago, goes first. */
static void make_room(struct peer *p)
{
	unsigned worst = PEER_ADDRESSES_MAX;

	for (unsigned i = 0; i < p->address_n; i++) {
		const struct peer_address *a = &p->addresses[i];

		if (a->source == SOURCE_TYPED)
			continue;
		if (worst == PEER_ADDRESSES_MAX || a->success < p->addresses[worst].success)
			worst = i;
	}
	drop_address(p, worst < PEER_ADDRESSES_MAX ? worst : 0);
}

struct peer_address *peer_address_put(struct peer *p, const char *text, enum source source)
{
	struct peer_address *a = find_address(p, str_z(text));

	if (a) {
		if (source != a->source &&
			(source == SOURCE_TYPED || (source == SOURCE_TOLD && a->source == SOURCE_MDNS))) {
			a->source = source;
			if (p->stored)
				store_address(p, a);
		}
		return a;
	}
	if (p->address_n == PEER_ADDRESSES_MAX)
		make_room(p);
	a = &p->addresses[p->address_n++];
	*a = (struct peer_address){.text = xstrdup(text), .source = source};
	if (p->stored && source != SOURCE_MDNS)
		store_address(p, a);
	return a;
}

void peer_address_worked(struct peer *p, const char *text, enum source source)
{
	struct peer_address *a = peer_address_put(p, text, source);

	a->success = core_wall(peer_core(p));
	a->warned = false;
	if (p->stored)
		store_address(p, a);
}

/* ---- making and ending ---- */

static const struct entity_ops entity_ops = {.name = "peer", .deliver = outbound_deliver, .free = peer_free};

struct peer *peer_new(struct peers *ps, enum peer_kind kind, struct str address, struct str label)
{
	struct peer *p;

	if (ps->peers.n >= ps->config.peers_max || !label.n || label.n > LABEL_MAX)
		return NULL;
	p = xcalloc(1, sizeof(*p));
	entity_init(&p->entity, &entity_ops, peers_core(ps), &ps->host, jid_view(address));
	p->peers = ps;
	p->kind = kind;
	p->label = label_clean(label);
	p->trust = kind == PEER_LEGACY ? TRUST_LEGACY : TRUST_NEW;
	p->created = core_wall(peers_core(ps));
	p->pending.tail = &p->pending.first;
	p->timer.fire = dial_on_timer;
	outbox_init(&p->outbox);
	must(map_add(&ps->peers, p) == 0);
	return p;
}

struct peer *peer_keyed(struct peers *ps, const uint8_t key[32], struct str label)
{
	char id[NODEID_LEN + 1], domain[DOMAIN_SIZE];
	struct peer *p;

	nodeid_of(key, id);
	must(peers_domain_of(str_z(id), domain));
	p = peers_find(ps, str_z(domain));
	if (!p)
		p = peer_new(ps, PEER_KEYED, str_z(domain), label);
	if (p)
		memcpy(p->key, key, sizeof(p->key));
	return p;
}

static void free_ask(struct peer *p)
{
	struct msg m = {.kind = MSG_LINK_ASK};

	m.link_ask.ask = TAKE(p->nego_ask);
	msg_clear(&m);
	m.kind = MSG_LINK_ASK;
	m.link_ask.ask = TAKE(p->resume_ask);
	msg_clear(&m);
}

void peer_free(struct entity *e)
{
	struct peer *p = (struct peer *)e;
	struct peers *ps = p->peers;

	if (peers_find(ps, jid_str(e->jid)) == p)
		map_remove(&ps->peers, jid_str(e->jid));
	timer_stop(core_timers(e->core), &p->timer);
	link_on_peer_free(p);
	inbound_drop(p);
	outbound_drop(p);
	show_clear(p);
	picture_forget(p);
	verify_free(p);
	outbox_clear(&p->outbox);
	seen_clear(&p->seen);
	free_ask(p);
	service_free(&p->service);
	for (unsigned i = 0; i < p->address_n; i++)
		xfree(p->addresses[i].text);
	if (p->password)
		mem_wipe(p->password, sizeof(*p->password));
	xfree(p->password);
	xfree(p->label);
	xfree(p->stranger.label_before);
	xfree(p->user);
	xfree(p->instance);
	entity_clear(e);
	xfree(p);
}

void peer_forget(struct peer *p)
{
	struct peers *ps = p->peers;
	struct service *service = TAKE(p->service); /* the network tells it once */

	if (p->adder)
		command_reply(peer_core(p), p->adder, true, "%s is forgotten before anything came of it", p->label);
	p->adder = 0;
	link_close(p, SERR_HOST_GONE, "not known any more");
	dial_forget(p);
	show_hide(p);
	unfeed(p);
	if (p->stored)
		store_put(core_batch(peer_core(p)), STORE_PEER_DEL, row_domain(p), row_name(p));
	p->stored = false;
	map_remove(&ps->peers, row_name(p));
	entity_die(&p->entity);
	if (service)
		found_service(ps, &service);
	service_free(&service);
}

/* ---- loading ---- */

/* Rows of before that was kept do not say it. */
static enum trust unblocked_of(const struct peer *p, int64_t kept)
{
	static const enum trust usual[] =
		{[PEER_KEYED] = TRUST_PINNED, [PEER_LEGACY] = TRUST_LEGACY, [PEER_TYPED] = TRUST_NEW};

	return kept >= 0 && kept < TRUST_COUNT && kept != TRUST_BLOCKED ? (enum trust)kept : usual[p->kind];
}

static void load_peer(struct peers *ps, const struct store_value *v)
{
	struct str name = v[0].s, id;
	bool rooms, keyed = v[4].s.n == 32, by_id = nodeid_parse_domain(name, &id, &rooms);
	bool legacy = str_ends(name, STR("@" DOMAIN_LEGACY)); /* also a blocked one */
	enum peer_kind kind = by_id ? PEER_KEYED : legacy ? PEER_LEGACY : PEER_TYPED;
	struct peer *p;

	if (v[5].i < 0 || v[5].i >= TRUST_COUNT || !name.n)
		return;
	p = peer_new(ps, kind, name, v[1].s);
	if (!p)
		return;
	p->stored = true;
	p->user = str_dup(v[2].s);
	p->instance = str_dup(v[3].s);
	if (keyed)
		memcpy(p->key, v[4].s.p, sizeof(p->key));
	p->trust = (enum trust)v[5].i;
	if (v[6].s.n == sizeof(*p->password))
		p->password = xmemdup(v[6].s.p, sizeof(*p->password));
	if (kind == PEER_TYPED && p->trust == TRUST_PINNED) /* of an older version */
		p->trust = TRUST_NEW;
	p->proof.failures = (uint32_t)v[7].i;
	p->last_seen = v[8].i;
	p->created = v[9].i;
	p->statement = v[10].i;
	p->named = v[11].i & FLAG_NAMED;
	p->plain.ok = v[11].i & FLAG_PLAIN_OK;
	p->stranger.unanswered = v[11].i & FLAG_UNANSWERED;
	p->proof.told_wrong = v[11].i & FLAG_TOLD_WRONG;
	p->stranger.told = p->stranger.unanswered; /* he is, when he comes */
	p->unblocked = unblocked_of(p, v[11].i / FLAG_UNBLOCKED - 1);
}

static void load_address(struct peer *p, const struct store_value *v)
{
	char text[128];
	struct peer_address *a;

	if (v[1].s.n >= sizeof(text) || v[2].i < 0 || v[2].i >= SOURCE_COUNT || p->address_n == PEER_ADDRESSES_MAX)
		return;
	memcpy(text, v[1].s.p, v[1].s.n);
	text[v[1].s.n] = '\0';
	a = &p->addresses[p->address_n++];
	*a = (struct peer_address){.text = xstrdup(text), .source = (enum source)v[2].i, .success = v[3].i};
}

void peer_load_row(struct peers *ps, enum store_row kind, const struct store_value *v)
{
	struct peer *p;

	if (kind == ROW_PEER) {
		load_peer(ps, v);
		return;
	}
	p = peers_find(ps, v[0].s);
	if (!p)
		return;
	if (kind == ROW_PEER_ADDRESS) {
		load_address(p, v);
	} else if (kind == ROW_OUTBOX) {
		outbox_load(p, v[1].i, v[2].i, v[3].s);
	} else if (kind == ROW_SEEN) {
		seen_put(&p->seen, v[2].i);
		p->seen.number = v[1].i;
	}
}
