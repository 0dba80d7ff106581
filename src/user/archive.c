#include "user/archive.h"

#include "user/transit.h"
#include "user/users_i.h"
#include "xml/write.h"
#include "xmpp/keep.h"
#include "xmpp/ns.h"

/* Trimming looks for the oldest one to stay: not at every message. */
enum { TRIM_EVERY = 64 };

bool archive_on(const struct entity *e)
{
	const struct users *u = (const struct users *)(e->host ? e->host : (const struct host *)e);

	return u->config.archive;
}

/* ---- what is kept ---- */

/* Between occupants of a room: the room sends it to each session that is in it by itself, so there would be several. */
static bool is_in_room(const struct stanza *s, struct jid peer)
{
	return peer.resource && stanza_child(s, "x", NS_MUC_USER) != XML_NONE;
}

bool archive_wants(const struct account *a, const struct stanza *s, struct jid peer)
{
	return archive_on(&a->entity) && s->kind == STANZA_MESSAGE &&
		(s->type == TYPE_CHAT || s->type == TYPE_NORMAL) && keep_has_content(s) && !keep_forbidden(s) &&
		!is_in_room(s, peer) && core_can_store(a->entity.core);
}

/* ---- ids in the message ---- */

/* XEP-0359: only we say what number we gave it. */
static bool is_id_by(const struct stanza *s, uint32_t child, struct jid owner)
{
	struct str by;
	struct jid_buf jid;

	if (!xml_is(&s->tree, child, "stanza-id", NS_STANZA_ID))
		return false;
	by = xml_attr(&s->tree, child, "by");
	return by.p && jid_parse_buf(by, &jid) == 0 && jid_eq_bare(jid.jid, owner);
}

bool archive_is_id(const struct account *a, const struct stanza *s, uint32_t child)
{
	return is_id_by(s, child, a->entity.jid);
}

bool archive_has_id(const struct account *a, const struct stanza *s)
{
	XML_EACH(i, &s->tree, XML_ROOT) {
		if (archive_is_id(a, s, i))
			return true;
	}
	return false;
}

static bool is_id_of_recipient(const struct stanza *s, uint32_t child) { return is_id_by(s, child, s->to); }
static bool is_id_of_sender(const struct stanza *s, uint32_t child) { return is_id_by(s, child, s->from); }

static struct packet *with_id(const struct account *a, const struct stanza *s, int64_t id)
{
	struct packet_head head;
	struct packet_writer w;

	packet_head_of(s, &head);
	packet_begin(&w, &head);
	packet_put_payload(&w, s, account_is_own(a, s->to) ? is_id_of_recipient : is_id_of_sender);
	if (id) {
		buf_z(&w.out, "<stanza-id xmlns='" NS_STANZA_ID "'");
		xml_put_attr(&w.out, "by", jid_str(a->entity.jid));
		buf_fmt(&w.out, " id='%lld'/>", (long long)id);
	}
	return packet_end(&w);
}

/* ---- storing ---- */

int64_t archive_next_id(struct account *a)
{
	int64_t now = core_wall(a->entity.core) * 1000;

	a->archive_last = a->archive_last < now ? now : a->archive_last + 1;
	return a->archive_last;
}

static void trim(struct account *a)
{
	if (a->archive_untrimmed++ % TRIM_EVERY)
		return;
	store_put(core_batch(a->entity.core), STORE_ARCHIVE_TRIM, jid_domain(a->entity.jid), jid_local(a->entity.jid),
		(int64_t)users_of(a)->config.archive_max, transit_oldest(a));
	transit_touch(a);
}

static void store(struct account *a, struct jid peer, int64_t id, const struct packet *p, bool open)
{
	store_put(core_batch(a->entity.core), STORE_ARCHIVE_ADD, jid_domain(a->entity.jid), jid_local(a->entity.jid),
		id, jid_bare_str(peer), peer.resource ? jid_resource(peer) : STR_NONE, packet_view(p), STR_NONE,
		(int64_t)open);
	trim(a);
}

struct packet *archive_take(struct account *a, const struct stanza *s, struct jid peer, bool open, bool *ret_stored)
{
	struct str to = jid_str(s->to);
	bool keep = archive_wants(a, s, peer);
	int64_t id = keep ? archive_next_id(a) : 0;
	struct packet *p;

	*ret_stored = false;
	if (!archive_on(&a->entity) || (!keep && !archive_has_id(a, s)))
		return packet_from(s, &to);
	p = with_id(a, s, id);
	if (p && keep)
		store(a, peer, id, p, open);
	else if (p)
		p->volatile_ = packet_only_typing(s);
	*ret_stored = p && keep;
	return p;
}
