/* The commands (XEP-0050) of a room, which are those of its hats (XEP-0317). Nothing is kept between a form and its answer;
 * a client that knows the fields may send them at once. */
#include "base/err.h"
#include "base/hash.h"
#include "room/hats.h"
#include "room/rooms_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

#define NODE_PREFIX "urn:xmpp:hats:commands:"
#define FORM_TYPE "urn:xmpp:hats:commands"

enum { CODE_CHANGED = 104, TOKEN = 16, TEXT_MAX = 4096, ANSWER_MAX = 1 << 20 };
enum { WITH_JID = 1, WITH_URI = 2, WITH_TITLE = 4, WITH_HUE = 8, OF_LIST = 16 /* the URI is one of the room's */ };

/* What was sent; absent if it was not. */
struct args {
	struct str jid, uri, title, hue;
	struct buf text[4];
};

struct hat_command {
	const char *name, *title;
	enum affiliation who; /* and above */
	unsigned fields;      /* 0: it has no form, and answers at once */
	struct xerr (*run)(struct room *r, const struct args *args, struct buf *out);
};

/* ---- what they do ---- */

static void store(struct room *r, struct str bare, int index, bool on)
{
	const struct hat *h = &r->hats->list[index];
	struct str hue = h->hue && !bare.n ? str_z(h->hue) : STR_NONE;

	if (!r->config.persistent)
		return;
	store_put(core_batch(room_core(r)), STORE_HAT_PUT, jid_domain(r->entity.jid), jid_local(r->entity.jid), bare,
		str_z(h->uri), on ? str_z(bare.n ? "" : h->title) : STR_NONE, hue);
	r->commit = core_commit(room_core(r));
}

void hats_store(struct room *r)
{
	const struct wearer *w;

	for (int i = 0; r->hats && i < HATS_MAX; i++) {
		if (!r->hats->list[i].uri)
			continue;
		store(r, STR(""), i, true);
		for (uint32_t pos = 0; (w = map_next(&r->hats->wearers, &pos));)
			if (w->hats >> i & 1)
				store(r, wearer_jid(w), i, true);
	}
}

/* Those who wear one of these hats are shown anew. */
static void refresh(struct room *r, uint32_t bits, struct str bare)
{
	struct notice n = {.type = TYPE_AVAILABLE};
	struct occupant *o;

	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));) {
		struct str real = jid_bare_str(occupant_real(o));

		if (bare.p ? !str_eq(real, bare) : !(hats_of(r->hats, real) & bits))
			continue;
		occupant_changed(o);
		announce_change(r, o, &n);
	}
}

static struct xerr create(struct room *r, const struct args *args, struct buf *out)
{
	int i = hats_define(&r->hats, args->uri, args->title, args->hue);

	if (i == ERR_LIMIT)
		return xerr_text(XERR_RESOURCE_CONSTRAINT, "a room has at most 32 hats");
	if (i < 0)
		return xerr_text(XERR_NOT_ACCEPTABLE,
			"a title of at most 64 bytes, a URI of at most 256, and a hue from 0 to 360 or none");
	store(r, STR(""), i, true);
	refresh(r, 1u << i, STR_NONE);
	message_status(r, CODE_CHANGED);
	return XERR_OK;
}

/* Of the store: each row by itself, while it is still known who wears it. */
static struct xerr destroy(struct room *r, const struct args *args, struct buf *out)
{
	int i = hats_find(r->hats, args->uri);
	struct occupant *o;
	const struct wearer *w;

	if (i < 0)
		return xerr(XERR_ITEM_NOT_FOUND);
	for (uint32_t pos = 0; (w = map_next(&r->hats->wearers, &pos));)
		if (w->hats >> i & 1)
			store(r, wearer_jid(w), i, false);
	store(r, STR(""), i, false);
	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));)
		o->hatless = hats_of(r->hats, jid_bare_str(occupant_real(o))) >> i & 1;
	hats_destroy(r->hats, i);
	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos));)
		if (o->hatless)
			refresh(r, 0, jid_bare_str(occupant_real(o)));
	message_status(r, CODE_CHANGED);
	return XERR_OK;
}

static struct xerr wear(struct room *r, const struct args *args, bool on)
{
	int i = hats_find(r->hats, args->uri);
	struct jid_buf jid;
	struct str bare;

	if (jid_parse_buf(args->jid, &jid) < 0 || !jid.jid.local)
		return xerr(XERR_JID_MALFORMED);
	bare = jid_bare_str(jid.jid);
	if (i < 0 || (!on && !(hats_of(r->hats, bare) >> i & 1)))
		return xerr(XERR_ITEM_NOT_FOUND);
	if (hats_wear(r->hats, bare, i, on) < 0)
		return xerr_text(XERR_RESOURCE_CONSTRAINT, "at most 1000 people of a room have hats");
	store(r, bare, i, on);
	refresh(r, 0, bare);
	return XERR_OK;
}

static struct xerr assign(struct room *r, const struct args *args, struct buf *out) { return wear(r, args, true); }
static struct xerr unassign(struct room *r, const struct args *args, struct buf *out) { return wear(r, args, false); }

