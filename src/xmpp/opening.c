#include "xmpp/opening_i.h"

#include "xmpp/jid.h"

/* ---- life ---- */

struct opening *opening_new(const struct opening_config *c)
{
	struct opening *o = xcalloc(1, sizeof(*o));

	must(c->domain.n);
	o->domain = str_dup(c->domain);
	o->user = str_dup(c->user);
	o->password = str_dup(c->password);
	o->resource = str_dup(c->resource);
	o->previd = str_dup(c->previd);
	o->h = c->h;
	o->external = c->external;
	o->trusted = c->trusted_channel;
	buf_init(&o->challenge, OPENING_SASL_MAX);
	buf_init(&o->reply, OPENING_SASL_MAX);
	return o;
}

void opening_free(struct opening **opening)
{
	struct opening *o = TAKE(*opening);

	if (!o)
		return;
	must(!o->working);
	opening_forget(o);
	xfree(o->domain);
	xfree(o->user);
	xfree(o->resource);
	xfree(o->previd);
	xfree(o->jid);
	xfree(o->token);
	xfree(o->text);
	xfree(o);
}

enum opening_state opening_state(const struct opening *o) { return o->state; }
enum opening_failure opening_failure(const struct opening *o) { return o->failure; }
struct str opening_text(const struct opening *o) { return str_z(o->text ? o->text : ""); }
struct str opening_jid(const struct opening *o) { return str_z(o->jid); }
struct str opening_token(const struct opening *o) { return str_z(o->token); }
uint32_t opening_h(const struct opening *o) { return o->h; }
bool opening_has_h(const struct opening *o) { return o->has_h; }
bool opening_counts(const struct opening *o) { return o->counts; }

static const struct {
	const char *text;
	bool final;
} failures[OPENING_FAILURES] = {
	[OPENING_OK] = {"the connection was closed", false},
	[OPENING_NO_TLS] = {"the server offers no encryption", true},
	[OPENING_NO_WAY] = {"the server offers no way to log in that can be used", true},
	[OPENING_REFUSED] = {"the login was refused", true},
	[OPENING_FALSE] = {"this is not the server that knows the account", true},
	[OPENING_UNBOUND] = {"the server gives no session", false},
	[OPENING_STREAM] = {"the server closed the stream", false},
	[OPENING_PROTOCOL] = {"the other end does not speak XMPP", false},
};

const char *opening_failure_name(enum opening_failure f)
{
	must(f < OPENING_FAILURES);
	return failures[f].text;
}

bool opening_is_final(const struct opening *o)
{
	static const char *const passing[] = {"temporary-auth-failure", NULL};
	/* Another client took our place, or we are not wanted: coming back would be a fight. */
	static const char *const last[] = {"conflict", "host-unknown", "host-gone", "not-authorized", NULL};

	for (size_t i = 0; passing[i]; i++)
		if (o->failure == OPENING_REFUSED && str_starts(opening_text(o), str_z(passing[i])))
			return false;
	for (size_t i = 0; last[i]; i++)
		if (o->failure == OPENING_STREAM && str_starts(opening_text(o), str_z(last[i])))
			return true;
	return failures[o->failure].final;
}

#define TO(state) (1u << OPENING_##state)
static const unsigned legal[] = {
	[OPENING_HEADER] = TO(FEATURES) | TO(CLOSED),
	[OPENING_FEATURES] = TO(TLS) | TO(SASL) | TO(BIND) | TO(RESUME) | TO(CLOSED),
	[OPENING_TLS] = TO(HEADER) | TO(CLOSED),
	[OPENING_SASL] = TO(HEADER) | TO(CLOSED),
	[OPENING_BIND] = TO(ENABLE) | TO(READY) | TO(CLOSED),
	[OPENING_RESUME] = TO(BIND) | TO(READY) | TO(CLOSED),
	[OPENING_ENABLE] = TO(READY) | TO(CLOSED),
	[OPENING_READY] = TO(CLOSED),
	[OPENING_CLOSED] = 0,
};

