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
	struct lan_login *lan; /* streams between peers */
	char *said;            /* bare address in the from of the client's header, or NULL */
	char *id;              /* of the iq under way (bind, register) */
	char *text;            /* resource or token under way */
};

enum stream_wait { WAIT_NONE, WAIT_KEYS, WAIT_VERIFY, WAIT_SENT, WAIT_REGISTER, WAIT_BIND, WAIT_RESUME, WAIT_LINK };

/* What differs between kinds of streams by more than a flag. */
struct stream_rules {
	void (*put_header)(struct stream *s, struct buf *out);
	enum stream_action (*on_open)(struct stream *s, const struct xml_tree *t, struct str default_ns,
		const struct stream_channel *ch, struct buf *out, struct stream_ask *ask);
	enum stream_action (*before_session)(struct stream *s, const struct xml_tree *t,
		const struct stream_channel *ch, struct buf *out, struct stream_ask *ask);
	enum stream_action (
		*in_session)(struct stream *s, const struct xml_tree *t, struct buf *out, struct stream_ask *ask);
	/* What is written when there is a session, or none can be resumed. */
	void (*put_bound)(struct stream *s, struct str jid, struct buf *out);
	enum stream_action (*resume_failed)(struct stream *s, struct buf *out);
	/* As stream_on_silence(); NULL: it ends. */
	enum stream_action (*on_silence)(struct stream *s, const struct stream_channel *ch, struct buf *out,
		struct stream_ask *ask);
};
extern const struct stream_rules stream_rules_client, stream_rules_keyed, stream_rules_legacy;

struct stream {
	const struct stream_kind *kind;
	const struct stream_policy *policy;
	enum stream_state state;
	enum stream_wait wait;
	bool header_sent;
	bool lacks_tls; /* must_tls, and the other end has none */
	enum stream_proof proof;
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

/* stream_lan.c */
void lan_login_free(struct lan_login **l);

enum stream_action stream_on_sm(struct stream *s, const struct xml_tree *t, struct buf *out, struct stream_ask *ask);
enum stream_action stream_ask_resume(struct stream *s, const struct xml_tree *t, struct buf *out,
	struct stream_ask *ask);
bool stream_is_stanza(const struct stream *s, const struct xml_tree *t);
enum serr stream_check_header(const struct xml_tree *t, struct str default_ns, const struct stream *s);

/* iq result or error to the iq under way (login->id). */
void stream_iq_result(struct stream *s, struct str payload, struct buf *out);
void stream_iq_error(struct stream *s, struct xerr e, struct buf *out);

#endif
