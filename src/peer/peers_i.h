/* Private to src/peer: the index table from the inside. */
#ifndef PEER_PEERS_I_H
#define PEER_PEERS_I_H

#include "base/err.h"
#include "base/hash.h"
#include "core/session.h"
#include "peer/peers.h"
#include "xmpp/label.h"
#include "xmpp/lanpass.h"
#include "xmpp/nodeid.h"
#include "xmpp/ns.h"
#include "xmpp/sas.h"
#include "xmpp/service.h"
#include "xmpp/told.h"

#define NS_EVENT "urn:wireside:event:0"
#define NS_VERIFY "urn:wireside:verify:0"

#define DOMAIN_LEGACY "xep0174.internal"
#define DOMAIN_TYPED "typed.internal"

enum {
	DOMAIN_SIZE = NODEID_DOMAIN_MAX + 1,
	PEER_ADDRESSES_MAX = 16,
	ID_LABEL_MIN = 12,          /* characters of a NODEID that stand for a name */
	SEEN_MAX = 10000,           /* messages of a peer remembered, so that none is delivered twice */
	OUTBOX_BYTES = 16 << 20,    /* waiting for one peer */
	PENDING_MAX = 100,          /* stanzas that wait for a link and are worth nothing later */
	STANZA_PINNED = 1 << 20,    /* bytes of a stanza from somebody known */
	STANZA_STRANGER = 64 << 10, /* and from anybody else */
	REFUSED_MAX = 64,           /* messages of one that are remembered as refused */
	STRANGER_BYTES = 1 << 20,   /* all together of one */
	STRANGERS_BYTES = 16 << 20, /* of all */
	KEEP_SECONDS = 24 * 3600,   /* a link's session waits for its resumption */
	PRESENCES_MAX = 20,         /* resources of one peer */
	INFLIGHT_MAX = 100000,      /* messages taken in and not handled yet, of all peers */
	EARLY_MAX = 10000,          /* words of discovery that wait for the table */
	PICTURE_MAX = 64 << 10,     /* of a peer ... */
	PICTURES_MAX = 4 << 20,     /* ... and of all */
	PASSWORD_FAILURES = 3,
	UNTOLD_MAX = 32,  /* notices that wait for our user */
	LEAVING_MAX = 64, /* rows that have gone and leave the roster next */
	FORMER_MAX = 64   /* addresses of rows that became others */
};

/* How far a peer is trusted. In the order in which people should see them. */
enum trust {
	TRUST_NEW,      /* a key nobody here has spoken to, or none known yet */
	TRUST_PINNED,   /* spoken to: this key and no other has this name */
	TRUST_VERIFIED, /* compared by people, or by a shared password */
	TRUST_CHANGED,  /* uses the name of somebody pinned, with another key */
	TRUST_BLOCKED,
	TRUST_LEGACY, /* speaks without any key */
	TRUST_COUNT
};

/* Where an address is known from. */
enum source { SOURCE_MDNS, SOURCE_TYPED, SOURCE_SEEN, SOURCE_TOLD, SOURCE_COUNT };

struct peer_address {
	char *text; /* "10.0.0.7:5298", "[fe80::1%eth0]:5298" */
	enum source source;
	int64_t success; /* wall time of the last link; 0: never */
	bool warned;     /* somebody else answered there, and the user was told */
};

/* A message that waits until the other end has it. On the disk, too. */
struct outgoing {
	struct outgoing *next;
	int64_t id; /* grows; the tag of its packet */
	int64_t time;
	uint64_t commit; /* not to be sent before it is there; 0: at once */
	int64_t hash;    /* of its own id, see seen_hash() */
	bool sent;       /* handed to the link's session */
	uint32_t n;
	char stanza[];
};

struct outbox {
	struct outgoing *first, **tail;
	struct outgoing *
		*unsent; /* where all before are sent: the next one to be given to a link, if it is not sent, too */
	uint32_t n;
	size_t bytes;
	int64_t last_id;
};

/* Hashes of the ids of messages that are handled, the last SEEN_MAX of them. */
struct seen {
	int64_t *ring; /* NULL while empty */
	uint32_t n, next, cap;
	int64_t number; /* of the last one */
	struct seen_slot *slots;
};

