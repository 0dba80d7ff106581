/* What moderators, admins and owners ask of a room (XEP-0045 sections 8 to 10), and what visitors do. */
#include "client/client_i.h"

static struct room *in_room(struct client *c, struct str room)
{
	struct room *r = client_room(c, room);

	return r && r->state == ROOM_IN ? r : NULL;
}

static void put_reason(struct buf *out, struct str reason)
{
	if (reason.n)
		xml_put_text(out, "reason", reason);
}

int client_role(struct client *c, struct str room, struct str nick, const char *role, struct str reason)
{
	CLEANUP(buf_clear) struct buf q = {.max = 65536}, what = {.max = 4096};

	if (!in_room(c, room))
		return ERR_NOTFOUND;
	buf_z(&q, "<query xmlns='" NS_MUC_ADMIN "'><item");
	xml_put_attr(&q, "nick", nick);
	xml_put_attr(&q, "role", str_z(role));
	buf_char(&q, '>');
	put_reason(&q, reason);
	buf_z(&q, "</item></query>");
	buf_fmt(&what, "%s ", strcmp(role, "none") == 0 ? "kick" : role);
	client_put_nick(&what, nick, true);
	return client_order(c, room, buf_view(&q), buf_cstr(&what));
}

/* "@example.org", or "*@example.org" as it is in IRC: everybody from there. */
static bool is_domain(struct str whom, struct jid_buf *ret)
{
	struct str domain = whom, name = str_cut(&domain, '@');

	return domain.n && (!name.n || str_is(name, "*")) && jid_parse_buf(domain, ret) == 0 && !ret->jid.local &&
		!ret->jid.resource;
}

enum { FITTING_MAX = 8 };

/* Who is gone has no place in the list any more, and may share his name with others. */
static int find_absent(struct client *c, struct room *r, struct str whom, bool gone, struct buf *ret)
{
	CLEANUP(buf_clear) struct buf why = {.max = 4096}, label = {.max = JID_MAX}, text = {.max = 16384};
	struct str fitting[FITTING_MAX + 1];
	unsigned n = !gone || memchr(whom.p, '@', whom.n) ? 0 : client_gone_find(r, whom, fitting, FITTING_MAX);
	int err = client_find(c, whom, FIND_PEER, &label, &why);
	bool known = false;

	for (unsigned i = 0; i < n; i++)
		known |= str_eq(fitting[i], buf_view(&label));
	if (err == 0 && !known)
		fitting[n++] = buf_view(&label);
	if (n == 0)
		return err;
	if (n == 1) {
		buf_str(ret, fitting[0]);
		return 0;
	}
	buf_fmt(&text, "several are, or were here, %.*s; their address would do: ", STR_FMT(whom));
	for (unsigned i = 0; i < n; i++)
		buf_fmt(&text, "%s%.*s", i ? ", " : "", STR_FMT(fitting[i]));
	client_say_event(c, EVENT_REFUSED, buf_view(&text));
	return ERR_EXISTS;
}

/* An occupant's real address, if we may know it; a domain; that of who left (gone: they may be meant); a label's; else what was
 * typed, if it is an address. ERR_EXISTS: it may be several, and that was told. */
static int find_whom(struct client *c, struct room *r, struct str whom, bool gone, struct buf *ret)
{
	struct occupant *o = client_occupant(r, whom);
	struct jid_buf j;

	if (o && o->jid && jid_parse_buf(str_z(o->jid), &j) == 0) {
		buf_str(ret, jid_bare_str(j.jid));
		return 0;
	}
	if (o)
		return ERR_DENIED;
	if (is_domain(whom, &j)) {
		buf_str(ret, jid_domain(j.jid));
		return 0;
	}
	return find_absent(c, r, whom, gone, ret);
}

