/* Private to the stream automaton (stream.c, stream_sasl.c, stream_register.c). */
#ifndef XMPP_STREAM_I_H
#define XMPP_STREAM_I_H

#include "base/err.h"
#include "base/mem.h"
#include "xml/write.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

struct sasl_mechanism;

/* Needed only until the stream is READY. */
struct stream_login {
	char *account;                          /* bare address under proof, later the principal */
	bool proven;                            /* account is the principal */
	const struct sasl_mechanism *mechanism; /* exchange under way, or NULL */
	struct scram_server *scram;
	const char *binding; /* channel binding type that the client chose, or NULL */
	char *password;      /* PLAIN, registration; wiped */
	struct scram_keys keys;
	bool known; /* the account exists */
	unsigned tries;
	char *said; /* bare address in the from of the client's header, or NULL */
	char *id;   /* of the iq under way (bind, register) */
	char *text; /* resource or token under way */
};

enum stream_wait { WAIT_NONE, WAIT_KEYS, WAIT_VERIFY, WAIT_SENT, WAIT_REGISTER, WAIT_BIND, WAIT_RESUME };

struct stream {
	const struct stream_kind *kind;
	const struct stream_policy *policy;
	enum stream_state state;
	enum stream_wait wait;
	bool header_sent;
	char *domain;               /* NULL before the header */
	char *lang, *jid;           /* NULL while unknown */
	struct stream_login *login; /* NULL once READY */
};

void stream_enter(struct stream *s, enum stream_state next);
void stream_login_free(struct stream_login **l);
void stream_login_wipe(struct stream_login *l);

/* stream_sasl.c */
void sasl_features(const struct stream *s, const struct stream_channel *ch, struct buf *out);
bool sasl_password_allowed(const struct stream *s, const struct stream_channel *ch);
enum stream_action sasl_on_element(struct stream *s, const struct xml_tree *t, const struct stream_channel *ch,
	struct buf *out, struct stream_ask *ask);
void sasl_abort(struct stream *s);

/* stream_register.c */
bool register_offered(const struct stream *s, const struct stream_channel *ch);
enum stream_action register_on_iq(struct stream *s, const struct xml_tree *t, uint32_t query, struct buf *out,
	struct stream_ask *ask);

/* iq result or error to the iq under way (login->id). */
void stream_iq_result(struct stream *s, struct str payload, struct buf *out);
void stream_iq_error(struct stream *s, struct xerr e, struct buf *out);

#endif
