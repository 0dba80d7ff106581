/* `peer export` and `peer import`: rows as lines of text, fields between tabs:
 * label, user, key, trust, addresses between commas, keys of the shared password or "-".
 * The key is in hexadecimal; "id:NODEID" where no more is known of it; "legacy" of a program without one, with its name on the
 * network instead of the user, and "plaintext" at the end if it may be spoken to so; "typed" of an address that has not
 * answered yet. Lines that begin with "#" are for people. With --json the same fields are those of an object, a line each, of one
 * list. */
#include "base/codec.h"
#include "peer/peers_i.h"

enum { FIELDS = COPY_FIELDS, EXPORT_MAX = 4 << 20 };

static bool has_key(const struct peer *p)
{
	static const uint8_t none[32];

	return p->kind == PEER_KEYED && memcmp(p->key, none, sizeof(none)) != 0;
}

static void put_key(struct buf *out, const struct peer *p)
{
	if (has_key(p))
		hex_encode(out, p->key, sizeof(p->key));
	else if (p->kind == PEER_KEYED)
		buf_fmt(out, "id:%.*s", NODEID_LEN, jid_str(p->entity.jid).p);
	else
		buf_z(out, p->kind == PEER_LEGACY ? "legacy" : "typed");
}

static void put_addresses(struct buf *out, const struct peer *p)
{
	for (unsigned i = 0; i < p->address_n; i++)
		if (p->addresses[i].source != SOURCE_MDNS || p->addresses[i].success)
			buf_fmt(out, "%s%s", out->n ? "," : "", p->addresses[i].text);
}

static void put_secret(struct buf *out, const struct peer *p, bool with_password)
{
	if (with_password && p->password)
		hex_encode(out, p->password, sizeof(*p->password));
	else
		buf_z(out, p->kind == PEER_LEGACY && p->plain.ok ? "plaintext" : "-");
}

struct export
{
	bool with_passwords, json;
	unsigned n, left; /* rows; those that do not fit into a line of text */
};

static void put_row(struct buf *out, const struct peer *p, const struct export *e)
{
	CLEANUP(buf_clear) struct buf key = {.max = 128}, addresses = {.max = 4096}, secret = {.max = 256};
	const char *user = p->kind == PEER_LEGACY ? p->instance : p->user;
	struct str field[FIELDS];

	put_key(&key, p);
	put_addresses(&addresses, p);
	put_secret(&secret, p, e->with_passwords);
	field[0] = str_z(p->label);
	field[1] = user ? str_z(user) : STR("");
	field[2] = buf_view(&key);
	field[3] = str_z(trust_name(p->trust));
	field[4] = buf_view(&addresses);
	field[5] = buf_view(&secret);
	if (e->json) {
		buf_z(out, e->n ? ",\n" : "\n");
		copy_json_put(out, field);
	}
	for (int i = 0; !e->json && i < FIELDS; i++)
		buf_fmt(out, "%s%.*s", i ? "\t" : "", STR_FMT(field[i]));
	buf_z(out, e->json ? "" : "\n");
	if (secret.p)
		mem_wipe(secret.p, secret.n);
}

static bool is_plain(const char *text) { return !text || !strpbrk(text, "\t\n\r"); }

/* There is enough to know it again by, and nothing in its line is taken for something else. */
static bool can_be_carried(const struct peer *p, bool json)
{
	bool known = (p->kind != PEER_LEGACY || p->instance) && (p->kind != PEER_TYPED || p->address_n);

	return known && (json || (is_plain(p->label) && *p->label != '#' && is_plain(p->instance)));
}

static bool read_options(const struct command_call *call, struct export *e)
{
	for (uint32_t i = 2; i < call->n; i++) {
		bool *which = strcmp(call->words[i], "--json") == 0       ? &e->json
			: strcmp(call->words[i], "--with-passwords") == 0 ? &e->with_passwords
									  : NULL;

		if (!which)
			return false;
		*which = true;
	}
	return true;
}

