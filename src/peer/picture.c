/* Pictures by way of the network: a record of an instance's bytes beside its TXT, which has their hash (what libpurple and
 * others do). With a link a peer's own vCard says more; this is for when there is none, and for old programs. */
#include "base/codec.h"
#include "peer/peers_i.h"
#include "xml/write.h"

#define NS_UPDATE "vcard-temp:x:update"

static void hash_hex(struct str bytes, char ret[41])
{
	CLEANUP(buf_clear) struct buf hex = {.max = 64};
	uint8_t digest[HASH_MAX];

	hash_digest(HASH_SHA1, bytes, digest);
	hex_encode(&hex, digest, hash_size(HASH_SHA1));
	memcpy(ret, buf_cstr(&hex), 41);
}

/* Pictures that programs show without a second thought; what can hold more than a picture is none. */
static const char *type_of(struct str bytes)
{
	static const struct {
		struct str start;
		const char *type;
	} types[] = {
		{{"\x89PNG\r\n\x1a\n", 8}, "image/png"},
		{{"\xff\xd8\xff", 3}, "image/jpeg"},
		{{"GIF87a", 6}, "image/gif"},
		{{"GIF89a", 6}, "image/gif"},
	};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (str_starts(bytes, types[i].start))
			return types[i].type;
	return NULL;
}

/* ---- of peers ---- */

/* The hash that its record has, in lower case; false: none, or none that can be. */
static bool told_hash(const struct peer *p, char ret[41])
{
	CLEANUP(buf_clear) struct buf bytes = {.max = 64};
	CLEANUP(buf_clear) struct buf hex = {.max = 64};
	struct str text = p->service ? service_txt(p->service, "phsh") : STR_NONE;

	if (text.n != 40 || hex_decode(&bytes, text) != 0)
		return false;
	hex_encode(&hex, bytes.p, bytes.n);
	memcpy(ret, buf_cstr(&hex), 41);
	return true;
}

void picture_forget(struct peer *p)
{
	p->peers->pictures_bytes -= p->picture.n;
	xfree(p->picture.bytes);
	p->picture = (struct picture){0};
}

void picture_on_found(struct peer *p)
{
	char hash[41];

	if (!told_hash(p, hash)) {
		picture_forget(p);
		return;
	}
	/* Once for each hash: who changes it all the time makes us ask no more than he says. */
	if (strcmp(p->picture.sha1, hash) == 0 || strcmp(p->picture.asked, hash) == 0)
		return;
	memcpy(p->picture.asked, hash, sizeof(hash));
	core_to_discovery(peer_core(p), MSG_ASK_PICTURE)->gone.instance = xstrdup(p->service->instance);
}

static struct peer *longest_unused(const struct peers *ps)
{
	struct peer *p, *found = NULL;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		if (p->picture.bytes && (!found || p->picture.used < found->picture.used))
			found = p;
	return found;
}

static void keep(struct peer *p, struct str bytes, const char hash[41])
{
	struct peers *ps = p->peers;

	picture_forget(p);
	while (ps->pictures_bytes + bytes.n > PICTURES_MAX)
		picture_forget(longest_unused(ps));
	ps->pictures_bytes += bytes.n;
	p->picture.bytes = xmemdup(bytes.p, bytes.n);
	p->picture.n = (uint32_t)bytes.n;
	p->picture.used = core_now(peer_core(p));
	memcpy(p->picture.sha1, hash, 41);
	memcpy(p->picture.asked, hash, 41);
	show_again(p);
}

static struct peer *find_service(const struct peers *ps, const char *instance)
{
	struct peer *p;

	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		if (p->service && strcmp(p->service->instance, instance) == 0)
			return p;
	return NULL;
}

void picture_on_msg(struct peers *ps, struct msg *m)
{
	struct str bytes = {m->picture.bytes, m->picture.n};
	struct peer *p = find_service(ps, m->picture.instance);
	char told[41], hash[41];

	if (!p || !bytes.n || bytes.n > PICTURE_MAX || !type_of(bytes) || !told_hash(p, told))
		return;
	hash_hex(bytes, hash);
	if (strcmp(hash, told) == 0 && strcmp(p->picture.sha1, hash) != 0)
		keep(p, bytes, hash);
}

void picture_put_update(const struct peer *p, struct buf *out)
{
	char hash[41];

	if (p->picture.bytes)
		buf_fmt(out, "<x xmlns='" NS_UPDATE "'><photo>%s</photo></x>", p->picture.sha1);
	else if (p->service && !told_hash(p, hash))
		buf_z(out, "<x xmlns='" NS_UPDATE "'><photo/></x>");
}

static void put_vcard(const struct peer *p, struct buf *out)
{
	struct str bytes = {p->picture.bytes, p->picture.n};

	buf_z(out, "<vCard xmlns='" NS_VCARD "'>");
	xml_put_text(out, "FN", str_z(p->label));
	buf_fmt(out, "<PHOTO><TYPE>%s</TYPE><BINVAL>", type_of(bytes));
	b64_encode(out, bytes.p, bytes.n);
	buf_z(out, "</BINVAL></PHOTO></vCard>");
}

bool picture_answer(struct peer *p, struct stanza **s)
{
	CLEANUP(buf_clear) struct buf vcard = {.max = 2 * PICTURE_MAX};
	struct packet *packet;

	if ((*s)->kind != STANZA_IQ || (*s)->type != TYPE_GET || !p->picture.bytes || peer_is_keyed_up(p) ||
		!str_eq(jid_domain((*s)->to), jid_domain(p->entity.jid)) ||
		stanza_child(*s, "vCard", NS_VCARD) == XML_NONE)
		return false;
	put_vcard(p, &vcard);
	must(buf_ok(&vcard));
	p->picture.used = core_now(peer_core(p));
	packet = packet_result(*s, buf_view(&vcard));
	core_reply(peer_core(p), *s, &packet, 0);
	core_done(peer_core(p), s);
	return true;
}

/* ---- ours ---- */

void picture_publish(const struct peers *ps, struct msg *publish)
{
	if (!ps->picture.bytes)
		return;
	service_txt_set(publish->publish.service, "phsh", str_z(ps->picture.sha1));
	publish->publish.picture = xmemdup(ps->picture.bytes, ps->picture.n);
	publish->publish.n = ps->picture.n;
}

void peers_picture(struct host *h, struct str bytes)
{
	struct peers *ps = (struct peers *)h;
	bool fits = bytes.n > 0 && bytes.n <= SERVICE_PICTURE_MAX;
	char hash[41] = "";

	if (fits)
		hash_hex(bytes, hash);
	if (strcmp(hash, ps->picture.sha1) == 0)
		return;
	xfree(ps->picture.bytes);
	ps->picture = (struct picture){0};
	if (fits) {
		ps->picture.bytes = xmemdup(bytes.p, bytes.n);
		ps->picture.n = (uint32_t)bytes.n;
		memcpy(ps->picture.sha1, hash, sizeof(hash));
	}
	show_publish(ps);
}
