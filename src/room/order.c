#include "room/order.h"

#include "base/err.h"
#include "room/rooms_i.h"

const char order_failing[] = "the store fails: try again later";
static const char missing[] = "there is no such room";
static const char no_service[] = "this server has no rooms there: they are at rooms.DOMAIN, or what rooms-host says";
const char order_later[] = "";

const struct order_verb *order_verb_find(struct str name)
{
	for (const struct order_verb *v = order_verbs; v->name; v++)
		if (str_is(name, v->name))
			return v;
	return NULL;
}

static void order_free(struct order *o)
{
	for (unsigned i = 0; i < o->n; i++) {
		mem_wipe(o->args[i], strlen(o->args[i])); /* it may be a password */
		xfree(o->args[i]);
	}
	xfree(o->address);
	buf_clear(&o->out);
	xfree(o);
}

void order_finish(struct order *o, const char *error)
{
	o->done(o, error);
	order_free(o);
}

static void end(struct order *o)
{
	if (o->drop)
		o->drop(o);
	order_free(o);
}

static void drop_job(struct room_job *j) { end(CONTAINER_OF(j, struct order, job)); }
static void drop_wait(struct wait *w) { end(CONTAINER_OF(w, struct order, wait)); }

/* ---- done means stored ---- */

static void on_stored(struct core *c, struct wait *w, const struct store_rows *rows, const struct scram_keys *keys)
{
	bool stored = !rows->error && core_can_store(c);

	order_finish(CONTAINER_OF(w, struct order, wait), stored ? NULL : "not certain to be stored: the store fails");
}

/* A question that follows the batch of this turn, and is answered after it. */
static void when_stored(struct order *o)
{
	struct jid jid = jid_view(str_z(o->address));
	struct store_query *q;

	o->wait.answer = on_stored;
	o->wait.drop = drop_wait;
	q = store_query_new(STORE_ROOM_LOAD, core_wait(o->core, &o->wait), jid_domain(jid), jid_local(jid), (int64_t)0);
	core_ask(o->core, &q);
}

/* ---- carrying out ---- */

static const char *check(const struct room *r, const struct order *o)
{
	bool there = r->state == ROOM_OPEN || r->state == ROOM_LOCKED;

	if (r->state == ROOM_FAILED)
		return order_failing;
	if (there == o->verb->makes)
		return there ? "there is such a room already" : missing;
	if (o->unused_since && (room_count(r) || room_active(r) >= o->unused_since))
		return "it is used again";
	if (o->verb->writes && o->n >= o->verb->tells_below && !core_can_store(o->core))
		return order_failing;
	return NULL;
}

static void on_ready(struct room *r, struct room_job *j)
{
	struct order *o = CONTAINER_OF(j, struct order, job);
	const char *error;

	join_settle(r);
	error = check(r, o);
	if (!error)
		error = o->verb->run(r, o);
	if (!r->entity.dead)
		room_rest(r);
	if (error == order_later)
		return;
	if (!error && o->wrote)
		when_stored(o);
	else
		order_finish(o, error);
}

static void enter_room(struct order *o)
{
	struct jid jid = jid_view(str_z(o->address));
	struct host *h = core_find_host(o->core, jid_domain(jid));
	struct room *r = h && h->kind == HOST_ROOMS ? rooms_get((struct rooms *)h, jid, o->verb->makes) : NULL;

	if (!r) {
		order_finish(o,
			!h || h->kind != HOST_ROOMS ? no_service
				: o->verb->makes    ? "there are too many rooms"
						    : missing);
		return;
	}
	o->room = r->entity.id;
	room_when_loaded(r, &o->job);
}

/* ---- is there such an account? ---- */

static void on_account(struct core *c, struct wait *w, const struct store_rows *rows, const struct scram_keys *keys)
{
	struct order *o = CONTAINER_OF(w, struct order, wait);
	struct store_value v[STORE_VALUES_MAX];
	enum store_row kind;
	size_t pos = 0;
	unsigned n;
	bool there = store_rows_next(rows, &pos, &kind, v, &n) && kind == ROW_ACCOUNT;

	if (rows->error)
		order_finish(o, order_failing);
	else if (!there)
		order_finish(o, "there is no such account, so the room would have no owner");
	else
		enter_room(o);
}

/* A room needs an owner who exists. Of other domains nothing is known. */
static void check_account(struct order *o)
{
	struct jid_buf who;
	struct store_query *q;
	struct host *h;

	if (jid_parse_buf(order_arg(o, 0), &who) < 0 || !who.jid.local) {
		order_finish(o, "the owner is not an address of the form USER@DOMAIN");
		return;
	}
	if (who.jid.resource) {
		order_finish(o, "an owner is USER@DOMAIN, without a resource: he is it with all his clients");
		return;
	}
	h = core_find_host(o->core, jid_domain(who.jid));
	if (!h || h->kind != HOST_USERS) {
		enter_room(o);
		return;
	}
	o->wait.answer = on_account;
	o->wait.drop = drop_wait;
	q = store_query_new(STORE_ACCOUNT_LOAD, core_wait(o->core, &o->wait), jid_domain(who.jid), jid_local(who.jid));
	core_ask(o->core, &q);
}

void order_start(struct core *c, const struct order_verb *v, struct str address, const struct str *args, unsigned n,
	const struct order *front)
{
	struct order *o = xcalloc(1, sizeof(*o));
	struct jid_buf jid;

	must(n <= ORDER_ARGS);
	*o = *front;
	o->verb = v;
	o->core = c;
	buf_init(&o->out, 16 << 20);
	o->job = (struct room_job){.run = on_ready, .drop = drop_job};
	while (o->n < n)
		o->args[o->n] = str_dup(args[o->n]), o->n++;
	if (jid_parse_buf(address, &jid) < 0 || !jid.jid.local || jid.jid.resource) {
		o->address = str_dup(address);
		order_finish(o, "not an address of the form ROOM@SERVICE");
		return;
	}
	o->address = str_dup(jid_str(jid.jid));
	if (v->needs_account)
		check_account(o);
	else
		enter_room(o);
}
