/* Addresses from any bytes. What is accepted is a fixed point of its preparation, within its limits, and the fast
 * path of ASCII agrees with the long way. */
#include "base/mem.h"
#include "xmpp/idna.h"
#include "xmpp/jid.h"
#include "xmpp/precis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 8192 };

typedef int prep(struct str text, struct buf *out);

static void check_fixed_point(prep *f, struct str text)
{
	CLEANUP(buf_clear) struct buf once = {.max = OUT_MAX};
	CLEANUP(buf_clear) struct buf twice = {.max = OUT_MAX};

	if (f(text, &once) < 0) {
		must(once.n == 0);
		return;
	}
	must(once.n > 0 && once.n <= JID_PART_MAX);
	must(str_utf8(buf_view(&once)));
	must(f(buf_view(&once), &twice) == 0);
	must(str_eq(buf_view(&once), buf_view(&twice)));
}

static int long_local(struct str text, struct buf *out) { return precis_enforce(PRECIS_USERNAME, text, out); }
static int long_resource(struct str text, struct buf *out) { return precis_enforce(PRECIS_OPAQUE, text, out); }

/* If f takes text as it is, so does the long way. */
static void check_agreement(prep *f, prep *slow, struct str text)
{
	CLEANUP(buf_clear) struct buf a = {.max = OUT_MAX};
	CLEANUP(buf_clear) struct buf b = {.max = OUT_MAX};

	if (f(text, &a) < 0 || (a.n > 0 && a.p[0] == '['))
		return;
	must(slow(text, &b) == 0);
	must(str_eq(buf_view(&a), buf_view(&b)));
}

static void check_whole(struct str text)
{
	struct jid_buf once, twice;

	if (jid_parse_buf(text, &once) < 0)
		return;
	must(once.jid.domain > 0);
	must(jid_parse_buf(jid_str(once.jid), &twice) == 0);
	must(jid_eq(once.jid, twice.jid));
	must(jid_eq(jid_view(jid_str(once.jid)), once.jid));
	must(jid_str(once.jid).n <= JID_MAX);
}

static void put_utf8(struct buf *out, uint32_t cp)
{
	if (cp < 0x80) {
		buf_char(out, (char)cp);
	} else if (cp < 0x800) {
		buf_char(out, (char)(0xc0 | cp >> 6));
		buf_char(out, (char)(0x80 | (cp & 63)));
	} else if (cp < 0x10000) {
		buf_char(out, (char)(0xe0 | cp >> 12));
		buf_char(out, (char)(0x80 | (cp >> 6 & 63)));
		buf_char(out, (char)(0x80 | (cp & 63)));
	} else {
		buf_char(out, (char)(0xf0 | cp >> 18));
		buf_char(out, (char)(0x80 | (cp >> 12 & 63)));
		buf_char(out, (char)(0x80 | (cp >> 6 & 63)));
		buf_char(out, (char)(0x80 | (cp & 63)));
	}
}

/* Random bytes are seldom UTF-8; as numbers they are characters. */
static void put_numbers(struct buf *out, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 1 < size; i += 2) {
		uint32_t cp = (uint32_t)data[i] << 8 | data[i + 1];
		if (cp >= 0xd800 && cp <= 0xdfff)
			cp += 0x10000 - 0xd800 +
				((cp & 7) << 12); /* a little of the other planes instead of surrogates */
		put_utf8(out, cp);
	}
}

static void check(struct str text)
{
	check_fixed_point(jid_prep_local, text);
	check_fixed_point(jid_prep_domain, text);
	check_fixed_point(jid_prep_resource, text);
	check_fixed_point(jid_prep_nickname, text);
	check_agreement(jid_prep_local, long_local, text);
	check_agreement(jid_prep_resource, long_resource, text);
	check_agreement(jid_prep_domain, idna_name, text);
	check_whole(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_clear) struct buf text = {.max = 1 << 20};

	if (size > 0 && data[0] == 1) {
		put_numbers(&text, data + 1, size - 1);
		check(buf_view(&text));
	} else {
		check((struct str){(const char *)data, size});
	}
	return 0;
}
