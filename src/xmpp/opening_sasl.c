/* SASL from the client's side (RFC 6120 section 6, RFC 5802). */
#include "base/codec.h"
#include "xmpp/opening_i.h"

enum { NEEDS_EXTERNAL = 1, NEEDS_PASSWORD = 2, IS_SCRAM = 4, IS_PLUS = 8 };

/* In order of preference. PLAIN is the last resort: it gives the password away. */
static const struct mechanism {
	const char *name;
	enum hash_kind hash;
	unsigned flags;
} mechanisms[] = {
	{"EXTERNAL", HASH_SHA256, NEEDS_EXTERNAL},
	{"SCRAM-SHA-256-PLUS", HASH_SHA256, NEEDS_PASSWORD | IS_SCRAM | IS_PLUS},
	{"SCRAM-SHA-256", HASH_SHA256, NEEDS_PASSWORD | IS_SCRAM},
	{"SCRAM-SHA-1-PLUS", HASH_SHA1, NEEDS_PASSWORD | IS_SCRAM | IS_PLUS},
	{"SCRAM-SHA-1", HASH_SHA1, NEEDS_PASSWORD | IS_SCRAM},
	{"PLAIN", HASH_SHA256, NEEDS_PASSWORD},
};

static const char *const binding_types[] = {"tls-exporter", "tls-server-end-point"};

static void wipe_text(char **text)
{
	if (*text)
		mem_wipe(*text, strlen(*text));
	xfree(TAKE(*text));
}

static void wipe_buf(struct buf *b)
{
	if (b->p)
		mem_wipe(b->p, b->cap);
	buf_clear(b);
}

void opening_forget(struct opening *o)
{
	wipe_text(&o->password);
	scram_client_free(&o->scram);
	wipe_buf(&o->challenge);
	wipe_buf(&o->reply);
}

/* ---- the choice ---- */

static bool is_offered(const struct xml_tree *t, uint32_t list, const char *name)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 256};

	XML_EACH(i, t, list) {
		buf_clear(&tmp);
		if (xml_is(t, i, "mechanism", NS_SASL) && str_is(str_trim(xml_text(t, i, &tmp)), name))
			return true;
	}
	return false;
}

/* XEP-0440: where the server says which types it knows, another one would only fail. */
static bool server_binds(const struct xml_tree *t, const char *type)
{
	uint32_t list = xml_child(t, XML_ROOT, "sasl-channel-binding", NS_SASL_CB);

	if (list == XML_NONE)
		return true;
	XML_EACH(i, t, list) {
		if (str_is(xml_attr(t, i, "type"), type))
			return true;
	}
	return false;
}

/* The type to use, its data appended; NULL if the channel and the server have none in common. *ret_have: the channel has
 * one at all. */
static const char *choose_binding(const struct xml_tree *t, const struct stream_channel *ch, struct buf *data,
	bool *ret_have)
{
	*ret_have = false;
	for (size_t i = 0; ch->secure && i < ARRAY_LEN(binding_types); i++) {
		buf_reset(data);
		if (ch->binding(ch->arg, binding_types[i], data) != 0)
			continue;
		*ret_have = true;
		if (server_binds(t, binding_types[i]))
			return binding_types[i];
	}
	return NULL;
}

static const struct mechanism *choose(const struct opening *o, const struct xml_tree *t, uint32_t list, bool bindable)
{
	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++) {
		const struct mechanism *m = &mechanisms[i];

		if ((m->flags & NEEDS_EXTERNAL) && !o->external)
			continue;
		if ((m->flags & NEEDS_PASSWORD) && (!o->password || !o->user))
			continue;
		if ((m->flags & IS_PLUS) && !bindable)
			continue;
		if (is_offered(t, list, m->name))
			return m;
	}
	return NULL;
}

static bool any_plus(const struct xml_tree *t, uint32_t list)
{
	return is_offered(t, list, "SCRAM-SHA-256-PLUS") || is_offered(t, list, "SCRAM-SHA-1-PLUS");
}

/* ---- the first message ---- */

static void put_scram(struct opening *o, const struct mechanism *m, const char *binding, struct str data,
	struct buf *out)
{
	o->scram = scram_client_new(m->hash, str_z(o->user), str_z(o->password), binding, data);
	scram_client_first(o->scram, out);
}

static void put_plain(struct opening *o, struct buf *out)
{
	buf_char(out, '\0');
	buf_z(out, o->user);
	buf_char(out, '\0');
	buf_z(out, o->password);
}

