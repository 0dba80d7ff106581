/* A view of text: pointer and length, not terminated, borrowed from somebody who lives longer. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p; /* NULL means absent; an empty text has a non-NULL p */
	size_t n;
};

#define STR(lit) ((struct str){"" lit, sizeof(lit) - 1})
#define STR_NONE ((struct str){NULL, 0})
/* For printf: "%.*s" */
#define STR_FMT(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_z(const char *z) /* of a terminated text; NULL gives STR_NONE */
{
	return z ? (struct str){z, strlen(z)} : STR_NONE;
}

static inline bool str_eq(struct str a, struct str b) { return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0); }

static inline bool str_is(struct str a, const char *z)
{
	size_t n = strlen(z);
	return a.n == n && (n == 0 || memcmp(a.p, z, n) == 0);
}

bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_is_nocase(struct str a, const char *z); /* ASCII only */
int str_cmp(struct str a, struct str b);         /* bytewise, shorter first */
char *str_dup(struct str s);                     /* terminated copy, caller frees; NULL for absent */
struct str str_trim(struct str s);               /* without ASCII white space at both ends */

/* Cuts *s at the first sep: returns what is before it, *s becomes what is after (absent when there
 * was no sep, and then all of *s is returned). */
struct str str_cut(struct str *s, char sep);

/* Decimal number of at most max; ERR_SYNTAX (also when empty) or ERR_LIMIT, *ret untouched. */
int str_uint(struct str s, uint64_t max, uint64_t *ret);

/* True if the bytes are well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). */
bool str_utf8(struct str s);
/* Length of the well-formed UTF-8 sequence that s begins with (1 to 4), 0 if none. */
size_t str_utf8_next(struct str s);
/* The character of the n well-formed bytes at p, n as of str_utf8_next(). */
uint32_t str_utf8_char(const char *p, size_t n);
/* True for what is not seen and could make one text look like another: C1 controls; marks, embeddings, overrides and isolates
 * of direction; line and paragraph separators; things without width. Not the joiners U+200C and U+200D, which emoji and several
 * scripts need, and not C0, which each user of this treats in a way of its own. */
bool str_is_unseen(uint32_t c);

#endif
