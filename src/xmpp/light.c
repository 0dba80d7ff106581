#include "xmpp/light.h"

#include "base/mem.h"
#include "xmpp/ns.h"

/* ---- messages ---- */

/* What says nothing by itself. */
static bool is_aside(const struct xml_tree *t, uint32_t i)
{
	static const char *const names[] = {NS_HINTS, NS_STANZA_ID, NS_OCCUPANT_ID, NS_DELAY};

	for (size_t k = 0; k < ARRAY_LEN(names); k++)
		if (str_is(xml_ns(t, i), names[k]))
			return true;
	return xml_is(t, i, "thread", NS_CLIENT);
}

/* Of all children one namespace alone says something. */
static bool says_only(const struct xml_tree *t, uint32_t message, const char *ns)
{
	bool found = false;

	XML_EACH(i, t, message) {
		if (str_is(xml_ns(t, i), ns))
			found = true;
		else if (!is_aside(t, i))
			return false;
	}
	return found;
}

/* What a carbon copies; XML_NONE: it is none. */
static uint32_t copied(const struct xml_tree *t)
{
	uint32_t i = xml_first(t, XML_ROOT), forwarded;

	if (i == XML_NONE || !str_is(xml_ns(t, i), NS_CARBONS))
		return XML_NONE;
	forwarded = xml_child(t, i, "forwarded", NS_FORWARD);
	return forwarded == XML_NONE ? XML_NONE : xml_child(t, forwarded, "message", NS_CLIENT);
}

static enum light light_message(const struct stanza *s)
{
	uint32_t inner = copied(&s->tree);

	if (s->type == TYPE_ERROR)
		return LIGHT_NOT;
	if (says_only(&s->tree, inner == XML_NONE ? XML_ROOT : inner, NS_CHATSTATES))
		return LIGHT_TYPING;
	if (s->type == TYPE_HEADLINE && says_only(&s->tree, XML_ROOT, NS_PUBSUB_EVENT))
		return LIGHT_EVENT;
	return LIGHT_NOT;
}

/* ---- presence ---- */

/* What a room says to somebody of himself (he is in, he was thrown out), of its own end and of the service's. */
static bool concerns_the_reader(const struct xml_tree *t, uint32_t x)
{
	XML_EACH(i, t, x) {
		struct str code = xml_attr(t, i, "code");

		if (xml_is(t, i, "destroy", NS_MUC_USER) || str_is(code, "110") || str_is(code, "332"))
			return true;
	}
	return false;
}

static enum light light_presence(const struct stanza *s)
{
	uint32_t x = stanza_child(s, "x", NS_MUC_USER);

	if (s->type != TYPE_AVAILABLE && s->type != TYPE_UNAVAILABLE)
		return LIGHT_NOT;
	return x != XML_NONE && concerns_the_reader(&s->tree, x) ? LIGHT_NOT : LIGHT_PRESENCE;
}

static enum light find_out(const struct packet *p)
{
	enum light light = LIGHT_NOT;
	struct stanza *s;

	/* With a tag somebody waits for it to arrive. */
	if (p->raw || p->kind == STANZA_IQ || p->tag || packet_parse(p, JID_NONE, &s) != 0)
		return LIGHT_NOT;
	if (s->kind == STANZA_PRESENCE)
		light = light_presence(s);
	else if (s->kind == STANZA_MESSAGE)
		light = light_message(s);
	stanza_free(&s);
	return light;
}

enum light packet_light(struct packet *p)
{
	uint8_t known = atomic_load_explicit(&p->light, memory_order_relaxed);

	/* Two threads may both find it out: they find the same. */
	if (!known) {
		known = (uint8_t)(1 + find_out(p));
		atomic_store_explicit(&p->light, known, memory_order_relaxed);
	}
	return (enum light)(known - 1);
}

struct str packet_sender(const struct packet *p)
{
	static const char attr[] = " from='";
	struct str bytes = packet_view(p);
	size_t skip = p->hole + sizeof(attr) - 1;

	if (p->raw || bytes.n < skip || memcmp(bytes.p + p->hole, attr, sizeof(attr) - 1) != 0)
		return STR_NONE;
	bytes = (struct str){bytes.p + skip, bytes.n - skip};
	return str_cut(&bytes, '\'');
}
