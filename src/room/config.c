#include "room/config.h"

#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "xml/write.h"
#include "xmpp/ns.h"

#define ROOMCONFIG "muc#roomconfig_"

struct option {
	const char *value, *label;
};

/* The value is the index in the list. */
static const struct option whois_options[] = {
	[WHOIS_MODERATORS] = {"moderators", "Moderators only"},
	[WHOIS_ANYONE] = {"anyone", "Anyone"},
	{NULL, NULL},
};
static const struct option pm_options[] = {
	[PM_ANYONE] = {"anyone", "Anyone"},
	[PM_PARTICIPANTS] = {"participants", "Anyone with voice"},
	[PM_MODERATORS] = {"moderators", "Moderators only"},
	[PM_NONE] = {"none", "Nobody"},
	{NULL, NULL},
};
/* Suggestions: any number will do. */
static const struct option number_options[] = {
	{"10", "10"},
	{"20", "20"},
	{"50", "50"},
	{"100", "100"},
	{"500", "500"},
	{"none", "No limit"},
	{NULL, NULL},
};

enum field_kind { FIELD_BOOL, FIELD_TEXT, FIELD_SECRET, FIELD_CHOICE, FIELD_NUMBER };

struct field {
	const char *var; /* of the form, without muc#roomconfig_ */
	const char *key; /* in the store */
	uint16_t offset;
	enum field_kind kind;
	const char *label;
	uint16_t max; /* bytes of a text */
	const struct option *options;
};
#define AT(member) offsetof(struct room_config, member)

/* clang-format off */
static const struct field fields[] = {
	{"roomname",              "name",                AT(name), FIELD_TEXT, "Name", .max = 128},
	{"roomdesc",              "description",         AT(description), FIELD_TEXT, "Description", .max = 1024},
	{"lang",                  "language",            AT(language), FIELD_TEXT, "Language of the discussion", .max = 35},
	{"persistentroom",        "persistent",          AT(persistent), FIELD_BOOL, "The room stays when the last one leaves"},
	{"publicroom",            "public",              AT(public_), FIELD_BOOL, "The room can be found in the list of rooms"},
	{"membersonly",           "members_only",        AT(members_only), FIELD_BOOL, "Only members may enter"},
	{"moderatedroom",         "moderated",           AT(moderated), FIELD_BOOL, "Only those with voice may speak"},
	{"passwordprotectedroom", "password_protected",  AT(password_protected), FIELD_BOOL, "A password is needed to enter"},
	{"roomsecret",            "secret",              AT(secret), FIELD_SECRET, "Password", .max = 256},
	{"whois",                 "whois",               AT(whois), FIELD_CHOICE, "Who may see real addresses", .options = whois_options},
	{"changesubject",         "change_subject",      AT(change_subject), FIELD_BOOL, "Participants may change the subject"},
	{"allowinvites",          "allow_invites",       AT(allow_invites), FIELD_BOOL, "Occupants may invite to a members-only room"},
	{"allowpm",               "allow_pm",            AT(allow_pm), FIELD_CHOICE, "Who may send private messages", .options = pm_options},
	{"maxusers",              "max_users",           AT(max_users), FIELD_NUMBER, "Most occupants", .options = number_options},
	{"enablearchiving",       "archive",             AT(archive), FIELD_BOOL, "What is said is kept for those who may enter"},
	{"enablelogging",         "logging",             AT(logging), FIELD_BOOL, "What is said is logged in public"},
};
/* clang-format on */
_Static_assert(ARRAY_LEN(fields) <= 32, "room_config_diff() has a bit for each");

static const char *const bool_names[] = {"0", "1"};

static bool *bool_at(const struct room_config *c, const struct field *f) { return (bool *)((char *)c + f->offset); }
static char **text_at(const struct room_config *c, const struct field *f)
{
	return (char **)(void *)((char *)c + f->offset);
}
static uint8_t *choice_at(const struct room_config *c, const struct field *f) { return (uint8_t *)c + f->offset; }
static uint32_t *number_at(const struct room_config *c, const struct field *f)
{
	return (uint32_t *)(void *)((char *)c + f->offset);
}

static bool is_text(const struct field *f) { return f->kind == FIELD_TEXT || f->kind == FIELD_SECRET; }

/* ---- whole configurations ---- */

void room_config_init(struct room_config *c) { *c = (struct room_config){.public_ = true, .archive = true}; }

