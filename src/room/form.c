#include "room/form.h"

#include "base/hash.h"
#include "room/config.h"
#include "room/rooms_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { TEXT_MAX = 65536, ID = 16 };

/* ---- writing ---- */

void form_begin(struct room *r, struct packet_writer *w, const char *title, const char *form_type)
{
	char id[ID + 1];
	struct packet_head head = {.kind = STANZA_MESSAGE, .from = room_address(r), .id = {id, ID}};

	rand_token(id, ID);
	packet_begin(w, &head);
	buf_fmt(&w->out,
		"<x xmlns='" NS_DATA
		"' type='form'><title>%s</title><field var='FORM_TYPE' type='hidden'><value>%s</value></field>",
		title, form_type);
}

void form_put(struct packet_writer *w, const char *var, const char *type, const char *label, struct str value)
{
	buf_fmt(&w->out, "<field var='%s' type='%s' label='%s'>", var, type, label);
	xml_put_text(&w->out, "value", value);
	buf_z(&w->out, "</field>");
}

struct packet *form_end(struct packet_writer *w)
{
	buf_z(&w->out, "</x>");
	return packet_end(w);
}

/* ---- reading ---- */

struct str form_text(const struct xml_tree *t, uint32_t x, const char *var, struct buf *tmp)
{
	uint32_t field = form_field(t, x, var);

	return field == XML_NONE ? STR_NONE : form_values(t, field, tmp);
}

bool form_says_yes(struct str value) { return value.p && (str_is(value, "1") || str_is(value, "true")); }

static const struct {
	const char *form_type;
	struct xerr (*handle)(struct room *r, const struct stanza *s, uint32_t x);
} kinds[] = {
	{NS_MUC_REQUEST, voice_on_form},
	{NS_MUC_REGISTER, registration_on_form},
};

static size_t find_kind(const struct stanza *s, uint32_t x)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = TEXT_MAX};
	struct str type = form_text(&s->tree, x, "FORM_TYPE", &tmp);
	size_t i = 0;

	while (i < ARRAY_LEN(kinds) && !(type.p && str_is(type, kinds[i].form_type)))
		i++;
	return i;
}

bool form_is(const struct stanza *s)
{
	uint32_t x = stanza_child(s, "x", NS_DATA);

	return s->type == TYPE_NORMAL && x != XML_NONE && find_kind(s, x) < ARRAY_LEN(kinds);
}

void form_on_message(struct room *r, struct stanza **s)
{
	uint32_t x = stanza_child(*s, "x", NS_DATA);
	struct str type = xml_attr(&(*s)->tree, x, "type");
	struct xerr e = xerr(XERR_BAD_REQUEST);

	if (type.p && str_is(type, "submit"))
		e = kinds[find_kind(*s, x)].handle(r, *s, x);
	else if (type.p && str_is(type, "cancel"))
		e = XERR_OK; /* somebody else may decide */
	if (xerr_ok(e))
		core_done(room_core(r), s);
	else
		core_bounce(room_core(r), s, e);
}