static void put_value(struct buf *out, const char *var, struct str value)
{
	buf_fmt(out, "<field var='hats#%s'>", var);
	xml_put_text(out, "value", value);
	buf_z(out, "</field>");
}

static void put_item(struct buf *out, const struct hat *h, struct str jid)
{
	buf_z(out, "<item>");
	if (jid.p)
		put_value(out, "jid", jid);
	put_value(out, "title", str_z(h->title));
	put_value(out, "uri", str_z(h->uri));
	put_value(out, "hue", h->hue ? str_z(h->hue) : STR(""));
	buf_z(out, "</item>");
}

static struct xerr list(struct room *r, const struct args *args, struct buf *out)
{
	buf_z(out,
		"<x xmlns='" NS_DATA "' type='result'><title>Hats</title><reported><field var='hats#title'/>"
		"<field var='hats#uri'/><field var='hats#hue'/></reported>");
	for (int i = 0; r->hats && i < HATS_MAX; i++)
		if (r->hats->list[i].uri)
			put_item(out, &r->hats->list[i], STR_NONE);
	buf_z(out, "</x>");
	return XERR_OK;
}

static struct xerr list_assigned(struct room *r, const struct args *args, struct buf *out)
{
	const struct wearer *w;

	buf_z(out,
		"<x xmlns='" NS_DATA
		"' type='result'><title>Who wears which hat</title><reported><field var='hats#jid'/>"
		"<field var='hats#title'/><field var='hats#uri'/><field var='hats#hue'/></reported>");
	for (uint32_t pos = 0; r->hats && (w = map_next(&r->hats->wearers, &pos));)
		for (int i = 0; i < HATS_MAX; i++)
			if (w->hats >> i & 1)
				put_item(out, &r->hats->list[i], wearer_jid(w));
	buf_z(out, "</x>");
	return XERR_OK;
}

static const struct hat_command commands[] = {
	{"create", "Create or change a hat", AFFILIATION_OWNER, WITH_TITLE | WITH_URI | WITH_HUE, create},
	{"destroy", "Destroy a hat", AFFILIATION_OWNER, WITH_URI | OF_LIST, destroy},
	{"list", "List the hats", AFFILIATION_NONE, 0, list},
	{"assign", "Give somebody a hat", AFFILIATION_ADMIN, WITH_JID | WITH_URI | OF_LIST, assign},
	{"unassign", "Take somebody's hat away", AFFILIATION_ADMIN, WITH_JID | WITH_URI | OF_LIST, unassign},
	{"list-assigned", "List who wears which hat", AFFILIATION_ADMIN, 0, list_assigned},
};

/* ---- discovery ---- */

/* The list is for who is in, or might be. */
static bool is_for(const struct hat_command *hc, const struct room *r, struct jid who)
{
	enum affiliation a = room_affiliation(r, who);

	return hc->who == AFFILIATION_NONE ? a >= AFFILIATION_MEMBER || visit_find(r, who) : a >= hc->who;
}

static const struct hat_command *find(struct str node)
{
	const struct str prefix = STR(NODE_PREFIX);

	for (size_t i = 0; str_starts(node, prefix) && i < ARRAY_LEN(commands); i++)
		if (str_is((struct str){node.p + prefix.n, node.n - prefix.n}, commands[i].name))
			return &commands[i];
	return NULL;
}

void hats_put_items(struct iq *iq)
{
	const struct room *r = (const struct room *)iq->entity;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (!is_for(&commands[i], r, iq->stanza->from))
			continue;
		buf_z(&iq->reply, "<item");
		xml_put_attr(&iq->reply, "jid", room_address(r));
		buf_fmt(&iq->reply, " node='" NODE_PREFIX "%s' name='", commands[i].name);
		xml_escape(&iq->reply, str_z(commands[i].title));
		buf_z(&iq->reply, "'/>");
	}
}

bool hats_put_node_info(struct iq *iq, struct str node)
{
	const struct room *r = (const struct room *)iq->entity;
	const struct hat_command *hc = find(node);

	if (!hc || !is_for(hc, r, iq->stanza->from))
		return false;
	buf_z(&iq->reply, "<identity category='automation' type='command-node' name='");
	xml_escape(&iq->reply, str_z(hc->title));
	buf_z(&iq->reply, "'/><feature var='" NS_COMMANDS "'/><feature var='" NS_DATA "'/>");
	return true;
}

/* ---- the form ---- */

static void open_command(struct buf *out, const struct hat_command *hc, struct str session, const char *status)
{
	char made_up[TOKEN + 1];

	if (!session.n)
		rand_token(made_up, TOKEN);
	xml_put_open(out, "command", NS_COMMANDS);
	buf_fmt(out, " node='" NODE_PREFIX "%s' status='%s'", hc->name, status);
	xml_put_attr(out, "sessionid", session.n ? session : str_z(made_up));
	buf_char(out, '>');
}