/* A session with the other end: XEP-0198 on keyed links, else just the stream. */
struct plink {
	struct session session;
	struct peer *peer;
	uint8_t exporter[32]; /* of the connection it has or had last */
	bool dialled;         /* by us */
	bool tls;             /* nobody reads along; only on keyed links that says who is there */
	int64_t since;        /* core time of the last connection */
	bool down;            /* it broke, and nothing has been heard since */
	bool useful;          /* something of ours has arrived by its last connection */
	int64_t theirs_until; /* core time: it broke, and the other end dials again as it did before; 0: not */
	bool verified_tried;  /* one attempt a link */
	struct timer lost;    /* detached for so long that it is shown as gone */
};

/* Stanzas in their order. */
struct parked {
	struct stanza *first, **tail;
	uint32_t n;
};

struct peer_presence {
	char *jid;
	struct packet *packet; /* addressed to our user */
};

/* What a peer that our user has not answered has used of what strangers may. */
struct stranger {
	bool told;          /* our user knows that it writes */
	char *label_before; /* the one before this, if our user had not chosen it; not in the store */
	bool unanswered;    /* it has written, and our user has said nothing to that; also in the store */
	bool offered;       /* and that what waits for an old program of this name could go to him */
	int64_t next;       /* core time when its next message is taken */
	int64_t next_room;  /* the same of what it says and does in rooms of ours */
	int64_t next_note;  /* and of that it is typing to our user */
	size_t bytes;
	int64_t refused[REFUSED_MAX]; /* hashes of what went back last, and is not taken when it comes again */
	unsigned refused_n;           /* ever */
};

/* As it came from the network: nothing proves whose it is. */
struct picture {
	char *bytes; /* NULL: none */
	uint32_t n;
	char sha1[41];  /* in hexadecimal */
	char asked[41]; /* the last one that was asked for */
	int64_t used;   /* core time */
};

struct verify; /* verify.c */

/* Does a peer without a key know STARTTLS? */
enum has_starttls { HAS_STARTTLS_UNKNOWN, HAS_STARTTLS, HAS_STARTTLS_NOT };
/* Of speaking with it in the clear. */
struct plain {
	bool ok;                    /* our user allows it */
	bool asked;                 /* and was told that it would be needed */
	enum has_starttls starttls; /* as far as we have seen it */
};

/* That both know the password. */
struct proof {
	uint32_t failures; /* since the last success */
	bool wanted;       /* it is new: a link is wanted for nothing but this */
	bool told_wrong;   /* our user heard last that it was not the same; also in the store */
};

/* What answers where it is called, the best of a round. */
enum answer {
	ANSWER_NONE,
	ANSWER_OTHER,  /* something that is no node */
	ANSWER_TLS,    /* the same, with TLS */
	ANSWER_REFUSED /* a node, and one of the two did not want the link */
};
struct calls {
	uint32_t round; /* attempts that failed in a row */
	uint32_t brief; /* links in a row that ended soon and were of no use */
	bool closed;    /* the other end has closed its last link: it may be started anew right now */
	enum answer answer;
};

enum peer_kind { PEER_KEYED, PEER_LEGACY, PEER_TYPED };

struct peer {
	struct entity entity;
	struct peers *peers;
	enum peer_kind kind;
	char *label;    /* what people call it; not necessarily unique */
	char *user;     /* localpart of the other user as its node says; NULL: not known */
	char *instance; /* its name on the network; NULL: not seen there */
	uint8_t key[32];
	enum trust trust;
	enum trust unblocked; /* while it is blocked: what it was before, and will be again */
	bool stored;          /* in the store: pinned, typed, blocked, named, or something waits for it */
	bool named;           /* the label is of our user's choice */
	struct plain plain;
	struct lan_keys *password; /* NULL: none shared */
	struct proof proof;        /* of it */
	int64_t created;
	int64_t last_seen; /* wall time when there was a link, or a word from it; while there is one, when that began or later */
	int64_t statement; /* highest number of a statement of its addresses */

	struct peer_address addresses[PEER_ADDRESSES_MAX];
	unsigned address_n;
	struct service *service; /* as found on the network; NULL: not (any more) */

	struct outbox outbox;
	struct seen seen;
	struct parked pending; /* wait for the link that is being made */

	struct plink *link;        /* NULL: none; may be detached */
	uint64_t nego;             /* connection that was accepted and has no session yet; 0: none */
	struct link_ask *nego_ask; /* what it proved */
	uint64_t resuming;         /* connection that has, or waits for, a session of before; 0: none */
	struct link_ask *resume_ask;
	struct timer timer; /* the next attempt to dial */
	struct calls calls;
	unsigned next_address; /* of this round */
	unsigned dialling;     /* under way */

