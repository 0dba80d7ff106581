/* Protocol errors as values: what a handler returns, turned into a stanza or stream error in one
 * place (core/reply.c, wire/conn.c). RFC 6120 sections 8.3 and 4.9. */
#ifndef XMPP_XERR_H
#define XMPP_XERR_H

#include "base/buf.h"

/* Stanza errors (RFC 6120 8.3.3); XERR_NONE is success. */
enum xerr_cond {
	XERR_NONE,
	XERR_BAD_REQUEST,
	XERR_CONFLICT,
	XERR_FEATURE_NOT_IMPLEMENTED,
	XERR_FORBIDDEN,
	XERR_GONE,
	XERR_INTERNAL_SERVER_ERROR,
	XERR_ITEM_NOT_FOUND,
	XERR_JID_MALFORMED,
	XERR_NOT_ACCEPTABLE,
	XERR_NOT_ALLOWED,
	XERR_NOT_AUTHORIZED,
	XERR_POLICY_VIOLATION,
	XERR_RECIPIENT_UNAVAILABLE,
	XERR_REDIRECT,
	XERR_REGISTRATION_REQUIRED,
	XERR_REMOTE_SERVER_NOT_FOUND,
	XERR_REMOTE_SERVER_TIMEOUT,
	XERR_RESOURCE_CONSTRAINT,
	XERR_SERVICE_UNAVAILABLE,
	XERR_SUBSCRIPTION_REQUIRED,
	XERR_UNDEFINED_CONDITION,
	XERR_UNEXPECTED_REQUEST,
	XERR_COUNT
};

struct xerr {
	enum xerr_cond cond;
	const char *type; /* "cancel", "modify", "auth", "wait"; NULL: the condition's usual one */
	const char *text; /* English, there until it is written; NULL for none */
};

#define XERR_OK ((struct xerr){XERR_NONE, NULL, NULL})
static inline struct xerr xerr(enum xerr_cond cond) { return (struct xerr){cond, NULL, NULL}; }
static inline struct xerr xerr_text(enum xerr_cond cond, const char *text) { return (struct xerr){cond, NULL, text}; }
static inline bool xerr_ok(struct xerr e) { return e.cond == XERR_NONE; }

const char *xerr_name(enum xerr_cond cond); /* "bad-request" */
/* `<error type='..'><cond xmlns='..'/><text ..>..</text></error>` */
void xerr_write(struct buf *out, struct xerr e);

/* Stream errors (RFC 6120 4.9.3). */
enum serr {
	SERR_NONE,
	SERR_BAD_FORMAT,
	SERR_BAD_NAMESPACE_PREFIX,
	SERR_CONFLICT,
	SERR_CONNECTION_TIMEOUT,
	SERR_HOST_GONE,
	SERR_HOST_UNKNOWN,
	SERR_IMPROPER_ADDRESSING,
	SERR_INTERNAL_SERVER_ERROR,
	SERR_INVALID_FROM,
	SERR_INVALID_NAMESPACE,
	SERR_INVALID_XML,
	SERR_NOT_AUTHORIZED,
	SERR_NOT_WELL_FORMED,
	SERR_POLICY_VIOLATION,
	SERR_REMOTE_CONNECTION_FAILED,
	SERR_RESET,
	SERR_RESOURCE_CONSTRAINT,
	SERR_RESTRICTED_XML,
	SERR_SEE_OTHER_HOST,
	SERR_SYSTEM_SHUTDOWN,
	SERR_UNDEFINED_CONDITION,
	SERR_UNSUPPORTED_ENCODING,
	SERR_UNSUPPORTED_FEATURE,
	SERR_UNSUPPORTED_STANZA_TYPE,
	SERR_UNSUPPORTED_VERSION,
	SERR_COUNT
};
const char *serr_name(enum serr cond); /* "not-well-formed" */
/* `<stream:error>..</stream:error>`; text and extra (application element, XML) may be absent. */
void serr_write(struct buf *out, enum serr cond, struct str text, struct str extra);

#endif
