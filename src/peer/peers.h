/* The local network of a node: everything that goes to other domains than its own goes through here. The host is the
 * gateway of the core; each row of its index table is an entity, a peer, whatever is known of it: a node with a key
 * (NODEID.internal), a program that speaks plain XEP-0174 (escaped name@xep0174.internal), or an address somebody has typed
 * in and nothing more (name@typed.internal). Owner thread: the core's. */
#ifndef PEER_PEERS_H
#define PEER_PEERS_H

#include "core/command.h"
#include "core/entity.h"

/* What happens with streams that nothing protects. */
enum plaintext {
	PLAINTEXT_ASK,
	PLAINTEXT_ALLOW,
	PLAINTEXT_NEVER,
	PLAINTEXT_ONLY, /* announces no key, so that others take it for an old program: for lessons */
	PLAINTEXT_STARTTLS /* of the command line only: announces no key either, but never speaks without STARTTLS. In peers_config
			    * that is NEVER, and keyless */
};

/* The roster of the node's user, as far as the peers are concerned. */
struct roster_feed {
	void *arg;
	void (*put)(void *arg, struct jid contact, struct str name, struct str group);
	void (*remove)(void *arg, struct jid contact);
};

struct peers_config {
	const char *user;     /* localpart of the node's user */
	const char *instance; /* the name wanted on the network, "alice@alpha" */
	uint8_t key[32];      /* Ed25519 public key; the domain is made from it */
	uint8_t seed[32];     /* and its secret: signs what is said of our addresses */
	uint16_t port;        /* that others dial; peers_listening() changes it */
	enum plaintext plaintext;
	bool keyless;        /* announces no key */
	uint32_t peers_max;  /* rows, 0: 1000 */
	uint32_t outbox_max; /* messages waiting for one peer, 0: 5000; less than SEEN_MAX, or one could arrive twice */
	bool alone;          /* dials nobody: what is done on the data of a node that does not run */
	struct roster_feed feed;
	/* Has this machine a network interface of this name? NULL: not known. */
	bool (*has_interface)(struct str name);
};

/* Makes the gateway and asks the store for the table. The configuration is copied. */
struct host *peers_new(struct core *c, const struct peers_config *config);
/* The index table has been read. Before that commands are refused: they would answer as if it were empty. */
bool peers_ready(const struct host *h);

/* Our user has changed an entry of his roster: as `peer rename` and `peer del` do. ERR_NOTFOUND: no peer has this address.
 * ERR_SYNTAX, ERR_EXISTS: see why. */
int peers_rename(struct host *h, struct jid contact, struct str name, struct buf *why);
int peers_forget(struct host *h, struct jid contact);

/* Numbers as text, lists that end with NULL; NULL: none. */
struct peers_places {
	const char *const *told; /* for known peers: "10.0.0.7:5298" */
	const char *const
		*own; /* what reaches this node: the same, loopback and such of one network only; "0.0.0.0:5298":
				       * all of this machine */
	const char *const *broadcast; /* "10.0.0.255:0" */
};
/* Where others reach us: the port, and the addresses. Again whenever they may have changed; those who are linked are told if
 * they have, once in ten seconds. */
void peers_listening(struct host *h, uint16_t port, const struct peers_places *places);
/* Is it [NAME@]ADDRESS[:PORT] where a peer can be? ERR_SYNTAX; why says what to give instead. */
/* Is it a row of `peer export`, as text? Its label may begin with what begins an object of JSON, where nothing could look so: a tab
 * is in no text of one, and a name of trust between two is none of its words. */
bool peers_is_text_row(struct str line);
int peers_check_target(struct str text, struct buf *why);
/* What the node's user shows: of the sessions that are available the best; away when there is none. */
void peers_show(struct host *h, bool available, struct str show, struct str status);
/* What this node has told him (a headline) and a client has not acknowledged, which does not come back. */
void peers_unheard(struct host *h, const struct stanza *s);
/* The secrets of our links are being recorded, or not any more: our user is told, now and whenever he comes while they are. */
void peers_traced(struct host *h, bool traced);
/* His picture, absent: none. At most 8 KiB are published; a bigger one is to be had over links alone. */
void peers_picture(struct host *h, struct str bytes);
/* Messages waiting, links that are up: a node that was started by a chat stays as long as there are any. */
bool peers_busy(const struct host *h);
struct peers_tally {
	uint32_t known, here, linked,
		waiting;     /* rows; of these on the network or linked; linked; messages for any of them */
	const char *network; /* what discovery says of the interfaces; NULL: nothing yet */
};
struct peers_tally peers_tally(const struct host *h);
/* What waits for whom, as words: "3 messages wait for bob (2), carol (1)". Nothing if nothing does. */
void peers_waiting(const struct host *h, struct buf *out);
/* How we are named on the network now. */
const char *peers_instance(const struct host *h);

/* Where others reach us. */
uint16_t peers_port(const struct host *h);
/* For whoever traces: address and name of the row for somebody's address. False: nobody of ours. */
bool peers_row(const struct host *h, struct str address, struct str *ret_row, struct str *ret_label);
/* The row that people mean: its address, as long as it stays. ERR_NOTFOUND; ERR_EXISTS: several, listed in why. */
int peers_mean(const struct host *h, struct str text, struct str *ret_address, struct buf *why);
/* The same, or who has this number ("10.0.0.7", "10.0.0.7:5298"), as an address for messages. Appended. */
int peers_address(const struct host *h, struct str text, struct buf *ret_jid, struct buf *why);
/* Where each may be reached: the address of its row, its name, "10.0.0.7:5298". */
typedef void peers_where_fn(void *arg, struct str peer, struct str label, struct str where);
void peers_each_address(const struct host *h, peers_where_fn *on_address, void *arg);

extern const struct command peer_commands[];

#endif
