#include "room/picture.h"

#include "base/codec.h"
#include "base/err.h"
#include "base/hash.h"
#include "room/rooms_i.h"
#include "xml/parse.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { CODE_CHANGED = 104, HEX_SHA1 = 40 };

struct picture {
	char hash[PHOTOS_MAX][HEX_SHA1 + 1];
	unsigned photos;
	size_t n;
	char xml[];
};

/* ---- making ---- */

static int add_photo(struct picture *p, const struct xml_tree *t, uint32_t photo)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = PICTURE_MAX}, bytes = {.max = PICTURE_MAX}, hex = {.max = HEX_SHA1};
	uint32_t data = xml_child(t, photo, "BINVAL", NS_VCARD);
	uint8_t digest[HASH_MAX];

	if (data == XML_NONE)
		return 0; /* EXTVAL: an address of a picture, which nobody here has seen */
	if (p->photos == PHOTOS_MAX)
		return ERR_INVALID;
	if (b64_decode_folded(&bytes, xml_text(t, data, &tmp)) < 0)
		return ERR_INVALID;
	hash_digest(HASH_SHA1, buf_view(&bytes), digest);
	hex_encode(&hex, digest, hash_size(HASH_SHA1));
	memcpy(p->hash[p->photos++], hex.p, HEX_SHA1);
	return 0;
}

static int add_photos(struct picture *p, const struct xml_tree *t)
{
	int r = 0;

	XML_EACH(i, t, XML_ROOT)
		if (r == 0 && xml_is(t, i, "PHOTO", NS_VCARD))
			r = add_photo(p, t, i);
	return r;
}

int picture_new(struct str xml, struct picture **ret)
{
	struct picture *p;
	struct xml_tree t;
	void *block;
	int r = xml_parse_all(xml, &block, &t);

	*ret = NULL;
	if (r < 0)
		return r;
	p = xcalloc(1, sizeof(*p) + xml.n);
	p->n = xml.n;
	memcpy(p->xml, xml.p, xml.n);
	r = add_photos(p, &t);
	xfree(block);
	if (r < 0)
		picture_free(&p);
	*ret = p;
	return r;
}

void picture_free(struct picture **p) { xfree(TAKE(*p)); }

/* ---- of a room ---- */

void picture_store(struct room *r)
{
	struct str xml = r->picture ? (struct str){r->picture->xml, r->picture->n} : STR_NONE;

	if (!r->config.persistent)
		return;
	store_put(core_batch(room_core(r)), STORE_VCARD_PUT, jid_domain(r->entity.jid), jid_local(r->entity.jid), xml);
	r->commit = core_commit(room_core(r));
}

void picture_set(struct room *r, struct picture **p)
{
	picture_free(&r->picture);
	r->picture = TAKE(*p);
	picture_store(r);
}

void picture_put_info(struct buf *out, const struct picture *p)
{
	if (!p || !p->photos)
		return;
	buf_z(out, "<field var='muc#roominfo_avatarhash' type='text-multi' label='Avatar hash'>");
	for (unsigned i = 0; i < p->photos; i++)
		buf_fmt(out, "<value>%s</value>", p->hash[i]);
	buf_z(out, "</field>");
}

/* ---- requests ---- */

struct xerr picture_iq_get(struct iq *iq)
{
	struct room *r = (struct room *)iq->entity;
	struct xerr e = room_may_read(r, iq->stanza->from);

	if (room_affiliation(r, iq->stanza->from) == AFFILIATION_OUTCAST)
		return xerr(XERR_FORBIDDEN);
	if (!r->picture)
		return xerr(XERR_ITEM_NOT_FOUND);
	if (!xerr_ok(e))
		return e;
	buf_str(&iq->reply, (struct str){r->picture->xml, r->picture->n});
	room_charge_read(r, iq->stanza->from, &iq->reply);
	return XERR_OK;
}

/* An empty card takes the old one away. */
static struct xerr read_picture(const struct iq *iq, struct picture **ret)
{
	CLEANUP(buf_clear) struct buf xml = {.max = PICTURE_MAX};
	const struct xml_tree *t = &iq->stanza->tree;

	*ret = NULL;
	if (xml_first(t, iq->query) == XML_NONE)
		return XERR_OK;
	xml_write_node(&xml, t, iq->query, STR_NONE);
	if (!buf_ok(&xml))
		return xerr_text(XERR_NOT_ACCEPTABLE, "longer than 64 KiB");
	if (picture_new(buf_view(&xml), ret) < 0)
		return xerr_text(XERR_NOT_ACCEPTABLE, "at most 4 photos, and each in base64");
	return XERR_OK;
}

struct xerr picture_iq_set(struct iq *iq)
{
	struct room *r = (struct room *)iq->entity;
	struct picture *p;
	struct xerr e;

	if (room_affiliation(r, iq->stanza->from) != AFFILIATION_OWNER)
		return xerr_text(XERR_FORBIDDEN, "only owners set the card of a room");
	if (r->config.persistent && !core_can_store(iq->core))
		return xerr(XERR_RESOURCE_CONSTRAINT);
	e = room_charge(r, iq->stanza->from, COST_MESSAGE);
	if (xerr_ok(e))
		e = read_picture(iq, &p);
	if (!xerr_ok(e))
		return e;
	picture_set(r, &p);
	message_status(r, CODE_CHANGED);
	return XERR_OK;
}
