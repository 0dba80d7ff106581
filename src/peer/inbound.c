/* What a peer sends. A message with an id is taken once: its hash is stored in the same commit as what the message itself
 * writes (the archive, the offline store), and only then acknowledged. Between arrival and that moment the message is
 * "in flight": if it comes again then, by another session, the second one waits for the first and counts with it. */
#include "peer/peers_i.h"

#include "xmpp/keep.h"

enum { STRANGER_EVERY_MS = 1000, STRANGER_AT_ONCE = 20, STRANGER_NOTES_AT_ONCE = 100, STRANGER_NOTE_BYTES = 1024 };

struct inflight {
	uint64_t key[2]; /* the peer's entity id, the hash */
};

struct str inflight_key(const void *item)
{
	return (struct str){(const char *)((const struct inflight *)item)->key, sizeof(((struct inflight *)0)->key)};
}

static struct inflight *find_inflight(const struct peer *p, int64_t hash)
{
	struct inflight f = {.key = {p->entity.id, (uint64_t)hash}};

	return map_find(&p->peers->inflight, inflight_key(&f));
}

/* Those in its rooms choose their ids each for himself. */
static int64_t hash_of(const struct peer *p, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf both = {.max = 1 << 20};

	if (str_eq(jid_domain(s->from), jid_str(p->entity.jid)))
		return seen_hash(s->id);
	buf_fmt(&both, "%.*s ", STR_FMT(jid_str(s->from)));
	buf_str(&both, s->id);
	return seen_hash(buf_ok(&both) ? buf_view(&both) : s->id);
}

static bool is_kept(const struct peer *p, const struct stanza *s)
{
	return p->kind == PEER_KEYED && s->kind == STANZA_MESSAGE && (s->type == TYPE_CHAT || s->type == TYPE_NORMAL) &&
		s->id.n;
}

/* ---- strangers ---- */

static void say_request(struct peer *p)
{
	struct label_word name = label_word(p);

	if (p->kind == PEER_LEGACY)
		notice(p->peers, "request", p,
			"%s writes to you %s: nobody can tell who it is. /msg %s answers, /block %s hears no more of it",
			p->label, p->link && p->link->tls ? "encrypted, but without a key" : "without encryption",
			name.text, name.text);
	else
		notice(p->peers, "request", p,
			"%s, whom you have not spoken to yet, writes to you (key %.26s). An answer (/msg %s) or /accept %s "
			"takes him for who he says he is, /block %s hears no more of him",
			p->label, p->entity.jid.s, name.text, name.text, name.text);
}

static void tell_request(struct peer *p)
{
	if (p->stranger.told)
		return;
	p->stranger.told = true;
	say_request(p);
	p->stranger.unanswered = true;
	peer_changed(p);
}

/* Whoever was away when it wrote shall know that there is something to decide; so shall who has put that off. */
unsigned inbound_remind(struct peers *ps)
{
	unsigned n = 0;
	struct peer *p;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		if (p->stranger.unanswered && !peer_known(p) && p->trust != TRUST_BLOCKED && ++n <= UNTOLD_MAX)
			say_request(p);
	return n > UNTOLD_MAX ? n - UNTOLD_MAX : 0;
}

void inbound_answered(struct peer *p)
{
	if (!p->stranger.unanswered)
		return;
	p->stranger.unanswered = false;
	peer_changed(p);
}

/* One a second, some at once after a silence. */
static void count(int64_t *next, int64_t now, int at_once)
{
	int64_t since = now - (int64_t)(at_once - 1) * STRANGER_EVERY_MS;

	*next = (*next > since ? *next : since) + STRANGER_EVERY_MS;
}

/* And so many bytes until our user has answered. */
static bool stranger_may(struct peer *p, const struct stanza *s)
{
	int64_t now = core_now(peer_core(p));
	size_t n = xml_raw(&s->tree, XML_ROOT).n;

	if (p->stranger.next > now)
		return false;
	if (p->stranger.bytes + n > STRANGER_BYTES || p->peers->strangers_bytes + n > STRANGERS_BYTES)
		return false;
	count(&p->stranger.next, now, STRANGER_AT_ONCE);
	p->stranger.bytes += n;
	p->peers->strangers_bytes += n;
	return true;
}

/* In rooms of ours he may be as loud as towards our user, so that he cannot drown the others; nothing of it is kept for
 * him, so bytes do not count. He may always leave, and ask. */
