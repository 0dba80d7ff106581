/* What a peer of the local network says of itself: an instance of _presence._tcp (XEP-0174, RFC 6763). Plain data, as
 * found or as to be published. Everything in it comes from a stranger: the instance name is bytes to compare, never an
 * address to parse, and nothing here proves who is meant.
 *
 * Keys of the TXT record that we publish: txtvers=1 first, then 1st, last, nick, status (avail, away, dnd), msg, port.p2pj
 * (again the port), node=wireside, ver, phsh (SHA-1 of the picture, in hexadecimal), and wk, the id of our node's key. */
#ifndef XMPP_SERVICE_H
#define XMPP_SERVICE_H

#include "base/buf.h"

enum {
	SERVICE_INSTANCE_MAX = 63,        /* bytes: one label of a name */
	SERVICE_ADDRESSES_MAX = 16,       /* of one peer, over all interfaces */
	SERVICE_STRINGS_MAX = 32,         /* of a TXT record */
	SERVICE_STRING_MAX = 255,         /* bytes of one of them, "key=value" */
	SERVICE_TXT_MAX = 32 * (1 + 255), /* bytes of the whole record */
	SERVICE_PICTURE_MAX = 8192        /* bytes of a picture (the NULL record) that we publish */
};

struct service {
	char *instance; /* "alice@alpha", "alice@alpha #2": as given, but without a NUL byte */
	char *host;     /* "alpha.local"; NULL: to be published under this machine's own name */
	uint16_t port;
	char *interface;                        /* where it was seen first, "eth0"; NULL when not known */
	char *addresses[SERVICE_ADDRESSES_MAX]; /* "10.0.0.7", "fd00::7", "fe80::1%eth0": numbers, scope where needed */
	uint8_t address_count;
	struct buf txt; /* the TXT record as on the wire: strings, each after a byte with its length */
};

struct service *service_new(struct str instance, uint16_t port);
void service_free(struct service **s);
struct service *service_copy(const struct service *s);
/* Everything, addresses in order, TXT bytewise. */
bool service_equal(const struct service *a, const struct service *b);

/* ERR_LIMIT when there are 16, ERR_EXISTS when it is there. */
int service_address_add(struct service *s, const char *address);

/* The value of a key, case-insensitively, of its first string (RFC 6763 section 6.4). A key without "=" has an empty
 * value; STR_NONE when absent. Valid until the TXT changes. */
struct str service_txt(const struct service *s, const char *key);
/* Replaces the first string with this key, or adds one at the end; a value of STR_NONE takes it away. ERR_LIMIT (too many,
 * too long), ERR_INVALID (a key that RFC 6763 does not allow). */
int service_txt_set(struct service *s, const char *key, struct str value);
/* The strings in order: start with *pos = 0; STR_NONE at the end. */
struct str service_txt_next(const struct service *s, size_t *pos);

/* To and from the bytes of the record. An empty TXT is one zero byte (RFC 6763 section 6.1). Decoding keeps at most 32
 * strings, leaves out empty ones, and replaces what was there; ERR_SYNTAX when a string ends after the record. */
void service_txt_encode(const struct service *s, struct buf *out);
int service_txt_decode(struct service *s, struct str bytes);

/* The name to try after `number` clashes: "alice@alpha", "alice@alpha-1", ... cut to fit a label, between characters.
 * (XEP-0174 section 3.) A new text. */
char *service_numbered(const char *wanted, unsigned number);

#endif
