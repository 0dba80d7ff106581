/* `peer export` and `peer import`: rows as lines of text, fields between tabs:
 * label, user, key in hexadecimal, trust, addresses between commas, keys of the shared password or "-". */
#include "base/codec.h"
#include "peer/peers_i.h"

enum { FIELDS = 6, EXPORT_MAX = 4 << 20 };

static void put_row(struct buf *out, const struct peer *p, bool with_password)
{
	bool first = true;

	buf_fmt(out, "%s\t%s\t", p->label, p->user ? p->user : "");
	hex_encode(out, p->key, sizeof(p->key));
	buf_fmt(out, "\t%s\t", trust_name(p->trust));
	for (unsigned i = 0; i < p->address_n; i++) {
		if (p->addresses[i].source == SOURCE_MDNS && !p->addresses[i].success)
			continue;
		buf_fmt(out, "%s%s", first ? "" : ",", p->addresses[i].text);
		first = false;
	}
	buf_char(out, '\t');
	if (with_password && p->password)
		hex_encode(out, p->password, sizeof(*p->password));
	else
		buf_char(out, '-');
	buf_char(out, '\n');
}

static bool has_key(const struct peer *p)
{
	static const uint8_t none[32];

	return p->kind == PEER_KEYED && memcmp(p->key, none, sizeof(none)) != 0;
}

static bool is_plain(const char *label) { return !strpbrk(label, "\t\n\r"); }

void cmd_peer_export(struct command_call *call)
{
	struct peers *ps = cmd_peers(call);
	bool with = call->n > 2 && strcmp(call->words[2], "--with-passwords") == 0;
	struct peer *p;
	struct buf out;

	if (!ps)
		return;
	if (call->n > 2 && !with) {
		command_reply(call->core, call->asker, true, "usage: peer export [--with-passwords]");
		return;
	}
	buf_init(&out, EXPORT_MAX);
	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));)
		if (has_key(p) && p->stored && is_plain(p->label))
			put_row(&out, p, with);
	command_reply_buf(call->core, call->asker, &out);
}

/* ---- import ---- */

static bool read_trust(struct str text, enum trust *ret)
{
	for (int t = 0; t < TRUST_COUNT; t++)
		if (str_is(text, trust_name((enum trust)t))) {
			*ret = (enum trust)t;
			return true;
		}
	return false;
}

/* Only what the user has decided; the rest shows itself. */
static bool is_decided(enum trust t) { return t == TRUST_PINNED || t == TRUST_VERIFIED || t == TRUST_BLOCKED; }

static bool read_bytes(struct str text, uint8_t *ret, size_t n)
{
	CLEANUP(buf_clear) struct buf bytes = {.max = 256};
	bool good = hex_decode(&bytes, text) == 0 && bytes.n == n;

	if (good)
		memcpy(ret, bytes.p, n);
	if (bytes.p)
		mem_wipe(bytes.p, bytes.n);
	return good;
}

static void take_addresses(struct peer *p, struct str list)
{
	while (list.p && list.n) {
		char *one = str_dup(str_cut(&list, ','));
		struct address a;

		if (address_read(str_z(one), &a) && !address_fault(&a))
			peer_address_put(p, one, SOURCE_TYPED);
		xfree(one);
	}
}

static struct peer *import(struct peers *ps, struct str line)
{
	struct str field[FIELDS];
	struct stream_password pw;
	enum trust trust;
	uint8_t key[32];
	struct peer *p;

	for (size_t i = 0; i < FIELDS; i++)
		field[i] = str_cut(&line, '\t');
	if (line.p || !field[FIELDS - 1].n || !field[0].n || !str_utf8(field[0]) ||
		!read_bytes(field[2], key, sizeof(key)) || !read_trust(field[3], &trust) ||
		memcmp(key, ps->config.key, sizeof(key)) == 0)
		return NULL;
	p = peer_keyed(ps, key, field[0]);
	if (!p)
		return NULL;
	p->named = true;
	peer_store(p);
	peer_set_label(p, field[0]);
	peer_set_user(p, field[1]);
	if (is_decided(trust))
		peer_set_trust(p, trust);
	take_addresses(p, field[4]);
	if (read_bytes(field[5], (uint8_t *)&pw.keys, sizeof(pw.keys))) {
		if (!p->password)
			p->password = xcalloc(1, sizeof(*p->password));
		*p->password = pw.keys;
	}
	mem_wipe(&pw, sizeof(pw));
	peer_changed(p);
	dial_now(p);
	return p;
}

void cmd_peer_import(struct command_call *call)
{
	struct peers *ps = cmd_peers(call);
	struct peer *p = ps ? import(ps, str_z(call->words[2])) : NULL;

	if (p)
		command_reply(call->core, call->asker, false, "%s\n", p->label);
	else if (ps)
		command_reply(call->core, call->asker, true, "not a line of `peer export`, or the table is full");
}
