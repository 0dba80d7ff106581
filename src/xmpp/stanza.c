#include "xmpp/stanza.h"

#include "base/err.h"
#include "base/mem.h"
#include "xml/parse.h"
#include "xml/write.h"
#include "xmpp/ns.h"

/* Limits for text this program wrote itself: wider than any wire's, because writing anew adds declarations. */
enum { TEXT_MAX = 4 * 1024 * 1024 + 8192 };
static const struct xml_limits own_limits = {.stanza = TEXT_MAX,
	.depth = 256,
	.attrs = 256,
	.name = 1024,
	.nodes = 65536};

static const char *const kinds[] = {[STANZA_MESSAGE] = "message", [STANZA_PRESENCE] = "presence", [STANZA_IQ] = "iq"};

enum { IN_MESSAGE = 1 << STANZA_MESSAGE, IN_PRESENCE = 1 << STANZA_PRESENCE, IN_IQ = 1 << STANZA_IQ };

static const struct {
	const char *name; /* NULL: the absent type */
	unsigned in;      /* kinds that have it */
} types[TYPE_COUNT] = {
	[TYPE_NORMAL] = {NULL, IN_MESSAGE},
	[TYPE_CHAT] = {"chat", IN_MESSAGE},
	[TYPE_GROUPCHAT] = {"groupchat", IN_MESSAGE},
	[TYPE_HEADLINE] = {"headline", IN_MESSAGE},
	[TYPE_AVAILABLE] = {NULL, IN_PRESENCE},
	[TYPE_UNAVAILABLE] = {"unavailable", IN_PRESENCE},
	[TYPE_SUBSCRIBE] = {"subscribe", IN_PRESENCE},
	[TYPE_SUBSCRIBED] = {"subscribed", IN_PRESENCE},
	[TYPE_UNSUBSCRIBE] = {"unsubscribe", IN_PRESENCE},
	[TYPE_UNSUBSCRIBED] = {"unsubscribed", IN_PRESENCE},
	[TYPE_PROBE] = {"probe", IN_PRESENCE},
	[TYPE_GET] = {"get", IN_IQ},
	[TYPE_SET] = {"set", IN_IQ},
	[TYPE_RESULT] = {"result", IN_IQ},
	[TYPE_ERROR] = {"error", IN_MESSAGE | IN_PRESENCE | IN_IQ},
};

const char *stanza_kind_name(enum stanza_kind kind)
{
	must((size_t)kind < ARRAY_LEN(kinds));
	return kinds[kind];
}

const char *stanza_type_name(enum stanza_type type)
{
	must((size_t)type < TYPE_COUNT);
	return types[type].name;
}

static int find_kind(struct str name, enum stanza_kind *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!str_is(name, kinds[i]))
			continue;
		*ret = (enum stanza_kind)i;
		return 0;
	}
	return ERR_INVALID;
}

static int find_type(struct str name, enum stanza_kind kind, enum stanza_type *ret)
{
	for (size_t i = 0; i < TYPE_COUNT; i++) {
		bool same = types[i].name ? name.p && str_is(name, types[i].name) : !name.p;
		if (!same || !(types[i].in & 1u << kind))
			continue;
		*ret = (enum stanza_type)i;
		return 0;
	}
	if (kind != STANZA_MESSAGE)
		return ERR_INVALID;
	*ret = TYPE_NORMAL; /* RFC 6121 5.2.2: unknown values too */
	return 0;
}

int stanza_classify(const struct xml_tree *t, struct str content, enum stanza_kind *ret_kind,
	enum stanza_type *ret_type)
{
	enum stanza_kind kind;
	enum stanza_type type;

	if (!str_eq(xml_ns(t, XML_ROOT), content) || find_kind(xml_name(t, XML_ROOT), &kind) < 0)
		return ERR_INVALID;
	if (find_type(xml_attr(t, XML_ROOT, "type"), kind, &type) < 0)
		return ERR_INVALID;
	*ret_kind = kind;
	*ret_type = type;
	return 0;
}

/* What goes into a block beside the tree. */
struct parts {
	enum stanza_kind kind;
	enum stanza_type type;
	struct jid from, to;
	struct str lang;
};

static char *place(char **at, struct str s)
{
	char *p = *at;

	if (s.n)
		memcpy(p, s.p, s.n);
	*at += s.n;
	return p;
}

static void place_jid(char **at, struct jid jid, struct jid *ret)
{
	*ret = jid;
	if (jid_some(jid))
		ret->s = place(at, jid_str(jid));
}

/* Gives the root, and the elements that have its namespace with all around them, the internal one; its name is put at *at,
 * within reach of the tree's offsets because it lies behind the tree in the same block. */
