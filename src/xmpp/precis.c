#include "xmpp/precis.h"

#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

#include "base/err.h"
#include "base/mem.h"
#include "xmpp/precis_i.h"

enum { OUTPUT_MAX = 1023, PASSES = 4 /* RFC 8264 section 7: three more than the first */ };

/* ---- one string at work ---- */

void precis_text_clear(struct precis_text *t)
{
	mem_wipe(t->p, t->n * sizeof(*t->p)); /* it may be a password */
	free(t->p);                           /* libunistring's */
	*t = (struct precis_text){NULL, 0};
}

/* Takes over what libunistring made. */
static int replace(struct precis_text *t, uint32_t *p, size_t n)
{
	precis_text_clear(t);
	if (!p)
		return ERR_INVALID;
	*t = (struct precis_text){p, n};
	return n > 0 ? 0 : ERR_INVALID;
}

int precis_text_decode(struct str text, struct precis_text *ret)
{
	struct precis_text t = {NULL, 0};
	size_t n = 0;

	if (text.n == 0 || text.n > PRECIS_INPUT_MAX || !str_utf8(text))
		return ERR_INVALID;
	uint32_t *p = u8_to_u32((const uint8_t *)text.p, text.n, NULL, &n);
	if (replace(&t, p, n) < 0)
		return ERR_INVALID;
	*ret = t;
	return 0;
}

int precis_text_encode(const struct precis_text *t, struct buf *out)
{
	uint8_t bytes[OUTPUT_MAX];
	size_t n = sizeof(bytes);
	uint8_t *p = u32_to_u8(t->p, t->n, bytes, &n);
	int r = ERR_INVALID;

	if (p == bytes) {
		buf_add(out, p, n);
		r = buf_ok(out) ? 0 : ERR_INVALID;
	} else if (p) { /* did not fit, so libunistring allocated */
		mem_wipe(p, n);
		free(p);
	}
	mem_wipe(bytes, sizeof(bytes));
	return r;
}

/* ---- the rules of RFC 8264 section 5.2 ---- */

static int map_width(struct precis_text *t)
{
	ucs4_t to[UC_DECOMPOSITION_MAX_LENGTH];
	int tag;

	for (size_t i = 0; i < t->n; i++) {
		int n = uc_decomposition(t->p[i], &tag, to);
		if (n == 1 && (tag == UC_DECOMP_WIDE || tag == UC_DECOMP_NARROW))
			t->p[i] = to[0];
	}
	return 0;
}

static int normalize(struct precis_text *t, uninorm_t form)
{
	size_t n = 0;
	uint32_t *p = u32_normalize(form, t->p, t->n, NULL, &n);

	return replace(t, p, n);
}

static int to_nfc(struct precis_text *t) { return normalize(t, UNINORM_NFC); }
static int to_nfkc(struct precis_text *t) { return normalize(t, UNINORM_NFKC); }

static int to_lower(struct precis_text *t)
{
	size_t n = 0;
	uint32_t *p = u32_tolower(t->p, t->n, "", NULL, NULL, &n);

	return replace(t, p, n);
}

static int map_spaces(struct precis_text *t)
{
	for (size_t i = 0; i < t->n; i++) {
		if (precis_is_space(t->p[i]))
			t->p[i] = ' ';
	}
	return 0;
}

/* RFC 8266 2.1: no spaces at the ends, one at a time inside. */
static int squeeze_spaces(struct precis_text *t)
{
	size_t to = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (t->p[i] != ' ' || (to > 0 && t->p[to - 1] != ' '))
			t->p[to++] = t->p[i];
	}
	if (to > 0 && t->p[to - 1] == ' ')
		to--;
	t->n = to;
	return to > 0 ? 0 : ERR_INVALID;
}

static int check_bidi(struct precis_text *t)
{
	return !precis_is_rtl(t->p, t->n) || precis_bidi(t->p, t->n) ? 0 : ERR_INVALID;
}

static int check_class(const struct precis_text *t, bool identifier)
{
	for (size_t i = 0; i < t->n; i++) {
		switch (precis_value(t->p[i])) {
		case PRECIS_PVALID:
			continue;
		case PRECIS_FREE:
			if (identifier)
				return ERR_INVALID;
			continue;
		case PRECIS_CONTEXT:
			if (!precis_context(t->p, t->n, i))
				return ERR_INVALID;
			continue;
		default:
			return ERR_INVALID;
		}
	}
	return 0;
}

static int check_identifier(struct precis_text *t) { return check_class(t, true); }
static int check_freeform(struct precis_text *t) { return check_class(t, false); }

/* ---- profiles ---- */

enum { STEPS_MAX = 6 };
typedef int step(struct precis_text *t);

static step *const profiles[][STEPS_MAX] = {
	[PRECIS_USERNAME] = {map_width, check_identifier, to_lower, to_nfc, check_bidi},
	[PRECIS_OPAQUE] = {check_freeform, map_spaces, to_nfc},
	[PRECIS_NICKNAME] = {check_freeform, map_spaces, squeeze_spaces, to_lower, to_nfkc},
};

/* What IDNA2008 leaves to the application before a name is looked at (RFC 5895 section 2, without its full stops). */
static step *const fold[STEPS_MAX] = {map_width, to_lower, to_nfc};

static int run(step *const *steps, struct precis_text *t)
{
	for (size_t i = 0; i < STEPS_MAX && steps[i]; i++) {
		int r = steps[i](t);
		if (r < 0)
			return r;
	}
	return 0;
}

int precis_text_fold(struct precis_text *t) { return run(fold, t); }

static bool same(const struct precis_text *a, const struct precis_text *b)
{
	return a->n == b->n && u32_cmp(a->p, b->p, a->n) == 0;
}

static void copy(const struct precis_text *t, struct precis_text *ret)
{
	precis_text_clear(ret);
	ret->p = u32_cpy_alloc(t->p, t->n);
	must(ret->p);
	ret->n = t->n;
}

/* One pass may leave something for the next (RFC 8264 section 7); what never settles is refused. */
int precis_enforce(enum precis_profile profile, struct str text, struct buf *out)
{
	CLEANUP(precis_text_clear) struct precis_text t = {NULL, 0};
	CLEANUP(precis_text_clear) struct precis_text before = {NULL, 0};

	if (precis_text_decode(text, &t) < 0)
		return ERR_INVALID;
	for (int pass = 0; pass < PASSES; pass++) {
		copy(&t, &before);
		if (run(profiles[profile], &t) < 0)
			return ERR_INVALID;
		if (same(&t, &before))
			return precis_text_encode(&t, out);
	}
	return ERR_INVALID;
}
