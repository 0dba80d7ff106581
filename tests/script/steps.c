/* What each verb of a script does. */
#include <stdio.h>

#include "base/mem.h"
#include "run.h"
#include "xmpp/ns.h"

/* ---- what came ---- */

/* When to ask for acknowledgements is the server's choice (XEP-0198 4): a script need not foresee it. */
static bool is_question(const struct item *i) { return i->kind == ITEM_ELEMENT && elem_is(i->elem, "r", NS_SM); }

static void drop_questions(struct actor *a)
{
	LIST_EACH(node, &a->inbox) {
		struct item *i = LIST_ITEM(node, struct item, node);

		if (!is_question(i))
			continue;
		list_remove(&i->node);
		item_free(&i);
	}
}

/* ---- quiet: all that is under way has come ---- */

struct fence {
	struct actor *a;
	char id[32];      /* of the question that the server answers last */
	unsigned answers; /* of XEP-0198, that came before */
};

static unsigned count_answers(const struct actor *a)
{
	unsigned n = 0;

	LIST_EACH(node, &a->inbox) {
		const struct item *i = LIST_ITEM(node, struct item, node);

		n += i->kind == ITEM_ELEMENT && elem_is(i->elem, "a", NS_SM);
	}
	return n;
}

/* The answer, when it is there. */
static struct item *find_fence(const struct fence *f)
{
	struct item *found = NULL;

	LIST_EACH(node, &f->a->inbox) {
		struct item *i = LIST_ITEM(node, struct item, node);
		const char *id = i->kind == ITEM_ELEMENT ? elem_attr(i->elem, "id") : NULL;

		if (i->kind == ITEM_ELEMENT && f->a->counting && elem_is(i->elem, "a", NS_SM))
			found = i;
		if (id && strcmp(id, f->id) == 0)
			found = i;
	}
	return f->a->counting && count_answers(f->a) <= f->answers ? NULL : found;
}

static bool fence_reached(void *arg) { return !((struct fence *)arg)->a->link || find_fence(arg); }

static void put_fence(struct run *r, struct actor *a)
{
	struct fence f = {.a = a, .answers = count_answers(a)};
	uint32_t before = r->traffic.n;
	struct item *answer;

	snprintf(f.id, sizeof(f.id), "xt-fence-%u", r->fences++);
	/* Nothing that would be counted goes over a stream that counts. */
	if (a->counting)
		actor_send_fmt(a, "<r xmlns='" NS_SM "'/>");
	else
		actor_send_fmt(a, "<iq type='get' id='%s' to='%.*s'><ping xmlns='" NS_PING "'/></iq>", f.id, STR_FMT(actor_domain(a)));
	world_wait(r->world, fence_reached, &f);
	answer = find_fence(&f);
	if (answer)
		list_remove(&answer->node);
	item_free(&answer);
	traffic_forget(&r->traffic, a->role, before, a->counting ? "urn:xmpp:sm:3" : f.id);
}

/* In virtual time "nothing happens any more" can be seen. In real time each client asks something and waits for the
 * answer, twice: what others sent before has come by then. Who cannot ask yet is given a moment. */
void run_quiet(struct run *r)
{
	bool settle = world_is_virtual(r->world);

	for (unsigned round = 0; round < 2 && !world_is_virtual(r->world); round++)
		for (unsigned i = 0; i < r->script->actor_count; i++) {
			struct actor *a = &r->actors[i];

			if (a->link && a->bound)
				put_fence(r, a);
			else if (a->link)
				settle = true;
		}
	if (settle)
		world_settle(r->world);
}

static bool nothing_for(struct run *r, struct actor *a)
{
	struct item *i;

	drop_questions(a);
	i = actor_waiting(a);
	if (i) {
		buf_fmt(&r->why, "%s got something that the script does not expect\n  came     ", a->role->name);
		item_print(i, &r->why);
	} else if (a->ended) {
		buf_fmt(&r->why, "%s was disconnected, which the script does not expect", a->role->name);
	}
	return !i && !a->ended;
}

bool run_nothing_left(struct run *r)
{
	run_quiet(r);
	for (unsigned i = 0; i < r->script->actor_count; i++)
		if (!nothing_for(r, &r->actors[i]))
			return false;
	return true;
}

/* ---- gets ---- */

static void on_pattern(void *arg, struct item *i) { list_append(arg, &i->node); }

static void free_items(struct list *items)
{
	for (struct list *n; (n = list_take(items));)
		item_free(&(struct item *){LIST_ITEM(n, struct item, node)});
}