static void map_namespace(struct xml_tree *t, char **at)
{
	struct xml_node *nodes = (struct xml_node *)t->nodes; /* in our own block */
	const char *ns = place(at, STR(NS_CLIENT));
	struct str content = xml_ns(t, XML_ROOT);

	must(ns > t->data);
	for (uint32_t i = 0; i < t->node_count;) {
		if (nodes[i].is_text) {
			i++;
		} else if (!str_eq(xml_ns(t, i), content)) {
			i = nodes[i].end; /* what is in a foreign element keeps what it says */
		} else {
			nodes[i].ns = (uint32_t)(ns - t->data);
			nodes[i].ns_len = sizeof(NS_CLIENT) - 1;
			i++;
		}
	}
	t->data_len = (uint32_t)(*at - t->data);
}

static struct stanza *block_new(const struct xml_tree *t, struct str content, const struct parts *p)
{
	const size_t align = _Alignof(uint64_t);
	size_t head = (sizeof(struct stanza) + align - 1) / align * align;
	size_t tree = xml_tree_size(t);
	size_t extra = jid_str(p->from).n + jid_str(p->to).n + p->lang.n + sizeof(NS_CLIENT);
	char *block = xmalloc(head + tree + extra);
	char *at = block + head + tree;
	struct stanza *s = (struct stanza *)(void *)block;

	*s = (struct stanza){.kind = p->kind, .type = p->type};
	xml_tree_copy(t, block + head, &s->tree);
	if (!str_is(content, NS_CLIENT)) {
		memset(block + head + tree, 0, extra); /* becomes part of the tree's data as a whole */
		map_namespace(&s->tree, &at);
	}
	place_jid(&at, p->from, &s->from);
	place_jid(&at, p->to, &s->to);
	if (p->lang.p)
		s->lang = (struct str){place(&at, p->lang), p->lang.n};
	s->id = xml_attr(&s->tree, XML_ROOT, "id");
	return s;
}

/* An address attribute of the root: JID_NONE when absent. */
static int read_jid(const struct xml_tree *t, const char *name, struct jid_buf *tmp, struct jid *ret)
{
	struct str value = xml_attr(t, XML_ROOT, name);

	*ret = JID_NONE;
	if (!value.p)
		return 0;
	if (jid_parse_buf(value, tmp) < 0)
		return ERR_SYNTAX;
	*ret = tmp->jid;
	return 0;
}

/* The tree is self-contained but for the content namespace. */
static int build(const struct xml_tree *t, struct str content, struct jid from, struct str stream_lang,
	struct stanza **ret)
{
	struct parts p = {.from = from};
	struct jid_buf from_buf, to_buf;
	int r;

	r = stanza_classify(t, content, &p.kind, &p.type);
	if (r < 0)
		return r;
	if (!jid_some(from))
		r = read_jid(t, "from", &from_buf, &p.from);
	if (r == 0)
		r = read_jid(t, "to", &to_buf, &p.to);
	if (r < 0)
		return r;
	p.lang = xml_lang(t, XML_ROOT);
	if (!p.lang.p)
		p.lang = stream_lang;
	*ret = block_new(t, content, &p);
	return 0;
}

struct reader {
	struct buf text; /* what it reads, when that was made for it */
	struct xml_scratch *scratch;
	struct xml_parser *parser;
};

static void reader_clear(struct reader *r)
{
	buf_clear(&r->text);
	xml_parser_free(&r->parser);
	xml_scratch_free(&r->scratch);
}

/* One complete element in a stream whose default namespace is NS_CLIENT; the tree lives as long as the reader. */
static int read_element(struct reader *r, struct str text, struct xml_tree *ret)
{
	struct str header = STR("<s xmlns='" NS_CLIENT "'>");

	if (text.n > TEXT_MAX)
		return ERR_SYNTAX;
	r->scratch = xml_scratch_new();
	r->parser = xml_parser_new(r->scratch, XML_STREAM, &own_limits);
	if (xml_parse(r->parser, &header, ret) != XML_OPEN)
		return ERR_SYNTAX;
	if (xml_parse(r->parser, &text, ret) != XML_STANZA || str_trim(text).n > 0)
		return ERR_SYNTAX;
	return 0;
}

/* The root's start tag without prefixes; attributes in foreign namespaces are left out, since a declaration made for
 * them here would be outside the children again. */
static void write_root(struct buf *out, const struct xml_tree *t)
{
	const struct xml_node *root = &t->nodes[XML_ROOT];

	buf_char(out, '<');
	buf_str(out, xml_name(t, XML_ROOT));
	for (uint32_t i = root->attr; i < root->attr + root->attr_count; i++) {
		const struct xml_attr *a = &t->attrs[i];
		if (a->ns_len > 0)
			continue;
		buf_char(out, ' ');
		buf_str(out, xml_str(t, a->name, a->name_len));
		buf_z(out, "='");
		xml_escape(out, xml_str(t, a->value, a->value_len));
		buf_char(out, '\'');
	}
	xml_put_attr(out, "xml:lang", xml_lang(t, XML_ROOT));
	buf_char(out, '>');
}