/* Without a name of ours the channel's is meant. */
static void put_external(struct opening *o, struct buf *out)
{
	if (!o->user)
		return;
	buf_z(out, o->user);
	buf_char(out, '@');
	buf_z(out, o->domain);
}

enum opening_action opening_auth(struct opening *o, const struct xml_tree *t, uint32_t list,
	const struct stream_channel *ch, struct buf *out)
{
	CLEANUP(wipe_buf) struct buf data = {.max = 1024}, first = {.max = OPENING_SASL_MAX};
	bool have, plus_offered = any_plus(t, list);
	const char *type = choose_binding(t, ch, &data, &have);
	const struct mechanism *m = choose(o, t, list, type != NULL);

	if (!m)
		return opening_fail(o, OPENING_NO_WAY, STR(""), out);
	/* "y" tells the server that somebody hid its -PLUS from us; not to be said when it did offer it. */
	if (!(m->flags & IS_PLUS))
		type = have && !plus_offered ? "" : NULL;
	if (m->flags & IS_SCRAM)
		put_scram(o, m, type, buf_view(&data), &first);
	else if (m->flags & NEEDS_PASSWORD)
		put_plain(o, &first);
	else
		put_external(o, &first);
	buf_fmt(out, "<auth xmlns='" NS_SASL "' mechanism='%s'>", m->name);
	if (first.n)
		b64_encode(out, first.p, first.n);
	else
		buf_char(out, '=');
	buf_z(out, "</auth>");
	opening_enter(o, OPENING_SASL);
	return buf_ok(&first) ? OPENING_GO_ON : opening_fail(o, OPENING_NO_WAY, STR("too long a name"), out);
}

/* ---- the rest ---- */

static bool decode(const struct xml_tree *t, struct buf *ret)
{
	CLEANUP(buf_clear) struct buf tmp = {.max = 2 * OPENING_SASL_MAX};
	struct str text = str_trim(xml_text(t, XML_ROOT, &tmp));

	buf_reset(ret);
	return buf_ok(&tmp) && (!text.n || str_is(text, "=") || b64_decode(ret, text) == 0) && buf_ok(ret);
}

/* server-final, in a challenge or in <success/>. */
static bool is_true_server(struct opening *o, struct str message)
{
	o->scram_true = scram_client_final(o->scram, message) == 0;
	return o->scram_true;
}

void opening_work(struct opening *o)
{
	o->worked = scram_client_challenge(o->scram, buf_view(&o->challenge), &o->reply);
}

enum opening_action opening_worked(struct opening *o, struct buf *out)
{
	must(o->working);
	o->working = false;
	if (o->state != OPENING_SASL)
		return OPENING_GO_ON;
	if (o->worked != 0)
		return opening_fail(o, OPENING_FALSE,
			o->worked == ERR_LIMIT ? STR("asks for too much work") : STR("a wrong challenge"), out);
	buf_z(out, "<response xmlns='" NS_SASL "'>");
	b64_encode(out, o->reply.p, o->reply.n);
	buf_z(out, "</response>");
	return OPENING_GO_ON;
}

static enum opening_action on_challenge(struct opening *o, const struct xml_tree *t, struct buf *out)
{
	if (!o->scram || o->scram_true || o->working || !decode(t, &o->challenge))
		return opening_fail(o, OPENING_PROTOCOL, STR("an unexpected challenge"), out);
	if (!o->reply.n) {
		o->working = true;
		return OPENING_WORK;
	}
	if (!is_true_server(o, buf_view(&o->challenge)))
		return opening_fail(o, OPENING_FALSE, STR(""), out);
	buf_z(out, "<response xmlns='" NS_SASL "'/>");
	return OPENING_GO_ON;
}

enum opening_action opening_on_sasl(struct opening *o, const struct xml_tree *t, struct buf *out)
{
	if (o->working)
		return opening_fail(o, OPENING_PROTOCOL, STR("it does not wait for its answer"), out);
	if (xml_is(t, XML_ROOT, "challenge", NS_SASL))
		return on_challenge(o, t, out);
	if (!xml_is(t, XML_ROOT, "success", NS_SASL) || !decode(t, &o->challenge))
		return opening_fail(o, OPENING_PROTOCOL, STR("no answer to auth"), out);
	/* Success without the server's signature would be anybody's. */
	if (o->scram && !o->scram_true && (!o->reply.n || !is_true_server(o, buf_view(&o->challenge))))
		return opening_fail(o, OPENING_FALSE, STR(""), out);
	return OPENING_RESTART;
}