/* The expected stanzas as items: read as a stream, with a header if the script does not expect one itself. */
static bool read_patterns(struct run *r, const char *text, struct list *ret)
{
	static const char header[] = "<stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "'>";
	bool own = strncmp(text, "<?xml", 5) == 0 || strncmp(text, "<stream:stream", 14) == 0;
	struct reader *reader = reader_new(on_pattern, ret);
	struct item *last;

	list_init(ret);
	if (!own)
		reader_feed(reader, str_z(header));
	reader_feed(reader, str_z(text));
	reader_free(&reader);
	if (!own && !list_empty(ret))
		item_free(&(struct item *){LIST_ITEM(list_take(ret), struct item, node)});
	if (list_empty(ret)) {
		buf_z(&r->why, "the script expects nothing whole here");
		return false;
	}
	last = LIST_ITEM(ret->prev, struct item, node);
	if (last->kind == ITEM_BAD)
		buf_fmt(&r->why, "what the script expects is not XML: %s", last->why);
	return last->kind != ITEM_BAD;
}

static struct item *next_for(struct actor *a, bool question)
{
	struct item *i = actor_next(a);

	while (i && is_question(i) && !question) {
		item_free(&(struct item *){actor_take(a)});
		i = actor_next(a);
	}
	return i;
}

static bool mismatch(struct run *r, const struct actor *a, const struct item *want, const struct item *got, struct buf *reason)
{
	buf_fmt(&r->why, "%s did not get what the script expects: %s\n  expected ", a->role->name,
		got ? buf_cstr(reason) : a->link ? "nothing came" : "the connection has ended");
	item_print(want, &r->why);
	buf_z(&r->why, "\n  came     ");
	if (got)
		item_print(got, &r->why);
	return false;
}

/* What an expected item tells about the connection. */
static bool learn(struct run *r, struct actor *a, struct item *i)
{
	if (i->kind != ITEM_ELEMENT)
		return true;
	if (elem_is(i->elem, "features", NS_STREAM)) {
		elem_free(&a->features);
		a->features = TAKE(i->elem);
		return true;
	}
	if (elem_is(i->elem, "failure", NS_SASL))
		scram_client_free(&a->scram);
	return !elem_is(i->elem, "success", NS_SASL) || login_check_success(a, i->elem, &r->why);
}

static bool take_matched(struct run *r, struct actor *a)
{
	struct item *i = actor_take(a);
	bool good = learn(r, a, i);

	item_free(&i);
	return good;
}

static const char *self_of(const struct actor *a) { return a->role->jid ? a->role->jid : ""; }

static bool get_in_order(struct run *r, struct actor *a, struct list *patterns)
{
	bool good = true;
	struct buf reason;

	buf_init(&reason, 1 << 20);
	LIST_EACH(node, patterns) {
		const struct item *want = LIST_ITEM(node, struct item, node);
		struct item *got = next_for(a, is_question(want));

		good = good && got && match_item(want, got, self_of(a), &r->vars, &reason);
		if (!good) {
			mismatch(r, a, want, got, &reason);
			break;
		}
		good = take_matched(r, a);
	}
	buf_clear(&reason);
	return good;
}

static struct item *fitting(struct run *r, struct list *patterns, const struct item *got, const char *self, struct buf *reason)
{
	LIST_EACH(node, patterns) {
		struct item *want = LIST_ITEM(node, struct item, node);

		buf_reset(reason);
		if (match_item(want, got, self, &r->vars, reason))
			return want;
	}
	return NULL;
}

static bool get_any_order(struct run *r, struct actor *a, struct list *patterns)
{
	bool good = true;
	struct buf reason;

	buf_init(&reason, 1 << 20);
	while (good && !list_empty(patterns)) {
		struct item *got = next_for(a, false), *want = got ? fitting(r, patterns, got, self_of(a), &reason) : NULL;

		if (want) {
			list_remove(&want->node);
			item_free(&want);
			good = take_matched(r, a);
			continue;
		}
		good = mismatch(r, a, LIST_ITEM(patterns->next, struct item, node), got, &reason);
	}
	buf_clear(&reason);
	return good;
}

static struct item *find_fitting(struct run *r, struct actor *a, const struct item *want)
{
	struct item *found = NULL;
	struct buf reason;