static void put_options(struct buf *out, const struct room *r)
{
	for (int i = 0; r->hats && i < HATS_MAX; i++) {
		const struct hat *h = &r->hats->list[i];

		if (!h->uri)
			continue;
		buf_z(out, "<option");
		xml_put_attr(out, "label", str_z(h->title));
		buf_char(out, '>');
		xml_put_text(out, "value", str_z(h->uri));
		buf_z(out, "</option>");
	}
}

static void put_form(struct buf *out, const struct room *r, const struct hat_command *hc)
{
	buf_z(out, "<actions execute='complete'><complete/></actions><x xmlns='" NS_DATA "' type='form'><title>");
	xml_escape(out, str_z(hc->title));
	buf_z(out, "</title><field var='FORM_TYPE' type='hidden'><value>" FORM_TYPE "</value></field>");
	if (hc->fields & WITH_JID)
		buf_z(out, "<field var='hats#jid' type='jid-single' label='Address of who it is'><required/></field>");
	if (hc->fields & WITH_TITLE)
		buf_z(out, "<field var='hats#title' type='text-single' label='Title'><required/></field>");
	if (hc->fields & OF_LIST) {
		buf_z(out, "<field var='hats#uri' type='list-single' label='Hat'><required/>");
		put_options(out, r);
		buf_z(out, "</field>");
	} else if (hc->fields & WITH_URI) {
		buf_z(out, "<field var='hats#uri' type='text-single' label='URI of the hat'><required/></field>");
	}
	if (hc->fields & WITH_HUE)
		buf_z(out, "<field var='hats#hue' type='text-single' label='Hue, 0 to 360'/>");
	buf_z(out, "</x>");
}

/* ---- requests ---- */

static struct str read_field(const struct xml_tree *t, uint32_t x, const char *var, struct buf *tmp)
{
	uint32_t field = form_field(t, x, var);

	tmp->max = TEXT_MAX;
	return field == XML_NONE ? STR_NONE : str_trim(form_values(t, field, tmp));
}

static void read_args(const struct xml_tree *t, uint32_t x, struct args *args)
{
	args->jid = read_field(t, x, "hats#jid", &args->text[0]);
	args->uri = read_field(t, x, "hats#uri", &args->text[1]);
	if (!args->uri.p) /* as in an example of the specification */
		args->uri = read_field(t, x, "hat", &args->text[1]);
	args->title = read_field(t, x, "hats#title", &args->text[2]);
	args->hue = read_field(t, x, "hats#hue", &args->text[3]);
}

static bool is_complete(const struct hat_command *hc, const struct args *args)
{
	return (!(hc->fields & WITH_JID) || args->jid.n) && (!(hc->fields & WITH_URI) || args->uri.n) &&
		(!(hc->fields & WITH_TITLE) || args->title.n);
}

static struct xerr run(struct room *r, const struct hat_command *hc, struct iq *iq, uint32_t x, struct buf *out)
{
	struct args args = {0};
	struct xerr e = XERR_OK;

	if (x != XML_NONE)
		read_args(&iq->stanza->tree, x, &args);
	if (!is_complete(hc, &args))
		e = xerr_text(XERR_BAD_REQUEST, "a field is missing");
	else if (hc->fields && r->config.persistent && !core_can_store(iq->core))
		e = xerr(XERR_RESOURCE_CONSTRAINT);
	else
		e = room_charge(r, iq->stanza->from, hc->fields ? COST_MESSAGE : COST_REQUEST);
	if (xerr_ok(e))
		e = hc->run(r, &args, out);
	for (size_t i = 0; i < ARRAY_LEN(args.text); i++)
		buf_clear(&args.text[i]);
	return e;
}

struct xerr hats_set(struct iq *iq)
{
	CLEANUP(buf_clear) struct buf answer = {.max = ANSWER_MAX};
	const struct xml_tree *t = &iq->stanza->tree;
	struct room *r = (struct room *)iq->entity;
	const struct hat_command *hc = find(xml_attr(t, iq->query, "node"));
	struct str action = xml_attr(t, iq->query, "action"), session = xml_attr(t, iq->query, "sessionid");
	uint32_t x = xml_child(t, iq->query, "x", NS_DATA);
	bool cancel = str_is(action, "cancel"), ask = hc && hc->fields && x == XML_NONE;
	struct xerr e = XERR_OK;

	if (!hc)
		return xerr(XERR_ITEM_NOT_FOUND);
	if (!is_for(hc, r, iq->stanza->from))
		return xerr(XERR_FORBIDDEN);
	if (action.n && !cancel && !str_is(action, "execute") && !str_is(action, "complete"))
		return xerr(XERR_BAD_REQUEST);
	if (ask && !cancel)
		put_form(&answer, r, hc);
	else if (!cancel)
		e = run(r, hc, iq, x, &answer);
	if (!xerr_ok(e))
		return e;
	if (!buf_ok(&answer))
		return xerr_text(XERR_RESOURCE_CONSTRAINT, "the answer is longer than 1 MiB");
	open_command(&iq->reply, hc, session, cancel ? "canceled" : ask ? "executing" : "completed");
	if (answer.n)
		buf_str(&iq->reply, buf_view(&answer));
	xml_put_close(&iq->reply, "command");
	return XERR_OK;
}
