/* An element that came from a peer: a statement of somebody's addresses, or a message of an old program. Both readers get it.
 *
 * A statement that is believed is one that its reader would write again, by the key it names; nothing in it is loopback or
 * not unicast, and no life is longer than it may be. A message gives a text in UTF-8 no longer than allowed, and what is
 * made of that text for an old program gives the text back. */
#include "base/mem.h"
#include "tests/lib/fuzz.h"
#include "xml/parse.h"
#include "xmpp/legacy.h"
#include "xmpp/ns.h"
#include "xmpp/told.h"

enum { TEXT_MAX = 4096 };

static void check_told(const struct xml_tree *t)
{
	const int64_t now = (int64_t)1800000000 * 1000;
	struct told told;
	char id[NODEID_LEN + 1];

	if (told_read(t, XML_ROOT, now, &told) != 0)
		return;
	nodeid_of(told.key, id);
	must(strcmp(id, told.id) == 0);
	must(told.count <= TOLD_MAX && told.expires > now && told.expires <= now + TOLD_LIFE_MAX);
	for (size_t i = 0; i < told.count; i++) {
		CLEANUP(buf_clear) struct buf text = {.max = TOLD_ADDR_TEXT};
		struct told_addr again;

		told_addr_format(&text, &told.addrs[i]);
		must(told_addr_parse(buf_view(&text), &again) == 0);
		must(told.addrs[i].ip_len != 4 || told.addrs[i].ip[0] != 127);
	}
}

/* Texts that come back as they were: no line break that XML or HTML would change, nothing that XML cannot hold. */
static bool is_plain(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < 0x20 || (unsigned char)text.p[i] > 0x7e)
			return false;
	return text.n > 0;
}

static void there_and_back(struct str text)
{
	CLEANUP(buf_clear) struct buf xml = {.max = 1 << 20};
	CLEANUP(buf_clear) struct buf again = {.max = TEXT_MAX};
	struct xml_tree t;
	void *block;

	buf_z(&xml, "<message xmlns='" NS_CLIENT "' type='chat'>");
	legacy_message(&xml, text, true);
	buf_z(&xml, "</message>");
	must(buf_ok(&xml));
	must(xml_parse_all(buf_view(&xml), &block, &t) == 0);
	must(legacy_text(&t, &again) == 0 || !is_plain(text));
	must(!is_plain(text) || str_eq(text, buf_view(&again)));
	must(legacy_event(&t) == LEGACY_OFFER);
	xfree(block);
}

static void check_legacy(const struct xml_tree *t)
{
	CLEANUP(buf_clear) struct buf text = {.max = TEXT_MAX};
	int err = legacy_text(t, &text);

	must(legacy_event(t) <= LEGACY_PAUSED);
	must(buf_ok(&text));
	must(err == 0 || text.n == 0);
	if (err)
		return;
	must(str_utf8(buf_view(&text)));
	there_and_back(buf_view(&text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xml_tree t;
	void *block;

	if (xml_parse_all((struct str){(const char *)data, size}, &block, &t) != 0)
		return 0;
	check_told(&t);
	check_legacy(&t);
	xfree(block);
	return 0;
}