static void text_free(char **text)
{
	if (*text)
		mem_wipe(*text, strlen(*text));
	xfree(TAKE(*text));
}

void room_config_clear(struct room_config *c)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (is_text(&fields[i]))
			text_free(text_at(c, &fields[i]));
	room_config_init(c);
}

void room_config_copy(struct room_config *to, const struct room_config *from)
{
	*to = *from;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		char **text = is_text(&fields[i]) ? text_at(to, &fields[i]) : NULL;
		if (text && *text)
			*text = xstrdup(*text);
	}
}

/* The value as it is written, a view of c or of number. */
static struct str value_of(const struct room_config *c, const struct field *f, struct buf *number)
{
	uint32_t n;

	switch (f->kind) {
	case FIELD_BOOL:
		return str_z(bool_names[*bool_at(c, f)]);
	case FIELD_TEXT:
	case FIELD_SECRET:
		return *text_at(c, f) ? str_z(*text_at(c, f)) : STR("");
	case FIELD_CHOICE:
		return str_z(f->options[*choice_at(c, f)].value);
	case FIELD_NUMBER:
		n = *number_at(c, f);
		buf_reset(number);
		buf_fmt(number, "%u", n);
		return n ? buf_view(number) : STR("none");
	}
	return STR_NONE;
}

uint32_t room_config_diff(const struct room_config *a, const struct room_config *b)
{
	CLEANUP(buf_clear) struct buf one = {.max = 16}, other = {.max = 16};
	uint32_t bits = 0;

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (!str_eq(value_of(a, &fields[i], &one), value_of(b, &fields[i], &other)))
			bits |= 1u << i;
	return bits;
}

static const struct field *find_key(struct str key)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (str_is(key, fields[i].key))
			return &fields[i];
	return NULL;
}

/* By the name in the form. */
static const struct field *find_var(struct str var)
{
	const struct str prefix = STR(ROOMCONFIG);

	for (size_t i = 0; i < ARRAY_LEN(fields) && str_starts(var, prefix); i++)
		if (str_is((struct str){var.p + prefix.n, var.n - prefix.n}, fields[i].var))
			return &fields[i];
	return NULL;
}

uint32_t room_config_bit(const char *var)
{
	const struct field *f = find_var(str_z(var));

	must(f);
	return 1u << (f - fields);
}

/* ---- one value ---- */

static int set_bool(struct room_config *c, const struct field *f, struct str value)
{
	if (str_is(value, "1") || str_is(value, "true"))
		*bool_at(c, f) = true;
	else if (str_is(value, "0") || str_is(value, "false") || value.n == 0) /* slixmpp's false is an empty value */
		*bool_at(c, f) = false;
	else
		return ERR_INVALID;
	return 0;
}

static int set_text(struct room_config *c, const struct field *f, struct str value)
{
	char **text = text_at(c, f);

	if (value.n > f->max || !str_utf8(value) || memchr(value.n ? value.p : "", '\0', value.n))
		return ERR_INVALID;
	text_free(text);
	*text = value.n ? str_dup(value) : NULL;
	return 0;
}

static int set_choice(struct room_config *c, const struct field *f, struct str value)
{
	for (uint8_t i = 0; f->options[i].value; i++) {
		if (!str_is(value, f->options[i].value))
			continue;
		*choice_at(c, f) = i;
		return 0;
	}
	return ERR_INVALID;
}

static int set_number(struct room_config *c, const struct field *f, struct str value)
{
	uint64_t n = 0;

	if (value.n && !str_is(value, "none") && str_uint(value, UINT32_MAX, &n) < 0)
		return ERR_INVALID;
	*number_at(c, f) = (uint32_t)n;
	return 0;
}

static int (*const setters[])(struct room_config *c, const struct field *f, struct str value) = {
	[FIELD_BOOL] = set_bool,
	[FIELD_TEXT] = set_text,
	[FIELD_SECRET] = set_text,
	[FIELD_CHOICE] = set_choice,
	[FIELD_NUMBER] = set_number,
};

/* ---- one by one ---- */

bool room_config_item(const struct room_config *c, unsigned i, struct str *name, struct str *value, struct buf *tmp)
{
	if (i >= ARRAY_LEN(fields))
		return false;
	*name = str_z(fields[i].var);
	*value = value_of(c, &fields[i], tmp);
	if (fields[i].kind == FIELD_SECRET && value->n)
		*value = STR("(set)");
	return true;
}

