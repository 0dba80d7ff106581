#include "xmpp/xerr.h"

#include "base/mem.h"
#include "xml/write.h"
#include "xmpp/ns.h"

struct stanza_error {
	const char *name;
	const char *type; /* the usual one of RFC 6120 8.3.3 */
};

static const struct stanza_error stanza_errors[XERR_COUNT] = {
	[XERR_BAD_REQUEST] = {"bad-request", "modify"},
	[XERR_CONFLICT] = {"conflict", "cancel"},
	[XERR_FEATURE_NOT_IMPLEMENTED] = {"feature-not-implemented", "cancel"},
	[XERR_FORBIDDEN] = {"forbidden", "auth"},
	[XERR_GONE] = {"gone", "cancel"},
	[XERR_INTERNAL_SERVER_ERROR] = {"internal-server-error", "cancel"},
	[XERR_ITEM_NOT_FOUND] = {"item-not-found", "cancel"},
	[XERR_JID_MALFORMED] = {"jid-malformed", "modify"},
	[XERR_NOT_ACCEPTABLE] = {"not-acceptable", "modify"},
	[XERR_NOT_ALLOWED] = {"not-allowed", "cancel"},
	[XERR_NOT_AUTHORIZED] = {"not-authorized", "auth"},
	[XERR_POLICY_VIOLATION] = {"policy-violation", "modify"},
	[XERR_RECIPIENT_UNAVAILABLE] = {"recipient-unavailable", "wait"},
	[XERR_REDIRECT] = {"redirect", "modify"},
	[XERR_REGISTRATION_REQUIRED] = {"registration-required", "auth"},
	[XERR_REMOTE_SERVER_NOT_FOUND] = {"remote-server-not-found", "cancel"},
	[XERR_REMOTE_SERVER_TIMEOUT] = {"remote-server-timeout", "wait"},
	[XERR_RESOURCE_CONSTRAINT] = {"resource-constraint", "wait"},
	[XERR_SERVICE_UNAVAILABLE] = {"service-unavailable", "cancel"},
	[XERR_SUBSCRIPTION_REQUIRED] = {"subscription-required", "auth"},
	[XERR_UNDEFINED_CONDITION] = {"undefined-condition", "cancel"},
	[XERR_UNEXPECTED_REQUEST] = {"unexpected-request", "wait"},
};

static const char *const stream_errors[SERR_COUNT] = {
	[SERR_BAD_FORMAT] = "bad-format",
	[SERR_BAD_NAMESPACE_PREFIX] = "bad-namespace-prefix",
	[SERR_CONFLICT] = "conflict",
	[SERR_CONNECTION_TIMEOUT] = "connection-timeout",
	[SERR_HOST_GONE] = "host-gone",
	[SERR_HOST_UNKNOWN] = "host-unknown",
	[SERR_IMPROPER_ADDRESSING] = "improper-addressing",
	[SERR_INTERNAL_SERVER_ERROR] = "internal-server-error",
	[SERR_INVALID_FROM] = "invalid-from",
	[SERR_INVALID_NAMESPACE] = "invalid-namespace",
	[SERR_INVALID_XML] = "invalid-xml",
	[SERR_NOT_AUTHORIZED] = "not-authorized",
	[SERR_NOT_WELL_FORMED] = "not-well-formed",
	[SERR_POLICY_VIOLATION] = "policy-violation",
	[SERR_REMOTE_CONNECTION_FAILED] = "remote-connection-failed",
	[SERR_RESET] = "reset",
	[SERR_RESOURCE_CONSTRAINT] = "resource-constraint",
	[SERR_RESTRICTED_XML] = "restricted-xml",
	[SERR_SEE_OTHER_HOST] = "see-other-host",
	[SERR_SYSTEM_SHUTDOWN] = "system-shutdown",
	[SERR_UNDEFINED_CONDITION] = "undefined-condition",
	[SERR_UNSUPPORTED_ENCODING] = "unsupported-encoding",
	[SERR_UNSUPPORTED_FEATURE] = "unsupported-feature",
	[SERR_UNSUPPORTED_STANZA_TYPE] = "unsupported-stanza-type",
	[SERR_UNSUPPORTED_VERSION] = "unsupported-version",
};

const char *xerr_name(enum xerr_cond cond)
{
	must(cond > XERR_NONE && cond < XERR_COUNT);
	return stanza_errors[cond].name;
}

const char *serr_name(enum serr cond)
{
	must(cond > SERR_NONE && cond < SERR_COUNT);
	return stream_errors[cond];
}

/* `<cond xmlns='ns'/><text xmlns='ns' xml:lang='en'>text</text>`; both kinds of errors have this inside. */
static void put_condition(struct buf *out, const char *cond, const char *ns, struct str text)
{
	xml_put_open(out, cond, ns);
	buf_z(out, "/>");
	if (!text.n)
		return;
	xml_put_open(out, "text", ns);
	buf_z(out, " xml:lang='en'>");
	xml_escape(out, text);
	buf_z(out, "</text>");
}

void xerr_write(struct buf *out, struct xerr e)
{
	const char *name = xerr_name(e.cond);

	buf_z(out, "<error");
	xml_put_attr(out, "type", str_z(e.type ? e.type : stanza_errors[e.cond].type));
	buf_char(out, '>');
	put_condition(out, name, NS_STANZAS, str_z(e.text));
	buf_z(out, "</error>");
}

void serr_write(struct buf *out, enum serr cond, struct str text, struct str extra)
{
	buf_z(out, "<stream:error>");
	put_condition(out, serr_name(cond), NS_STREAMS_ERR, text);
	buf_str(out, extra);
	buf_z(out, "</stream:error>");
}
