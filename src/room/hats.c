#include "room/hats.h"

#include <stdlib.h>

#include "base/codec.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "xml/write.h"
#include "xmpp/jid.h"
#include "xmpp/ns.h"

static struct str key_of(const void *item) { return wearer_jid(item); }

static void clear_hat(struct hat *h)
{
	xfree(h->uri);
	xfree(h->title);
	xfree(h->hue);
	*h = (struct hat){0};
}

void hats_clear(struct hats **hats)
{
	struct hats *hs = TAKE(*hats);
	struct wearer *w;

	if (!hs)
		return;
	for (uint32_t pos = 0; (w = map_next(&hs->wearers, &pos));)
		xfree(w);
	map_clear(&hs->wearers);
	for (int i = 0; i < HATS_MAX; i++)
		clear_hat(&hs->list[i]);
	xfree(hs);
}

/* ---- the list ---- */

int hats_find(const struct hats *hs, struct str uri)
{
	for (int i = 0; hs && i < HATS_MAX; i++)
		if (hs->list[i].uri && str_is(uri, hs->list[i].uri))
			return i;
	return -1;
}

/* One line of text that can be shown. */
static bool is_text(struct str s, size_t max)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return s.n > 0 && s.n <= max && str_utf8(s);
}

static bool is_uri(struct str s)
{
	return is_text(s, HAT_URI_MAX) && memchr(s.p, ':', s.n) && !memchr(s.p, ' ', s.n) && s.p[0] != ':';
}

/* An angle in degrees, digits and at most one point. */
static bool is_hue(struct str s)
{
	char text[HAT_HUE_MAX + 1] = {0};
	char *end;

	if (!s.n || s.n > HAT_HUE_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!memchr("0123456789.", s.p[i], 11))
			return false;
	memcpy(text, s.p, s.n);
	return strtod(text, &end) <= 360 && !*end && end > text;
}

static int free_place(const struct hats *hs)
{
	for (int i = 0; i < HATS_MAX; i++)
		if (!hs->list[i].uri)
			return i;
	return -1;
}

int hats_define(struct hats **hats, struct str uri, struct str title, struct str hue)
{
	struct hats *hs = *hats;
	int i = hats_find(hs, uri);
	struct hat new;

	if (!is_uri(uri) || !is_text(title, HAT_TITLE_MAX) || (hue.n && !is_hue(hue)))
		return ERR_INVALID;
	if (!hs) {
		*hats = hs = xcalloc(1, sizeof(*hs));
		map_init(&hs->wearers, key_of, WEARERS_MAX);
	}
	if (i < 0)
		i = free_place(hs);
	if (i < 0)
		return ERR_LIMIT;
	new = (struct hat){str_dup(uri), str_dup(title), hue.n ? str_dup(hue) : NULL};
	clear_hat(&hs->list[i]);
	hs->list[i] = new;
	return i;
}

static void take_off(struct hats *hs, struct wearer *w, int index)
{
	w->hats &= ~(1u << index);
	if (!w->hats)
		xfree(map_remove(&hs->wearers, wearer_jid(w)));
}

void hats_destroy(struct hats *hs, int index)
{
	struct wearer *w, *wearers[WEARERS_MAX];
	unsigned n = 0;

	/* The map must not change while it is walked. */
	for (uint32_t pos = 0; (w = map_next(&hs->wearers, &pos));)
		if (w->hats >> index & 1)
			wearers[n++] = w;
	while (n > 0)
		take_off(hs, wearers[--n], index);
	clear_hat(&hs->list[index]);
}

/* ---- who wears what ---- */

uint32_t hats_of(const struct hats *hs, struct str bare)
{
	const struct wearer *w = hs ? map_find(&hs->wearers, bare) : NULL;

	return w ? w->hats : 0;
}

int hats_wear(struct hats *hs, struct str bare, int index, bool on)
{
	struct wearer *w = map_find(&hs->wearers, bare);

	must(bare.n <= JID_MAX);
	if (!on) {
		if (w)
			take_off(hs, w, index);
		return 0;
	}
	if (!w) {
		w = xcalloc(1, sizeof(*w) + bare.n);
		w->jid_n = (uint16_t)bare.n;
		memcpy(w->jid, bare.p, bare.n);
		if (map_add(&hs->wearers, w) < 0) {
			xfree(w);
			return ERR_LIMIT;
		}
	}
	w->hats |= 1u << index;
	return 0;
}

/* ---- shown ---- */

void hats_put(struct buf *out, const struct hats *hs, uint32_t bits)
{
	if (!bits)
		return;
	buf_z(out, "<hats xmlns='" NS_HATS "'>");
	for (int i = 0; i < HATS_MAX; i++) {
		if (!(bits >> i & 1))
			continue;
		buf_z(out, "<hat");
		xml_put_attr(out, "title", str_z(hs->list[i].title));
		xml_put_attr(out, "uri", str_z(hs->list[i].uri));
		xml_put_attr(out, "hue", hs->list[i].hue ? str_z(hs->list[i].hue) : STR_NONE);
		buf_z(out, "/>");
	}
	buf_z(out, "</hats>");
}

bool hats_hash(const struct hats *hs, struct buf *out)
{
	CLEANUP(buf_clear) struct buf text = {.max = HATS_MAX * 512};
	uint8_t digest[HASH_MAX];

	for (int i = 0; hs && i < HATS_MAX; i++)
		if (hs->list[i].uri)
			buf_fmt(&text, "%s\n%s\n%s\n", hs->list[i].uri, hs->list[i].title,
				hs->list[i].hue ? hs->list[i].hue : "");
	if (!text.n)
		return false;
	hash_digest(HASH_SHA1, buf_view(&text), digest);
	hex_encode(out, digest, hash_size(HASH_SHA1));
	return true;
}
