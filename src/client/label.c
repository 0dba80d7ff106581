/* How people are called. A label is shown only if it cannot be taken for anything else; typed, it must mean one. */
#include "client/client_i.h"
#include "xmpp/escape.h"

bool client_is_typed(struct str jid) { return str_is(jid_domain(jid_view(jid)), CLIENT_TYPED); }

/* "10.0.0.7:5298", "[fe80::1%eth0]:5298": as whom our user has added somebody who never answered yet. */
static bool is_typed(const struct contact *k, struct str name)
{
	static const char marks[] = ".:%[]-_";

	if (!str_is(jid_domain(jid_view(str_z(k->jid))), CLIENT_TYPED) || !name.n || name.n > LABEL_MAX)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char ch = name.p[i];
		bool letter = (ch | 32) >= 'a' && (ch | 32) <= 'z', digit = ch >= '0' && ch <= '9';

		if (!letter && !digit && !memchr(marks, ch, sizeof(marks) - 1))
			return false;
	}
	return true;
}

static struct str name_of(const struct contact *k)
{
	struct str name = str_z(k->name), local = jid_local(jid_view(str_z(k->jid)));

	if (label_is_plain(name) || is_typed(k, name))
		return name;
	return label_is_plain(local) ? local : str_z(k->jid);
}

static bool same_name(struct str a, struct str b)
{
	char z[LABEL_MAX + 1];

	if (b.n > LABEL_MAX || a.n != b.n)
		return str_eq(a, b);
	memcpy(z, b.p, b.n);
	z[b.n] = '\0';
	return str_is_nocase(a, z);
}

static bool is_shared(const struct client *c, const struct contact *k)
{
	struct contact *other;
	uint32_t pos = 0;

	while ((other = map_next(&c->contacts, &pos)))
		if (other != k && same_name(name_of(other), name_of(k)))
			return true;
	return false;
}

/* ---- nicknames ---- */

struct range {
	uint32_t first, last;
};

static bool is_in(const struct range *all, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= all[i].first && c <= all[i].last)
			return true;
	return false;
}

/* What shows nothing, or no more than a space does. Rooms may allow it (see room/nickname.c); those of others all of it. */
static bool is_blank(uint32_t c)
{
	static const struct range all[] = {{' ', ' '}, {0xa0, 0xa0}, {0x115f, 0x1160}, {0x1680, 0x1680},
		{0x2000, 0x200d}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x2800, 0x2800}, {0x3000, 0x3000},
		{0x3164, 0x3164}, {0xffa0, 0xffa0}, {0xfffc, 0xfffc}, {0x13441, 0x13442}, {0x16fe4, 0x16fe4},
		{0x1d159, 0x1d159}};

	return is_in(all, ARRAY_LEN(all), c);
}

/* Without any width: what is on both its sides is one word. */
static bool is_joiner(uint32_t c) { return c >= 0x200b && c <= 0x200d; }

static bool is_gap(uint32_t c) { return is_blank(c) && !is_joiner(c); }

/* The asterisk, and what looks like one. */
static bool is_asterisk(uint32_t c)
{
	static const struct range all[] = {{'*', '*'}, {0x66d, 0x66d}, {0x2042, 0x2042}, {0x204e, 0x204e},
		{0x2051, 0x2051}, {0x2055, 0x2055}, {0x2217, 0x2217}, {0x22c6, 0x22c6}, {0x2722, 0x2725},
		{0x2731, 0x2735}, {0x273a, 0x273d}, {0x2743, 0x2743}, {0x2749, 0x274b}, {0xa673, 0xa673},
		{0xfe61, 0xfe61}, {0xff0a, 0xff0a}, {0x1031f, 0x1031f}, {0x1f7af, 0x1f7bf}};

	return is_in(all, ARRAY_LEN(all), c);
}