void opening_enter(struct opening *o, enum opening_state next)
{
	must(legal[o->state] & (1u << next));
	o->state = next;
}

/* ---- headers and ends ---- */

static void put_header(struct opening *o, struct buf *out)
{
	buf_z(out, "<?xml version='1.0'?><stream:stream xmlns='" NS_CLIENT "' xmlns:stream='" NS_STREAM "'");
	xml_put_attr(out, "to", str_z(o->domain));
	buf_z(out, " version='1.0' xml:lang='en'>");
}

void opening_start(struct opening *o, struct buf *out) { put_header(o, out); }

static void keep_text(struct opening *o, struct str text)
{
	xfree(TAKE(o->text));
	if (text.n > OPENING_TEXT_MAX)
		text.n = OPENING_TEXT_MAX;
	o->text = str_dup(text);
}

enum opening_action opening_close(struct opening *o, struct buf *out)
{
	if (o->state == OPENING_CLOSED)
		return OPENING_GO_ON;
	buf_z(out, "</stream:stream>");
	opening_enter(o, OPENING_CLOSED);
	return OPENING_END;
}

enum opening_action opening_fail(struct opening *o, enum opening_failure f, struct str text, struct buf *out)
{
	if (o->state != OPENING_CLOSED) {
		o->failure = f;
		keep_text(o, text);
	}
	return opening_close(o, out);
}

enum opening_action opening_on_end(struct opening *o, struct buf *out) { return opening_close(o, out); }

enum opening_action opening_on_bad_xml(struct opening *o, struct buf *out)
{
	return opening_fail(o, OPENING_PROTOCOL, STR("malformed XML"), out);
}

/* "host-unknown", or "host-unknown: its own words". */
static void put_condition(const struct xml_tree *t, const char *ns, struct buf *out)
{
	struct buf tmp;

	buf_init(&tmp, OPENING_TEXT_MAX);
	XML_EACH(i, t, XML_ROOT) {
		if (str_is(xml_ns(t, i), ns) && !str_is(xml_name(t, i), "text") && !out->n)
			buf_str(out, xml_name(t, i));
	}
	uint32_t text = xml_child(t, XML_ROOT, "text", ns);
	if (text != XML_NONE && out->n) {
		struct str s = xml_text(t, text, &tmp);
		if (s.n) {
			buf_z(out, ": ");
			buf_str(out, s);
		}
	}
	buf_clear(&tmp);
}

static enum opening_action fail_as(struct opening *o, enum opening_failure f, const struct xml_tree *t, const char *ns,
	struct buf *out)
{
	CLEANUP(buf_clear) struct buf text = {.max = 2 * OPENING_TEXT_MAX};

	put_condition(t, ns, &text);
	return opening_fail(o, f, buf_view(&text), out);
}

enum opening_action opening_on_open(struct opening *o, const struct xml_tree *t, struct buf *out)
{
	struct str version = xml_attr(t, XML_ROOT, "version");
	uint64_t major;

	if (o->state != OPENING_HEADER || !xml_is(t, XML_ROOT, "stream", NS_STREAM) ||
		str_uint(str_cut(&version, '.'), UINT32_MAX, &major) != 0 || major < 1)
		return opening_fail(o, OPENING_PROTOCOL, STR("no stream header of version 1.0"), out);
	opening_enter(o, OPENING_FEATURES);
	return OPENING_GO_ON;
}

void opening_secured(struct opening *o, struct buf *out)
{
	must(o->state == OPENING_TLS);
	opening_enter(o, OPENING_HEADER);
	put_header(o, out);
}

/* ---- features ---- */

static enum opening_action start_tls(struct opening *o, const struct xml_tree *t, struct buf *out)
{
	if (xml_child(t, XML_ROOT, "starttls", NS_TLS) == XML_NONE)
		return opening_fail(o, OPENING_NO_TLS, STR(""), out);
	buf_z(out, "<starttls xmlns='" NS_TLS "'/>");
	opening_enter(o, OPENING_TLS);
	return OPENING_GO_ON;
}

