#include "room/config.h"

#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"
#include "room/config_i.h"
#include "room/privilege.h"
#include "xmpp/jid.h"

/* What XEP-0045 has no field for is called as by the server that had it first: ejabberd, which has no prefix, Openfire, Prosody. */
#define CONFIG "muc#roomconfig_"
#define OPENFIRE "x-" CONFIG

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
static const struct option visitor_pm_options[] = {
	[VISITOR_PM_ANYONE] = {"anyone", "Anyone"},
	[VISITOR_PM_MODERATORS] = {"moderators", "Moderators only"},
	[VISITOR_PM_NOBODY] = {"nobody", "Nobody"},
	{NULL, NULL},
};
static const struct option registration_options[] = {
	[REGISTER_APPROVAL] = {"approval", "Those whom an admin approves"},
	[REGISTER_OPEN] = {"open", "Anyone"},
	[REGISTER_CLOSED] = {"closed", "Nobody"},
	{NULL, NULL},
};
/* Bits: 1 << index. */
static const struct option role_options[] = {
	[ROLE_NONE] = {"", NULL}, /* no option */
	[ROLE_VISITOR] = {"visitor", "Visitors"},
	[ROLE_PARTICIPANT] = {"participant", "Participants"},
	[ROLE_MODERATOR] = {"moderator", "Moderators"},
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

#define AT(member) offsetof(struct room_config, member)

/* clang-format off */
const struct config_field room_config_fields[] = {
	{CONFIG "roomname",               "name",                AT(name), FIELD_LINE, "Name", .max = 128},
	{CONFIG "roomdesc",               "description",         AT(description), FIELD_TEXT, "Description", .max = 1024},
	{CONFIG "lang",                   "language",            AT(language), FIELD_LANGUAGE, "Language of the discussion", .max = 35},
	{"muc#roominfo_contactjid",       "contact",             AT(contact), FIELD_JID, "Whom to ask about the room", .max = 1024},
	{CONFIG "persistentroom",         "persistent",          AT(persistent), FIELD_BOOL, "The room stays when the last one leaves"},
	{CONFIG "publicroom",             "public",              AT(public_), FIELD_BOOL, "The room can be found in the list of rooms"},
	{CONFIG "membersonly",            "members_only",        AT(members_only), FIELD_BOOL, "Only members may enter"},
	{CONFIG "moderatedroom",          "moderated",           AT(moderated), FIELD_BOOL, "Only those with voice may speak"},
	{"members_by_default",            "voice_by_default",    AT(manners.voice_by_default), FIELD_BOOL, "Where it is so, who enters has voice until it is taken"},
	{CONFIG "passwordprotectedroom",  "password_protected",  AT(password_protected), FIELD_BOOL, "A password is needed to enter"},
	{CONFIG "roomsecret",             "secret",              AT(secret), FIELD_SECRET, "Password", .max = 256},
	{CONFIG "whois",                  "whois",               AT(whois), FIELD_CHOICE, "Who may see real addresses", .options = whois_options},
	{CONFIG "enablelogging",          "logging",             AT(logging), FIELD_BOOL, "What is said is logged in public"},
	{CONFIG "enablearchiving",        "archive",             AT(archive), FIELD_BOOL, "What is said is kept for those who may enter"},
	{CONFIG "changesubject",          "change_subject",      AT(change_subject), FIELD_BOOL, "Participants may change the subject"},
	{CONFIG "allowinvites",           "invites",             AT(allow_invites), FIELD_BOOL, "Occupants may invite others"},
	{CONFIG "allowpm",                "allow_pm",            AT(allow_pm), FIELD_CHOICE, "Who may send private messages", .options = pm_options},
	{"allow_private_messages_from_visitors", "visitor_pm",   AT(manners.visitor_pm), FIELD_CHOICE, "To whom visitors may send private messages", .options = visitor_pm_options},
	{"allow_query_users",             "query_others",        AT(manners.query_others), FIELD_BOOL, "Occupants may ask the clients of others (version, time, picture, files)"},
	{CONFIG "allowvoicerequests",     "voice_requests",      AT(voice_requests), FIELD_BOOL, "Visitors may ask for voice"},
	{"voice_request_min_interval",    "ask_seconds",         AT(manners.ask_seconds), FIELD_COUNT, "Seconds between two requests for voice of one user", .max = 43200},
	{OPENFIRE "canchangenick",        "change_nick",         AT(manners.change_nick), FIELD_BOOL, "Occupants may change their nickname"},
	{CONFIG "allowvisitornickchange", "visitor_nick",        AT(visitor_nick), FIELD_BOOL, "Visitors may change their nickname"},
	{CONFIG "allowvisitorstatus",     "visitor_status",      AT(visitor_status), FIELD_BOOL, "Visitors may show a status"},
	{CONFIG "allow_subscription",     "subscriptions",       AT(allow_subscription), FIELD_BOOL, "Who may enter may subscribe, to hear it without being in; of a persistent room"},
	{CONFIG "registration",           "registration",        AT(registration), FIELD_CHOICE, "Who may register as a member", .options = registration_options},
	{CONFIG "locknicks",              "lock_nicks",          AT(lock_nicks), FIELD_BOOL, "Members are called by their registered nickname only"},
	{CONFIG "presencebroadcast",      "broadcast",           AT(broadcast), FIELD_ROLES, "Whose presence everybody sees", .options = role_options},
	{CONFIG "getmemberlist",          "member_list",         AT(member_list), FIELD_ROLES, "Who may read the list of members, where addresses are shown", .options = role_options},
	{CONFIG "showabsent",             "show_absent",         AT(show_absent), FIELD_BOOL, "Members with a registered nickname are shown while they are away"},
	{"public_list",                   "list_outside",        AT(manners.list_outside), FIELD_BOOL, "Who is in the room can be seen without entering it"},
	{CONFIG "maxusers",               "max_users",           AT(max_users), FIELD_NUMBER, "Most occupants", .options = number_options},
	{"muc#maxhistoryfetch",           "history",             AT(history), FIELD_COUNT, "Messages that are shown to who enters", .max = HISTORY_MAX},
	{CONFIG "defaulthistorymessages", "shown",               AT(manners.shown), FIELD_COUNT, "Of these, to who does not say how many", .max = HISTORY_MAX},
	{CONFIG "slow_mode_duration",     "slow_seconds",        AT(slow_seconds), FIELD_COUNT, "Seconds between two messages of one occupant", .max = 3600},
	{NULL,                            "occupant_key",        AT(occupant_key), FIELD_HIDDEN, NULL, .max = 64},
	{NULL,                            "maker",               AT(maker), FIELD_HIDDEN, NULL, .max = JID_MAX},
	{NULL,                            "seen",                AT(seen), FIELD_HIDDEN, NULL, .max = 16},
	{NULL,                            "subject_id",          AT(subject_id), FIELD_HIDDEN, NULL, .max = 64},
	{NULL,                            "subjects",            AT(subjects), FIELD_HIDDEN, NULL, .max = SUBJECTS_MAX},
	{NULL,                            "invites_chosen",      AT(invites_chosen), FIELD_BOOL, NULL},
};
/* clang-format on */
_Static_assert(ARRAY_LEN(room_config_fields) <= 64, "room_config_diff() has a bit for each");
_Static_assert(ARRAY_LEN(room_config_fields) == CONFIG_FIELDS, "config_i.h counts them");

static const char *const bool_names[] = {"0", "1"};

static bool *bool_at(const struct room_config *c, const struct config_field *f)
{
	return (bool *)((char *)c + f->offset);
}
static char **text_at(const struct room_config *c, const struct config_field *f)
{
	return (char **)(void *)((char *)c + f->offset);
}
static uint8_t *byte_at(const struct room_config *c, const struct config_field *f) { return (uint8_t *)c + f->offset; }
static uint32_t *number_at(const struct room_config *c, const struct config_field *f)
{
	return (uint32_t *)(void *)((char *)c + f->offset);
}

static bool is_text(const struct config_field *f) { return f->kind >= FIELD_TEXT && f->kind <= FIELD_HIDDEN; }

/* ---- whole configurations ---- */

void room_config_init(struct room_config *c)
{
	enum { ALL = 1 << ROLE_VISITOR | 1 << ROLE_PARTICIPANT | 1 << ROLE_MODERATOR };

	*c = (struct room_config){.public_ = true,
		.archive = true,
		.allow_invites = true,
		.voice_requests = true,
		.visitor_nick = true,
		.visitor_status = true,
		.broadcast = ALL,
		.member_list = ALL,
		.history = 20,
		.manners = {.change_nick = true, .query_others = true, .ask_seconds = 30, .shown = HISTORY_MAX}};
}

static void text_free(char **text)
{
	if (*text)
		mem_wipe(*text, strlen(*text));
	xfree(TAKE(*text));
}

void room_config_clear(struct room_config *c)
{
	for (size_t i = 0; i < CONFIG_FIELDS; i++)
		if (is_text(&room_config_fields[i]))
			text_free(text_at(c, &room_config_fields[i]));
	room_config_init(c);
}

void room_config_copy(struct room_config *to, const struct room_config *from)
{
	*to = *from;
	for (size_t i = 0; i < CONFIG_FIELDS; i++) {
		char **text = is_text(&room_config_fields[i]) ? text_at(to, &room_config_fields[i]) : NULL;
		if (text && *text)
			*text = xstrdup(*text);
	}
}

static struct str roles_value(uint8_t roles, const struct option *options, struct buf *tmp)
{
	for (int i = 0; options[i].value; i++) {
		if (!(roles >> i & 1))
			continue;
		if (tmp->n)
			buf_char(tmp, '\n');
		buf_z(tmp, options[i].value);
	}
	return tmp->n ? buf_view(tmp) : STR("");
}

struct str room_config_value(const struct room_config *c, const struct config_field *f, struct buf *tmp)
{
	buf_reset(tmp);
	switch (f->kind) {
	case FIELD_BOOL:
		return str_z(bool_names[*bool_at(c, f)]);
	case FIELD_CHOICE:
		return str_z(f->options[*byte_at(c, f)].value);
	case FIELD_ROLES:
		return roles_value(*byte_at(c, f), f->options, tmp);
	case FIELD_NUMBER:
	case FIELD_COUNT:
		if (f->kind == FIELD_NUMBER && *number_at(c, f) == 0)
			return STR("none");
		buf_fmt(tmp, "%u", *number_at(c, f));
		return buf_view(tmp);
	default:
		return *text_at(c, f) ? str_z(*text_at(c, f)) : STR("");
	}
}

struct str room_config_pm(const struct room_config *c) { return str_z(pm_options[c->allow_pm].value); }

uint64_t room_config_diff(const struct room_config *a, const struct room_config *b)
{
	CLEANUP(buf_clear) struct buf one = {.max = 64}, other = {.max = 64};
	uint64_t bits = 0;

	for (size_t i = 0; i < CONFIG_FIELDS; i++)
		if (!str_eq(room_config_value(a, &room_config_fields[i], &one),
			    room_config_value(b, &room_config_fields[i], &other)))
			bits |= (uint64_t)1 << i;
	return bits;
}

static const struct config_field *find_key(struct str key)
{
	for (size_t i = 0; i < CONFIG_FIELDS; i++)
		if (str_is(key, room_config_fields[i].key))
			return &room_config_fields[i];
	return NULL;
}

const struct config_field *room_config_find_var(struct str var)
{
	for (size_t i = 0; i < CONFIG_FIELDS; i++)
		if (room_config_fields[i].var && str_is(var, room_config_fields[i].var))
			return &room_config_fields[i];
	return NULL;
}

uint64_t room_config_bit(const char *var)
{
	const struct config_field *f = room_config_find_var(str_z(var));

	must(f);
	return (uint64_t)1 << (f - room_config_fields);
}

/* ---- one value ---- */

static int set_bool(struct room_config *c, const struct config_field *f, struct str value)
{
	if (str_is(value, "1") || str_is(value, "true"))
		*bool_at(c, f) = true;
	else if (str_is(value, "0") || str_is(value, "false") || value.n == 0) /* slixmpp's false is an empty value */
		*bool_at(c, f) = false;
	else
		return ERR_INVALID;
	return 0;
}

static int set_text(struct room_config *c, const struct config_field *f, struct str value)
{
	char **text = text_at(c, f);

	if (value.n > f->max || !str_utf8(value) || memchr(value.n ? value.p : "", '\0', value.n))
		return ERR_INVALID;
	text_free(text);
	*text = value.n ? str_dup(value) : NULL;
	return 0;
}

/* What would change how others' words behind it are shown, on a terminal (C0, C1) or anywhere (directions that do not end). Of these XML
 * only lets line ends and tabs out. */
static bool is_control(uint32_t c, bool line)
{
	if (c < ' ')
		return line || (c != '\n' && c != '\t' && c != '\r');
	return (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029 || (c >= 0x202a && c <= 0x202e) ||
		(c >= 0x2066 && c <= 0x2069);
}

static int set_shown(struct room_config *c, const struct config_field *f, struct str value)
{
	size_t n;

	if (!str_utf8(value))
		return ERR_INVALID;
	for (size_t i = 0; i < value.n; i += n) {
		n = str_utf8_next((struct str){value.p + i, value.n - i});
		must(n > 0);
		if (is_control(str_utf8_char(value.p + i, n), f->kind == FIELD_LINE))
			return ERR_INVALID;
	}
	return set_text(c, f, value);
}

static int set_language(struct room_config *c, const struct config_field *f, struct str value)
{
	for (size_t i = 0; i < value.n; i++) {
		char ch = value.p[i];
		bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');

		if (!letter && (ch != '-' || i == 0 || i + 1 == value.n))
			return ERR_INVALID;
	}
	return set_text(c, f, value);
}

static int set_jid(struct room_config *c, const struct config_field *f, struct str value)
{
	struct jid_buf jid;

	if (value.n == 0)
		return set_text(c, f, value);
	return jid_parse_buf(value, &jid) < 0 ? ERR_INVALID : set_text(c, f, jid_bare_str(jid.jid));
}

static int find_option(const struct config_field *f, struct str value)
{
	for (int i = 0; f->options[i].value; i++)
		if (value.n && str_is(value, f->options[i].value))
			return i;
	return -1;
}

static int set_choice(struct room_config *c, const struct config_field *f, struct str value)
{
	int i = find_option(f, value);

	if (i < 0)
		return ERR_INVALID;
	*byte_at(c, f) = (uint8_t)i;
	return 0;
}

static int set_roles(struct room_config *c, const struct config_field *f, struct str value)
{
	uint8_t roles = 0;

	while (value.n) {
		int i = find_option(f, str_cut(&value, '\n'));
		if (i < 0)
			return ERR_INVALID;
		roles |= (uint8_t)(1 << i);
	}
	*byte_at(c, f) = roles;
	return 0;
}

static int set_number(struct room_config *c, const struct config_field *f, struct str value)
{
	uint64_t n = 0;

	if (value.n && !str_is(value, "none") && str_uint(value, UINT32_MAX, &n) < 0)
		return ERR_INVALID;
	*number_at(c, f) = (uint32_t)n;
	return 0;
}

static int set_count(struct room_config *c, const struct config_field *f, struct str value)
{
	uint64_t n;

	if (str_uint(value, f->max, &n) < 0)
		return ERR_INVALID;
	*number_at(c, f) = (uint32_t)n;
	return 0;
}

static int (*const setters[])(struct room_config *c, const struct config_field *f, struct str value) = {
	[FIELD_BOOL] = set_bool,
	[FIELD_TEXT] = set_shown,
	[FIELD_LINE] = set_shown,
	[FIELD_SECRET] = set_text,
	[FIELD_LANGUAGE] = set_language,
	[FIELD_JID] = set_jid,
	[FIELD_HIDDEN] = set_text,
	[FIELD_CHOICE] = set_choice,
	[FIELD_ROLES] = set_roles,
	[FIELD_NUMBER] = set_number,
	[FIELD_COUNT] = set_count,
};

int room_config_set(struct room_config *c, const struct config_field *f, struct str value)
{
	return setters[f->kind](c, f, value);
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
	CLEANUP(buf_clear) struct buf tmp = {.max = 64};

	for (size_t i = 0; i < CONFIG_FIELDS; i++) {
		buf_fmt(out, "%s=", room_config_fields[i].key);
		escape(out, room_config_value(c, &room_config_fields[i], &tmp));
		buf_char(out, '\n');
	}
}

/* Earlier versions took what is not let in any more: the rest of it stays. */
static struct str shown(const struct config_field *f, struct str value, struct buf *out)
{
	size_t n;

	if ((f->kind != FIELD_TEXT && f->kind != FIELD_LINE) || !str_utf8(value))
		return value;
	for (size_t i = 0; i < value.n; i += n) {
		n = str_utf8_next((struct str){value.p + i, value.n - i});
		must(n > 0);
		if (!is_control(str_utf8_char(value.p + i, n), f->kind == FIELD_LINE))
			buf_add(out, value.p + i, n);
	}
	return out->n ? buf_view(out) : STR("");
}

bool room_config_line(struct room_config *c, struct str line)
{
	CLEANUP(buf_clear) struct buf value = {.max = CONFIG_TEXT_MAX}, rest = {.max = CONFIG_TEXT_MAX};
	const struct config_field *f = find_key(str_cut(&line, '='));
	bool done;

	if (!f || !line.p)
		return false;
	unescape(&value, line);
	done = buf_ok(&value) && room_config_set(c, f, value.n ? shown(f, buf_view(&value), &rest) : STR("")) == 0;
	if (value.p)
		mem_wipe(value.p, value.cap);
	return done;
}

void room_config_default_invites(struct room_config *c)
{
	if (!c->invites_chosen)
		c->allow_invites = !c->members_only;
}

void room_config_parse(struct room_config *c, struct str text)
{
	bool invites = false, known = false;

	while (text.p) {
		struct str line = str_cut(&text, '\n');

		invites |= str_starts(line, STR("invites="));
		known |= str_starts(line, STR("invites_chosen="));
		room_config_line(c, line); /* what this version does not know stays as it is */
	}
	if (invites && !known) /* of an earlier version: what is not the default was chosen */
		c->invites_chosen = c->allow_invites == c->members_only;
	room_config_default_invites(c);
}

/* ---- one by one, for people ---- */

/* "muc#roomconfig_whois" is whois, "muc#maxhistoryfetch" maxhistoryfetch. */
static struct str short_name(const struct config_field *f)
{
	static const char *const prefixes[] = {CONFIG, OPENFIRE, "muc#roominfo_", "muc#"};
	struct str var = str_z(f->var);

	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		if (str_starts(var, str_z(prefixes[i])))
			return (struct str){var.p + strlen(prefixes[i]), var.n - strlen(prefixes[i])};
	return var;
}

static void replace_char(struct buf *b, char from, char to)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->p[i] == from)
			b->p[i] = to;
}

