/* An XML stream (RFC 6120), as an automaton without I/O: parsed elements go in, bytes to send and one action come out. What an
 * action asks of others (keys, a session) comes back through the on_ functions; until then nothing more may be fed in
 * (stream_waiting()). Clients' streams, which we answer:
 *
 *            on_open                <auth/>              <success/>, on_open      <bind/>       on_bound
 *   HEADER ----------> FEATURES ------------> SASL ---------------> FEATURES --------> BIND ------------> READY
 *     ^                  | <starttls/>          | failure            (principal known)  | <resume/>
 *     +---- TLS <--------+                      +--> FEATURES                           +--on_attached--> READY
 *   any --stream error, end--> CLOSED
 *
 * Streams between peers, at both ends (stream_lan.c); who is at the other end is known by the key that TLS proves:
 *
 *            headers, on_link      shared password       <enable/>, <resume/>        on_bound
 *   HEADER ----------> FEATURES <-----------> SASL;  FEATURES ----------> BIND ------------> READY
 *
 * Those of XEP-0174 prove nothing. With a version at both ends TLS is offered first; without it, or once it is up, on_link:
 *
 *            headers, a version     <starttls/>                    none wanted, on_link         on_bound
 *   HEADER ----------> FEATURES ------------> TLS --> HEADER;  HEADER, FEATURES ------> BIND ------------> READY
 *
 * Login state is freed when the stream is READY. One thread. */
#ifndef XMPP_STREAM_H
#define XMPP_STREAM_H

#include "xml/parse.h"
#include "xmpp/lanpass.h"
#include "xmpp/scram.h"
#include "xmpp/stanza.h"
#include "xmpp/xerr.h"

/* What differs between streams; the automaton has no other knowledge of who is at the other end. */
enum {
	STREAM_OFFERS_TLS = 1,      /* <starttls/> while the channel is not secure */
	STREAM_OFFERS_PASSWORD = 2, /* SCRAM, PLAIN */
	STREAM_OFFERS_EXTERNAL = 4, /* the channel itself proves a name (unix peer credentials) */
	STREAM_OFFERS_REGISTER = 8  /* XEP-0077, where policy allows */
};
struct stream_kind {
	const char *name;     /* for logs: "c2s" */
	const char *content;  /* content namespace */
	unsigned offers;      /* STREAM_OFFERS_ bits */
	bool trusted_channel; /* counts as secure without TLS (unix socket) */
	bool opening;         /* we dialled and speak first: stream_start() */
	bool link;     /* the other end is a peer: it speaks for addresses, and is asked about with STREAM_ASK_LINK */
	bool keyed;    /* TLS with node keys below: counts from its beginning (XEP-0198) */
	bool legacy;   /* XEP-0174 as old programs speak it: stanzas are rewritten at the link */
	bool must_tls; /* nothing is said on it in the clear but the headers */
	bool sniff;    /* may turn out to be TLS by its first byte, and is then a keyed one */
	bool pack_stanza; /* one stanza a send, for whoever reads the packets */
	const struct stream_rules *rules;
};
extern const struct stream_kind stream_client;      /* TCP, RFC 6120 and direct TLS */
extern const struct stream_kind stream_client_unix; /* local socket */
extern const struct stream_kind stream_lan_keyed_in, stream_lan_keyed_out, stream_lan_plain_in, stream_lan_plain_out;
/* The plain ones that have TLS or end, and those that never have it. */
extern const struct stream_kind stream_lan_tls_in, stream_lan_tls_out, stream_lan_old_in, stream_lan_old_out;

/* One for all streams of a process. */
struct stream_policy {
	bool (*serves)(void *arg, struct str domain); /* canonical domain */
	void *arg;
	const char *localhost; /* the domain that "localhost" means here (a node's own); NULL: itself */
	bool allow_plaintext;  /* passwords without TLS, on a local link only if local_only */
	bool registration;     /* strangers may make accounts */
	bool tls;              /* there is a certificate */
	bool client_state;     /* clients may say that nobody looks at them (XEP-0352) */
	unsigned max_tries;    /* failed logins on one stream, then policy-violation; 0: 5 */
};

enum stream_state { STREAM_HEADER, STREAM_FEATURES, STREAM_TLS, STREAM_SASL, STREAM_BIND, STREAM_READY, STREAM_CLOSED };

enum stream_action {
	STREAM_GO_ON,
	STREAM_START_TLS,    /* after `out` is sent: TLS; then stream_secured() */
	STREAM_RESTART,      /* parser: xml_parser_reset(); a new header comes */
	STREAM_ASK_KEYS,     /* ask.account, ask.hash -> stream_on_keys() */
	STREAM_ASK_VERIFY,   /* ask.keys, ask.password: scram_verify() elsewhere -> stream_on_verified() */
	STREAM_ASK_REGISTER, /* ask.account, ask.password -> stream_on_registered() */
	STREAM_ASK_BIND,     /* ask.account, ask.resource (absent: choose) -> stream_on_bound() */
	STREAM_ASK_RESUME,   /* ask.account, ask.token, ask.h -> stream_on_bound() or stream_on_resume_failed() */
	STREAM_ASK_LINK,     /* ask.from, ask.to: what the other end says -> stream_on_link() */
	STREAM_ASK_OPEN,     /* ask.token (absent: name it): a session with this peer -> stream_on_bound() */
	STREAM_ENABLE_SM,    /* ask.resume */
	STREAM_GIVE_STANZA,  /* the element is a stanza to be handed over */
	STREAM_ACK,          /* ask.h: the client has handled so many */
	STREAM_ACK_WANTED,   /* <r/> */
	STREAM_CLIENT_STATE, /* ask.active: whether somebody looks at the client (XEP-0352) */
	STREAM_FAILED_LOGIN, /* `out` holds <failure/>; slow it down if you like, then stream_failure_sent() */
	STREAM_END           /* send `out`, then close */
};

