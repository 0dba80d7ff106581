/* Ad-hoc commands (XEP-0050) at the address of the service, for its administrators: the verbs of order.h, each with one form. Nothing
 * is kept between the stages: the session id is the command's own, and the form that comes back says all. */
#include "base/hash.h"
#include "room/order.h"
#include "room/rooms_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

#define NODE_PREFIX "room-"

enum { FIELD_BYTES = 4096, TOKEN = 16 };

static bool is_admin(const struct iq *iq) { return rooms_is_admin((struct rooms *)iq->entity, iq->stanza->from); }

static const struct order_verb *find(struct str node)
{
	const struct str prefix = STR(NODE_PREFIX);

	return str_starts(node, prefix) ? order_verb_find((struct str){node.p + prefix.n, node.n - prefix.n}) : NULL;
}

/* ---- discovery ---- */

bool command_is_node(struct str node) { return str_is(node, NS_COMMANDS); }

void command_put_items(struct iq *iq)
{
	for (const struct order_verb *v = order_verbs; v->name && is_admin(iq); v++) {
		buf_z(&iq->reply, "<item");
		xml_put_attr(&iq->reply, "jid", jid_str(iq->entity->jid));
		buf_fmt(&iq->reply, " node='" NODE_PREFIX "%s' name='%s'/>", v->name, v->title);
	}
}

bool command_put_info(struct iq *iq, struct str node)
{
	const struct order_verb *v = is_admin(iq) ? find(node) : NULL;

	if (v)
		buf_fmt(&iq->reply,
			"<identity category='automation' type='command-node' name='%s'/>"
			"<feature var='" NS_COMMANDS "'/><feature var='" NS_DATA "'/>",
			v->title);
	return v != NULL;
}

/* ---- the form ---- */

static const struct order_arg which_room = {"room", "Room, its name or its address", NULL};

static void open_command(struct buf *out, const struct order_verb *v, struct str session, const char *status)
{
	xml_put_open(out, "command", NS_COMMANDS);
	buf_fmt(out, " node='" NODE_PREFIX "%s' status='%s'", v->name, status);
	xml_put_attr(out, "sessionid", session);
	buf_char(out, '>');
}

static void put_field(struct buf *out, const struct order_arg *a, bool required)
{
	const char *type = a->options ? "list-single" : a->several ? "text-multi" : "text-single";

	buf_fmt(out, "<field var='%s' type='%s' label='%s'>%s", a->name, type, a->label, required ? "<required/>" : "");
	for (const char *const *o = a->options; o && *o; o++)
		buf_fmt(out, "<option label='%s'><value>%s</value></option>", *o, *o);
	buf_z(out, "</field>");
}

static void put_form(struct iq *iq, const struct order_verb *v)
{
	char session[TOKEN + 1];

	rand_token(session, TOKEN);
	open_command(&iq->reply, v, str_z(session), "executing");
	buf_fmt(&iq->reply,
		"<actions execute='complete'><complete/></actions><x xmlns='" NS_DATA "' type='form'><title>%s</title>",
		v->title);
	put_field(&iq->reply, &which_room, true);
	for (unsigned i = 0; i < v->max; i++)
		put_field(&iq->reply, &v->args[i], i < v->min);
	buf_z(&iq->reply, "</x>");
	xml_put_close(&iq->reply, "command");
}

/* ---- what came back ---- */

/* Appends the values of a field, one a line; false if it is not there, or empty and that means nothing. */
static bool take_field(const struct iq *iq, uint32_t x, const struct order_arg *a, struct buf *out)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = FIELD_BYTES};
	uint32_t field = form_field(&iq->stanza->tree, x, a->name);

	if (field == XML_NONE)
		return false;
	buf_str(out, str_trim(form_values(&iq->stanza->tree, field, &tmp)));
	return buf_ok(&tmp) && (out->n > 0 || a->several);
}

static void put_note(struct buf *out, const char *type, struct str text)
{
	buf_fmt(out, "<note type='%s'>", type);
	xml_escape(out, text);
	buf_z(out, "</note>");
}

static void on_done(struct order *o, const char *error)
{
	CLEANUP(buf_clear) struct buf out = {.max = 1 << 20};
	const struct xml_tree *t = &o->request->tree;
	struct str text = str_trim(buf_view(&o->out));

	open_command(&out, o->verb, xml_attr(t, stanza_payload(o->request), "sessionid"), "completed");
	put_note(&out, error ? "error" : "info", error ? str_z(error) : text);
	xml_put_close(&out, "command");
	if (buf_ok(&out))
		iq_answer(o->core, &o->request, buf_view(&out), 0);
	else
		core_bounce(o->core, &o->request, xerr_text(XERR_RESOURCE_CONSTRAINT, "the answer is too long"));
}

static void on_drop(struct order *o) { stanza_free(&o->request); }

/* What lies behind what was left out is nothing. */
static unsigned take_args(const struct iq *iq, const struct order_verb *v, uint32_t x, struct buf *texts,
	struct str *args)
{
	unsigned n = 0;

	while (n < v->max && take_field(iq, x, &v->args[n], &texts[n])) {
		args[n] = texts[n].n ? buf_view(&texts[n]) : STR("");
		n++;
	}
	return n;
}

static struct xerr submit(struct iq *iq, const struct order_verb *v, uint32_t x)
{
	CLEANUP(buf_clear) struct buf room = {.max = FIELD_BYTES};
	struct buf texts[ORDER_ARGS] = {{.max = FIELD_BYTES}, {.max = FIELD_BYTES}, {.max = FIELD_BYTES}};
	struct order front = {.done = on_done, .drop = on_drop};
	struct str args[ORDER_ARGS];
	struct xerr e = XERR_OK;
	unsigned n;

	if (!take_field(iq, x, &which_room, &room))
		return xerr_text(XERR_BAD_REQUEST, "which room?");
	if (!memchr(room.p, '@', room.n))
		buf_fmt(&room, "@%.*s", STR_FMT(jid_str(iq->entity->jid)));
	n = take_args(iq, v, x, texts, args);
	if (n < v->min) {
		e = xerr_text(XERR_BAD_REQUEST, "a field is missing");
	} else {
		front.request = iq_defer(iq);
		order_start(iq->core, v, buf_view(&room), args, n, &front);
	}
	for (unsigned i = 0; i < ORDER_ARGS; i++)
		buf_clear(&texts[i]);
	return e;
}

struct xerr command_set(struct iq *iq)
{
	const struct xml_tree *t = &iq->stanza->tree;
	const struct order_verb *v = find(xml_attr(t, iq->query, "node"));
	struct str action = xml_attr(t, iq->query, "action"), session = xml_attr(t, iq->query, "sessionid");
	uint32_t x = xml_child(t, iq->query, "x", NS_DATA);

	if (!is_admin(iq))
		return xerr(XERR_FORBIDDEN);
	if (!v)
		return xerr(XERR_ITEM_NOT_FOUND);
	if (str_is(action, "cancel") && session.n) {
		open_command(&iq->reply, v, session, "canceled");
		xml_put_close(&iq->reply, "command");
		return XERR_OK;
	}
	if (action.n && !str_is(action, "execute") && !str_is(action, "complete"))
		return xerr(XERR_BAD_REQUEST);
	if (!session.n) {
		put_form(iq, v);
		return XERR_OK;
	}
	return x == XML_NONE ? xerr(XERR_BAD_REQUEST) : submit(iq, v, x);
}