int client_affiliate(struct client *c, struct str room, struct str whom, struct str affiliation, struct str reason)
{
	CLEANUP(buf_clear) struct buf jid = {.max = JID_MAX}, q = {.max = 65536}, what = {.max = 8192};
	struct room *r = in_room(c, room);
	/* Rights are for who is here, or has an address: a name of before may have been anybody's. */
	bool takes = str_is(affiliation, "outcast") || str_is(affiliation, "none");
	int err = r ? find_whom(c, r, whom, takes, &jid) : ERR_NOTFOUND;

	if (err == ERR_EXISTS)
		return 0;
	if (err)
		return r ? ERR_INVALID : err;
	buf_z(&q, "<query xmlns='" NS_MUC_ADMIN "'><item");
	xml_put_attr(&q, "jid", buf_view(&jid));
	xml_put_attr(&q, "affiliation", affiliation);
	buf_char(&q, '>');
	put_reason(&q, reason);
	buf_z(&q, "</item></query>");
	buf_fmt(&what, "%.*s is %.*s in ", STR_FMT(buf_view(&jid)), STR_FMT(affiliation));
	client_label(c, room, &what);
	return client_order(c, room, buf_view(&q), buf_cstr(&what));
}

static void on_affiliated(struct client *c, const struct pending *p, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf out = {.max = 1 << 20};
	uint32_t q = s && s->type == TYPE_RESULT ? stanza_child(s, "query", NS_MUC_ADMIN) : XML_NONE;

	if (!q) {
		client_refuse(c, p->about, s);
		return;
	}
	XML_EACH(i, &s->tree, q) {
		if (out.n)
			buf_char(&out, '\n');
		buf_str(&out, xml_attr(&s->tree, i, "jid"));
	}
	client_say_event(c, EVENT_ANSWER, out.n ? buf_view(&out) : STR("nobody"));
}

int client_affiliated(struct client *c, struct str room, struct str affiliation)
{
	CLEANUP(buf_clear) struct buf q = {.max = 4096};

	if (!in_room(c, room))
		return ERR_NOTFOUND;
	buf_z(&q, "<query xmlns='" NS_MUC_ADMIN "'><item");
	xml_put_attr(&q, "affiliation", affiliation);
	buf_z(&q, "/></query>");
	return client_ask(c, "get", room, buf_view(&q), on_affiliated, STR("the list"), STR_NONE, 0);
}

/* By how its id begins an error that comes back is known to be about it. */
#define INVITATION "invite-"

bool client_is_invitation(struct str id) { return str_starts(id, STR(INVITATION)); }

static int put_message(struct client *c, struct str to, const char *kind, struct str inside)
{
	CLEANUP(buf_clear) struct buf out = {.max = 65536};
	char id[17];

	rand_token(id, 16);
	buf_fmt(&out, "<message id='%s%s'", kind, id);
	xml_put_attr(&out, "to", to);
	buf_char(&out, '>');
	buf_str(&out, inside);
	buf_z(&out, "</message>");
	return buf_ok(&out) ? client_put(c, buf_view(&out)) : ERR_LIMIT;
}

int client_invite(struct client *c, struct str room, struct str jid, struct str reason)
{
	CLEANUP(buf_clear) struct buf x = {.max = 16384}, what = {.max = 4 * JID_MAX};
	int err;

	if (!in_room(c, room))
		return ERR_NOTFOUND;
	buf_z(&x, "<x xmlns='" NS_MUC_USER "'><invite");
	xml_put_attr(&x, "to", jid);
	buf_char(&x, '>');
	put_reason(&x, reason);
	buf_z(&x, "</invite></x>");
	err = put_message(c, room, INVITATION, buf_view(&x));
	if (err)
		return err;
	buf_fmt(&what, "asking %.*s to come to ", STR_FMT(jid));
	client_label(c, room, &what);
	client_say_event(c, EVENT_ANSWER, buf_view(&what));
	return 0;
}

int client_request_voice(struct client *c, struct str room)
{
	CLEANUP(buf_clear) struct buf what = {.max = 2 * JID_MAX};
	struct room *r = in_room(c, room);
	const struct occupant *self = r ? client_occupant(r, str_z(r->nick)) : NULL;
	int err;

	if (!r)
		return ERR_NOTFOUND;
	if (self && self->role && !str_is(str_z(self->role), "visitor"))
		return ERR_EXISTS;
	err = put_message(c, room, "",
		STR("<x xmlns='" NS_DATA "' type='submit'><field var='FORM_TYPE'><value>" NS_MUC_REQUEST
		    "</value></field><field var='muc#role' type='list-single'><value>participant</value></field></x>"));
	if (err)
		return err;
	buf_z(&what, "asking the moderators of ");
	client_label(c, room, &what);
	client_say_event(c, EVENT_ANSWER, buf_view(&what));
	return 0;
}

