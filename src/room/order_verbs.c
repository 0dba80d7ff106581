/* The verbs of order.h. */
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/plain.h"
#include "room/archive.h"
#include "room/order.h"
#include "room/rooms_i.h"
#include "room/subscription.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { LOG_USUAL = 50, LOG_MAX = 500 };

/* ---- writing ---- */

static void put_json_pair(struct buf *out, const char *name, struct str value, const char *before)
{
	buf_fmt(out, "%s\"%s\": ", before, name);
	json_text(out, value);
}

static void put_time(struct buf *out, int64_t time) { clock_format(out, time); }

/* What was done, for programs: {"room": ..., "result": ..., and what it was done with. */
static void begin_result(struct order *o, const char *result)
{
	put_json_pair(&o->out, "room", str_z(o->address), "{");
	put_json_pair(&o->out, "result", str_z(result), ", ");
}

static void put_result_part(struct order *o, const char *name, struct str value)
{
	if (value.n)
		put_json_pair(&o->out, name, value, ", ");
}

static void end_result(struct order *o) { buf_z(&o->out, "}\n"); }

/* ---- show ---- */

static void show_settings(struct buf *out, const struct room_config *c, bool json)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = CONFIG_TEXT_MAX};
	struct str name, value;

	for (unsigned i = 0; room_config_show(c, i, &name, &value, &tmp); i++) {
		if (json) {
			buf_fmt(out, "%s\"%.*s\": ", i ? ", " : "", STR_FMT(name));
			json_text(out, value);
			continue;
		}
		buf_fmt(out, "%-22.*s ", STR_FMT(name));
		plain_put(out, value);
		buf_char(out, '\n');
	}
}

static void list_affiliations(struct buf *out, const struct room *r, bool json)
{
	const struct affiliate *a;
	bool first = true;

	for (uint32_t pos = 0; (a = affiliates_next(&r->affiliates, &pos)); first = false) {
		struct str reason = a->reason ? str_z(a->reason) : STR("");

		if (json) {
			put_json_pair(out, "jid", affiliate_jid(a), first ? "{" : ", {");
			put_json_pair(out, "affiliation", str_z(affiliation_name(a->affiliation)), ", ");
			put_json_pair(out, "reason", reason, ", ");
			buf_char(out, '}');
			continue;
		}
		buf_fmt(out, "%-8s ", affiliation_name(a->affiliation));
		plain_put(out, affiliate_jid(a));
		buf_z(out, reason.n ? "\t" : "");
		plain_put(out, reason);
		buf_char(out, '\n');
	}
}

static void list_occupants(struct buf *out, const struct room *r, bool json)
{
	const struct occupant *o;
	bool first = true;

	for (uint32_t pos = 0; (o = map_next(&r->nicks, &pos)); first = false) {
		struct str role = str_z(role_name(o->role)), real = jid_str(occupant_real(o));

		if (json) {
			put_json_pair(out, "nick", occupant_nick(o), first ? "{" : ", {");
			put_json_pair(out, "jid", real, ", ");
			put_json_pair(out, "role", role, ", ");
			put_json_pair(out, "affiliation", str_z(affiliation_name(o->affiliation)), ", ");
			buf_char(out, '}');
			continue;
		}
		buf_fmt(out, "%-11.*s ", STR_FMT(role));
		plain_put(out, occupant_nick(o));
		buf_char(out, '\t');
		plain_put(out, real);
		buf_char(out, '\n');
	}
}

static void show_json(struct buf *out, const struct room *r)
{
	const struct subject *s = &r->subject;

	put_json_pair(out, "room", room_address(r), "{");
	buf_z(out, ", \"created\": \"");
	put_time(out, r->created);
	put_json_pair(out, "subject", s->text ? str_z(s->text) : STR(""), "\", ");
	put_json_pair(out, "subject_by", s->nick ? str_z(s->nick) : STR(""), ", ");
	buf_z(out, ",\n \"settings\": {");
	show_settings(out, &r->config, true);
	buf_z(out, "},\n \"affiliations\": [");
	list_affiliations(out, r, true);
	buf_z(out, "],\n \"occupants\": [");
	list_occupants(out, r, true);
	buf_fmt(out, "],\n \"subscribers\": %u}\n", subscribers_count(r));
}

