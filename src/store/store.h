/* What the core may ask of persistence: writes gathered in a batch that is committed as one, and
 * queries by key whose rows come back later. No SQL here. Times are milliseconds since 1970; accounts
 * and rooms are named by domain and localpart. Both requests and answers are flat bytes, so they move
 * between threads as one piece. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/buf.h"
#include "xmpp/jid.h"

/* Every value is an integer or bytes (text in UTF-8, terminated nowhere) or null. The letters say what each
 * write and query takes: s bytes or null, i integer. The table of them is in store.c, the SQL in db/. */
enum store_write {
	/* domain, local, created, and keys for SHA-1 and SHA-256 as packed by store_keys_pack() */
	STORE_ACCOUNT_PUT,
	STORE_ACCOUNT_DEL, /* domain, local: the account and all that is its own */
	/* domain, local, domain of rooms: whatever anybody has here is this account's, also in those rooms. Nothing if there is no other */
	STORE_ACCOUNT_SOLE,
	/* domain, local, contact, name, subscription, ask, approved, groups (joined with '\n'), version */
	STORE_ROSTER_PUT,
	STORE_ROSTER_DEL,  /* domain, local, contact, version */
	STORE_REQUEST_PUT, /* domain, local, from, stanza: an unanswered subscription request */
	STORE_REQUEST_DEL, /* domain, local, from */
	STORE_OFFLINE_ADD, /* domain, local, id (grows), time, stanza */
	STORE_OFFLINE_DEL, /* domain, local, id: this one and older */
	STORE_PRIVATE_PUT, /* domain, local, key, xml (null: remove) */
	STORE_VCARD_PUT,   /* domain, local, xml (null: remove) */
	STORE_ROOM_PUT, /* domain, local, created, configuration (text form of room/), subject, subject_from, subject_time */
	STORE_ROOM_DEL,        /* domain, local: the room and all that is its own */
	STORE_AFFILIATION_PUT, /* domain, local, jid, affiliation (0: remove), reason */
	STORE_ROOM_NICK_PUT,   /* domain, local (empty: of the whole service), jid, nickname (null: remove) */
	/* domain, local, jid (empty: the hat itself), uri, title (null: remove; empty of who wears it), hue or null: a hat of a room */
	STORE_HAT_PUT,
	STORE_INVITED_PUT, /* domain, local, number, time: an invitation to a room that may still be declined */
	STORE_INVITED_DEL, /* domain, local, number, time */
	/* domain, local, jid, nickname (null: remove), of what he hears (bits of room/): somebody hears a room without being in it */
	STORE_SUBSCRIBER_PUT,
	/* domain, local, until when it holds (0: remove), bare address of who ended it, address: where a room went that is no more */
	STORE_ROOM_MOVED,
	/* domain, local, id (grows), peer (bare), its resource (null: none), stanza, null, open (it is on its way to a session). In a
	 * room: the sender's bare address, his nickname, stanza, the resource of his address, whether all could see it then */
	STORE_ARCHIVE_ADD,
	STORE_ARCHIVE_LIGHT, /* domain, local, id: of one that does not count among the others */
	/* domain, local, count: all but the newest so many, and as many more as there are of the newest so many that do not count; id:
	 * and none from this one on */
	STORE_ARCHIVE_TRIM,
	STORE_ARCHIVE_REPLACE, /* domain, local, id, stanza: it says something else now, if it is there */
	STORE_ARCHIVE_PEER,    /* domain, local, peer (bare) until now, and what it is called from now on */
	STORE_ARCHIVE_EXPIRE,  /* domain, id: all that is older, of all rooms of this domain */
	/* domain, local, time, nickname (null: the room), what he did (null: said), text: a line of the public log of a room, which is
	 * a file */
	STORE_ROOM_LOG,
	/* domain, local, time, name, subject: what the room is called, before the first of these lines of a day */
	STORE_ROOM_LOG_DAY,
	STORE_ROOM_LOG_EXPIRE, /* domain, time: pages of days before that of this one go, some rooms at a time */
	STORE_ROOM_UNLOG,  /* domain, local, time, nickname, text: what he said then is taken back, if it is there */
	STORE_TRANSIT_ADD, /* domain, local, id (grows), time, stanza: on its way to a session, and not in the archive */
	STORE_TRANSIT_DEL, /* domain, local, id */
	STORE_DELIVERED_PUT, /* domain, local, id: up to this one nothing in the archive is open but (a JSON array of ids) */
	/* domain, local, highest id of stored messages, highest of the archive: what is on its way becomes stored messages */
	STORE_TRANSIT_RECOVER,
	/* Peers of a node. domain: the node's; name: the row's own, for ever the same.
	 * label, user, instance name, key (32 bytes or null), trust, password (lanpass, or null), password failures, last seen, created, highest
	 * number of a statement of its addresses, flags */
	STORE_PEER_PUT,
	STORE_PEER_DEL,         /* domain, name: the peer and all that is its own */
	STORE_PEER_ADDRESS_PUT, /* domain, name, address, source, last success */
	STORE_PEER_ADDRESS_DEL, /* domain, name, address */
	STORE_OUTBOX_ADD,       /* domain, name, id (grows), time, stanza */
	STORE_OUTBOX_DEL,       /* domain, name, id */
	STORE_SEEN_ADD, /* domain, name, number (grows), hash of the message's id, number up to which older ones go */
	STORE_WRITE_COUNT
};

