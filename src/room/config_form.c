/* The configuration as a data form (XEP-0004), and the reading of forms. */
#include "base/err.h"
#include "base/mem.h"
#include "room/config_i.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { VALUES_MAX = 65536 };

/* ---- writing ---- */

static const char *const form_types[] = {
	[FIELD_BOOL] = "boolean",
	[FIELD_TEXT] = "text-single",
	[FIELD_LINE] = "text-single",
	[FIELD_SECRET] = "text-private",
	[FIELD_LANGUAGE] = "text-single",
	[FIELD_JID] = "jid-single",
	[FIELD_CHOICE] = "list-single",
	[FIELD_ROLES] = "list-multi",
	[FIELD_NUMBER] = "list-single",
	[FIELD_COUNT] = "text-single",
};

static bool has_option(const struct option *o, struct str value)
{
	while (o->value && !str_is(value, o->value))
		o++;
	return o->value != NULL;
}

static void put_option(struct buf *out, struct str value, struct str label)
{
	buf_z(out, "<option");
	xml_put_attr(out, "label", label);
	buf_char(out, '>');
	xml_put_text(out, "value", value);
	buf_z(out, "</option>");
}

static void put_options(struct buf *out, const struct config_field *f, struct str value)
{
	if (f->kind == FIELD_NUMBER && !has_option(f->options, value))
		put_option(out, value, value);
	for (const struct option *o = f->options; o->value; o++)
		if (o->label)
			put_option(out, str_z(o->value), str_z(o->label));
}

static void put_values(struct buf *out, const struct config_field *f, struct str value)
{
	if (f->kind != FIELD_ROLES && value.n)
		xml_put_text(out, "value", value);
	while (f->kind == FIELD_ROLES && value.n)
		xml_put_text(out, "value", str_cut(&value, '\n'));
}

static void put_field(struct buf *out, const struct room_config *c, const struct config_field *f)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 64};
	struct str value = room_config_value(c, f, &tmp);

	buf_fmt(out, "<field var='%s' type='%s' label='%s'>", f->var, form_types[f->kind], f->label);
	if (f->kind == FIELD_COUNT)
		buf_fmt(out,
			"<validate xmlns='" NS_DATA_VALIDATE
			"' datatype='xs:integer'><range min='0' max='%u'/></validate>",
			f->max);
	put_values(out, f, value);
	if (f->options)
		put_options(out, f, value);
	buf_z(out, "</field>");
}

void room_config_form(const struct room_config *c, struct buf *out)
{
	buf_z(out, "<field var='FORM_TYPE' type='hidden'><value>" NS_MUC_ROOMCONFIG "</value></field>");
	for (size_t i = 0; i < CONFIG_FIELDS; i++)
		if (room_config_fields[i].var)
			put_field(out, c, &room_config_fields[i]);
}

/* ---- reading ---- */

struct str form_values(const struct xml_tree *t, uint32_t field, struct buf *tmp)
{
	CLEANUP(buf_clear) struct buf one = {.max = VALUES_MAX};

	buf_reset(tmp);
	XML_EACH(i, t, field) {
		if (!xml_is(t, i, "value", NS_DATA))
			continue;
		if (tmp->n)
			buf_char(tmp, '\n');
		buf_reset(&one);
		buf_str(tmp, xml_text(t, i, &one));
	}
	return tmp->n ? buf_view(tmp) : STR("");
}

uint32_t form_field(const struct xml_tree *t, uint32_t x, const char *var)
{
	XML_EACH(i, t, x)
		if (xml_is(t, i, "field", NS_DATA) && str_is(xml_attr(t, i, "var"), var))
			return i;
	return XML_NONE;
}

static unsigned count_values(const struct xml_tree *t, uint32_t field)
{
	unsigned n = 0;

	XML_EACH(i, t, field)
		n += xml_is(t, i, "value", NS_DATA);
	return n;
}

static struct xerr submit_field(struct room_config *c, const struct xml_tree *t, uint32_t i)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = VALUES_MAX};
	struct str var = xml_attr(t, i, "var"), value = form_values(t, i, &tmp);
	const struct config_field *f = var.p ? room_config_find_var(var) : NULL;
	bool wrong = !buf_ok(&tmp);

	if (var.p && str_is(var, "FORM_TYPE"))
		wrong = wrong || !str_is(value, NS_MUC_ROOMCONFIG);
	else if (f)
		wrong = wrong || (f->kind != FIELD_ROLES && count_values(t, i) > 1) || room_config_set(c, f, value) < 0;
	if (tmp.p)
		mem_wipe(tmp.p, tmp.n);
	return wrong ? xerr(XERR_NOT_ACCEPTABLE) : XERR_OK;
}

/* Clients send the whole form back, so what is as it was shown was not chosen. */
struct xerr room_config_submit(struct room_config *c, const struct xml_tree *t, uint32_t x)
{
	bool invites = c->allow_invites;

	XML_EACH(i, t, x) {
		struct xerr e = xml_is(t, i, "field", NS_DATA) ? submit_field(c, t, i) : XERR_OK;
		if (!xerr_ok(e))
			return e;
	}
	c->invites_chosen |= c->allow_invites != invites;
	room_config_default_invites(c);
	if (c->password_protected && !c->secret)
		return xerr_text(XERR_NOT_ACCEPTABLE, "a password-protected room needs a password");
	return XERR_OK;
}