struct stream_ask {
	struct str account, resource, token; /* views, valid until the answer */
	struct str from, to;
	const char *password; /* terminated; wiped when answered */
	const struct scram_keys *keys;
	enum hash_kind hash;
	uint32_t h;
	bool resume;
	bool active;
	bool again; /* the element is for the session: to be given anew when this is answered */
};

/* What the channel below is, asked when needed. */
struct stream_channel {
	bool secure, local;
	bool can_tls;        /* between peers: TLS may begin on it */
	struct str external; /* the user name that the channel proves (canonical localpart), absent if none */
	/* Channel binding data of "tls-exporter" or "tls-server-end-point" appended; ERR_UNSUPPORTED. */
	int (*binding)(void *arg, const char *type, struct buf *out);
	void *arg;
};

/* A password that both nodes of a link share, and between whom. Wipe it. */
struct stream_password {
	struct lan_keys keys;
	uint8_t ours[NODEID_FINGERPRINT], theirs[NODEID_FINGERPRINT];
	char id[NODEID_LEN + 1]; /* NODEID of the end that dialled */
};

/* Answer to STREAM_ASK_LINK. */
struct stream_link {
	enum serr error;  /* not SERR_NONE: refused */
	const char *text; /* static, or NULL */
	struct str from;  /* for our header, as it shall stand there */
	struct str peer;  /* what the other end is, as an address */
	struct str token; /* opening: the session to resume; absent: a new one */
	uint32_t h;
	const struct stream_password *password; /* NULL: none is shared */
};
/* What came of the shared password on this stream. */
enum stream_proof { PROOF_NONE, PROOF_RIGHT, PROOF_WRONG };

struct stream;
struct stream *stream_new(const struct stream_kind *kind, const struct stream_policy *policy);
void stream_free(struct stream **s);

enum stream_state stream_state(const struct stream *s);
bool stream_waiting(const struct stream *s);      /* an ASK_ is unanswered */
struct str stream_domain(const struct stream *s); /* "" before the header */
struct str stream_lang(const struct stream *s);   /* xml:lang of the header, absent if none */
struct str stream_jid(const struct stream *s);    /* full address once READY */
const struct stream_kind *stream_kind(const struct stream *s);
enum stream_proof stream_proof(const struct stream *s);
/* Whom a stanza from this stream is stamped as; JID_NONE: its own `from` has been checked. */
struct jid stream_stamp(const struct stream *s);
/* Opening kinds: the first word. to may be absent. */
void stream_start(struct stream *s, struct str from, struct str to, struct buf *out);
void stream_start_again(struct stream *s, struct buf *out); /* after stream_secured() */
/* It came to nothing because the other end has no TLS to offer (must_tls). */
bool stream_lacks_tls(const struct stream *s);

/* default_ns: the default namespace that the header declares. */
enum stream_action stream_on_open(struct stream *s, const struct xml_tree *t, struct str default_ns,
	const struct stream_channel *ch, struct buf *out, struct stream_ask *ask);
enum stream_action stream_on_element(struct stream *s, const struct xml_tree *t, const struct stream_channel *ch,
	struct buf *out, struct stream_ask *ask);
enum stream_action stream_on_end(struct stream *s, struct buf *out);
/* Nobody says whether TLS is wanted: XEP-0174 streams go on without, all others end. */
enum stream_action stream_on_silence(struct stream *s, const struct stream_channel *ch, struct buf *out,
	struct stream_ask *ask);
/* Any parser error. */
enum stream_action stream_on_bad_xml(struct stream *s, enum xml_event event, struct buf *out);
/* Ends it from our side: header if none was sent yet, the error, the end tag. */
enum stream_action stream_close(struct stream *s, enum serr error, const char *text, struct buf *out);
/* The same with an element of the application's inside the error; may be absent. */
enum stream_action stream_close_with(struct stream *s, enum serr error, const char *text, struct str extra,
	struct buf *out);

void stream_secured(struct stream *s); /* TLS is up: everything learnt before is forgotten */
enum stream_action stream_on_keys(struct stream *s, const struct scram_keys *keys, bool known,
	const struct stream_channel *ch, struct buf *out, struct stream_ask *ask);
enum stream_action stream_on_verified(struct stream *s, bool right, struct buf *out);
enum stream_action stream_failure_sent(struct stream *s, struct buf *out);
enum stream_action stream_on_registered(struct stream *s, enum xerr_cond error, struct buf *out);
/* jid: full address. error: refused with it. For a resumed stream nothing is written: the wire writes <resumed/>. */
enum stream_action stream_on_bound(struct stream *s, struct str jid, enum xerr_cond error, struct buf *out);
enum stream_action stream_on_resume_failed(struct stream *s, struct buf *out);
enum stream_action stream_on_link(struct stream *s, const struct stream_link *reply, const struct stream_channel *ch,
	struct buf *out, struct stream_ask *ask);

#endif