/* Also from outside: that is how one becomes a member of a room that only members enter. */
int client_register(struct client *c, struct str room, struct str nick)
{
	CLEANUP(buf_clear) struct buf q = {.max = 16384}, what = {.max = 8192}, to = {.max = JID_MAX};

	if (room.n)
		buf_str(&to, room);
	else
		client_put_service(c, &to);
	buf_z(&q, "<query xmlns='" NS_REGISTER "'>");
	if (nick.n) {
		buf_z(&q,
			"<x xmlns='" NS_DATA "' type='submit'><field var='FORM_TYPE'><value>" NS_MUC_REGISTER
			"</value></field><field var='muc#register_roomnick'>");
		xml_put_text(&q, "value", nick);
		buf_z(&q, "</field></x></query>");
		buf_fmt(&what,
			room.n ? "registered as %.*s, or asked for it where admins have to say yes"
			       : "%.*s is yours in all rooms of the service",
			STR_FMT(nick));
	} else {
		buf_z(&q, "<remove/></query>");
		buf_z(&what, room.n ? "registered no more" : "registered no more with the service of rooms");
	}
	return client_order(c, buf_view(&to), buf_view(&q), buf_cstr(&what));
}

int client_destroy(struct client *c, struct str room, struct str other, struct str reason)
{
	CLEANUP(buf_clear) struct buf q = {.max = 16384}, what = {.max = 2 * JID_MAX};

	if (!client_online(c))
		return ERR_CLOSED;
	buf_z(&q, "<query xmlns='" NS_MUC_OWNER "'><destroy");
	xml_put_attr(&q, "jid", other);
	buf_char(&q, '>');
	put_reason(&q, reason);
	buf_z(&q, "</destroy></query>");
	buf_fmt(&what, "destroy %.*s", STR_FMT(in_room(c, room) ? STR("the room") : room));
	return client_order(c, room, buf_view(&q), buf_cstr(&what));
}

/* ---- the form of owners ---- */

static struct str short_name(struct str var)
{
	static const char *const prefixes[] = {"muc#roomconfig_", "x-muc#roomconfig_", "muc#roominfo_", "muc#"};

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		struct str prefix = str_z(prefixes[i]);

		if (str_starts(var, prefix) && var.n > prefix.n)
			return (struct str){var.p + prefix.n, var.n - prefix.n};
	}
	return var;
}

static struct str type_of(const struct xml_tree *t, uint32_t f) { return xml_attr(t, f, "type"); }

static bool is_field(const struct xml_tree *t, uint32_t f)
{
	return xml_is(t, f, "field", NS_DATA) && xml_attr(t, f, "var").n;
}

static bool is_shown(const struct xml_tree *t, uint32_t f)
{
	return is_field(t, f) && !str_is(type_of(t, f), "hidden") && !str_is(type_of(t, f), "fixed");
}

static bool is_private(const struct xml_tree *t, uint32_t f) { return str_is(type_of(t, f), "text-private"); }

/* A password is not shown: others may see the screen, or what is written of it. */
static struct str shown_value(bool private, struct str value) { return private && value.n ? STR("(set)") : value; }

/* By its whole name, or without what it begins with. */
static uint32_t find_field(const struct xml_tree *t, uint32_t x, struct str name)
{
	uint32_t found = XML_NONE;

	XML_EACH(f, t, x) {
		struct str var = xml_attr(t, f, "var");

		if (!is_shown(t, f))
			continue;
		if (str_eq(var, name))
			return f;
		if (!found && str_eq(short_name(var), short_name(name)))
			found = f;
	}
	return found;
}

/* How each kind is typed, and whether it may be empty. */
static const struct kind {
	const char *type, *typed;
	bool several, empty;
	char between; /* of several, as they are typed */
} kinds[] = {
	{"boolean", "on|off", false, false, 0}, {"list-single", "CHOICE", false, false, 0},
	{"list-multi", "CHOICE, CHOICE", true, true, ','}, {"jid-single", "ADDRESS", false, true, 0},
	{"jid-multi", "ADDRESS, ADDRESS", true, true, ','}, {"text-multi", "LINES", true, true, '\n'},
	{"text-single", "TEXT", false, true, 0}, /* also what has no type */
};