static bool stranger_may_in_room(struct peer *p, const struct stanza *s)
{
	struct host *h = core_find_host(peer_core(p), jid_domain(s->to));
	int64_t now = core_now(peer_core(p));

	if (peer_known(p) || !h || h->kind != HOST_ROOMS || s->kind == STANZA_IQ || s->type == TYPE_ERROR ||
		s->type == TYPE_UNAVAILABLE)
		return true;
	if (p->stranger.next_room > now)
		return false;
	count(&p->stranger.next_room, now, STRANGER_AT_ONCE);
	return true;
}

static void refuse(struct peer *p, struct stanza **s)
{
	core_bounce(peer_core(p), s,
		xerr_text(XERR_RESOURCE_CONSTRAINT,
			peer_known(p) ? "it was refused before you were known; say it anew"
				      : "too much from somebody not known yet"));
}

/* ---- addresses ---- */

/* Ours, and no relay to somebody else's. */
static bool is_for_us(const struct peer *p, const struct stanza *s)
{
	struct host *h = core_find_host(peer_core(p), jid_domain(s->to));

	return h && h != &p->peers->host;
}

/* The node has one user, whatever the sender takes his name to be. */
static void to_our_user(struct peer *p, struct stanza **s)
{
	struct jid self = p->peers->self;

	if (!jid_some((*s)->to))
		stanza_readdress(s, self);
	else if (str_eq(jid_domain((*s)->to), jid_domain(self)) && !str_eq(jid_local((*s)->to), jid_local(self)) &&
		(*s)->kind != STANZA_IQ)
		stanza_readdress(s, self);
}

/* ---- what is between the nodes ---- */

static const struct {
	const char *name, *ns;
	void (*run)(struct peer *p, const struct stanza *s, uint32_t element);
} between[] = {
	{"verify", NS_VERIFY, verify_on_stanza},
	{"addresses", NS_ADDRESSES, told_on_stanza},
};

static bool taken_by_node(struct peer *p, const struct stanza *s)
{
	if (p->kind != PEER_KEYED || s->kind != STANZA_MESSAGE || s->to.local || s->type == TYPE_ERROR)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(between); i++) {
		uint32_t element = stanza_child(s, between[i].name, between[i].ns);

		if (element == XML_NONE)
			continue;
		between[i].run(p, s, element);
		return true;
	}
	return false;
}

/* ---- */

/* False: it was there before (or is on its way), and is dealt with. */
static bool take_once(struct peer *p, struct stanza **s)
{
	int64_t hash = hash_of(p, *s);
	struct inflight *f;

	if (seen_has(&p->seen, hash)) {
		core_done(peer_core(p), s);
		return false;
	}
	if (find_inflight(p, hash)) {
		struct stanza *twin = TAKE(*s);

		twin->next = p->twins;
		p->twins = twin;
		return false;
	}
	f = xcalloc(1, sizeof(*f));
	f->key[0] = p->entity.id;
	f->key[1] = (uint64_t)hash;
	if (map_add(&p->peers->inflight, f) != 0) {
		xfree(f);
		core_bounce(peer_core(p), s, xerr(XERR_RESOURCE_CONSTRAINT));
		return false;
	}
	return true;
}

/* Taken, or about to be: only the first of several copies counts against a stranger, and only it is answered. */
static bool was_here(const struct peer *p, const struct stanza *s)
{
	int64_t hash = is_kept(p, s) ? hash_of(p, s) : 0;

	return hash && (seen_has(&p->seen, hash) || find_inflight(p, hash));
}

/* Its sender was told so. If it comes again all the same (by a new link, which does not know what went over the old one) it
 * must not be shown after that. */
static bool was_refused(const struct peer *p, int64_t hash)
{
	for (unsigned i = 0; i < REFUSED_MAX; i++)
		if (hash && p->stranger.refused[i] == hash)
			return true;
	return false;
}

static bool stranger_refused(struct peer *p, const struct stanza *s)
{
	int64_t hash = is_kept(p, s) ? hash_of(p, s) : 0;

	if (was_refused(p, hash)) /* as a stranger; he may be known by now, and have said more */
		return true;
	if (peer_known(p) || stranger_may(p, s))
		return false;
	if (hash)
		p->stranger.refused[p->stranger.refused_n++ % REFUSED_MAX] = hash;
	return true;
}