enum store_read {
	/* domain, local -> at most one ROW_ACCOUNT, then ROW_ROSTER*, ROW_REQUEST*, one ROW_OFFLINE_COUNT, one ROW_ARCHIVE_ENDS,
	 * one ROW_TRANSIT_COUNT */
	STORE_ACCOUNT_LOAD,
	STORE_ACCOUNT_LIST, /* domain (null: all) -> ROW_ACCOUNT_NAME*, sorted */
	STORE_OFFLINE_LIST, /* domain, local -> ROW_OFFLINE*, oldest first */
	STORE_PRIVATE_GET,  /* domain, local, key -> at most one ROW_XML */
	STORE_VCARD_GET,    /* domain, local -> at most one ROW_XML */
	/* domain -> ROW_ROOM*, ROW_OWNER*, ROW_SUBSCRIBED*, ROW_MOVED*, those that hold longest at the end, ROW_ROOM_NICK* of the service */
	STORE_ROOM_LIST,
	/* domain, local, count -> at most one ROW_ROOM, then ROW_AFFILIATION*, ROW_ROOM_NICK*, ROW_HAT* (hats before who wears
	 * them), ROW_INVITED*, the oldest first, ROW_SUBSCRIBER*, at most one ROW_XML (its vCard), then at most so many ROW_HISTORY, the
	 * newest, oldest first: of the newest 4096 messages and light ones the very newest and those with a text or a tombstone */
	STORE_ROOM_LOAD,
	/* domain, local, first and last id that may be, peer and resource (null: any), the two ids between which the page
	 * lies, how many at most (negative: the newest instead of the oldest), three ids that should be there (0: none), only open ones
	 * -> one ROW_ARCHIVE_COUNT, then ROW_ARCHIVE* in the order in which they were looked for */
	STORE_ARCHIVE_PAGE,
	STORE_ARCHIVE_GET,  /* domain, local, ids (a JSON array) -> ROW_ARCHIVE*, oldest first */
	STORE_ARCHIVE_ENDS, /* domain, local -> one ROW_ARCHIVE_ENDS */
	STORE_PEERS_LOAD, /* domain -> ROW_PEER*, ROW_PEER_ADDRESS*, ROW_OUTBOX* oldest first, ROW_SEEN* oldest first */
	STORE_ROOM_SURVEY,   /* domain -> ROW_OWNER*, ROW_ROOM_ACTIVE* */
	STORE_SUBSCRIPTIONS, /* domain, jid -> ROW_SUBSCRIPTION*, by the rooms' names */
	STORE_READ_COUNT
};