	bool shown;                                    /* our user's clients were told that it is there, by us */
	struct peer_presence presences[PRESENCES_MAX]; /* what its own clients say */
	unsigned presence_n;
	struct verify *verify;
	struct stranger stranger;
	uint64_t adder; /* who asked for it to be added and waits to hear what came of it; 0: nobody */
	struct picture picture;
	struct stanza *twins; /* came again while the first was not handled yet */
};

/* An attempt under way. */
struct dialling {
	uint64_t peer; /* entity id */
	char *address;
	bool tls;
};

/* What was told while nobody was there to hear it. */
struct untold {
	char *kind, *text;
	char *label, *jid; /* NULL: it is of nobody */
	int64_t time;
};

/* A bare address, and the entity id of who has it now. */
struct former {
	char *address;
	uint64_t peer;
};

struct peers {
	struct host host;
	struct peers_config config;
	char *user, *instance, *named; /* own copies; named: in force on the network, NULL before */
	char id[NODEID_LEN + 1];
	char *domain;    /* NODEID.internal */
	struct jid self; /* user@NODEID.internal */
	bool loaded;
	struct msgs early; /* of discovery, until then */
	struct map peers;  /* by address */
	struct table dials;
	struct map inflight; /* messages taken in and not handled yet, by hash: see inbound.c */
	size_t strangers_bytes;
	char **told;             /* our addresses, NULL at the end */
	char **own, **broadcast; /* all that reach us; those of no machine: see struct peers_places */
	struct timer told_timer;
	int64_t told_next; /* core time before which a change of them is not told */
	bool available, traced;
	char *show, *status;
	struct picture picture; /* our user's, if it is published */
	size_t pictures_bytes;  /* of all peers */
	char *network;          /* what discovery says of the interfaces; NULL: nothing yet */
	bool no_network;        /* that is, that none can be used */
	struct untold untold[UNTOLD_MAX];
	unsigned untold_n;
	bool reminders_due;               /* something that our user is reminded of was told to nobody */
	struct former former[FORMER_MAX]; /* a ring */
	unsigned former_n;
	char *leaving[LEAVING_MAX];
	unsigned leaving_n;
};

static inline struct core *peer_core(const struct peer *p) { return p->entity.core; }
static inline struct core *peers_core(const struct peers *ps) { return ps->host.entity.core; }
static inline bool peer_is_up(const struct peer *p) { return p->link && p->link->session.state == SESSION_OPEN; }
static inline bool peer_is_keyed_up(const struct peer *p) { return p->kind == PEER_KEYED && peer_is_up(p); }
/* The address our user's clients know it by: user@NODEID.internal, or that of its row. In out until it changes. */
struct jid peer_jid(const struct peer *p, struct buf *out);
/* The connection that is being settled was dialled by us. */
static inline bool nego_dialled(const struct peer *p) { return p->nego_ask && p->nego_ask->dial; }
/* It was typed in, and has not spoken XMPP yet. */
static inline bool peer_may_be_anything(const struct peer *p)
{
	return p->kind == PEER_TYPED && p->plain.starttls != HAS_STARTTLS_NOT;
}
static inline bool peer_known(const struct peer *p) { return p->trust == TRUST_PINNED || p->trust == TRUST_VERIFIED; }

/* peers.c */
/* NODEID.internal, terminated; false: that is no id. */
bool peers_domain_of(struct str id, char ret[DOMAIN_SIZE]);
struct peer *peers_find(const struct peers *ps, struct str address); /* of its row */
struct peer *peers_find_id(const struct peers *ps, struct str id);   /* NODEID */
/* The one that people mean: a label, the name before '@', an address, a NODEID (or its beginning, 6 characters at least).
 * ERR_NOTFOUND; ERR_EXISTS: several, listed in why. */
int peers_find_label(const struct peers *ps, struct str text, struct peer **ret, struct buf *why);

/* Is anybody but p called so, or could that be taken for our user? */
bool peers_label_taken(const struct peers *ps, const struct peer *p, struct str label);
bool peers_is_our_instance(const struct peers *ps, struct str instance); /* on the network, or the one that we want */
/* May our user call p (NULL: one that comes) so? ERR_SYNTAX: that is no name; ERR_EXISTS: it could be taken for somebody whom he
 * knows or has named, or for himself. why: says so. */
