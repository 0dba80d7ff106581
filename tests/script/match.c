#include "match.h"

#include <ctype.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "xml/write.h"

/* ---- names ---- */

const char *vars_find(const struct vars *vs, struct str name)
{
	for (uint32_t i = vs->n; i > 0; i--)
		if (str_is(name, vs->v[i - 1].name))
			return vs->v[i - 1].value;
	return NULL;
}

void vars_set(struct vars *vs, struct str name, struct str value)
{
	vs->v = xrealloc(vs->v, (vs->n + 1) * sizeof(*vs->v));
	vs->v[vs->n++] = (struct var){str_dup(name), str_dup(value)};
}

void vars_cut(struct vars *vs, uint32_t n)
{
	while (vs->n > n) {
		vs->n--;
		xfree(vs->v[vs->n].name);
		xfree(vs->v[vs->n].value);
	}
}

void vars_clear(struct vars *vs)
{
	vars_cut(vs, 0);
	xfree(TAKE(vs->v));
}

size_t hole_at(const char *p, struct str *ret_name)
{
	size_t n = 1;

	if (p[0] != '{' || !islower((unsigned char)p[1]))
		return 0;
	while (islower((unsigned char)p[n]) || isdigit((unsigned char)p[n]) || p[n] == '-')
		n++;
	if (p[n] != '}')
		return 0;
	*ret_name = (struct str){p + 1, n - 1};
	return n + 1;
}

/* ---- values ---- */

static bool is_number(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isdigit((unsigned char)s.p[i]))
			return false;
	return s.n > 0;
}

static bool is_time(struct str s)
{
	int64_t wall;

	return clock_parse(s, &wall) == 0;
}

static bool is_anything(struct str s)
{
	(void)s;
	return true;
}

static const struct {
	const char *name;
	bool (*fits)(struct str s);
} kinds[] = {{"any", is_anything}, {"maybe", is_anything}, {"number", is_number}, {"time", is_time}};

static bool fill_hole(struct str name, struct str value, struct vars *vs)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (str_is(name, kinds[i].name))
			return kinds[i].fits(value);
	vars_set(vs, name, value);
	return true;
}

/* The hole at the start of pattern against some beginning of got, the rest against the rest. */
static bool match_hole(struct str name, const char *rest, const char *got, struct vars *vs)
{
	const char *known = vars_find(vs, name);
	uint32_t mark = vs->n;

	if (known)
		return strncmp(got, known, strlen(known)) == 0 && match_text(rest, got + strlen(known), vs);
	for (size_t n = *rest ? 0 : strlen(got); n <= strlen(got); n++) {
		if (fill_hole(name, (struct str){got, n}, vs) && match_text(rest, got + n, vs))
			return true;
		vars_cut(vs, mark);
	}
	return false;
}

bool match_text(const char *pattern, const char *got, struct vars *vs)
{
	struct str name;

	for (; *pattern; pattern++, got++) {
		size_t hole = hole_at(pattern, &name);

		if (hole)
			return match_hole(name, pattern + hole, got, vs);
		if (*pattern != *got)
			return false;
	}
	return !*got;
}

/* ---- elements ---- */

static const struct elem_attr *find_attr(const struct elem *e, const struct elem_attr *like)
{
	for (uint32_t i = 0; i < e->attr_count; i++)
		if (strcmp(e->attrs[i].name, like->name) == 0 && strcmp(e->attrs[i].ns, like->ns) == 0)
			return &e->attrs[i];
	return NULL;
}

/* Is value the address, or its bare form? */
static bool says(const char *value, const char *self)
{
	size_t bare = strcspn(self, "/");

	return *self && (strcmp(value, self) == 0 || (strlen(value) == bare && strncmp(value, self, bare) == 0));
}

/* May this attribute be there although the pattern does not have it? */
static bool is_implied(const struct elem *e, const struct elem_attr *a, const char *self)
{
	/* xml:lang is inherited: whether it is written down is a matter of taste. */
	if (strcmp(a->ns, XML_NS_XML) == 0)
		return true;
	if (*a->ns)
		return false;
	/* Who noticed the error may say so (RFC 6120 8.3.1). */
	if (strcmp(a->name, "by") == 0)
		return strcmp(e->name, "error") == 0;
	if (!says(a->value, self))
		return false;
	return strcmp(a->name, "to") == 0 || (strcmp(a->name, "from") == 0 && !strchr(a->value, '/'));
}

static bool match_attrs(const struct elem *p, const struct elem *e, const char *self, struct vars *vs, struct buf *why)
{
	for (uint32_t i = 0; i < p->attr_count; i++) {
		const struct elem_attr *want = &p->attrs[i], *has = find_attr(e, want);

		if (!has && strcmp(want->value, "{maybe}") == 0)
			continue;
		if (!has) {
			buf_fmt(why, "<%s/> has no attribute %s", e->name, want->name);
			return false;
		}
		if (!match_text(want->value, has->value, vs)) {
			buf_fmt(why, "<%s/> has %s='%s', not '%s'", e->name, want->name, has->value, want->value);
			return false;
		}
	}
	for (uint32_t i = 0; i < e->attr_count; i++) {
		if (find_attr(p, &e->attrs[i]) || is_implied(e, &e->attrs[i], self))
			continue;
		buf_fmt(why, "<%s/> has an attribute %s='%s' too many", e->name, e->attrs[i].name, e->attrs[i].value);
		return false;
	}
	return true;
}

