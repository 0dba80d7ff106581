#include "room/order.h"

#include "base/err.h"
#include "room/rooms_i.h"

static const char failing[] = "the store fails: try again later";
static const char missing[] = "there is no such room";
static const char no_service[] = "this server has no rooms there: they are at rooms.DOMAIN";
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
		return failing;
	if (there == o->verb->makes)
		return there ? "there is such a room already" : missing;
	if (o->verb->writes && !core_can_store(o->core))
		return failing;
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

void order_start(struct core *c, const struct order_verb *v, struct str address, const struct str *args, unsigned n,
	const struct order *front)
{
	struct order *o = xcalloc(1, sizeof(*o));
	struct jid_buf jid;
	struct host *h = NULL;
	struct room *r;

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
	h = core_find_host(c, jid_domain(jid.jid));
	r = h && h->kind == HOST_ROOMS ? rooms_get((struct rooms *)h, jid.jid, v->makes) : NULL;
	if (!r) {
		order_finish(o,
			!h || h->kind != HOST_ROOMS ? no_service
				: v->makes          ? "there are too many rooms"
						    : missing);
		return;
	}
	o->room = r->entity.id;
	room_when_loaded(r, &o->job);
}