/* Declarations that stood once on the stream or the root are repeated where they are needed; the limit keeps a
 * hostile sender from turning one long name into gigabytes. */
static int write_anew(const struct xml_tree *t, struct str content, struct buf *out)
{
	buf_init(out, 2 * (size_t)t->raw_len + 65536);
	write_root(out, t);
	xml_write_inner(out, t, XML_ROOT, content);
	buf_z(out, "</");
	buf_str(out, xml_name(t, XML_ROOT));
	buf_char(out, '>');
	return buf_ok(out) ? 0 : ERR_LIMIT;
}

/* Is there an element, in the content namespace with all around it, whose bytes name that namespace or NS_CLIENT? Its
 * bytes and its node would not say the same behind the gate. Those that inherit share the offset of the root's. */
static bool says_namespace(const struct xml_tree *t, uint32_t parent, struct str content)
{
	XML_EACH(i, t, parent) {
		if (str_is(xml_ns(t, i), NS_CLIENT))
			return true;
		if (!str_eq(xml_ns(t, i), content))
			continue;
		if (t->nodes[i].ns != t->nodes[XML_ROOT].ns || says_namespace(t, i, content))
			return true;
	}
	return false;
}

/* What is written is well-formed, so it can only be too big to be read again. */
static int rewrite(const struct xml_tree *t, struct str content, struct reader *r, struct xml_tree *ret)
{
	if (write_anew(t, content, &r->text) < 0 || read_element(r, buf_view(&r->text), ret) < 0)
		return ERR_LIMIT;
	return 0;
}

static int build_anew(const struct xml_tree *t, struct str content, struct jid from, struct str stream_lang,
	struct stanza **ret)
{
	CLEANUP(reader_clear) struct reader first = {0};
	CLEANUP(reader_clear) struct reader second = {0};
	struct xml_tree once, twice, *it = &once;
	int r = rewrite(t, content, &first, &once);

	if (r == 0 && once.outside) { /* something said NS_CLIENT where the content was another: now it repeats it */
		r = rewrite(&once, STR(NS_CLIENT), &second, &twice);
		it = &twice;
	}
	if (r < 0)
		return r;
	return it->outside ? ERR_LIMIT : build(it, STR(NS_CLIENT), from, stream_lang, ret);
}

int stanza_new(const struct xml_tree *t, struct str content, struct jid from, struct str stream_lang,
	struct stanza **ret)
{
	enum stanza_kind kind;
	enum stanza_type type;
	int r = stanza_classify(t, content, &kind, &type);

	if (r < 0)
		return r;
	if (t->outside || (!str_is(content, NS_CLIENT) && says_namespace(t, XML_ROOT, content)))
		return build_anew(t, content, from, stream_lang, ret);
	return build(t, content, from, stream_lang, ret);
}

int stanza_parse(struct str text, struct stanza **ret)
{
	CLEANUP(reader_clear) struct reader reader = {0};
	struct xml_tree t;

	if (read_element(&reader, text, &t) < 0)
		return ERR_SYNTAX;
	return stanza_new(&t, STR(NS_CLIENT), JID_NONE, STR_NONE, ret);
}

void stanza_free(struct stanza **s)
{
	xfree(*s);
	*s = NULL;
}

struct stanza *stanza_copy(const struct stanza *s, struct jid to)
{
	struct parts p = {.kind = s->kind, .type = s->type, .from = s->from, .to = to, .lang = s->lang};
	struct stanza *copy = block_new(&s->tree, STR(NS_CLIENT), &p);

	copy->origin = s->origin;
	return copy;
}

void stanza_readdress(struct stanza **s, struct jid to)
{
	struct stanza *old = *s, *copy = stanza_copy(old, to);

	copy->next = old->next;
	copy->counted_by = old->counted_by;
	copy->origin_seq = old->origin_seq;
	copy->commit = old->commit;
	copy->tag = old->tag;
	copy->via = old->via;
	copy->refused = old->refused;
	stanza_free(&old);
	*s = copy;
}

int8_t stanza_priority(const struct stanza *s)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 64};
	uint32_t i = stanza_child(s, "priority", NS_CLIENT);
	struct str text = i == XML_NONE ? STR_NONE : str_trim(xml_text(&s->tree, i, &tmp));
	bool negative = text.n > 0 && text.p[0] == '-';
	uint64_t n;

	if (text.n && (negative || text.p[0] == '+'))
		text = (struct str){text.p + 1, text.n - 1};
	if (!buf_ok(&tmp) || str_uint(text, negative ? 128 : 127, &n) != 0)
		return 0;
	return (int8_t)(negative ? -(int)n : (int)n);
}
