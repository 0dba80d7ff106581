/* Connections to peers: who may come, which of two stays, and the session that outlives them.
 *
 * Invariants: 1. A session belongs to the peer whose key its connection proved. 2. At most one connection of a peer is
 * being settled (nego) and at most one has its session. 3. Of two that were dialled from both ends at the same time, the
 * one from the lower NODEID stays, at both ends. */
#include "peer/peers_i.h"

#include "xmpp/escape.h"

enum { GLARE_MS = 5000, LOST_MS = 60000, SHORT_MS = 2000, LONG_MS = 60000, THEIRS_MS = 500 };

/* ---- refusing and accepting ---- */

struct refusal {
	enum serr error;
	const char *text;
};

static void refuse(struct peers *ps, uint64_t conn, struct refusal why)
{
	struct msg *m = core_to_wire(peers_core(ps), MSG_LINK_REPLY, conn);

	m->link_reply.error = why.error;
	m->link_reply.text = why.text;
}

static void forget_dial(struct peers *ps, const struct link_ask *a)
{
	struct dialling *d = a && a->dial ? table_remove(&ps->dials, a->dial) : NULL;
	struct peer *p = d ? (struct peer *)entity_find(peers_core(ps), d->peer) : NULL;

	if (p && p->dialling)
		p->dialling--;
	if (d)
		xfree(d->address);
	xfree(d);
}

/* A connection that was accepted and is not wanted any more. Nobody will tell of it: it does not fail, it is closed. */
static void drop_nego(struct peer *p)
{
	struct msg m = {.kind = MSG_LINK_ASK};

	if (!p->nego)
		return;
	core_to_wire(peer_core(p), MSG_CLOSE, p->nego)->close.error = SERR_CONFLICT;
	forget_dial(p->peers, p->nego_ask); /* the wire says no more about it */
	p->nego = 0;
	forget_dial(p->peers, p->nego_ask);
	m.link_ask.ask = TAKE(p->nego_ask);
	msg_clear(&m);
}

/* What can be said of a session that goes on; nothing if there is none, or if it is not clear yet what of theirs we have. */
static void offer_session(struct peer *p, struct msg *m)
{
	uint32_t handled;
	uint64_t commit;

	if (!p->link || !session_token(&p->link->session) || !session_settled(&p->link->session, &handled, &commit))
		return;
	m->link_reply.token = xstrdup(session_token(&p->link->session));
	m->link_reply.h = handled;
	m->link_reply.commit = commit;
}

static struct stream_password *make_password(const struct peer *p)
{
	struct stream_password *pw = xcalloc(1, sizeof(*pw));

	pw->keys = *p->password;
	nodeid_fingerprint(p->peers->config.key, pw->ours);
	nodeid_fingerprint(p->key, pw->theirs);
	nodeid_of(nego_dialled(p) ? p->peers->config.key : p->key, pw->id);
	return pw;
}

static void accept_link(struct peer *p, struct msg *ask)
{
	struct peers *ps = p->peers;
	struct msg *m;

	drop_nego(p);
	p->nego = ask->conn;
	p->nego_ask = TAKE(ask->link_ask.ask);
	timer_stop(core_timers(peer_core(p)), &p->timer);
	m = core_to_wire(peer_core(p), MSG_LINK_REPLY, ask->conn);
	m->link_reply.peer = str_dup(jid_str(p->entity.jid));
	m->link_reply.stanza_max = peer_known(p) ? STANZA_PINNED : STANZA_STRANGER;
	if (p->kind == PEER_LEGACY) {
		m->link_reply.from = xstrdup(peers_instance(&ps->host));
		return;
	}
	m->link_reply.from = str_dup(jid_str(ps->self));
	if (nego_dialled(p))
		offer_session(p, m);
	if (p->password && p->proof.failures < PASSWORD_FAILURES)
		m->link_reply.password = make_password(p);
}

/* Both ends have dialled: does this one give way? An old program goes on with the newest stream that came to it, and has
 * closed its own when it answered ours. */
