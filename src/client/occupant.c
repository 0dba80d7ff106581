/* Who is in a room, and what they may do there. */
#include "client/client_i.h"

struct occupant *client_occupant(const struct room *r, struct str nick) { return map_find(&r->occupants, nick); }

static void occupant_free(struct occupant *o)
{
	xfree(o->nick);
	xfree(o->jid);
	xfree(o->role);
	xfree(o->affiliation);
	xfree(o);
}

void client_occupants_clear(struct room *r)
{
	struct occupant *o;
	uint32_t pos = 0;

	while ((o = map_next(&r->occupants, &pos)))
		occupant_free(o);
	map_clear(&r->occupants);
}

static uint32_t find_x(const struct stanza *s) { return stanza_child(s, "x", NS_MUC_USER); }

bool client_has_status(const struct stanza *s, const char *code)
{
	uint32_t x = find_x(s);

	if (!x)
		return false;
	XML_EACH(i, &s->tree, x) {
		if (xml_is(&s->tree, i, "status", NS_MUC_USER) && str_is(xml_attr(&s->tree, i, "code"), code))
			return true;
	}
	return false;
}

static struct str item_attr(const struct stanza *s, const char *name)
{
	uint32_t x = find_x(s), item = x ? xml_child(&s->tree, x, "item", NS_MUC_USER) : XML_NONE;

	return item ? xml_attr(&s->tree, item, name) : STR_NONE;
}

/* ---- changes ---- */

static bool differs(const char *old, struct str new) { return old && new.n && !str_is(new, old); }

static void tell_rights(struct client *c, struct room *r, const struct occupant *o, struct str role,
	struct str affiliation)
{
	CLEANUP(buf_clear) struct buf verb = {.max = 256};

	if (differs(o->affiliation, affiliation))
		buf_fmt(&verb, "is now %.*s", STR_FMT(str_is(affiliation, "none") ? STR("no member") : affiliation));
	else if (differs(o->role, role))
		buf_fmt(&verb, "is now %.*s", STR_FMT(role));
	if (verb.n && buf_ok(&verb))
		client_room_event(c, r, EVENT_OCCUPANT, str_z(o->nick), buf_cstr(&verb), STR_NONE);
}

void client_occupant_seen(struct client *c, struct room *r, const struct stanza *s)
{
	struct str nick = jid_resource(s->from), role = item_attr(s, "role"), affiliation = item_attr(s, "affiliation");
	struct occupant *o = client_occupant(r, nick);
	bool is_new = !o;

	if (is_new) {
		o = xcalloc(1, sizeof(*o));
		o->nick = str_dup(nick);
		if (map_add(&r->occupants, o) != 0) {
			occupant_free(o);
			return;
		}
	}
	/* Those who were there before us come with EVENT_JOINED; a new name of ours is told as such. */
	if (r->state == ROOM_IN && is_new && !str_is(nick, r->nick))
		client_room_event(c, r, EVENT_OCCUPANT, nick, "joined", STR_NONE);
	else if (r->state == ROOM_IN && !is_new)
		tell_rights(c, r, o, role, affiliation);
	set_text(&o->role, role);
	set_text(&o->affiliation, affiliation);
	if (item_attr(s, "jid").n)
		set_text(&o->jid, item_attr(s, "jid"));
}

/* ---- going ---- */

static const struct {
	const char *code, *verb;
} ways[] = {
	{"301", "was banned"},
	{"307", "was kicked"},
	{"321", "lost the membership"},
	{"322", "is no member of the room, which is for members now"},
	{"332", "left: the room closes"},
	{"333", "was lost"},
};

static const char *way_out(const struct stanza *s)
{
	uint32_t x = find_x(s);

	if (x && xml_child(&s->tree, x, "destroy", NS_MUC_USER))
		return "left: the room was destroyed";
	for (size_t i = 0; i < ARRAY_LEN(ways); i++)
		if (client_has_status(s, ways[i].code))
			return ways[i].verb;
	return "left";
}