static const char *run_show(struct room *r, struct order *o)
{
	struct buf *out = &o->out;

	core_spend(o->core, (room_count(r) + r->affiliates.map.n) / 8);
	if (o->json) {
		show_json(out, r);
		return NULL;
	}
	buf_fmt(out, "%.*s, made ", STR_FMT(room_address(r)));
	put_time(out, r->created);
	buf_z(out, "\nsubject: ");
	plain_put(out, r->subject.text ? str_z(r->subject.text) : STR("(none)"));
	buf_z(out, "\n\n");
	show_settings(out, &r->config, false);
	buf_z(out, "\n");
	list_affiliations(out, r, false);
	buf_fmt(out, "\n%u in the room\n", room_count(r));
	list_occupants(out, r, false);
	if (subscribers_count(r))
		buf_fmt(out, "\n%u subscribed\n", subscribers_count(r));
	return NULL;
}

/* ---- create, destroy ---- */

static const char *run_create(struct room *r, struct order *o)
{
	struct jid_buf owner;

	if (jid_parse_buf(order_arg(o, 0), &owner) < 0)
		return "the owner is no address"; /* it was one (check_account) */
	if (room_config_change(&r->config, STR("roomname"), order_arg(o, 1).n ? order_arg(o, 1) : STR("")) < 0)
		return "the name is too long";
	room_create(r, owner.jid);
	r->will_persist = true;
	room_unlock(r);
	o->wrote = true;
	if (!o->json) {
		buf_fmt(&o->out, "%s: created\n", o->address);
		return NULL;
	}
	begin_result(o, "created");
	put_result_part(o, "owner", jid_str(owner.jid));
	put_result_part(o, "name", order_arg(o, 1));
	end_result(o);
	return NULL;
}

static const char *read_alternate(const struct room *r, struct str text, struct jid_buf *ret)
{
	if (jid_parse_buf(text, ret) < 0 || !ret->jid.local || ret->jid.resource)
		return "the other room is not an address of the form ROOM@SERVICE";
	return jid_eq_bare(ret->jid, r->entity.jid) ? "a room cannot go to where it is" : NULL;
}

static const char *run_destroy(struct room *r, struct order *o)
{
	struct str reason = order_arg(o, 0), other = order_arg(o, 1);
	struct jid_buf alternate;
	const char *error = other.n ? read_alternate(r, other, &alternate) : NULL;

	if (error)
		return error;
	o->wrote = r->config.persistent;
	/* A name that nobody has used for long is free at once: nobody's client comes back by itself. */
	if (r->state == ROOM_OPEN && !o->unused_since)
		rooms_move(r, r->entity.jid, other.n ? jid_bare_str(alternate.jid) : STR_NONE);
	room_destroy(r, other.n ? jid_str(alternate.jid) : STR_NONE,
		reason.n ? reason : STR("The room was removed by the administrator."), STR_NONE);
	if (!o->json) {
		buf_fmt(&o->out, "%s: destroyed\n", o->address);
		return NULL;
	}
	begin_result(o, "destroyed");
	put_result_part(o, "reason", reason);
	put_result_part(o, "alternate", other);
	end_result(o);
	return NULL;
}

/* ---- config ---- */

static const char no_setting[] = "there is no such setting; without one all are listed";

static const char *configure(struct room *r, struct order *o)
{
	struct room_config new;
	struct xerr e = XERR_OK;
	int err;

	room_settings(r, &new);
	err = room_config_change(&new, order_arg(o, 0), order_arg(o, 1));
	if (!err && new.password_protected && !new.secret)
		err = ERR_DENIED;
	if (!err) {
		o->wrote = r->config.persistent || new.persistent;
		e = room_configure(r, &new);
	}
	room_config_clear(&new);
	if (!err && xerr_ok(e))
		return NULL;
	return err == ERR_NOTFOUND  ? no_setting
		: err == ERR_DENIED ? "a password-protected room needs a password first: set roomsecret"
		: err               ? "this setting cannot have that value"
				    : order_failing;
}

static const char *show_one(const struct room *r, struct order *o)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = CONFIG_TEXT_MAX};
	struct str name, value;

	for (unsigned i = 0; room_config_show(&r->config, i, &name, &value, &tmp); i++) {
		if (!str_eq(name, order_arg(o, 0)))
			continue;
		if (o->json) {
			put_json_pair(&o->out, o->args[0], value, "{");
			buf_z(&o->out, "}\n");
		} else {
			plain_put(&o->out, value);
			buf_char(&o->out, '\n');
		}
		return NULL;
	}
	return no_setting;
}

static void tell_configured(struct order *o)
{
	struct str value = order_arg(o, 1);

	if (room_config_is_secret(order_arg(o, 0)))
		value = value.n ? STR("(set)") : STR("");
	if (o->json) {
		begin_result(o, "changed");
		put_result_part(o, "setting", order_arg(o, 0));
		put_json_pair(&o->out, "value", value, ", ");
		end_result(o);
		return;
	}
	buf_fmt(&o->out, "%s: %s = ", o->address, o->args[0]);
	plain_put(&o->out, value);
	buf_char(&o->out, '\n');
}