static bool gives_way(const struct peer *p, bool dialled)
{
	struct str other = jid_domain(p->entity.jid);
	bool we_are_lower = str_cmp(str_z(p->peers->domain), other) < 0, preferred = dialled == we_are_lower;
	bool fresh = peer_is_up(p) && core_now(peer_core(p)) - p->link->since < GLARE_MS;

	if (p->kind != PEER_KEYED)
		return !dialled && ((p->nego && nego_dialled(p)) || (fresh && p->link->dialled));
	if (preferred)
		return false;
	return (p->nego && nego_dialled(p) != dialled) || (fresh && p->link->dialled != dialled);
}

/* ---- links with a key ---- */

static void warn_wrong_key(struct peer *wanted, const char *address, const char *id)
{
	struct peer_address *a = peer_address_put(wanted, address, SOURCE_SEEN);

	if (a->warned)
		return;
	a->warned = true;
	notice(wanted->peers, "warning", wanted, "at %s, where %s was expected, somebody else answered (key %.12s...)",
		address, wanted->label, id);
}

/* What the header says may not contradict the key. user: the localpart that it names. */
static bool header_fits(struct str from, const char *domain, struct str *ret_user, struct jid_buf *store)
{
	*ret_user = STR_NONE;
	if (!from.p)
		return true;
	if (jid_parse_buf(from, store) != 0 || !str_is(jid_domain(store->jid), domain))
		return false;
	*ret_user = jid_local(store->jid);
	return true;
}

/* "bob", as long as nobody else is called so. */
static struct peer *make_keyed(struct peers *ps, const uint8_t key[32], struct str user, const char *id,
	const struct peer *wanted)
{
	CLEANUP(buf_clear) struct buf label = {.max = LABEL_MAX};

	label_choose(ps, wanted, user.n ? user : (struct str){id, ID_LABEL_MIN}, (struct str){id, 6}, &label);
	return peer_keyed(ps, key, buf_view(&label));
}

static struct peer *keyed_peer(struct peers *ps, const struct link_ask *a, struct peer *wanted, const char *address,
	struct refusal *ret)
{
	char id[NODEID_LEN + 1], domain[DOMAIN_SIZE];
	struct jid_buf store;
	struct str user;
	struct peer *p;

	nodeid_of(a->key, id);
	must(peers_domain_of(str_z(id), domain));
	*ret = (struct refusal){SERR_INVALID_FROM, "the key proves another name"};
	if (!header_fits(str_z(a->from), domain, &user, &store))
		return NULL;
	*ret = (struct refusal){SERR_CONFLICT, "that is this node itself"};
	if (strcmp(id, ps->id) == 0) {
		if (wanted)
			typed_is_self(wanted, address);
		return NULL;
	}
	*ret = (struct refusal){SERR_NOT_AUTHORIZED, "another key was expected here"};
	if (wanted && wanted->kind == PEER_KEYED && !str_is(jid_str(wanted->entity.jid), domain)) {
		warn_wrong_key(wanted, address, id);
		return NULL;
	}
	*ret = (struct refusal){SERR_RESOURCE_CONSTRAINT, "too many peers"};
	p = make_keyed(ps, a->key, user, id, wanted);
	if (!p)
		return NULL;
	if (user.n && p->trust != TRUST_BLOCKED) /* who is not to be heard changes nothing here */
		peer_set_user(p, user);
	if (wanted && wanted->kind == PEER_TYPED)
		typed_take_over(p, wanted);
	else
		changed_check_name(p, p->instance ? str_z(p->instance) : user);
	return p;
}

/* ---- streams without a key ---- */

static bool has_address(const struct peer *p, struct str host)
{
	for (unsigned i = 0; p->service && i < p->service->address_count; i++)
		if (str_eq(str_z(p->service->addresses[i]), host))
			return true;
	return false;
}

static struct str host_of(struct str address)
{
	size_t n = address.n;

	while (n && address.p[n - 1] != ':')
		n--;
	address.n = n ? n - 1 : 0;
	if (address.n > 1 && address.p[0] == '[')
		return (struct str){address.p + 1, address.n - 2};
	return address;
}

/* A header without `from`: whoever is alone at that address. */
static struct peer *legacy_at(const struct peers *ps, struct str address)
{
	struct peer *p, *found = NULL;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		if (p->kind == PEER_LEGACY && has_address(p, host_of(address))) {
			if (found)
				return NULL;
			found = p;
		}
	return found;
}