/* The first value of each row is its kind. */
enum store_row {
	ROW_ACCOUNT,       /* created i, keys1 s, keys256 s, roster_version i */
	ROW_ROSTER,        /* contact s, name s, subscription i, ask i, approved i, groups s, version i */
	ROW_REQUEST,       /* from s, stanza s */
	ROW_OFFLINE_COUNT, /* count i, highest id ever used i */
	ROW_ACCOUNT_NAME,  /* domain s, local s, created i */
	ROW_OFFLINE,       /* id i, time i, stanza s */
	ROW_XML,           /* xml s */
	ROW_ROOM,          /* local s, created i, configuration s, subject s, subject_from s, subject_time i */
	ROW_AFFILIATION,   /* jid s, affiliation i, reason s */
	ROW_HISTORY,       /* id i, sender's bare address s, nickname s, stanza s, sender's resource s, open i */
	ROW_ARCHIVE,       /* id i, stanza s, peer s, of a room also the sender's resource s, open i */
	ROW_ARCHIVE_COUNT, /* how many there are on all pages i, how many of the ids that should be there are i */
	ROW_ARCHIVE_ENDS,  /* lowest id i, highest i; 0 when it is empty */
	/* name s, label s, user s, instance s, key s, trust i, password s, failures i, last seen i, created i, statement i, flags i */
	ROW_PEER,
	ROW_PEER_ADDRESS,  /* name s, address s, source i, last success i */
	ROW_OUTBOX,        /* name s, id i, time i, stanza s */
	ROW_SEEN,          /* name s, number i, hash i */
	ROW_TRANSIT_COUNT, /* how many were on their way to sessions i */
	ROW_ROOM_NICK,     /* jid s, nickname s */
	ROW_OWNER,         /* of a room: its local s, his jid s */
	ROW_HAT,           /* jid s, uri s, title s, hue s */
	ROW_INVITED,       /* number i, time i */
	ROW_MOVED,         /* local s, until i, who ended it s, address s */
	/* local s, time i (ms since 1970: of the newest message, the subject, or when it was made), configuration s */
	ROW_ROOM_ACTIVE,
	ROW_SUBSCRIBER,   /* jid s, nickname s, of what he hears i */
	ROW_SUBSCRIBED,   /* jid s, how many rooms i */
	ROW_SUBSCRIPTION, /* local s, nickname s, of what he hears i */
};

struct store_value {
	bool is_int;
	int64_t i;
	struct str s; /* absent: null */
};

/* Writes that are committed together. */
struct store_batch {
	uint64_t number; /* commit number, grows by one each batch */
	uint32_t count;  /* writes in it */
	struct buf bytes;
};
struct store_batch *store_batch_new(void); /* at most 64 MiB */
void store_batch_free(struct store_batch **b);
/* Appends one write; the arguments must match the write's letters: struct str for s, int64_t for i (cast
 * constants). One that does not fit is left out and sets bytes.failed: such a batch must not be handed over. */
void store_put(struct store_batch *b, enum store_write w, ...);
/* Reads the batch back: start with *pos = 0; values[] needs STORE_VALUES_MAX. False at the end. Views live as
 * long as the batch. */
enum { STORE_VALUES_MAX = 13 };
bool store_batch_next(const struct store_batch *b, size_t *pos, enum store_write *ret, struct store_value *values,
	unsigned *ret_n);

struct store_query {
	enum store_read read;
	uint64_t tag; /* comes back in the answer */
	unsigned n;
	struct store_value values[STORE_VALUES_MAX]; /* views into bytes */
	struct buf bytes;
};
struct store_query *store_query_new(enum store_read r, uint64_t tag, ...); /* as store_put */
void store_query_free(struct store_query **q);

struct store_rows {
	enum store_read read;
	uint64_t tag;
	int error; /* 0, or ERR_ of the whole query; there are no rows then */
	struct buf bytes;
};
struct store_rows *store_rows_new(enum store_read r, uint64_t tag); /* at most 64 MiB */
void store_rows_free(struct store_rows **r);
void store_rows_add(struct store_rows *r, enum store_row kind, const struct store_value *values, unsigned n);
/* As store_batch_next. */
bool store_rows_next(const struct store_rows *r, size_t *pos, enum store_row *ret, struct store_value *values,
	unsigned *ret_n);

/* Letters of a write or query, e.g. "ssi"; for db/ and for checks. */
const char *store_write_letters(enum store_write w);
const char *store_read_letters(enum store_read r);
const char *store_row_letters(enum store_row r);
const char *store_write_name(enum store_write w);

/* SCRAM keys as one piece of bytes for the account row, and back (ERR_SYNTAX). */
struct scram_keys;
void store_keys_pack(struct buf *out, const struct scram_keys *k);
int store_keys_unpack(struct str bytes, struct scram_keys *ret);

#endif