static const char *run_config(struct room *r, struct order *o)
{
	const char *error;

	if (o->n == 0) {
		buf_z(&o->out, o->json ? "{" : "");
		show_settings(&o->out, &r->config, o->json);
		buf_z(&o->out, o->json ? "}\n" : "");
		return NULL;
	}
	if (o->n == 1)
		return show_one(r, o);
	error = configure(r, o);
	if (!error)
		tell_configured(o);
	return error;
}

/* ---- affiliate, kick ---- */

static const char *check_affiliate(const struct room *r, struct jid who, enum affiliation to)
{
	const struct affiliate *a = affiliates_find(&r->affiliates, jid_bare_str(who));

	if (!who.local && to > AFFILIATION_OUTCAST)
		return "a domain can only be banned";
	if (a && a->affiliation == AFFILIATION_OWNER && to != AFFILIATION_OWNER && r->affiliates.owners == 1)
		return "a room needs an owner: name another one first";
	return rooms_is_admin(rooms_of(r), who) && to == AFFILIATION_OUTCAST
		? "an administrator of the service is an owner everywhere"
		: NULL;
}

static const char *run_affiliate(struct room *r, struct order *o)
{
	enum affiliation to;
	struct jid_buf who;
	const char *error;

	if (o->n == 0) {
		buf_z(&o->out, o->json ? "[" : "");
		list_affiliations(&o->out, r, o->json);
		buf_z(&o->out, o->json ? "]\n" : "");
		return NULL;
	}
	if (!affiliation_parse(order_arg(o, 1), &to))
		return "say what: owner, admin, member, outcast or none";
	if (jid_parse_buf(order_arg(o, 0), &who) < 0)
		return "not an address of the form USER@DOMAIN";
	error = check_affiliate(r, who.jid, to);
	if (error)
		return error;
	if (to != room_affiliation(r, who.jid))
		voices_set(&r->voices, jid_bare_str(who.jid), ROLE_NONE); /* as any admin's change */
	if (room_affiliate(r, who.jid, to, order_arg(o, 2), r->entity.jid, true) < 0)
		return "there are too many in the room's lists";
	o->wrote = r->config.persistent;
	if (!o->json) {
		buf_fmt(&o->out, "%s: %.*s is %s\n", o->address, STR_FMT(jid_bare_str(who.jid)),
			to == AFFILIATION_NONE ? "in no list any more" : affiliation_name(to));
		return NULL;
	}
	begin_result(o, "changed");
	put_result_part(o, "jid", jid_bare_str(who.jid));
	put_result_part(o, "affiliation", str_z(affiliation_name(to)));
	put_result_part(o, "reason", order_arg(o, 2));
	end_result(o);
	return NULL;
}

static const char *run_kick(struct room *r, struct order *o)
{
	struct occupant *who = occupant_find(r, order_arg(o, 0));
	struct notice n = {.type = TYPE_UNAVAILABLE, .codes = {307}, .reason = order_arg(o, 1)};

	if (!who)
		return "nobody in the room has that nickname";
	leave_remove(r, who, &n);
	if (!o->json) {
		buf_fmt(&o->out, "%s: %s was put out\n", o->address, o->args[0]);
		return NULL;
	}
	begin_result(o, "kicked");
	put_result_part(o, "nick", order_arg(o, 0));
	put_result_part(o, "reason", order_arg(o, 1));
	end_result(o);
	return NULL;
}

/* ---- log ---- */

static void put_said(struct buf *out, const struct stanza *s, int64_t time, bool json, bool first)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 1 << 20};
	uint32_t body = stanza_child(s, "body", NS_CLIENT), subject = stanza_child(s, "subject", NS_CLIENT);
	struct str nick = s->from.resource ? jid_resource(s->from) : STR("");
	struct str text = xml_text(&s->tree, body ? body : subject, &tmp);
	const struct str me = STR("/me ");

	if (json) {
		buf_z(out, first ? "\n {\"time\": \"" : ",\n {\"time\": \"");
		put_time(out, time);
		put_json_pair(out, "nick", nick, "\", ");
		put_json_pair(out, body ? "text" : "subject", text, ", ");
		buf_char(out, '}');
		return;
	}
	put_time(out, time);
	buf_z(out, body ? " <" : " * ");
	plain_put(out, nick);
	buf_z(out, body ? "> " : " changed the subject to: ");
	if (body && str_starts(text, me)) { /* XEP-0245 */
		buf_z(out, "* ");
		plain_put(out, nick);
		buf_char(out, ' ');
		text = (struct str){text.p + me.n, text.n - me.n};
	}
	plain_put(out, text);
	buf_char(out, '\n');
}