bool link_legacy_jid(struct str instance, struct buf *out)
{
	if (escape_instance(instance, out) < 0)
		return false;
	buf_z(out, "@" DOMAIN_LEGACY);
	return buf_ok(out);
}

struct peer *link_legacy_peer(struct peers *ps, struct str instance)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX};
	CLEANUP(buf_clear) struct buf label = {.max = LABEL_MAX};
	struct peer *p;

	if (!link_legacy_jid(instance, &jid))
		return NULL;
	p = peers_find(ps, buf_view(&jid));
	if (!p) {
		label_of_instance(ps, NULL, instance, &label);
		p = peer_new(ps, PEER_LEGACY, buf_view(&jid), buf_view(&label));
	}
	if (p && !p->instance)
		p->instance = str_dup(instance);
	return p;
}

/* By his name on the network, or, if he is known, what he is called here, his address, or what he calls himself: that alone, or with
 * any host as long as the network has not told which one is his. */
static bool is_name_of(const struct peer *p, struct str name)
{
	struct str host = name, user = str_cut(&host, '@');

	if (p->instance && str_eq(str_z(p->instance), name))
		return true;
	if (!peer_known(p) && !p->named)
		return false;
	if (str_is_nocase(name, p->label) || str_eq(host.p ? host : name, jid_str(p->entity.jid)))
		return true;
	return p->user && str_is_nocase(user, p->user) && (!host.p || !p->instance);
}

/* Whoever is known by a key, or says on the network that he has one, does not come without it. */
static struct peer *has_key(const struct peers *ps, struct str name)
{
	struct peer *p;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		if (p->kind == PEER_KEYED && is_name_of(p, name))
			return p;
	return NULL;
}

static struct peer *plain_peer(struct peers *ps, const struct link_ask *a, struct peer *wanted, struct refusal *ret)
{
	struct str from = str_z(a->from);
	struct peer *p = from.n ? has_key(ps, from) : NULL;

	*ret = (struct refusal){SERR_POLICY_VIOLATION, "this node does not speak without encryption"};
	if (ps->config.plaintext == PLAINTEXT_NEVER && !a->tls)
		return NULL;
	/* A link of nodes on which no key was proven is no stream of an old program, and who has a key is not called to do
	 * without. What a certificate under STARTTLS shows is no key of anybody: nodes do not speak so to each other. */
	*ret = (struct refusal){SERR_NOT_AUTHORIZED, "a key was expected here"};
	if (!a->legacy || (wanted && wanted->kind == PEER_KEYED))
		return NULL;
	*ret = (struct refusal){SERR_NOT_AUTHORIZED, "this name is known by a key, and not without it"};
	if (p) {
		notice(ps, "warning", p, "somebody at %s says without %s that he is %s. He was refused", a->address,
			a->tls ? "the key" : "encryption", p->label);
		return NULL;
	}
	*ret = (struct refusal){SERR_NOT_AUTHORIZED, "who is it?"};
	if (wanted && wanted->kind == PEER_LEGACY)
		return wanted;
	p = from.n ? link_legacy_peer(ps, from) : legacy_at(ps, str_z(a->address));
	if (p && wanted && wanted->kind == PEER_TYPED)
		typed_take_over(p, wanted);
	return p;
}

/* ---- messages ---- */

