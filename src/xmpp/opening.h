/* The opening side of a client's stream (RFC 6120), as an automaton without I/O: parsed elements go in, bytes to send and
 * one action come out. The other end is as hostile as any: it gets no password outside TLS, none at all where SCRAM is
 * offered, and is believed only when it has shown that it knows the keys.
 *
 *          on_open                <starttls/>, <proceed/>   secured
 *   HEADER -------> FEATURES ----------------------------> TLS -----> HEADER
 *     ^                |  <auth/>        <success/>, restart
 *     |                +--------> SASL ---------------------> HEADER (proven)
 *     |                |  <bind/>         result      <enable/>          <enabled/>, <failed/>
 *     |                +--------> BIND ----------------------> ENABLE ------------------> READY
 *     |                +--<resume/>--> RESUME --<failed/>--> BIND, --<resumed/>--> READY
 *   any --error, end--> CLOSED
 *
 * One thread, but for opening_work(). */
#ifndef XMPP_OPENING_H
#define XMPP_OPENING_H

#include "xmpp/stream.h"

struct opening_config {
	struct str domain;    /* canonical, of the account: what `to` says */
	struct str user;      /* canonical localpart; absent: the channel alone says who we are */
	struct str password;  /* prepared (jid_prep_password); absent: none. Copied, and wiped when proven */
	struct str resource;  /* asked for; absent: the server's choice */
	struct str previd;    /* a session to resume (XEP-0198 section 5), absent if none */
	uint32_t h;           /* with it: the stanzas of it that we have handled */
	bool external;        /* EXTERNAL may be used */
	bool trusted_channel; /* counts as secure without TLS (unix socket) */
};

enum opening_state {
	OPENING_HEADER,
	OPENING_FEATURES,
	OPENING_TLS,
	OPENING_SASL,
	OPENING_BIND,
	OPENING_RESUME,
	OPENING_ENABLE,
	OPENING_READY,
	OPENING_CLOSED
};

enum opening_action {
	OPENING_GO_ON,
	OPENING_START_TLS,  /* TLS now, as client; then opening_secured() */
	OPENING_RESTART,    /* parser: xml_parser_reset(); `out` begins a new stream */
	OPENING_WORK,       /* opening_work() on a thread that may be slow, then opening_worked() */
	OPENING_BOUND,      /* READY, a new session: opening_jid() */
	OPENING_RESUMED,    /* READY, the old session: opening_h() says how much of ours it has */
	OPENING_STANZA,     /* READY: the element is one */
	OPENING_ACK,        /* READY: opening_h() */
	OPENING_ACK_WANTED, /* READY: <r/> */
	OPENING_END         /* send `out`, then close; opening_failure() says why */
};

enum opening_failure {
	OPENING_OK,       /* the other end closed, or was asked to */
	OPENING_NO_TLS,   /* none offered, or refused */
	OPENING_NO_WAY,   /* no mechanism that we can use */
	OPENING_REFUSED,  /* the name or password is wrong, or the account may not log in */
	OPENING_FALSE,    /* the other end does not know the keys of the account */
	OPENING_UNBOUND,  /* no session was given */
	OPENING_STREAM,   /* a stream error; opening_text() is its condition */
	OPENING_PROTOCOL, /* it does not speak XMPP as it should */
	OPENING_FAILURES
};

struct opening;
struct opening *opening_new(const struct opening_config *c);
void opening_free(struct opening **o);

enum opening_state opening_state(const struct opening *o);
enum opening_failure opening_failure(const struct opening *o);
/* Would trying again later be of no use? */
bool opening_is_final(const struct opening *o);
/* English for people, from opening_failure(); the other end's own words (an error condition, perhaps with its text) or "". */
const char *opening_failure_name(enum opening_failure f);
struct str opening_text(const struct opening *o);
struct str opening_jid(const struct opening *o);   /* full address once bound; after a resumption absent */
struct str opening_token(const struct opening *o); /* to resume with; absent if the server offers none */
uint32_t opening_h(const struct opening *o); /* of the last RESUMED, ACK, or failed resumption (then opening_has_h()) */
bool opening_has_h(const struct opening *o);
bool opening_counts(const struct opening *o); /* READY: XEP-0198 is on */

/* The first header. With direct TLS or a unix socket nothing else is different. */
void opening_start(struct opening *o, struct buf *out);
enum opening_action opening_on_open(struct opening *o, const struct xml_tree *t, struct buf *out);
enum opening_action opening_on_element(struct opening *o, const struct xml_tree *t, const struct stream_channel *ch,
	struct buf *out);
enum opening_action opening_on_end(struct opening *o, struct buf *out);
enum opening_action opening_on_bad_xml(struct opening *o, struct buf *out);
/* TLS is up: a new header goes out. The parser must have been reset. */
void opening_secured(struct opening *o, struct buf *out);
void opening_work(struct opening *o); /* touches nothing that the rest reads before opening_worked() */
enum opening_action opening_worked(struct opening *o, struct buf *out);
/* From our side. */
enum opening_action opening_close(struct opening *o, struct buf *out);

#endif