int peers_label_free(const struct peers *ps, const struct peer *p, struct str label, struct buf *why);
/* What strangers call themselves keeps nobody from using a name; then they are shown by another one. */
void peer_make_way(const struct peer *p, struct buf *ret_said);
/* Both. why: also what else came of it. */
int peer_rename(struct peer *p, struct str label, struct buf *why);

/* peer.c */
/* A row that is not stored yet; NULL when the table is full. address: that of the row. */
struct peer *peer_new(struct peers *ps, enum peer_kind kind, struct str address, struct str label);
struct peer *peer_keyed(struct peers *ps, const uint8_t key[32], struct str label); /* found or made; NULL: full */
void peer_store(struct peer *p);  /* it, and from now on each change */
void peer_forget(struct peer *p); /* leaves the table and the store; who is on the network comes back as somebody new */
void peer_changed(struct peer *p);                   /* stored if it is a stored one; the roster follows */
void peer_unfeed_gone(struct peers *ps);             /* rows that have gone leave the roster */
void peer_set_user(struct peer *p, struct str user); /* what its node says; the row is the key and goes on */
/* What was said under the address of before is a part of its history, and programs are told. */
void peer_became(const struct peer *p, struct str was);
/* The archive alone. */
void peer_refile(const struct peer *p, struct str was);
void peer_set_label(struct peer *p, struct str label);
void peer_set_trust(struct peer *p, enum trust trust);
void peer_free(struct entity *e);
/* Known from now on. What was typed or told stays, though the network named it first. */
struct peer_address *peer_address_put(struct peer *p, const char *text, enum source source);
void peer_address_worked(struct peer *p, const char *text, enum source source);
bool peer_address_drop(struct peer *p, const char *text); /* false: it has no such address */
void peer_load_row(struct peers *ps, enum store_row kind, const struct store_value *v);
const char *trust_name(enum trust t);
const char *source_name(enum source s);

/* label.c: names are of others' making and are shown everywhere: what is not seen in them, or makes the rest look otherwise
 * (base/plain.h), becomes a question mark. */
char *label_clean(struct str text); /* a new text */
/* As a word of a command that can be typed: in quotes if there are spaces in it. */
struct label_word {
	char text[LABEL_MAX + 3];
};
struct label_word label_word(const struct peer *p);
/* Who was shown by this label just before, if our user had not chosen it; NULL: nobody, or several. */
struct peer *label_find_before(const struct peers *ps, struct str label);
/* For p, NULL: one that comes, which calls itself so. "bob" as long as there is one, "bob-bravo" for the next: plain, and nobody
 * else's here (xmpp/label.h). */
void label_choose(const struct peers *ps, const struct peer *p, struct str name, struct str more, struct buf *out);
void label_of_instance(const struct peers *ps, const struct peer *p, struct str instance, struct buf *out);

/* address.c: numbers only, no name is looked up */
struct address {
	uint8_t ip[16]; /* IPv4 as ::ffff:10.0.0.7 */
	uint16_t port;  /* 0: none */
	struct str zone;
};
/* "10.0.0.7:5298" or "[fe80::1%eth0]:5298". ret's zone is in text. */
bool address_read(struct str text, struct address *ret);
/* Why no peer can ever be there, and what to give instead; NULL: one may be. */
const char *address_fault(const struct address *a);
/* Is it one of the list? There port 0 is any, and an unspecified address is each of this machine's own to itself. */
bool address_is_among(const struct address *a, char *const *list);

/* target.c: [NAME@]ADDRESS[:PORT] -> the name or "", and the address with a port. ERR_SYNTAX, why says what is wrong. */
int target_read(struct str text, struct str *ret_name, struct buf *ret_address, struct buf *why);
/* The row of an address that has not answered yet, found or made; NULL: the table is full, or that is no name. */
struct peer *target_typed(struct peers *ps, struct str name, struct str address);
/* This node itself, a broadcast address, or through an interface that is not there: nobody is reached so. */
bool target_is_useless(const struct peers *ps, struct str address, struct buf *why);