/* The same of the colon; but not what is part of words, as the visarga of Indian scripts is. */
static bool is_colon(uint32_t c)
{
	static const struct range all[] = {{':', ':'}, {0x2d0, 0x2d0}, {0x2f8, 0x2f8}, {0x589, 0x589}, {0x5c3, 0x5c3},
		{0x703, 0x704}, {0x1361, 0x1361}, {0x1365, 0x1366}, {0x16ec, 0x16ec}, {0x1803, 0x1804},
		{0x1809, 0x1809}, {0x205a, 0x205a}, {0x2236, 0x2237}, {0x2982, 0x2982}, {0xa4fd, 0xa4fd},
		{0xa6f4, 0xa6f4}, {0xa789, 0xa789}, {0xfe13, 0xfe13}, {0xfe30, 0xfe30}, {0xfe55, 0xfe55},
		{0xff1a, 0xff1a}};

	return is_in(all, ARRAY_LEN(all), c);
}

static uint32_t first_of(struct str text)
{
	size_t n = str_utf8_next(text);

	return n ? str_utf8_char(text.p, n) : 0;
}

static bool has(struct str text, bool (*is_it)(uint32_t c))
{
	size_t n;

	while ((n = str_utf8_next(text))) {
		if (is_it(str_utf8_char(text.p, n)))
			return true;
		text = (struct str){text.p + n, text.n - n};
	}
	return false;
}

/* "* alice waves" and "alice: yes" would say it of alice. */
static bool is_misleading(struct str nick)
{
	uint32_t first = first_of(nick);

	return is_blank(first) || str_is_unseen(first) || first == '"' || is_asterisk(first) || has(nick, is_colon);
}

void client_put_nick(struct buf *out, struct str nick, bool in_event)
{
	if (!is_misleading(nick) && !(in_event && has(nick, is_gap))) {
		buf_str(out, nick);
		return;
	}
	buf_char(out, '"');
	for (size_t i = 0; i < nick.n; i++) {
		if (nick.p[i] == '"' || nick.p[i] == '\\')
			buf_char(out, '\\');
		buf_char(out, nick.p[i]);
	}
	buf_char(out, '"');
}

static void put_room_label(const struct client *c, struct jid j, struct buf *out)
{
	struct room *r;
	uint32_t pos = 0;
	bool shared = false;

	while ((r = map_next(&c->rooms, &pos)))
		shared |= r->state != ROOM_OUT && !str_is(jid_bare_str(j), r->jid) &&
			str_eq(jid_local(jid_view(str_z(r->jid))), jid_local(j));
	buf_char(out, '#');
	if (!label_is_plain(jid_local(j)))
		buf_str(out, jid_bare_str(j));
	else if (shared)
		client_room_name(c, jid_bare(j), out);
	else
		buf_str(out, jid_local(j));
}

void client_label(const struct client *c, struct str jid, struct buf *out)
{
	struct jid j = jid_view(jid);
	struct contact *k = client_contact(c, client_peer(c, jid_bare_str(j)));

	if (client_room(c, jid_bare_str(j))) {
		put_room_label(c, j, out);
		if (j.resource) {
			buf_char(out, '/');
			client_put_nick(out, jid_resource(j), false);
		}
	} else if (k && !is_shared(c, k)) {
		buf_str(out, name_of(k));
	} else if (k || !client_is_typed(jid) || unescape_instance(jid_local(j), out) != 0) {
		buf_str(out, jid_bare_str(j));
	}
}

/* ---- what people type ---- */

static int by_jid(const void *a, const void *b)
{
	return str_cmp(str_z((*(struct contact *const *)a)->jid), str_z((*(struct contact *const *)b)->jid));
}

enum { CHOICES_MAX = 16 };