static bool has_elements(const struct elem *e)
{
	for (uint32_t i = 0; i < e->child_count; i++)
		if (e->children[i]->name)
			return true;
	return false;
}

/* The text inside, without what only indents elements. */
static void text_of(const struct elem *e, struct buf *out)
{
	struct str text, trimmed;

	elem_text(e, out);
	text = buf_view(out);
	trimmed = str_trim(text);
	if (!has_elements(e) && trimmed.n)
		return;
	buf_cut(out, (size_t)(trimmed.p - text.p) + trimmed.n);
	buf_eat(out, (size_t)(trimmed.p - text.p));
}

#define REST "{...}"

static bool match_elem(const struct elem *p, const struct elem *e, const char *self, struct vars *vs, struct buf *why);

/* The pattern's text, and whether it allows more than the pattern says. */
static bool open_ended(struct buf *text)
{
	struct str t = str_trim(buf_view(text));

	if (!str_ends(t, STR(REST)))
		return false;
	t.n -= strlen(REST);
	t = str_trim(t);
	buf_cut(text, t.n);
	return true;
}

static bool match_inner_text(const struct elem *p, const struct elem *e, struct vars *vs, struct buf *why,
	bool *ret_open)
{
	struct buf want, has;
	bool fits;

	buf_init(&want, 1 << 20);
	buf_init(&has, 4 << 20);
	text_of(p, &want);
	text_of(e, &has);
	*ret_open = open_ended(&want);
	fits = (*ret_open && !want.n) || match_text(buf_cstr(&want), buf_cstr(&has), vs);
	if (!fits)
		buf_fmt(why, "<%s/> says '%.300s', not '%.300s'", e->name, buf_cstr(&has), buf_cstr(&want));
	buf_clear(&want);
	buf_clear(&has);
	return fits;
}

/* The first child of e that is not taken and fits; e->child_count if none. */
static uint32_t take_child(const struct elem *p, const struct elem *e, const bool *taken, struct vars *vs,
	struct buf *why)
{
	struct buf reason;
	uint32_t i;

	buf_init(&reason, 1 << 16);
	for (i = 0; i < e->child_count; i++) {
		uint32_t mark = vs->n;

		if (taken[i] || !e->children[i]->name || strcmp(e->children[i]->name, p->name) != 0)
			continue;
		buf_reset(&reason);
		if (match_elem(p, e->children[i], "", vs, &reason))
			break;
		vars_cut(vs, mark);
	}
	if (i == e->child_count && reason.n)
		buf_str(why, buf_view(&reason));
	else if (i == e->child_count)
		buf_fmt(why, "<%s/> has no <%s xmlns='%s'/>", e->name, p->name, p->ns);
	buf_clear(&reason);
	return i;
}

static bool match_children(const struct elem *p, const struct elem *e, bool open, struct vars *vs, struct buf *why)
{
	bool *taken = xcalloc(e->child_count + 1, sizeof(*taken)), fits = true;

	for (uint32_t i = 0; fits && i < p->child_count; i++) {
		uint32_t at;

		if (!p->children[i]->name)
			continue;
		at = take_child(p->children[i], e, taken, vs, why);
		fits = at < e->child_count;
		if (fits)
			taken[at] = true;
	}
	for (uint32_t i = 0; fits && !open && i < e->child_count; i++) {
		if (taken[i] || !e->children[i]->name)
			continue;
		buf_fmt(why, "<%s/> has a <%s xmlns='%s'/> too many", e->name, e->children[i]->name,
			e->children[i]->ns);
		fits = false;
	}
	xfree(taken);
	return fits;
}

static bool match_elem(const struct elem *p, const struct elem *e, const char *self, struct vars *vs, struct buf *why)
{
	bool open;

	if (strcmp(p->name, e->name) != 0 || strcmp(p->ns, e->ns) != 0) {
		buf_fmt(why, "it is <%s xmlns='%s'/>, not <%s xmlns='%s'/>", e->name, e->ns, p->name, p->ns);
		return false;
	}
	return match_attrs(p, e, self, vs, why) && match_inner_text(p, e, vs, why, &open) &&
		match_children(p, e, open, vs, why);
}

bool match_item(const struct item *pattern, const struct item *got, const char *self, struct vars *vs, struct buf *why)
{
	static const char *const names[] = {"the stream header", "an element", "the end of the stream", "not XML"};
	uint32_t mark = vs->n;
	bool fits = pattern->kind == got->kind;

	if (!fits)
		buf_fmt(why, "it is %s, not %s", names[got->kind], names[pattern->kind]);
	else if (pattern->elem)
		fits = match_elem(pattern->elem, got->elem, self, vs, why);
	if (!fits)
		vars_cut(vs, mark);
	return fits;
}
