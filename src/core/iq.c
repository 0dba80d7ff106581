/* Requests are dispatched by the tables of features; nothing else decides who answers what. */
#include "core/core_i.h"

/* Of an answer that cost as much to make, and to send, as one of anything else. */
enum { BYTES_PER_UNIT = 128 };

static const struct feature *find_feature(const struct core *c, unsigned at, struct str name, struct str ns)
{
	for (const struct feature *const *array = c->config.features; array && *array; array++)
		for (const struct feature *f = *array; f->name; f++)
			if (f->ns && (f->at & at) && str_is(ns, f->ns) && str_is(name, f->element))
				return f;
	return NULL;
}

static struct xerr call(struct iq *iq, unsigned at)
{
	const struct xml_tree *t = &iq->stanza->tree;
	const struct feature *f;
	iq_handler *handler;

	/* RFC 6120 8.2.3: a request has exactly one child element. */
	if (iq->query == XML_NONE || xml_next(t, XML_ROOT, iq->query) != XML_NONE)
		return xerr(XERR_BAD_REQUEST);
	f = find_feature(iq->core, at, xml_name(t, iq->query), xml_ns(t, iq->query));
	if (!f || (!f->get && !f->set) || (f->on && !f->on(iq->entity)))
		return xerr(XERR_SERVICE_UNAVAILABLE);
	handler = iq->stanza->type == TYPE_GET ? f->get : f->set;
	return handler ? handler(iq) : xerr(XERR_FEATURE_NOT_IMPLEMENTED);
}

/* What was written in vain has cost as much. */
static void refuse(struct iq *iq, struct xerr error)
{
	bool ok = buf_ok(&iq->reply);

	core_spend(iq->core, (uint32_t)((ok ? iq->reply.n : iq->reply.max) / BYTES_PER_UNIT));
	core_bounce(iq->core, iq->owned, xerr_ok(error) ? xerr(XERR_RESOURCE_CONSTRAINT) : error);
}

void iq_dispatch(struct entity *e, unsigned at, struct stanza **s)
{
	struct core *c = e->core;
	struct iq iq = {.core = c, .entity = e, .stanza = *s, .owned = s};
	struct xerr error;

	if ((*s)->type != TYPE_GET && (*s)->type != TYPE_SET) {
		core_done(c, s);
		return;
	}
	buf_init(&iq.reply, 1 << 20);
	iq.query = stanza_payload(*s);
	iq.session = (*s)->origin ? session_find(c, (*s)->origin) : NULL;
	error = call(&iq, at);
	if (xerr_ok(error) && iq.later)
		must(*s == NULL);
	else if (xerr_ok(error) && buf_ok(&iq.reply))
		iq_answer(c, s, buf_view(&iq.reply), iq.commit ? iq.commit : commit_since_take(c));
	else
		refuse(&iq, error);
	buf_clear(&iq.reply);
}

struct stanza *iq_defer(struct iq *iq)
{
	iq->later = TAKE(*iq->owned);
	return iq->later;
}

void iq_answer(struct core *c, struct stanza **request, struct str payload, uint64_t commit)
{
	struct packet *p = packet_result(*request, payload);

	core_spend(c, (uint32_t)(payload.n / BYTES_PER_UNIT));
	core_reply(c, *request, &p, commit);
	core_done(c, request);
}

void feature_disco(const struct entity *e, unsigned at, struct buf *out)
{
	for (const struct feature *const *array = e->core->config.features; array && *array; array++)
		for (const struct feature *f = *array; f->name; f++)
			if (f->disco && (f->disco_at & at) && (!f->on || f->on(e)))
				buf_fmt(out, "<feature var='%s'/>", f->disco);
}