void link_on_ask(struct peers *ps, struct msg *m)
{
	struct link_ask *a = m->link_ask.ask;
	struct dialling *d = a->dial ? table_find(&ps->dials, a->dial) : NULL;
	struct peer *wanted = d ? (struct peer *)entity_find(peers_core(ps), d->peer) : NULL, *p;
	struct refusal why = {SERR_RESOURCE_CONSTRAINT, "nothing can be taken now"};
	bool became;

	if (!ps->loaded || (a->dial && !wanted) || !core_can_store(peers_core(ps))) {
		refuse(ps, m->conn, why);
		return;
	}
	p = a->keyed ? keyed_peer(ps, a, wanted, d ? d->address : a->address, &why) : plain_peer(ps, a, wanted, &why);
	became = p && wanted && wanted != p && wanted->kind == PEER_TYPED;
	if (p && p->trust == TRUST_BLOCKED)
		why = (struct refusal){SERR_NOT_AUTHORIZED, "not welcome"};
	else if (p && gives_way(p, a->dial != 0))
		why = (struct refusal){SERR_CONFLICT, "the other link stays"};
	else if (p)
		why = (struct refusal){SERR_NONE, NULL};
	if (why.error != SERR_NONE) {
		log_info("link_refused", "address=%s from=\"%s\" why=\"%s\"", a->address ? a->address : "",
			a->from ? a->from : "", why.text);
		refuse(ps, m->conn, why);
	} else {
		if (d)
			peer_address_worked(p, d->address, SOURCE_SEEN);
		accept_link(p, m);
	}
	if (became)
		typed_inherit(p, wanted);
}

static struct peer *by_nego(const struct peers *ps, uint64_t conn)
{
	struct peer *p;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		if (p->nego == conn)
			return p;
	return NULL;
}

/* The connection that was being settled is the session's now. What it proved is the caller's. */
static struct link_ask *settle(struct peer *p, struct plink *l)
{
	memcpy(l->exporter, p->nego_ask->exporter, sizeof(l->exporter));
	l->dialled = nego_dialled(p);
	l->tls = p->nego_ask->tls != NULL;
	if (l->tls && p->kind == PEER_LEGACY)
		p->plain.starttls = HAS_STARTTLS;
	l->since = core_now(peer_core(p));
	l->verified_tried = p->proof.wanted = false;
	forget_dial(p->peers, p->nego_ask);
	p->nego = 0;
	p->next_address = p->address_n;
	p->last_seen = core_wall(peer_core(p));
	timer_stop(core_timers(peer_core(p)), &p->timer);
	return TAKE(p->nego_ask);
}

static void set_resuming(struct peer *p, uint64_t conn, struct link_ask *ask)
{
	struct msg m = {.kind = MSG_LINK_ASK};

	m.link_ask.ask = p->resume_ask;
	msg_clear(&m);
	p->resuming = conn;
	p->resume_ask = ask;
}

/* Its number was impossible, or the session ended meanwhile: it may have a new one. */
static struct peer *by_refused_resumption(const struct peers *ps, uint64_t conn)
{
	struct peer *p;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		if (p->resuming == conn && !p->nego) {
			p->nego = conn;
			p->nego_ask = TAKE(p->resume_ask);
			p->resuming = 0;
			return p;
		}
	return NULL;
}

static void ask_presence(struct peer *p)
{
	CLEANUP(buf_clear) struct buf to = {.max = JID_MAX};
	struct packet_head head = {.kind = STANZA_PRESENCE,
		.type = TYPE_PROBE,
		.from = jid_str(p->peers->self),
		.to = jid_str(peer_jid(p, &to))};
	struct packet_writer w;
	struct packet *packet;

	packet_begin(&w, &head);
	packet = packet_end(&w);
	link_send(p, &packet, 0);
}

static void on_up(struct peer *p)
{
	log_info("link_up", "peer=%.*s dialled=%s trust=%s encrypted=%s", STR_FMT(jid_str(p->entity.jid)),
		p->link->dialled ? "yes" : "no", trust_name(p->trust), p->link->tls ? "yes" : "no");
	peer_tell_adder(p, p);
	if (p->kind == PEER_KEYED)
		ask_presence(p);
	outbox_flush(p);
	outbound_flush(p);
	if (p->kind == PEER_KEYED) {
		told_send(p);
		if (p->verify)
			verify_start(p);
	}
	show_peer(p);
}

/* ---- the session ---- */

/* Also in the store, where it outlives this process. */
static void note_seen(struct peer *p)
{
	p->last_seen = core_wall(peer_core(p));
	if (p->stored)
		peer_changed(p);
}

/* Who answers and then closes, or breaks it off, is not to be dialled in a loop: an old program that does not know our address (yet),
 * whoever wants nothing of us, or wants us to be busy. After a link that was of use he is dialled at once, and the first time also
 * after one that was not: a cable may be pulled at any time. */