/* changed.c */
/* A name that somebody known has is not this one's, too. */
void changed_check_name(struct peer *p, struct str name);
/* Our user comes: of keys that he has not decided about, UNTOLD_MAX of them; gives how many more there are. */
unsigned changed_remind(struct peers *ps);
struct peer *changed_from(const struct peer *p);   /* whose name p has, with another key; NULL: nobody's */
struct peer *changed_to(const struct peer *known); /* who has the name of him; NULL: nobody */
/* Our user says that p is old, with a new key: the name, the conversation and what waits are p's. said: what came of it, appended. */
void changed_take_over(struct peer *p, struct peer *old, struct buf *said);

/* former.c: who it is now that had this address of a row that goes, or has gone */
/* Also what is in its inbox is for p. */
void former_add(struct peer *p, struct peer *old);
struct peer *former_find(const struct peers *ps, struct str address); /* bare; NULL: nobody */
/* Of what is for p the address becomes his own, if it is one of these. */
void former_readdress(struct peer *p, struct stanza **s);
void former_clear(struct peers *ps);

/* typed.c */
/* At the address that was typed in is p: its addresses, its name ... */
void typed_take_over(struct peer *p, struct peer *typed);
/* ... and what waits for it are his. The row goes. */
void typed_inherit(struct peer *p, struct peer *typed);
/* Though no link came of it, this key was seen there. True: the row has gone. */
bool typed_shown(struct peer *typed, const uint8_t key[32], const char *address);
/* We ourselves are at this address of his. The row may be gone after that. */
void typed_is_self(struct peer *p, const char *address);

/* dial.c: when and where to dial */
bool peer_wants_link(const struct peer *p);
bool dial_allowed(struct peer *p);                   /* may there be a stream to it? Our user is told if not */
bool dial_may_speak(struct peer *p);                 /* the same, for what our user says on the link that is up */
void dial_now(struct peer *p);                       /* something new: another address, a reason */
void dial_later(struct peer *p);                     /* the link broke, or a round failed */
void dial_at_start(struct peer *p, unsigned number); /* the number-th row: not all at once */
void dial_on_timer(struct timer *t);
void dial_on_failed(struct peers *ps, struct msg *m);
void dial_forget(struct peer *p);
void dial_remind(struct peers *ps); /* our user comes: of what waits for his leave */

/* link.c: connections and sessions */
void link_on_ask(struct peers *ps, struct msg *m);
void link_on_open(struct peers *ps, struct msg *m);
void link_on_resume(struct peers *ps, struct msg *m);
void link_on_proven(struct peers *ps, struct msg *m);
void link_on_failed(struct peers *ps, struct msg *m);
/* The row of an old program, found or made; NULL: no name, or the table is full. */
/* The address of a program that speaks plain XEP-0174 under this name; false: too long for one. */
bool link_legacy_jid(struct str instance, struct buf *out);
struct peer *link_legacy_peer(struct peers *ps, struct str instance);
void link_close(struct peer *p, enum serr error, const char *text);
void link_on_peer_free(struct peer *p);
/* Out to the other end; takes *packet. Only while there is a session. */
void link_send(struct peer *p, struct packet **packet, uint64_t commit);

/* outbox.c */
void outbox_init(struct outbox *o);
void outbox_clear(struct outbox *o);
bool outbox_worth(const struct peer *p, const struct stanza *s);
void outbox_put(struct peer *p, struct stanza **s); /* takes it: stored and sent, or refused */
void outbox_flush(struct peer *p);                  /* what is unsent, to the link */
void outbox_tagged(struct peer *p, uint64_t id, bool arrived);
void outbox_refused(struct peer *p,
	struct str id);             /* the other end has answered the message of this id with an error */
void outbox_unsent(struct peer *p); /* the session has ended: all of it is for the next one, in order */
void outbox_load(struct peer *p, int64_t id, int64_t time, struct str stanza);
void outbox_move(struct peer *to, struct peer *from);
void outbox_bounce(struct peer *p, struct xerr why); /* all of it comes back to our user */

/* seen.c */
int64_t seen_hash(struct str id);
bool seen_has(const struct seen *s, int64_t hash);
void seen_put(struct seen *s, int64_t hash);
void seen_clear(struct seen *s);

/* outbound.c: from our user and rooms; inbound.c: from the other end */
void outbound_deliver(struct entity *e, struct stanza **s);
void outbound_flush(struct peer *p); /* the link is up: what waited for it */
void outbound_drop(struct peer *p);  /* there will be none: what waited comes back */
void inbound_on_stanza(struct session *s, struct stanza **st);
void inbound_on_done(struct host *h, const struct stanza *s);
struct str inflight_key(const void *item);
void inbound_clear(struct peers *ps);
void inbound_drop(struct peer *p);
unsigned inbound_remind(struct peers *ps); /* the same, of who has written and got no answer */
void inbound_answered(struct peer *p);     /* that he has, or that it is not wanted any more */