static enum opening_action ask_bind(struct opening *o, struct buf *out)
{
	buf_z(out, "<iq type='set' id='bind'><bind xmlns='" NS_BIND "'");
	if (o->resource) {
		buf_char(out, '>');
		xml_put_text(out, "resource", str_z(o->resource));
		buf_z(out, "</bind></iq>");
	} else {
		buf_z(out, "/></iq>");
	}
	opening_enter(o, OPENING_BIND);
	return OPENING_GO_ON;
}

static enum opening_action ask_session(struct opening *o, const struct xml_tree *t, struct buf *out)
{
	o->offers_sm = xml_child(t, XML_ROOT, "sm", NS_SM) != XML_NONE;
	if (!o->offers_sm || !o->previd)
		return ask_bind(o, out);
	buf_fmt(out, "<resume xmlns='" NS_SM "' h='%u'", o->h);
	xml_put_attr(out, "previd", str_z(o->previd));
	buf_z(out, "/>");
	opening_enter(o, OPENING_RESUME);
	return OPENING_GO_ON;
}

static enum opening_action on_features(struct opening *o, const struct xml_tree *t, const struct stream_channel *ch,
	struct buf *out)
{
	uint32_t mechanisms;

	if (!xml_is(t, XML_ROOT, "features", NS_STREAM))
		return opening_fail(o, OPENING_PROTOCOL, STR("no features"), out);
	if (!ch->secure && !o->trusted)
		return start_tls(o, t, out);
	if (o->proven)
		return ask_session(o, t, out);
	mechanisms = xml_child(t, XML_ROOT, "mechanisms", NS_SASL);
	if (mechanisms == XML_NONE)
		return opening_fail(o, OPENING_NO_WAY, STR(""), out);
	return opening_auth(o, t, mechanisms, ch, out);
}

static enum opening_action on_tls(struct opening *o, const struct xml_tree *t, struct buf *out)
{
	if (!xml_is(t, XML_ROOT, "proceed", NS_TLS))
		return opening_fail(o, OPENING_NO_TLS, STR("refused"), out);
	return OPENING_START_TLS;
}

static enum opening_action on_sasl(struct opening *o, const struct xml_tree *t, struct buf *out)
{
	enum opening_action a;

	if (xml_is(t, XML_ROOT, "failure", NS_SASL))
		return fail_as(o, OPENING_REFUSED, t, NS_SASL, out);
	a = opening_on_sasl(o, t, out);
	if (a != OPENING_RESTART)
		return a;
	o->proven = true;
	opening_forget(o);
	opening_enter(o, OPENING_HEADER);
	put_header(o, out);
	return OPENING_RESTART;
}

/* ---- the session ---- */

static bool take_jid(struct opening *o, const struct xml_tree *t)
{
	uint32_t bind = xml_child(t, XML_ROOT, "bind", NS_BIND);
	uint32_t jid = bind == XML_NONE ? XML_NONE : xml_child(t, bind, "jid", NS_BIND);
	CLEANUP(buf_clear) struct buf tmp = {.max = JID_MAX};
	struct jid_buf j;

	if (jid == XML_NONE || jid_parse_buf(xml_text(t, jid, &tmp), &j) != 0 || !j.jid.resource || !buf_ok(&tmp))
		return false;
	o->jid = str_dup(jid_str(j.jid));
	return true;
}