static void note_end(struct plink *l)
{
	struct calls *c = &l->peer->calls;
	int64_t lasted = core_now(l->session.core) - l->since;

	c->brief = l->useful || lasted >= LONG_MS ? 0 : c->brief + 1;
	c->round = c->brief ? c->brief - 1 : 0;
	l->useful = false;
}

static void on_gone(struct session *s)
{
	struct plink *l = (struct plink *)s;

	if (!l->peer || l->peer->link != l)
		return;
	log_info("link_end", "peer=%.*s", STR_FMT(jid_str(l->peer->entity.jid)));
	/* Who closes a link that worked is perhaps only started anew. */
	l->peer->calls.closed = !l->down && core_now(s->core) - l->since >= SHORT_MS;
	if (!l->down)
		note_end(l);
	l->peer->link = NULL;
	if (!l->down) /* what ends without having come back, a day later perhaps, was last heard when it broke */
		note_seen(l->peer);
	outbox_unsent(l->peer);
	verify_on_link_end(l->peer);
	show_forget(l->peer);
	dial_later(l->peer);
}

/* An old session's requests are answered by nobody any more; what was for its rooms or from ours is told as failed. */
static void on_returned(struct session *s, struct stanza **st)
{
	if ((*st)->kind == STANZA_PRESENCE)
		core_done(s->core, st);
	else
		core_bounce(s->core, st, xerr(XERR_REMOTE_SERVER_TIMEOUT));
}

static void on_tagged(struct session *s, uint64_t tag, bool arrived)
{
	struct plink *l = (struct plink *)s;

	l->useful |= arrived;
	/* What an old session gives back the new one has been given already. */
	if (l->peer && (arrived || !l->peer->link || l->peer->link == l))
		outbox_tagged(l->peer, tag, arrived);
}

/* For a minute a peer whose link broke is shown as if it had not: cables are put back. */
static void on_lost(struct timer *t)
{
	struct plink *l = CONTAINER_OF(t, struct plink, lost);

	if (l->peer && l->peer->link == l && !peer_is_up(l->peer))
		show_forget(l->peer);
}

static void on_detached(struct session *s)
{
	struct plink *l = (struct plink *)s;

	l->down = true;
	if (l->peer && l->peer->link == l) {
		note_seen(l->peer);
		timer_start(core_timers(s->core), &l->lost, core_now(s->core) + LOST_MS);
		l->theirs_until = l->dialled ? 0 : core_now(s->core) + THEIRS_MS;
		log_info("link_down", "peer=%.*s", STR_FMT(jid_str(l->peer->entity.jid)));
		note_end(l);
		dial_later(l->peer);
	}
}

static void on_attached(struct session *s)
{
	struct plink *l = (struct plink *)s;

	timer_stop(core_timers(s->core), &l->lost);
	l->down = false;
	if (l->peer && l->peer->link == l)
		on_up(l->peer);
}

static void free_link(struct session *s)
{
	struct plink *l = (struct plink *)s;

	if (l->peer && l->peer->link == l)
		l->peer->link = NULL;
	timer_stop(core_timers(s->core), &l->lost);
	session_clear(s);
	xfree(l);
}

static const struct session_ops session_ops = {
	.is_link = true,
	.on_stanza = inbound_on_stanza,
	.on_gone = on_gone,
	.on_returned = on_returned,
	.on_tagged = on_tagged,
	.on_detached = on_detached,
	.on_attached = on_attached,
	.free = free_link,
};

void link_on_open(struct peers *ps, struct msg *m)
{
	struct peer *p = by_nego(ps, m->conn);
	struct plink *l;

	if (!p)
		p = by_refused_resumption(ps, m->conn);
	if (!p) {
		core_to_wire(peers_core(ps), MSG_BOUND, m->conn)->bound.error = XERR_CONFLICT;
		return;
	}
	if (p->link)
		session_close(&p->link->session, SERR_CONFLICT, "there is a new session");
	l = xcalloc(1, sizeof(*l));
	if (session_open(&l->session, &session_ops, peer_core(p), &p->entity, p->entity.jid, m->conn) < 0) {
		core_to_wire(peers_core(ps), MSG_BOUND, m->conn)->bound.error = XERR_RESOURCE_CONSTRAINT;
		xfree(l);
		return;
	}
	l->peer = p;
	l->lost.fire = on_lost;
	p->link = l;
	set_resuming(p, 0, settle(p, l)); /* which is of no use any more */
	set_resuming(p, 0, NULL);
	outbox_unsent(p);
	if (p->kind == PEER_KEYED)
		session_keep(&l->session, m->link_open.token, KEEP_SECONDS);
	else
		peer_changed(p); /* discovery may never tell of it, and the roster is to have its name */
	on_up(p);
}