/* The reason of a kick or of a destruction, or the status of who leaves. */
static struct str reason(const struct stanza *s, struct buf *tmp)
{
	uint32_t x = find_x(s);
	uint32_t item = x ? xml_child(&s->tree, x, "item", NS_MUC_USER) : XML_NONE;
	uint32_t destroy = x ? xml_child(&s->tree, x, "destroy", NS_MUC_USER) : XML_NONE;
	uint32_t r = item ? xml_child(&s->tree, item, "reason", NS_MUC_USER) : XML_NONE;

	if (!r && destroy)
		r = xml_child(&s->tree, destroy, "reason", NS_MUC_USER);
	if (!r)
		r = stanza_child(s, "status", NS_CLIENT);
	return r ? xml_text(&s->tree, r, tmp) : STR_NONE;
}

/* Where the others are, if the owner has said so. */
static void tell_alternate(struct client *c, struct room *r, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf text = {.max = 2 * JID_MAX}, secret = {.max = 4096};
	uint32_t password, x = find_x(s), destroy = x ? xml_child(&s->tree, x, "destroy", NS_MUC_USER) : XML_NONE;
	struct jid_buf j;

	if (!destroy || jid_parse_buf(xml_attr(&s->tree, destroy, "jid"), &j) != 0 || !j.jid.local)
		return;
	password = xml_child(&s->tree, destroy, "password", NS_MUC_USER);
	if (password)
		client_invited_note(c, jid_bare_str(j.jid), STR_NONE, xml_text(&s->tree, password, &secret));
	buf_fmt(&text, "it goes on elsewhere: /join %.*s", STR_FMT(jid_bare_str(j.jid)));
	client_emit(c,
		&(struct client_event){.kind = EVENT_ROOM,
			.room = true,
			.conversation = str_z(r->jid),
			.verb = STR("moved"),
			.body = buf_view(&text)});
}

static void on_renamed(struct client *c, struct room *r, struct str nick, struct str new)
{
	client_room_event(c, r, EVENT_OCCUPANT, nick, "is now called", new);
	if (str_is(nick, r->nick))
		set_text(&r->nick, new);
}

void client_occupant_renamed(struct client *c, struct room *r, struct str new)
{
	struct occupant *o = map_remove(&r->occupants, str_z(r->nick));
	CLEANUP(buf_clear) struct buf old = {.max = JID_MAX};

	if (o)
		occupant_free(o);
	buf_z(&old, r->nick);
	on_renamed(c, r, buf_view(&old), new);
}

void client_occupant_gone(struct client *c, struct room *r, const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 4096};
	struct str nick = jid_resource(s->from), new = item_attr(s, "nick");
	struct occupant *o = map_remove(&r->occupants, nick);

	if (client_has_status(s, "303") && new.n) {
		/* The old one lives on under the new name: its presence, which follows, is no arrival. */
		if (o) {
			if (!str_is(nick, r->nick))
				client_gone_note(r, o); /* by that name he is known, too */
			set_text(&o->nick, new);
			if (client_occupant(r, new) || map_add(&r->occupants, o) != 0)
				occupant_free(o);
			o = NULL;
		}
		on_renamed(c, r, nick, new);
	} else if (r->state == ROOM_OUT) {
		client_room_event(c, r, EVENT_LEFT, nick, way_out(s), reason(s, &tmp));
		tell_alternate(c, r, s);
	} else if (o && r->state == ROOM_IN) {
		client_room_event(c, r, EVENT_OCCUPANT, nick, way_out(s), reason(s, &tmp));
	}
	if (o) {
		client_gone_note(r, o);
		occupant_free(o);
	}
}

int client_who(struct client *c, struct str room)
{
	CLEANUP(buf_clear) struct buf out = {.max = 4 << 20};
	struct room *r = client_room(c, room);
	struct occupant *o;
	uint32_t pos = 0;

	if (!r || r->state != ROOM_IN)
		return ERR_NOTFOUND;
	while ((o = map_next(&r->occupants, &pos))) {
		buf_z(&out, out.n ? "\n" : "");
		client_put_nick(&out, str_z(o->nick), false);
		buf_fmt(&out, ": %s, %s", o->role ? o->role : "?", o->affiliation ? o->affiliation : "?");
		if (o->jid)
			buf_fmt(&out, ", %s", o->jid);
	}
	client_say_event(c, EVENT_ANSWER, buf_view(&out));
	return 0;
}