	buf_init(&reason, 1 << 20);
	LIST_EACH(node, &a->inbox) {
		struct item *i = LIST_ITEM(node, struct item, node);

		if (!found && match_item(want, i, self_of(a), &r->vars, &reason))
			found = i;
	}
	buf_clear(&reason);
	return found;
}

/* What the specification leaves to the server: taken if it came, not missed if it did not. */
static bool get_perhaps(struct run *r, struct actor *a, struct list *patterns)
{
	run_quiet(r);
	LIST_EACH(node, patterns) {
		struct item *got = find_fitting(r, a, LIST_ITEM(node, struct item, node));

		if (got)
			list_remove(&got->node);
		item_free(&got);
	}
	return true;
}

static bool do_gets(struct run *r, struct actor *a, const struct step *step)
{
	struct list patterns;
	bool good = read_patterns(r, step->text, &patterns);

	if (good && step->verb == VERB_GETS)
		good = get_in_order(r, a, &patterns);
	else if (good && step->verb == VERB_GETS_ANY_ORDER)
		good = get_any_order(r, a, &patterns);
	else if (good)
		good = get_perhaps(r, a, &patterns);
	free_items(&patterns);
	return good;
}

static bool do_gets_nothing(struct run *r, struct actor *a, const struct step *step)
{
	run_quiet(r);
	return nothing_for(r, a);
}

static bool do_disconnected(struct run *r, struct actor *a, const struct step *step)
{
	struct item *i;

	if (!actor_wait_ended(a) || !a->ended) {
		buf_fmt(&r->why, "%s is still connected", a->role->name);
		return false;
	}
	a->ended = false;
	i = actor_waiting(a);
	return !i || nothing_for(r, a);
}

static bool do_ignores(struct run *r, struct actor *a, const struct step *step)
{
	run_quiet(r);
	actor_forget(a);
	return true;
}

/* ---- sends ---- */

static bool connected(struct run *r, struct actor *a)
{
	if (!a->link)
		buf_fmt(&r->why, "%s is not connected", a->role->name);
	return a->link != NULL;
}