bool room_config_show(const struct room_config *c, unsigned i, struct str *name, struct str *value, struct buf *tmp)
{
	const struct config_field *f = i < ARRAY_LEN(room_config_fields) ? &room_config_fields[i] : NULL;

	buf_reset(tmp);
	if (!f || !f->var)
		return false;
	*name = short_name(f);
	*value = room_config_value(c, f, tmp);
	if (f->kind == FIELD_SECRET && value->n)
		*value = STR("(set)");
	if (f->kind == FIELD_ROLES && value->p == tmp->p)
		replace_char(tmp, '\n', ',');
	return true;
}

bool room_config_is_secret(struct str name)
{
	for (const struct config_field *f = room_config_fields; f->var; f++)
		if (str_eq(name, short_name(f)))
			return f->kind == FIELD_SECRET;
	return false;
}

int room_config_change(struct room_config *c, struct str name, struct str value)
{
	CLEANUP(buf_clear) struct buf lines = {.max = CONFIG_TEXT_MAX};
	int err;

	if (value.n)
		buf_str(&lines, value);
	for (size_t i = 0; i < ARRAY_LEN(room_config_fields); i++) {
		const struct config_field *f = &room_config_fields[i];

		if (!f->var || !str_eq(name, short_name(f)))
			continue;
		if (f->kind == FIELD_ROLES)
			replace_char(&lines, ',', '\n');
		err = buf_ok(&lines) ? room_config_set(c, f, lines.n ? buf_view(&lines) : STR("")) : ERR_INVALID;
		c->invites_chosen |= err == 0 && bool_at(c, f) == &c->allow_invites;
		room_config_default_invites(c);
		return err;
	}
	return ERR_NOTFOUND;
}