static enum opening_action on_bound(struct opening *o, const struct xml_tree *t, struct buf *out)
{
	if (!xml_is(t, XML_ROOT, "iq", NS_CLIENT) || !str_is(xml_attr(t, XML_ROOT, "id"), "bind"))
		return opening_fail(o, OPENING_PROTOCOL, STR("no answer to bind"), out);
	if (!str_is(xml_attr(t, XML_ROOT, "type"), "result") || !take_jid(o, t)) {
		uint32_t error = xml_child(t, XML_ROOT, "error", NS_CLIENT);
		uint32_t cond = error == XML_NONE ? XML_NONE : xml_first(t, error);
		return opening_fail(o, OPENING_UNBOUND, cond == XML_NONE ? STR("") : xml_name(t, cond), out);
	}
	if (!o->offers_sm) {
		opening_enter(o, OPENING_READY);
		return OPENING_BOUND;
	}
	/* Nothing may be sent before the answer, or the two sides would count from different places. */
	buf_z(out, "<enable xmlns='" NS_SM "' resume='true'/>");
	opening_enter(o, OPENING_ENABLE);
	return OPENING_GO_ON;
}

static bool is_true(struct str s) { return str_is(s, "true") || str_is(s, "1"); }

static enum opening_action on_enabled(struct opening *o, const struct xml_tree *t, struct buf *out)
{
	struct str id = xml_attr(t, XML_ROOT, "id");

	o->counts = xml_is(t, XML_ROOT, "enabled", NS_SM);
	if (!o->counts && !xml_is(t, XML_ROOT, "failed", NS_SM))
		return opening_fail(o, OPENING_PROTOCOL, STR("no answer to enable"), out);
	if (o->counts && id.n && id.n <= OPENING_TEXT_MAX && is_true(xml_attr(t, XML_ROOT, "resume")))
		o->token = str_dup(id);
	opening_enter(o, OPENING_READY);
	return OPENING_BOUND;
}

static bool take_h(struct opening *o, const struct xml_tree *t)
{
	uint64_t h;

	if (str_uint(xml_attr(t, XML_ROOT, "h"), UINT32_MAX, &h) != 0)
		return false;
	o->h = (uint32_t)h;
	return true;
}

static enum opening_action on_resumed(struct opening *o, const struct xml_tree *t, struct buf *out)
{
	if (xml_is(t, XML_ROOT, "failed", NS_SM)) {
		o->has_h = take_h(o, t);
		return ask_bind(o, out);
	}
	if (!xml_is(t, XML_ROOT, "resumed", NS_SM) || !take_h(o, t))
		return opening_fail(o, OPENING_PROTOCOL, STR("no answer to resume"), out);
	o->counts = true;
	o->token = str_dup(str_z(o->previd));
	opening_enter(o, OPENING_READY);
	return OPENING_RESUMED;
}

static enum opening_action on_ready(struct opening *o, const struct xml_tree *t, struct buf *out)
{
	if (str_is(xml_ns(t, XML_ROOT), NS_CLIENT))
		return OPENING_STANZA;
	if (o->counts && xml_is(t, XML_ROOT, "r", NS_SM))
		return OPENING_ACK_WANTED;
	if (o->counts && xml_is(t, XML_ROOT, "a", NS_SM))
		return take_h(o, t) ? OPENING_ACK : opening_fail(o, OPENING_PROTOCOL, STR("an <a/> without h"), out);
	return opening_fail(o, OPENING_PROTOCOL, STR("an element that is no stanza"), out);
}

enum opening_action opening_on_element(struct opening *o, const struct xml_tree *t, const struct stream_channel *ch,
	struct buf *out)
{
	if (o->state == OPENING_CLOSED)
		return OPENING_GO_ON;
	if (xml_is(t, XML_ROOT, "error", NS_STREAM))
		return fail_as(o, OPENING_STREAM, t, NS_STREAMS_ERR, out);
	switch (o->state) {
	case OPENING_FEATURES:
		return on_features(o, t, ch, out);
	case OPENING_TLS:
		return on_tls(o, t, out);
	case OPENING_SASL:
		return on_sasl(o, t, out);
	case OPENING_BIND:
		return on_bound(o, t, out);
	case OPENING_RESUME:
		return on_resumed(o, t, out);
	case OPENING_ENABLE:
		return on_enabled(o, t, out);
	case OPENING_READY:
		return on_ready(o, t, out);
	default:
		return opening_fail(o, OPENING_PROTOCOL, STR("an element before the header"), out);
	}
}