void cmd_peer_export(struct command_call *call)
{
	struct peers *ps = cmd_peers(call);
	struct export e = {0};
	struct peer *p;
	struct buf out;

	if (!ps)
		return;
	if (!read_options(call, &e)) {
		command_reply(call->core, call->asker, true, "usage: peer export [--json] [--with-passwords]");
		return;
	}
	buf_init(&out, EXPORT_MAX);
	buf_z(&out, e.json ? "[" : "");
	for (uint32_t pos = 0; (p = map_next(&ps->peers, &pos));) {
		if (!p->stored)
			continue;
		if (can_be_carried(p, e.json)) {
			put_row(&out, p, &e);
			e.n++;
		} else {
			e.left++;
		}
	}
	if (e.json)
		buf_z(&out, "\n]\n");
	else if (e.left)
		buf_fmt(&out, "# left out, because their names do not fit into a line (--json carries them): %u\n",
			e.left);
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

bool peers_is_text_row(struct str line)
{
	struct str field[FIELDS];
	enum trust trust;

	for (size_t i = 0; i < FIELDS; i++)
		field[i] = str_cut(&line, '\t');
	return !line.p && field[FIELDS - 1].n && read_trust(field[3], &trust);
}

/* What the user has decided, and what he was warned of, until he decides; the rest shows itself. */
static bool is_carried(const struct peer *p, enum trust t)
{
	if (p->kind != PEER_KEYED)
		return t == TRUST_BLOCKED;
	return t == TRUST_PINNED || t == TRUST_VERIFIED || t == TRUST_BLOCKED ||
		(t == TRUST_CHANGED && p->trust == TRUST_NEW);
}

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

/* What no address can be was typed by somebody, who should know. */
static bool addresses_read(struct str list, struct str *ret_bad)
{
	struct address a;

	while (list.p && list.n) {
		*ret_bad = str_cut(&list, ',');
		if (!address_read(*ret_bad, &a))
			return false;
	}
	return true;
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

static void take_password(struct peer *p, struct str text)
{
	struct stream_password pw;

	if (p->kind == PEER_KEYED && read_bytes(text, (uint8_t *)&pw.keys, sizeof(pw.keys))) {
		if (!p->password)
			p->password = xcalloc(1, sizeof(*p->password));
		*p->password = pw.keys;
	}
	mem_wipe(&pw, sizeof(pw));
	p->plain.ok |= p->kind == PEER_LEGACY && str_is(text, "plaintext");
}

/* As it was, unless it could be taken for somebody here. */
static void take_label(struct peer *p, struct str label)
{
	CLEANUP(buf_clear) struct buf why = {.max = 1024}, other = {.max = LABEL_MAX};

	if (peers_label_free(p->peers, p, label, &why) != 0) {
		label_choose(p->peers, p, label, STR("imported"), &other);
		label = buf_view(&other);
	}
	peer_set_label(p, label);
	peer_make_way(p, NULL);
}

/* The row, found or made, of a key field. NULL: it is none, or ourselves, or the table is full. */
static struct peer *import_row(struct peers *ps, const struct str field[FIELDS])
{
	char domain[DOMAIN_SIZE];
	struct str id = field[2], first = field[4];
	uint8_t key[32];
	struct peer *p;

	if (str_is(field[2], "legacy"))
		return field[1].n && str_utf8(field[1]) ? link_legacy_peer(ps, field[1]) : NULL;
	if (str_is(field[2], "typed")) {
		first = str_cut(&first, ',');
		return first.n ? target_typed(ps, str_eq(first, field[0]) ? STR("") : field[0], first) : NULL;
	}
	if (str_starts(id, STR("id:"))) {
		id = (struct str){id.p + 3, id.n - 3};
		if (!peers_domain_of(id, domain) || str_eq(id, str_z(ps->id)))
			return NULL;
		p = peers_find(ps, str_z(domain));
		return p ? p : peer_new(ps, PEER_KEYED, str_z(domain), field[0]);
	}
	if (!read_bytes(id, key, sizeof(key)) || memcmp(key, ps->config.key, sizeof(key)) == 0)
		return NULL;
	return peer_keyed(ps, key, field[0]);
}

static struct peer *import_fields(struct peers *ps, const struct str field[FIELDS], struct buf *why)
{
	struct str bad;
	enum trust trust;
	struct peer *p;

	if (!field[FIELDS - 1].n || !field[0].n || !str_utf8(field[0]) || !read_trust(field[3], &trust))
		return NULL;
	if (!addresses_read(field[4], &bad)) {
		buf_fmt(why, "in the line of %.*s: %.*s is no address with a port", STR_FMT(field[0]), STR_FMT(bad));
		return NULL;
	}
	p = import_row(ps, field);
	if (!p)
		return NULL;
	p->named = !str_eq(str_z(p->label), field[0]) || label_is_plain(field[0]);
	peer_store(p);
	if (p->named || p->kind != PEER_TYPED) /* one of an older version may be no label any more */
		take_label(p, field[0]);
	if (p->kind == PEER_KEYED && field[1].n)
		peer_set_user(p, field[1]);
	if (is_carried(p, trust))
		peer_set_trust(p, trust);
	take_addresses(p, field[4]);
	take_password(p, field[5]);
	peer_changed(p);
	dial_now(p);
	return p;
}

static struct peer *import_text(struct peers *ps, struct str line, struct buf *why)
{
	struct str field[FIELDS];

	for (size_t i = 0; i < FIELDS; i++)
		field[i] = str_cut(&line, '\t');
	return line.p ? NULL : import_fields(ps, field, why);
}

static struct peer *import_json(struct peers *ps, struct str line, struct buf *why)
{
	struct buf text[FIELDS];
	struct str field[FIELDS];
	struct peer *p = NULL;
	bool good = copy_json_read(line, text);

	for (int i = 0; i < FIELDS; i++)
		field[i] = buf_view(&text[i]);
	if (good)
		p = import_fields(ps, field, why);
	for (int i = 0; i < FIELDS; i++) {
		if (text[i].p)
			mem_wipe(text[i].p, text[i].n);
		buf_clear(&text[i]);
	}
	return p;
}

/* Of a list in JSON, what is around its lines. */
static bool is_frame(struct str line) { return str_is(line, "[") || str_is(line, "]") || str_is(line, "[]"); }

void cmd_peer_import(struct command_call *call)
{
	struct peers *ps = cmd_peers(call);
	struct str row = str_z(call->words[2]), line = str_trim(row);
	bool comment = line.n && line.p[0] == '#';
	CLEANUP(buf_clear) struct buf why = {.max = 4096};
	struct peer *p = NULL;

	if (!ps)
		return;
	if (comment || is_frame(line)) {
		command_reply(call->core, call->asker, false, "%s%s", comment ? call->words[2] : "",
			comment ? "\n" : "");
		return;
	}
	p = str_starts(line, STR("{")) && !peers_is_text_row(row) ? import_json(ps, line, &why)
								  : import_text(ps, row, &why);
	if (p)
		command_reply(call->core, call->asker, false, "%s\n", p->label);
	else
		command_reply(call->core, call->asker, true, "%s",
			why.n ? buf_cstr(&why) : "not a line of `peer export`, or the table is full");
}