static bool do_sends(struct run *r, struct actor *a, const struct step *step)
{
	struct buf bytes;
	bool good;

	buf_init(&bytes, 8 << 20);
	good = expand(str_z(step->text), &r->vars, true, &bytes, &r->why) && connected(r, a);
	if (good)
		actor_send(a, buf_view(&bytes));
	buf_clear(&bytes);
	return good;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* "text with \n, \r, \t, \\, \" and \xHH": what cannot be written in a line. */
static bool unescape(const char *p, struct buf *out)
{
	static const char names[] = "nrt\\\"", means[] = "\n\r\t\\\"";

	if (*p++ != '"')
		return false;
	for (; *p && *p != '"'; p++) {
		const char *at;

		if (*p != '\\') {
			buf_char(out, *p);
			continue;
		}
		p++;
		at = *p ? strchr(names, *p) : NULL;
		if (at) {
			buf_char(out, means[at - names]);
		} else if (*p == 'x' && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0) {
			buf_char(out, (char)(hex_digit(p[1]) << 4 | hex_digit(p[2])));
			p += 2;
		} else {
			return false;
		}
	}
	return p[0] == '"' && !p[1];
}

static bool do_bytes(struct run *r, struct actor *a, const struct step *step)
{
	struct buf bytes;
	bool good;

	buf_init(&bytes, 1 << 20);
	good = unescape(step->text, &bytes);
	if (!good)
		buf_z(&r->why, "not a text in double quotes with known escapes");
	good = good && connected(r, a);
	if (good)
		actor_send(a, buf_view(&bytes));
	buf_clear(&bytes);
	return good;
}

/* ---- connections ---- */

static bool do_connects(struct run *r, struct actor *a, const struct step *step) { return actor_connect(a); }

static bool do_opens(struct run *r, struct actor *a, const struct step *step) { return login_open(a, &r->why); }

static bool do_tries(struct run *r, struct actor *a, const struct step *step)
{
	struct login_how how;

	return login_read_how(str_z(step->text), &how, &r->why) && connected(r, a) && login_try(a, &how, &r->why);
}

static bool do_authenticates(struct run *r, struct actor *a, const struct step *step)
{
	struct login_how how;

	return login_read_how(str_z(step->text), &how, &r->why) && connected(r, a) && login_authenticate(a, &how, &r->why);
}

static bool do_binds(struct run *r, struct actor *a, const struct step *step)
{
	return connected(r, a) && login_bind(a, str_z(step->text), &r->why);
}

static bool do_logs_in(struct run *r, struct actor *a, const struct step *step) { return login_all(a, &r->why); }

/* All of them, and then nobody cares for what their coming has caused. */
static bool do_online(struct run *r, struct actor *a, const struct step *step)
{
	if (!login_all(a, &r->why))
		return false;
	actor_send_fmt(a, "<presence/>");
	if (a != &r->actors[step->actors[step->actor_count - 1]])
		return true;
	run_quiet(r);
	for (unsigned i = 0; i < step->actor_count; i++)
		actor_forget(&r->actors[step->actors[i]]);
	return true;
}

static bool do_starts_tls(struct run *r, struct actor *a, const struct step *step)
{
	actor_start_tls(a);
	return connected(r, a);
}

static bool do_closes(struct run *r, struct actor *a, const struct step *step)
{
	struct step gets = {.verb = VERB_GETS, .text = (char *)"</stream:stream>"};

	if (!connected(r, a))
		return false;
	actor_send(a, STR("</stream:stream>"));
	return do_gets(r, a, &gets) && do_disconnected(r, a, step);
}

static bool do_loses(struct run *r, struct actor *a, const struct step *step)
{
	if (!connected(r, a))
		return false;
	actor_disconnect(a, true);
	return true;
}

static bool do_stops_reading(struct run *r, struct actor *a, const struct step *step)
{
	actor_stall(a, true);
	return true;
}

static bool do_reads_on(struct run *r, struct actor *a, const struct step *step)
{
	actor_stall(a, false);
	return true;
}

/* ---- without actor ---- */

static bool do_after(struct run *r, const struct step *step)
{
	world_pass(r->world, step->ms);
	return true;
}

static bool do_let(struct run *r, const struct step *step)
{
	struct str value = str_z(step->text), name = str_trim(str_cut(&value, '='));
	struct buf text;
	bool good;

	buf_init(&text, 1 << 20);
	good = value.p && expand(str_trim(value), &r->vars, false, &text, &r->why);
	if (good)
		vars_set(&r->vars, name, buf_view(&text));
	else if (!r->why.n)
		buf_z(&r->why, "not as in: let name = value");
	buf_clear(&text);
	return good;
}

static bool (*const actions[VERB_COUNT])(struct run *r, struct actor *a, const struct step *step) = {
	[VERB_AUTHENTICATES] = do_authenticates,
	[VERB_BINDS] = do_binds,
	[VERB_BYTES] = do_bytes,
	[VERB_CLOSES] = do_closes,
	[VERB_CONNECTS] = do_connects,
	[VERB_DISCONNECTED] = do_disconnected,
	[VERB_GETS] = do_gets,
	[VERB_GETS_ANY_ORDER] = do_gets,
	[VERB_MAY_GET] = do_gets,
	[VERB_GETS_NOTHING] = do_gets_nothing,
	[VERB_IGNORES] = do_ignores,
	[VERB_LOGS_IN] = do_logs_in,
	[VERB_LOSES] = do_loses,
	[VERB_ONLINE] = do_online,
	[VERB_OPENS] = do_opens,
	[VERB_READS_ON] = do_reads_on,
	[VERB_SENDS] = do_sends,
	[VERB_STARTS_TLS] = do_starts_tls,
	[VERB_STOPS_READING] = do_stops_reading,
	[VERB_TRIES] = do_tries,
};

bool run_step(struct run *r, const struct step *step)
{
	if (step->verb == VERB_AFTER)
		return do_after(r, step);
	if (step->verb == VERB_LET)
		return do_let(r, step);
	for (unsigned i = 0; i < step->actor_count; i++) {
		struct actor *a = &r->actors[step->actors[i]];

		if (actions[step->verb](r, a, step))
			continue;
		if (!r->why.n)
			buf_fmt(&r->why, "%s: it did not work", a->role->name);
		return false;
	}
	return true;
}

void run_step_leniently(struct run *r, const struct step *step)
{
	bool waits = step->verb == VERB_GETS || step->verb == VERB_GETS_ANY_ORDER || step->verb == VERB_DISCONNECTED;

	for (unsigned i = 0; waits && i < step->actor_count; i++) {
		struct actor *a = &r->actors[step->actors[i]];

		if (step->verb == VERB_DISCONNECTED && a->link)
			actor_disconnect(a, false);
		else
			do_ignores(r, a, step);
	}
	if (!waits)
		run_step(r, step);
	buf_reset(&r->why);
}