static const struct kind *kind_of(const struct xml_tree *t, uint32_t f)
{
	size_t i = 0;

	while (i < ARRAY_LEN(kinds) - 1 && !str_is(type_of(t, f), kinds[i].type))
		i++;
	return &kinds[i];
}

/* As it can be typed. */
static void put_values(const struct xml_tree *t, uint32_t f, struct buf *out)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 65536};
	bool first = true;

	XML_EACH(v, t, f) {
		if (!xml_is(t, v, "value", NS_DATA))
			continue;
		buf_reset(&tmp);
		buf_z(out, first ? "" : kind_of(t, f)->between == '\n' ? "\n" : ", ");
		buf_str(out, shown_value(is_private(t, f), xml_text(t, v, &tmp)));
		first = false;
	}
}

static void put_options(const struct xml_tree *t, uint32_t f, struct buf *out)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 4096};
	const char *before = " [";

	XML_EACH(o, t, f) {
		uint32_t v = xml_is(t, o, "option", NS_DATA) ? xml_child(t, o, "value", NS_DATA) : XML_NONE;
		if (!v)
			continue;
		buf_reset(&tmp);
		buf_z(out, before);
		buf_str(out, xml_text(t, v, &tmp));
		before = "|";
	}
	if (*before == '|')
		buf_char(out, ']');
	else if (str_is(type_of(t, f), "boolean"))
		buf_z(out, " [0|1]");
}

static void put_setting(const struct xml_tree *t, uint32_t f, struct buf *out)
{
	buf_str(out, short_name(xml_attr(t, f, "var")));
	buf_z(out, " = ");
	put_values(t, f, out);
	put_options(t, f, out);
	if (xml_attr(t, f, "label").n)
		buf_fmt(out, "  %.*s", STR_FMT(xml_attr(t, f, "label")));
}

static void show_form(struct client *c, const struct xml_tree *t, uint32_t x)
{
	CLEANUP(buf_clear) struct buf out = {.max = 1 << 20};

	XML_EACH(f, t, x) {
		if (!is_shown(t, f))
			continue;
		buf_z(&out, out.n ? "\n" : "");
		put_setting(t, f, &out);
	}
	client_say_event(c, EVENT_ANSWER, buf_view(&out));
}

static void show_one(struct client *c, const struct xml_tree *t, uint32_t f)
{
	CLEANUP(buf_clear) struct buf out = {.max = 1 << 20};
	struct str name = short_name(xml_attr(t, f, "var"));
	const struct kind *k = kind_of(t, f);

	put_setting(t, f, &out);
	buf_fmt(&out, "\n/config %.*s %s sets it", STR_FMT(name), k->typed);
	if (k->empty)
		buf_fmt(&out, ", /config %.*s \"\" empties it", STR_FMT(name));
	client_say_event(c, EVENT_ANSWER, buf_view(&out));
}

/* What this room's form has, for completion. */
static void note_settings(struct client *c, struct str room, const struct xml_tree *t, uint32_t x)
{
	CLEANUP(buf_clear) struct buf names = {.max = 65536};
	struct room *r = client_room(c, room);

	XML_EACH(f, t, x) {
		struct str name = short_name(xml_attr(t, f, "var"));

		if (is_shown(t, f) && !memchr(name.p, ' ', name.n))
			buf_fmt(&names, "%.*s ", STR_FMT(name));
	}
	if (r && buf_ok(&names))
		set_text(&r->settings, buf_view(&names));
}

struct str client_settings(const struct client *c, struct str room)
{
	const struct room *r = client_room(c, room);

	return r && r->settings ? str_z(r->settings) : STR("");
}

static struct str as_typed(const struct xml_tree *t, uint32_t f, struct str value)
{
	static const char *const yes[] = {"on", "yes", "true"}, *const no[] = {"off", "no", "false"};

	for (size_t i = 0; str_is(type_of(t, f), "boolean") && i < ARRAY_LEN(yes); i++) {
		if (str_is_nocase(value, yes[i]))
			return STR("1");
		if (str_is_nocase(value, no[i]))
			return STR("0");
	}
	return value;
}