/* show.c: presence */
void show_peer(struct peer *p);  /* what is known of it by the network has changed */
void show_again(struct peer *p); /* how it looks has changed */
void show_hide(struct peer *p);
/* One of its own; false: not for our user. show_peer() comes after it has been passed on. */
bool show_note(struct peer *p, const struct stanza *presence);
void show_forget(struct peer *p); /* the link is gone, and its presences with it */
void show_clear(struct peer *p);  /* without a word */
void show_answer_probe(struct peer *p, const struct stanza *probe);
/* How its user is, from the most important of its clients: show ("available") and text. False: nobody is there. */
bool show_read(const struct peer *p, struct buf *ret_show, struct buf *ret_text);
void show_publish(struct peers *ps);

/* found.c: discovery */
void found_on_msg(struct peers *ps, struct msg *m);
/* What waits for an old program that had his name, if he is known; our user is asked otherwise. */
void found_take_waiting(struct peer *p);
void found_service(struct peers *ps, struct service **service); /* takes it if it is somebody's */
void found_early(struct peers *ps);                             /* what came before the table was there */

/* picture.c */
void picture_on_found(struct peer *p); /* its record is new: does it tell of another picture? */
void picture_on_msg(struct peers *ps, struct msg *m);
void picture_forget(struct peer *p);
void picture_put_update(const struct peer *p, struct buf *out); /* XEP-0153, into the presence made for it */
void picture_publish(const struct peers *ps, struct msg *publish);
/* Is it a request for a picture that the network has told us? Answered then. */
bool picture_answer(struct peer *p, struct stanza **s);

/* notice.c: a line for people, as a headline from the node. kind is for programs. p may be NULL. */
void notice(struct peers *ps, const char *kind, const struct peer *p, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* If somebody is there to hear it: what was told to nobody, and if our user comes, or could not be told of it when it began, what still
 * waits for his answer. */
void notice_catch_up(struct peers *ps, bool comes);
void notice_clear(struct peers *ps);
/* No line: the message of this id is at the other end, for programs that show how far theirs have come. Of an old program that is
 * all that will ever be told. */
void notice_sent(const struct peer *p, struct str id);

/* verify.c */
enum verify_begun {
	VERIFY_LATER, /* there is no link; the code comes with one */
	VERIFY_BEGUN,
	VERIFY_GOES_ON, /* it had begun before: verify_code() */
	VERIFY_ANEW     /* this link had its comparison: another one is made */
};
enum verify_begun verify_start(struct peer *p);
/* "123 456 (four words)", appended; nothing while it is not known yet. */
void verify_code(const struct peer *p, struct buf *out);
/* Our user says whether the codes were the same. False: nothing is being compared. */
bool verify_confirm(struct peer *p, bool same);
void verify_on_stanza(struct peer *p, const struct stanza *s, uint32_t element);
void verify_on_link_end(struct peer *p);
void verify_free(struct peer *p);

/* cmd_peer.c: what came of adding it, to whoever asked for that. p may be another row by now */
void peer_tell_adder(struct peer *asked, const struct peer *p);
/* Those of this node, when they have been read; NULL, and the call answered: why not. */
struct peers *cmd_peers(struct command_call *call);

/* cmd_copy.c */
void cmd_peer_export(struct command_call *call);
void cmd_peer_import(struct command_call *call);

/* copy_json.c: a row as an object of JSON; its fields are those of the line of text, which cmd_copy.c describes. The bufs are to be
 * cleared also if that is none. */
enum { COPY_FIELDS = 6 };
void copy_json_put(struct buf *out, const struct str field[COPY_FIELDS]);
bool copy_json_read(struct str line, struct buf field[COPY_FIELDS]);

/* notice.c: no line; whoever had this address until now has another one */
void notice_became(const struct peer *p, struct str was);

/* told.c */
void told_init(struct peers *ps);
void told_clear(struct peers *ps);
void told_set(struct peers *ps, const struct peers_places *places);
/* Our addresses, signed; nothing without a link, or to whoever is not known. */
void told_send(struct peer *p);
void told_on_stanza(struct peer *p, const struct stanza *s, uint32_t element);

#endif