static unsigned choices(const struct client *c, struct str name, struct contact *ret[CHOICES_MAX])
{
	struct contact *k;
	uint32_t pos = 0;
	unsigned n = 0;

	while ((k = map_next(&c->contacts, &pos)) && n < CHOICES_MAX)
		if (same_name(name_of(k), name) || (k->name && same_name(str_z(k->name), name)))
			ret[n++] = k;
	/* In an order that is the same next time. */
	for (unsigned i = 1; i < n; i++)
		for (unsigned j = i; j > 0 && by_jid(&ret[j - 1], &ret[j]) > 0; j--) {
			struct contact *swap = ret[j];
			ret[j] = ret[j - 1];
			ret[j - 1] = swap;
		}
	return n;
}

/* "bob (2)": its number, and the name without it. 0: none. */
static unsigned take_number(struct str *name)
{
	const char *open = name->n > 3 && name->p[name->n - 1] == ')' ? memrchr(name->p, '(', name->n) : NULL;
	uint64_t n;

	if (!open || str_uint((struct str){open + 1, (size_t)(name->p + name->n - 1 - open - 1)}, CHOICES_MAX, &n) != 0)
		return 0;
	*name = str_trim((struct str){name->p, (size_t)(open - name->p)});
	return (unsigned)n;
}

static int find_label(const struct client *c, struct str typed, struct buf *ret, struct buf *why)
{
	struct contact *found[CHOICES_MAX];
	unsigned number = take_number(&typed), n = choices(c, typed, found);

	if (n == 1 && number <= 1)
		number = 1;
	if (number >= 1 && number <= n) {
		buf_z(ret, found[number - 1]->jid);
		return 0;
	}
	if (n == 0)
		return ERR_NOTFOUND;
	buf_fmt(why, "%.*s is ambiguous:", STR_FMT(typed));
	for (unsigned i = 0; i < n; i++)
		buf_fmt(why, "%s %.*s (%u) = %s", i ? "," : "", STR_FMT(typed), i + 1, found[i]->jid);
	return ERR_INVALID;
}

/* By its address, its name, or its name and whose it is. */
static bool is_room(const struct client *c, const struct room *r, struct str typed)
{
	CLEANUP(buf_clear) struct buf name = {.max = 2 * JID_MAX};

	client_room_name(c, jid_view(str_z(r->jid)), &name);
	return str_is(typed, r->jid) || str_eq(jid_local(jid_view(str_z(r->jid))), typed) ||
		str_eq(buf_view(&name), typed);
}

static int find_room(const struct client *c, struct str typed, struct buf *ret, struct buf *why)
{
	struct room *r, *found = NULL;
	uint32_t pos = 0;

	if (str_starts(typed, STR("#")))
		typed = (struct str){typed.p + 1, typed.n - 1};
	while ((r = map_next(&c->rooms, &pos))) {
		if (r->state == ROOM_OUT || !is_room(c, r, typed))
			continue;
		if (found) {
			buf_fmt(why, "%.*s is ambiguous: %s, %s", STR_FMT(typed), found->jid, r->jid);
			return ERR_INVALID;
		}
		found = r;
	}
	if (!found)
		return ERR_NOTFOUND;
	buf_z(ret, found->jid);
	return 0;
}

/* "10.0.0.7", "[fe80::1%eth0]:5298": no name, but where somebody may be. */
static bool is_number(struct str typed)
{
	unsigned dots = 0, colons = 0, others = 0;

	for (size_t i = 0; i < typed.n; i++) {
		char ch = typed.p[i];

		dots += ch == '.';
		colons += ch == ':';
		others += !memchr("0123456789.:", ch, 12);
	}
	return (dots == 3 && !others) || (colons >= 2 && (typed.p[0] == '[' || !dots));
}