void link_on_resume(struct peers *ps, struct msg *m)
{
	struct peer *p = by_nego(ps, m->conn);
	const char *token = p && p->link ? session_token(&p->link->session) : NULL;

	if (!token || strlen(token) != strlen(m->resume.token) || !hash_equal(token, m->resume.token, strlen(token)) ||
		!session_alive(&p->link->session)) {
		session_refuse_resume(peers_core(ps), m->conn);
		return;
	}
	set_resuming(p, m->conn, settle(p, p->link));
	session_resume(&p->link->session, m->conn, m->resume.h);
}

/* At once: whoever mistyped it can mend it while he remembers, and whoever did not hears of somebody in between. */
static void tell_wrong_password(const struct peer *p)
{
	int left = PASSWORD_FAILURES - (int)p->proof.failures;

	if (left < 0)
		return;
	if (left == 0)
		notice(p->peers, "warning", p,
			"%s failed %d times to prove the shared password: it is not tried any more until you set it "
			"again (in a shell: wireside peer set-password %s)",
			p->label, PASSWORD_FAILURES, label_word(p).text);
	else
		notice(p->peers, "warning", p,
			"the shared password of %s is not the same on both machines, so it verifies nobody; the link stays "
			"encrypted as before. %d %s left, one with each new link. Set the same password at both ends, in a shell: "
			"wireside peer set-password %s, and over there the same with --typed",
			p->label, left, left == 1 ? "attempt is" : "attempts are", label_word(p).text);
}

void link_on_proven(struct peers *ps, struct msg *m)
{
	struct peer *p = by_nego(ps, m->conn);

	if (!p || !p->password)
		return;
	p->proof.failures = m->link_proven.right ? 0 : p->proof.failures + 1;
	if (m->link_proven.right) {
		if (p->trust != TRUST_VERIFIED)
			notice(ps, "verified", p, "%s is verified: it knows the shared password", p->label);
		else if (p->proof.told_wrong)
			notice(ps, "verified", p, "the shared password of %s is the same on both machines now",
				p->label);
		peer_set_trust(p, TRUST_VERIFIED);
	} else {
		tell_wrong_password(p);
	}
	p->proof.told_wrong = !m->link_proven.right;
	peer_store(p);
	peer_changed(p);
}

void link_on_failed(struct peers *ps, struct msg *m)
{
	struct peer *p = m->conn ? by_nego(ps, m->conn) : NULL;
	struct msg ask = {.kind = MSG_LINK_ASK};

	if (p) {
		p->nego = 0;
		ask.link_ask.ask = TAKE(p->nego_ask);
		msg_clear(&ask);
	}
	if (m->link_failed.dial)
		dial_on_failed(ps, m);
	else if (p)
		dial_later(p);
}

void link_close(struct peer *p, enum serr error, const char *text)
{
	struct plink *l = p->link;

	drop_nego(p);
	if (!l)
		return;
	session_close(&l->session, error, text);
	if (l == p->link)
		p->link = NULL;
}

/* Sessions of its that have ended and wait for their connections' last word have nobody to tell any more. */
void link_on_peer_free(struct peer *p)
{
	struct session *s;

	for (uint32_t pos = 0; (s = core_next_session(peer_core(p), &pos));)
		if (s->ops == &session_ops && ((struct plink *)s)->peer == p) {
			((struct plink *)s)->peer = NULL;
			s->owner = NULL;
		}
}

void link_send(struct peer *p, struct packet **packet, uint64_t commit)
{
	if (*packet && p->link && session_alive(&p->link->session))
		session_send(&p->link->session, packet, commit);
	packet_unref(packet);
}
