/* What a script expects, and what came. */
#include "base/mem.h"
#include "run.h"
#include "xmpp/ns.h"

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

static bool any_acks(struct list *patterns)
{
	LIST_EACH(node, patterns)
		if (run_is_ack(LIST_ITEM(node, struct item, node)))
			return true;
	return false;
}

/* An acknowledgement counts only where the script expects one, and a question only where it expects that. */
static bool passed_over(const struct item *i, const struct item *want)
{
	return run_is_ack(i) && !(want && run_is_ack(want) && strcmp(want->elem->name, i->elem->name) == 0);
}

static struct item *next_for(struct actor *a, const struct item *want)
{
	struct item *i = actor_next(a);

	while (i && passed_over(i, want)) {
		item_free(&(struct item *){actor_take(a)});
		i = actor_next(a);
	}
	return i;
}

static bool mismatch(struct run *r, const struct actor *a, const struct item *want, const struct item *got,
	struct buf *reason)
{
	buf_fmt(&r->why, "%s did not get what the script expects: %s\n  expected ", a->role->name,
		got               ? buf_cstr(reason)
			: a->link ? "nothing came"
				  : "the connection has ended");
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
		struct item *got = next_for(a, want);

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

static struct item *fitting(struct run *r, struct list *patterns, const struct item *got, const char *self,
	struct buf *reason)
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
		struct item *got = any_acks(patterns) ? actor_next(a) : next_for(a, NULL),
			    *want = got ? fitting(r, patterns, got, self_of(a), &reason) : NULL;

		if (want) {
			list_remove(&want->node);
			item_free(&want);
			good = take_matched(r, a);
			continue;
		}
		if (got && run_is_ack(got))
			item_free(&(struct item *){actor_take(a)});
		else
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

bool run_gets(struct run *r, struct actor *a, const struct step *step)
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