/* With those whose names are like it. */
static void put_nobody(const struct client *c, struct str typed, unsigned kinds, struct buf *why)
{
	struct label_hints hints = {0};
	struct contact *k;
	struct room *r;
	uint32_t pos = 0;

	while ((kinds & FIND_PEER) && (k = map_next(&c->contacts, &pos)))
		if (!is_shared(c, k))
			label_hint(&hints, name_of(k), typed);
	for (pos = 0; (kinds & FIND_ROOM) && (r = map_next(&c->rooms, &pos));)
		if (r->state != ROOM_OUT && !(kinds & FIND_PEER))
			label_hint(&hints, jid_local(jid_view(str_z(r->jid))), typed);
	if ((kinds & FIND_PEER) && c->config.node && is_number(typed))
		buf_fmt(why, "nobody is known at %.*s: /add %.*s first", STR_FMT(typed), STR_FMT(typed));
	else if (kinds & FIND_PEER)
		buf_fmt(why, "nobody is called %.*s%s /peers lists people, and an address works too", STR_FMT(typed),
			hints.n ? buf_cstr(&hints.text) : ";");
	else
		buf_fmt(why, "not in a room %.*s%s", STR_FMT(typed), hints.n ? buf_cstr(&hints.text) : "");
	buf_clear(&hints.text);
}

int client_find(struct client *c, struct str typed, unsigned kinds, struct buf *ret, struct buf *why)
{
	struct jid_buf j;
	int err = ERR_NOTFOUND;

	typed = str_trim(typed);
	if ((kinds & FIND_ROOM) &&
		(!(kinds & FIND_PEER) || str_starts(typed, STR("#")) || memchr(typed.p, '@', typed.n)))
		err = find_room(c, typed, ret, why);
	if (err == ERR_NOTFOUND && (kinds & FIND_PEER) && !memchr(typed.p, '@', typed.n))
		err = find_label(c, typed, ret, why);
	if (err == ERR_NOTFOUND && (kinds & FIND_ROOM))
		err = find_room(c, typed, ret, why);
	if (err == ERR_NOTFOUND && (kinds & FIND_PEER) && memchr(typed.p, '@', typed.n) &&
		jid_parse_buf(typed, &j) == 0 && j.jid.local) {
		buf_str(ret, client_room(c, jid_bare_str(j.jid)) ? jid_str(j.jid) : jid_bare_str(j.jid));
		return 0;
	}
	if (err == ERR_NOTFOUND)
		put_nobody(c, typed, kinds, why);
	return err;
}

bool client_is_known(const struct client *c, struct str jid)
{
	struct str bare = jid_bare_str(jid_view(jid));

	return client_room(c, bare) || client_contact(c, client_peer(c, bare));
}

/* "localhost" is ours to our own clients. */
static bool is_domain(const struct client *c, struct str text)
{
	return memchr(text.p, '.', text.n) || str_is(text, "localhost") || str_eq(text, c->config.domain);
}

/* The service of whom a name means. ERR_SYNTAX: it may be a domain. */
static int find_service(struct client *c, struct str name, struct buf *out, struct buf *why)
{
	CLEANUP(buf_clear) struct buf peer = {.max = JID_MAX};
	int err = is_domain(c, name) ? ERR_SYNTAX : find_label(c, name, &peer, why);

	if (err == 0)
		buf_fmt(out, "rooms.%.*s", STR_FMT(jid_domain(jid_view(buf_view(&peer)))));
	else if (err == ERR_NOTFOUND && !c->config.node)
		err = ERR_SYNTAX;
	else if (err == ERR_NOTFOUND)
		put_nobody(c, name, FIND_PEER, why);
	return err;
}

void client_put_service(const struct client *c, struct buf *out)
{
	if (c->found.service)
		buf_z(out, c->found.service);
	else
		buf_fmt(out, "rooms.%.*s", STR_FMT(c->config.domain));
}

