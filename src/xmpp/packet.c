#include "xmpp/packet.h"

#include "base/err.h"
#include "base/mem.h"
#include "xml/write.h"
#include "xmpp/ns.h"

enum { PACKET_MAX = 4 * 1024 * 1024 };

struct packet *packet_ref(struct packet *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void packet_unref(struct packet **p)
{
	struct packet *it = TAKE(*p);

	if (!it || atomic_fetch_sub_explicit(&it->refs, 1, memory_order_acq_rel) != 1)
		return;
	blob_unref(&it->bytes);
	xfree(it);
}

static uint16_t hole_of(enum stanza_kind kind) { return (uint16_t)(1 + strlen(stanza_kind_name(kind))); }

void packet_begin(struct packet_writer *w, const struct packet_head *head)
{
	struct buf *out = &w->out;

	w->head = *head;
	buf_init(out, PACKET_MAX);
	buf_char(out, '<');
	buf_z(out, stanza_kind_name(head->kind));
	xml_put_attr(out, "from", head->from);
	xml_put_attr(out, "to", head->to);
	xml_put_attr(out, "id", head->id);
	xml_put_attr(out, "type", str_z(stanza_type_name(head->type)));
	xml_put_attr(out, "xml:lang", head->lang);
	buf_char(out, '>');
	w->tag = out->n;
}

/* A broken session need not keep what is out of date or unwanted by the time it comes back. */
static bool is_volatile(const struct packet_head *head)
{
	switch (head->kind) {
	case STANZA_PRESENCE:
		return head->type == TYPE_AVAILABLE || head->type == TYPE_UNAVAILABLE || head->type == TYPE_PROBE;
	case STANZA_IQ:
		return head->type == TYPE_RESULT || head->type == TYPE_ERROR;
	default:
		return false;
	}
}

struct packet *packet_end(struct packet_writer *w)
{
	struct buf *out = &w->out;
	struct packet *p = NULL;

	if (buf_ok(out) && out->n == w->tag) {
		buf_cut(out, out->n - 1);
		buf_z(out, "/>");
	} else {
		buf_z(out, "</");
		buf_z(out, stanza_kind_name(w->head.kind));
		buf_char(out, '>');
	}
	if (buf_ok(out)) {
		p = xcalloc(1, sizeof(*p));
		p->bytes = blob_new(out->p, out->n);
		atomic_init(&p->refs, 1);
		p->hole = hole_of(w->head.kind);
		p->kind = (uint8_t)w->head.kind;
		p->type = (uint8_t)w->head.type;
		p->fill = !w->head.to.p;
		p->volatile_ = is_volatile(&w->head);
	}
	buf_clear(out);
	return p;
}

void packet_head_of(const struct stanza *s, struct packet_head *ret)
{
	*ret = (struct packet_head){
		.kind = s->kind,
		.type = s->type,
		.from = jid_str(s->from),
		.to = jid_str(s->to),
		.id = s->id,
		.lang = s->lang,
	};
}

void packet_put_payload(struct packet_writer *w, const struct stanza *s,
	bool (*drop)(const struct stanza *s, uint32_t child))
{
	const struct xml_tree *t = &s->tree;
	uint32_t at = t->nodes[XML_ROOT].inner;

	if (drop) {
		XML_EACH(i, t, XML_ROOT) {
			if (!drop(s, i))
				continue;
			buf_str(&w->out, xml_str(t, at, t->nodes[i].raw - at));
			at = t->nodes[i].raw_end;
		}
	}
	buf_str(&w->out, xml_str(t, at, t->nodes[XML_ROOT].inner_end - at));
}

void packet_put_inner(struct buf *out, struct str bytes, size_t hole)
{
	must(hole <= bytes.n);
	buf_add(out, bytes.p, hole);
	buf_z(out, " xmlns='" NS_CLIENT "'");
	buf_add(out, bytes.p + hole, bytes.n - hole);
}

bool packet_only_typing(const struct stanza *s)
{
	bool typing = false;

	XML_EACH(i, &s->tree, XML_ROOT) {
		if (str_is(xml_ns(&s->tree, i), NS_CHATSTATES))
			typing = true;
		else if (!xml_is(&s->tree, i, "thread", NS_CLIENT) && !str_is(xml_ns(&s->tree, i), NS_HINTS))
			return false;
	}
	return typing;
}

struct packet *packet_from(const struct stanza *s, const struct str *to)
{
	struct packet_writer w;
	struct packet_head head;
	struct packet *p;

	packet_head_of(s, &head);
	head.to = to ? *to : STR_NONE;
	packet_begin(&w, &head);
	packet_put_payload(&w, s, NULL);
	p = packet_end(&w);
	if (p && s->kind == STANZA_MESSAGE && packet_only_typing(s))
		p->volatile_ = true;
	return p;
}

/* The head of an answer to s. */
static struct packet_head reply_head(const struct stanza *s, enum stanza_type type)
{
	return (struct packet_head){
		.kind = s->kind,
		.type = type,
		.from = jid_str(s->to),
		.to = jid_str(s->from),
		.id = s->id,
	};
}

struct packet *packet_result(const struct stanza *request, struct str payload)
{
	struct packet_head head = reply_head(request, TYPE_RESULT);
	struct packet_writer w;

	must(request->kind == STANZA_IQ);
	packet_begin(&w, &head);
	buf_str(&w.out, payload);
	return packet_end(&w);
}

struct packet *packet_error(const struct stanza *s, struct xerr e)
{
	struct packet_head head = reply_head(s, TYPE_ERROR);
	struct packet_writer w;

	if (s->type == TYPE_ERROR || s->type == TYPE_RESULT)
		return NULL;
	packet_begin(&w, &head);
	xerr_write(&w.out, e);
	return packet_end(&w);
}

int packet_parse(const struct packet *p, struct jid to, struct stanza **ret)
{
	struct str bytes = packet_view(p);
	CLEANUP(buf_clear) struct buf text = {0};

	if (!p->fill || !jid_some(to))
		return stanza_parse(bytes, ret);
	buf_init(&text, bytes.n + 6 * JID_MAX + 16); /* an escaped character is at most six */
	buf_add(&text, bytes.p, p->hole);
	xml_put_attr(&text, "to", jid_str(to));
	buf_add(&text, bytes.p + p->hole, bytes.n - p->hole);
	must(buf_ok(&text));
	return stanza_parse(buf_view(&text), ret);
}

struct packet *packet_raw(struct str bytes)
{
	struct packet *p = xcalloc(1, sizeof(*p));

	p->bytes = blob_new(bytes.p, bytes.n);
	atomic_init(&p->refs, 1);
	p->raw = true;
	return p;
}

struct packet *packet_verbatim(enum stanza_kind kind, struct str bytes)
{
	struct packet *p = packet_raw(bytes);

	p->raw = false;
	p->kind = (uint8_t)kind;
	return p;
}