int room_config_set(struct room_config *c, struct str name, struct str value)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (str_is(name, fields[i].var))
			return setters[fields[i].kind](c, &fields[i], value.p ? value : STR(""));
	return ERR_NOTFOUND;
}

/* ---- the stored text ---- */

static void escape(struct buf *out, struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '\n' || value.p[i] == '\\')
			buf_char(out, '\\');
		buf_char(out, value.p[i] == '\n' ? 'n' : value.p[i]);
	}
}

static void unescape(struct buf *out, struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		bool escaped = value.p[i] == '\\' && i + 1 < value.n;

		i += escaped;
		buf_char(out, escaped && value.p[i] == 'n' ? '\n' : value.p[i]);
	}
}

void room_config_text(const struct room_config *c, struct buf *out)
{
	CLEANUP(buf_clear) struct buf number = {.max = 16};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		buf_fmt(out, "%s=", fields[i].key);
		escape(out, value_of(c, &fields[i], &number));
		buf_char(out, '\n');
	}
}

void room_config_parse(struct room_config *c, struct str text)
{
	CLEANUP(buf_clear) struct buf value = {.max = CONFIG_TEXT_MAX};

	while (text.p) {
		struct str rest = str_cut(&text, '\n');
		const struct field *f = find_key(str_cut(&rest, '='));

		if (!f || !rest.p)
			continue;
		buf_reset(&value);
		unescape(&value, rest);
		setters[f->kind](c, f, buf_view(&value)); /* what this version does not know stays as it is */
	}
	mem_wipe(value.p, value.cap);
}

/* ---- the form ---- */

static const char *const form_types[] = {
	[FIELD_BOOL] = "boolean",
	[FIELD_TEXT] = "text-single",
	[FIELD_SECRET] = "text-private",
	[FIELD_CHOICE] = "list-single",
	[FIELD_NUMBER] = "list-single",
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

static void put_field(struct buf *out, const struct room_config *c, const struct field *f)
{
	CLEANUP(buf_clear) struct buf number = {.max = 16};
	struct str value = value_of(c, f, &number);

	buf_fmt(out, "<field var='" ROOMCONFIG "%s' type='%s' label='%s'>", f->var, form_types[f->kind], f->label);
	if (value.n)
		xml_put_text(out, "value", value);
	if (f->options && !has_option(f->options, value))
		put_option(out, value, value);
	for (const struct option *o = f->options; o && o->value; o++)
		put_option(out, str_z(o->value), str_z(o->label));
	buf_z(out, "</field>");
}

void room_config_form(const struct room_config *c, struct str room, struct buf *out)
{
	buf_z(out, "<x xmlns='" NS_DATA "' type='form'><title>Configuration of ");
	xml_escape(out, room);
	buf_z(out, "</title><field var='FORM_TYPE' type='hidden'><value>" NS_MUC_ROOMCONFIG "</value></field>");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		put_field(out, c, &fields[i]);
	buf_z(out, "</x>");
}

/* The text of the first <value/>: empty if there is none. */
static struct str field_value(const struct xml_tree *t, uint32_t field, struct buf *tmp)
{
	uint32_t value = xml_child(t, field, "value", NS_DATA);

	return value == XML_NONE ? STR("") : xml_text(t, value, tmp);
}

static struct xerr submit_field(struct room_config *c, const struct xml_tree *t, uint32_t i)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 65536};
	struct str var = xml_attr(t, i, "var"), value = field_value(t, i, &tmp);
	const struct field *f = var.p ? find_var(var) : NULL;
	bool wrong = !buf_ok(&tmp);

	if (var.p && str_is(var, "FORM_TYPE"))
		wrong = wrong || !str_is(value, NS_MUC_ROOMCONFIG);
	else if (f)
		wrong = wrong || setters[f->kind](c, f, value) < 0;
	if (tmp.p)
		mem_wipe(tmp.p, tmp.n);
	return wrong ? xerr(XERR_NOT_ACCEPTABLE) : XERR_OK;
}

struct xerr room_config_submit(struct room_config *c, const struct xml_tree *t, uint32_t x)
{
	XML_EACH(i, t, x) {
		struct xerr e = xml_is(t, i, "field", NS_DATA) ? submit_field(c, t, i) : XERR_OK;
		if (!xerr_ok(e))
			return e;
	}
	if (c->password_protected && !c->secret)
		return xerr_text(XERR_NOT_ACCEPTABLE, "a password-protected room needs a password");
	return XERR_OK;
}