/* "a, b" and "a,b", as it is shown; "a b" where there is no comma. */
static void put_several(const struct kind *k, struct str value, struct buf *out)
{
	char between = k->between == ',' && !memchr(value.p, ',', value.n) ? ' ' : k->between;

	while (value.n) {
		struct str one = str_cut(&value, between);

		one = k->between == ',' ? str_trim(one) : one;
		if (one.n || k->between != ',')
			xml_put_text(out, "value", one);
	}
}

/* Only the field that changes, and what a form has hidden in it for its maker: what two owners change at the same time, each
 * something else, stays, and so do the lists of owners and admins (10.2; what is missing stays as it is). */
static void fill_form(const struct xml_tree *t, uint32_t x, uint32_t field, struct str value, struct buf *out)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 65536};

	buf_z(out, "<query xmlns='" NS_MUC_OWNER "'><x xmlns='" NS_DATA "' type='submit'>");
	XML_EACH(f, t, x) {
		if (!is_field(t, f) || (f != field && !str_is(type_of(t, f), "hidden")))
			continue;
		buf_z(out, "<field");
		xml_put_attr(out, "var", xml_attr(t, f, "var"));
		buf_char(out, '>');
		if (f == field && kind_of(t, f)->several)
			put_several(kind_of(t, f), value, out);
		else if (f == field)
			xml_put_text(out, "value", as_typed(t, f, value));
		XML_EACH(v, t, f) {
			buf_reset(&tmp);
			if (f != field && xml_is(t, v, "value", NS_DATA))
				xml_put_text(out, "value", xml_text(t, v, &tmp));
		}
		buf_z(out, "</field>");
	}
	buf_z(out, "</x></query>");
}

static void set_field(struct client *c, const struct pending *p, const struct xml_tree *t, uint32_t x, uint32_t field)
{
	CLEANUP(buf_clear) struct buf out = {.max = TEXT_MAX}, what = {.max = 65536};
	struct str value = shown_value(is_private(t, field), str_z(p->extra)), var = xml_attr(t, field, "var");

	if (str_ends(var, STR("_roomowners")) || str_ends(var, STR("_roomadmins"))) {
		client_say_event(c, EVENT_REFUSED,
			STR("that would put all others out of the list: /affiliate WHO owner (or admin) adds one"));
		return;
	}
	buf_fmt(&what, "%s %s%.*s", p->about, value.n ? "= " : "is empty", STR_FMT(value));
	fill_form(t, x, field, str_z(p->extra), &out);
	if (buf_ok(&out))
		client_order(c, str_z(p->to), buf_view(&out), buf_cstr(&what));
	else
		client_say_event(c, EVENT_REFUSED, STR("that is too long for a setting"));
}

static void on_form(struct client *c, const struct pending *p, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf what = {.max = 65536};
	uint32_t q = s && s->type == TYPE_RESULT ? stanza_child(s, "query", NS_MUC_OWNER) : XML_NONE;
	uint32_t x = q ? xml_child(&s->tree, q, "x", NS_DATA) : XML_NONE;
	uint32_t field = x && p->about ? find_field(&s->tree, x, str_z(p->about)) : XML_NONE;

	if (!x) {
		client_refuse(c, "the room's configuration", s);
		return;
	}
	note_settings(c, str_z(p->to), &s->tree, x);
	if (!p->about) {
		show_form(c, &s->tree, x);
	} else if (field && p->extra) {
		set_field(c, p, &s->tree, x, field);
	} else if (field) {
		show_one(c, &s->tree, field);
	} else {
		buf_fmt(&what, "%s: the room has no such setting; /config lists them", p->about);
		client_say_event(c, EVENT_REFUSED, buf_view(&what));
	}
}

int client_configure(struct client *c, struct str room, struct str field, struct str value)
{
	if (!in_room(c, room))
		return ERR_NOTFOUND;
	return client_ask(c, "get", room, STR("<query xmlns='" NS_MUC_OWNER "'/>"), on_form, field.n ? field : STR_NONE,
		field.n ? value : STR_NONE, 0);
}