int client_room_address(struct client *c, struct str typed, struct buf *ret, struct buf *why)
{
	CLEANUP(buf_clear) struct buf text = {.max = 2 * JID_MAX};
	struct str rest = typed, name;
	struct jid_buf j;
	int err = 0;

	if (str_starts(rest, STR("#")))
		rest = (struct str){rest.p + 1, rest.n - 1};
	name = str_cut(&rest, '@');
	buf_str(&text, name);
	buf_char(&text, '@');
	/* lunch: at our service; lunch@bob: at that of somebody; lunch@rooms.example.org: an address. */
	if (!rest.n)
		client_put_service(c, &text);
	else
		err = find_service(c, rest, &text, why);
	if (err == ERR_SYNTAX)
		buf_str(&text, rest);
	else if (err)
		return err;
	if (!buf_ok(&text) || jid_parse_buf(buf_view(&text), &j) != 0 || !j.jid.local || j.jid.resource) {
		buf_fmt(why, "%.*s is no name for a room: one word, perhaps with @ and whose it is behind it",
			STR_FMT(typed));
		return ERR_SYNTAX;
	}
	buf_str(ret, jid_str(j.jid));
	return 0;
}

/* ---- rooms of others ---- */

static struct str service(const struct client *c) { return c->found.service ? str_z(c->found.service) : STR_NONE; }

bool client_is_own_service(const struct client *c, struct jid room)
{
	struct str domain = jid_domain(room), ours = service(c);

	return ours.n ? str_eq(domain, ours)
		      : str_starts(domain, STR("rooms.")) &&
			str_eq((struct str){domain.p + 6, domain.n - 6}, c->config.domain);
}

/* Whose service it is: the peer with the domain behind "rooms.". */
const struct contact *client_host_of(const struct client *c, struct str domain)
{
	struct contact *k;
	uint32_t pos = 0;

	if (!c->config.node || !str_starts(domain, STR("rooms.")))
		return NULL;
	domain = (struct str){domain.p + 6, domain.n - 6};
	while ((k = map_next(&c->contacts, &pos)))
		if (str_eq(jid_domain(jid_view(str_z(k->jid))), domain))
			return k;
	return NULL;
}

void client_service_name(const struct client *c, struct jid room, struct buf *out)
{
	const struct contact *k = client_host_of(c, jid_domain(room));

	/* A name with a dot would be read as a domain. */
	if (k && !is_shared(c, k) && !memchr(name_of(k).p, '.', name_of(k).n) &&
		!memchr(name_of(k).p, ' ', name_of(k).n))
		buf_str(out, name_of(k));
	else
		buf_str(out, jid_domain(room));
}

void client_room_name(const struct client *c, struct jid room, struct buf *out)
{
	buf_str(out, jid_local(room));
	if (c->config.node && client_is_own_service(c, room))
		return;
	buf_char(out, '@');
	client_service_name(c, room, out);
}

/* ---- completion ---- */

static void offer(struct str name, struct str prefix, void (*on_name)(void *, struct str), void *arg)
{
	if (name.n >= prefix.n && same_name((struct str){name.p, prefix.n}, prefix))
		on_name(arg, name);
}

void client_complete(const struct client *c, struct str prefix, unsigned kinds, struct str room,
	void (*on_name)(void *arg, struct str name), void *arg)
{
	struct room *in = room.p ? client_room(c, room) : NULL;
	struct contact *k;
	struct room *r;
	struct occupant *o;
	uint32_t pos = 0;

	while ((kinds & FIND_PEER) && (k = map_next(&c->contacts, &pos)))
		offer(is_shared(c, k) ? str_z(k->jid) : name_of(k), prefix, on_name, arg);
	pos = 0;
	while ((kinds & FIND_ROOM) && (r = map_next(&c->rooms, &pos)))
		offer(jid_local(jid_view(str_z(r->jid))), prefix, on_name, arg);
	pos = 0;
	for (unsigned i = 0; (kinds & FIND_INVITED) && i < c->invited.n; i++)
		offer(str_z(c->invited.list[i].room), prefix, on_name, arg);
	while (in && (o = map_next(&in->occupants, &pos)))
		offer(str_z(o->nick), prefix, on_name, arg);
}