/* That he writes takes nothing from what he may write. What is too much of it is dropped without a word: nobody waits for an answer. */
static void note(struct peer *p, struct stanza **s)
{
	int64_t now = core_now(peer_core(p));

	if (!peer_known(p) && p->stranger.next_note > now) {
		core_done(peer_core(p), s);
		return;
	}
	count(&p->stranger.next_note, now, STRANGER_NOTES_AT_ONCE);
	core_send(peer_core(p), s);
}

/* No more than that: what is to be kept, or long, is a message whatever it looks like. */
static bool is_note(const struct stanza *s)
{
	return s->type != TYPE_ERROR && packet_only_typing(s) && !keep_has_content(s) &&
		xml_raw(&s->tree, XML_ROOT).n <= STRANGER_NOTE_BYTES;
}

static void message(struct peer *p, struct stanza **s)
{
	struct core *c = peer_core(p);

	if (is_note(*s)) {
		note(p, s);
		return;
	}
	if ((*s)->type != TYPE_ERROR && !was_here(p, *s)) {
		if (stranger_refused(p, *s)) {
			refuse(p, s);
			return;
		}
		if (!peer_known(p))
			tell_request(p);
	}
	if ((*s)->type == TYPE_ERROR)
		outbox_refused(p, (*s)->id);
	if ((*s)->type != TYPE_ERROR)
		peer_store(p);
	if (is_kept(p, *s) && !take_once(p, s))
		return;
	core_send(c, s);
}

/* When the last of its clients goes the node is shown first: between the two it would seem to be gone. */
static void pass_on(struct peer *p, struct stanza **s)
{
	if ((*s)->kind == STANZA_PRESENCE && (*s)->type == TYPE_UNAVAILABLE)
		show_peer(p);
	core_send(peer_core(p), s);
}

void inbound_on_stanza(struct session *session, struct stanza **s)
{
	struct plink *l = (struct plink *)session;
	struct peer *p = l->peer;
	struct core *c = session->core;

	p->last_seen = core_wall(c);
	if (taken_by_node(p, *s)) {
		core_done(c, s);
		return;
	}
	to_our_user(p, s);
	if (!is_for_us(p, *s))
		core_bounce(c, s, xerr(XERR_ITEM_NOT_FOUND));
	else if ((*s)->kind == STANZA_MESSAGE && str_eq(jid_domain((*s)->to), jid_domain(p->peers->self)))
		message(p, s);
	else if ((*s)->kind == STANZA_PRESENCE && !show_note(p, *s))
		core_done(c, s);
	else if (!stranger_may_in_room(p, *s))
		refuse(p, s);
	else
		pass_on(p, s);
	show_peer(p);
}

static void count_twins(struct peer *p, int64_t hash)
{
	struct stanza **at = &p->twins, *s;

	while ((s = *at)) {
		if (hash_of(p, s) != hash) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		s->next = NULL;
		core_done(peer_core(p), &s);
	}
}

/* Whatever session it came by: that may have ended meanwhile. */
void inbound_on_done(struct host *h, const struct stanza *s)
{
	struct peers *ps = (struct peers *)h;
	struct str id;
	bool rooms;
	struct peer *p = nodeid_parse_domain(jid_domain(s->from), &id, &rooms) ? peers_find_id(ps, id) : NULL;
	struct inflight *f;
	int64_t hash;

	if (!p || !is_kept(p, s))
		return;
	hash = hash_of(p, s);
	f = find_inflight(p, hash);
	if (!f)
		return;
	map_remove(&p->peers->inflight, inflight_key(f));
	xfree(f);
	seen_put(&p->seen, hash);
	store_put(core_batch(peers_core(ps)), STORE_SEEN_ADD, str_z(p->peers->domain), jid_str(p->entity.jid),
		p->seen.number, hash, p->seen.number - SEEN_MAX);
	count_twins(p, hash);
}

void inbound_clear(struct peers *ps)
{
	struct inflight *f;

	for (uint32_t pos = 0; (f = map_next(&ps->inflight, &pos));)
		xfree(f);
	map_clear(&ps->inflight);
}

void inbound_drop(struct peer *p)
{
	struct stanza *s;

	while ((s = p->twins)) {
		p->twins = s->next;
		s->next = NULL;
		stanza_free(&s);
	}
	p->peers->strangers_bytes -= p->stranger.bytes;
}