/* Reactions and other things without words are left out; true if it was shown. */
static bool put_row(struct order *o, struct str text, int64_t time, bool first)
{
	struct stanza *s;
	bool shown;

	if (stanza_parse(text, &s) != 0)
		return false;
	shown = stanza_child(s, "body", NS_CLIENT) || stanza_child(s, "subject", NS_CLIENT);
	if (shown)
		put_said(&o->out, s, time, o->json, first);
	stanza_free(&s);
	return shown;
}

static void on_log(struct core *c, struct wait *w, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct order *o = CONTAINER_OF(w, struct order, wait);
	struct store_value v[STORE_VALUES_MAX], all[LOG_MAX][2];
	enum store_row kind;
	unsigned n, count = 0;
	bool first = true;

	for (size_t pos = 0; count < LOG_MAX && store_rows_next(rows, &pos, &kind, v, &n);)
		if (kind == ROW_ARCHIVE)
			memcpy(all[count++], v, sizeof(all[0]));
	buf_z(&o->out, o->json ? "[" : "");
	while (count-- > 0)
		if (put_row(o, all[count][1].s, all[count][0].i / 1000, first))
			first = false;
	buf_z(&o->out, o->json ? "]\n" : "");
	order_finish(o, rows->error ? order_failing : NULL);
}

static void drop_log(struct wait *w)
{
	struct order *o = CONTAINER_OF(w, struct order, wait);

	o->job.drop(&o->job);
}

static const char *log_of_memory(struct room *r, struct order *o, uint64_t n)
{
	const struct history *h = &r->history;
	bool first = true;

	buf_z(&o->out, o->json ? "[" : "");
	for (uint32_t i = n < h->n ? (uint32_t)n : h->n; i > 0; i--) {
		const struct history_entry *e = history_newest(h, i - 1);
		if (put_row(o, packet_view(e->live), e->time, first))
			first = false;
	}
	buf_z(&o->out, o->json ? "]\n" : "");
	return NULL;
}

static const char *run_log(struct room *r, struct order *o)
{
	uint64_t n = LOG_USUAL;
	struct store_query *q;

	if (o->n && (str_uint(order_arg(o, 0), LOG_MAX, &n) < 0 || n == 0))
		return "how many messages? 1 to 500";
	if (!r->config.persistent)
		return log_of_memory(r, o, n);
	o->wait.answer = on_log;
	o->wait.drop = drop_log;
	q = store_query_new(STORE_ARCHIVE_PAGE, core_wait(o->core, &o->wait), jid_domain(r->entity.jid),
		jid_local(r->entity.jid), (int64_t)0, INT64_MAX, STR_NONE, STR_NONE, (int64_t)0, INT64_MAX, -(int64_t)n,
		(int64_t)0, (int64_t)0, (int64_t)0, (int64_t)0);
	core_ask(o->core, &q);
	return order_later;
}

/* ---- the table ---- */

static const char *const affiliations[] = {"owner", "admin", "member", "outcast", "none", NULL};

const struct order_verb order_verbs[] = {
	{.name = "show", .title = "Show a room", .run = run_show},
	{.name = "create",
		.title = "Create a room",
		.args = {{"owner", "Owner, USER@DOMAIN", NULL}, {"name", "Name", NULL}},
		.min = 1,
		.max = 2,
		.makes = true,
		.needs_account = true,
		.writes = true,
		.run = run_create},
	{.name = "destroy",
		.title = "Destroy a room",
		.args = {{"reason", "Reason", NULL, true}, {"alternate", "Where to go instead, ROOM@SERVICE", NULL}},
		.max = 2,
		.writes = true,
		.run = run_destroy},
	{.name = "config",
		.title = "Configure a room",
		.args = {{"setting", "Setting", NULL}, {"value", "Value (nothing: none)", NULL, true}},
		.max = 2,
		.writes = true,
		.tells_below = 2,
		.run = run_config},
	{.name = "affiliate",
		.title = "Change who may do what in a room",
		.args = {{"jid", "Who, USER@DOMAIN", NULL}, {"affiliation", "Affiliation", affiliations},
			{"reason", "Reason", NULL}},
		.max = 3,
		.writes = true,
		.tells_below = 1,
		.run = run_affiliate},
	{.name = "kick",
		.title = "Put somebody out of a room",
		.args = {{"nick", "Nickname", NULL}, {"reason", "Reason", NULL}},
		.min = 1,
		.max = 2,
		.run = run_kick},
	{.name = "log",
		.title = "Show what was said in a room",
		.args = {{"count", "Number of messages", NULL}},
		.max = 1,
		.run = run_log},
	{.name = NULL},
};
