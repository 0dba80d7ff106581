/* The classes of RFC 8264, derived from Unicode's properties, and the rules that look at neighbours. */
#include <unictype.h>
#include <uninorm.h>

#include "base/mem.h"
#include "xmpp/precis.h"
#include "xmpp/precis_i.h"

enum { ZWNJ = 0x200c, ZWJ = 0x200d, VIRAMA = 9 /* canonical combining class */ };

struct range {
	uint32_t first, last;
	enum precis_value value;
};

/* RFC 8264 9.6 */
static const struct range exceptions[] = {
	{0x00b7, 0x00b7, PRECIS_CONTEXT},
	{0x00df, 0x00df, PRECIS_PVALID},
	{0x0375, 0x0375, PRECIS_CONTEXT},
	{0x03c2, 0x03c2, PRECIS_PVALID},
	{0x05f3, 0x05f4, PRECIS_CONTEXT},
	{0x0640, 0x0640, PRECIS_DISALLOWED},
	{0x0660, 0x0669, PRECIS_CONTEXT},
	{0x06f0, 0x06f9, PRECIS_CONTEXT},
	{0x06fd, 0x06fe, PRECIS_PVALID},
	{0x07fa, 0x07fa, PRECIS_DISALLOWED},
	{0x0f0b, 0x0f0b, PRECIS_PVALID},
	{0x3007, 0x3007, PRECIS_PVALID},
	{0x302e, 0x302f, PRECIS_DISALLOWED},
	{0x3031, 0x3035, PRECIS_DISALLOWED},
	{0x303b, 0x303b, PRECIS_DISALLOWED},
	{0x30fb, 0x30fb, PRECIS_CONTEXT},
};

/* Hangul_Syllable_Type L, V or T (RFC 8264 9.9) */
static const struct range old_hangul_jamo[] = {
	{0x1100, 0x11ff, PRECIS_DISALLOWED},
	{0xa960, 0xa97c, PRECIS_DISALLOWED},
	{0xd7b0, 0xd7c6, PRECIS_DISALLOWED},
	{0xd7cb, 0xd7fb, PRECIS_DISALLOWED},
};

static const uint32_t letter_digits = UC_CATEGORY_MASK_Ll | UC_CATEGORY_MASK_Lu | UC_CATEGORY_MASK_Lo |
	UC_CATEGORY_MASK_Nd | UC_CATEGORY_MASK_Lm | UC_CATEGORY_MASK_Mn | UC_CATEGORY_MASK_Mc;
/* OtherLetterDigits, Spaces, Symbols, Punctuation */
static const uint32_t free_form = UC_CATEGORY_MASK_Lt | UC_CATEGORY_MASK_Nl | UC_CATEGORY_MASK_No |
	UC_CATEGORY_MASK_Me | UC_CATEGORY_MASK_Zs | UC_CATEGORY_MASK_Sm | UC_CATEGORY_MASK_Sc | UC_CATEGORY_MASK_Sk |
	UC_CATEGORY_MASK_So | UC_CATEGORY_MASK_Pc | UC_CATEGORY_MASK_Pd | UC_CATEGORY_MASK_Ps | UC_CATEGORY_MASK_Pe |
	UC_CATEGORY_MASK_Pi | UC_CATEGORY_MASK_Pf | UC_CATEGORY_MASK_Po;

static bool in_category(uint32_t cp, uint32_t mask) { return uc_is_general_category_withtable(cp, mask); }

bool precis_is_space(uint32_t cp) { return in_category(cp, UC_CATEGORY_MASK_Zs); }

static const struct range *find_range(const struct range *table, size_t n, uint32_t cp)
{
	for (size_t i = 0; i < n && table[i].first <= cp; i++) {
		if (cp <= table[i].last)
			return &table[i];
	}
	return NULL;
}

/* Does compatibility normalisation change it (RFC 8264 9.17)? */
static bool has_compat(uint32_t cp)
{
	uint32_t to[UC_DECOMPOSITION_MAX_LENGTH];
	size_t n = ARRAY_LEN(to);
	int tag;

	if (uc_decomposition(cp, &tag, to) < 0)
		return false;
	must(u32_normalize(UNINORM_NFKC, &cp, 1, to, &n) == to);
	return n != 1 || to[0] != cp;
}

static bool is_ignorable(uint32_t cp)
{
	return uc_is_property_default_ignorable_code_point(cp) || uc_is_property_not_a_character(cp);
}

enum precis_value precis_value(uint32_t cp)
{
	const struct range *exception;

	if (cp >= 0x21 && cp <= 0x7e) /* ASCII7; none of it is an exception */
		return PRECIS_PVALID;
	exception = find_range(exceptions, ARRAY_LEN(exceptions), cp);
	if (exception)
		return exception->value;
	if (in_category(cp, UC_CATEGORY_MASK_Cn) && !uc_is_property_not_a_character(cp))
		return PRECIS_DISALLOWED; /* unassigned */
	if (cp == ZWNJ || cp == ZWJ)
		return PRECIS_CONTEXT;
	if (find_range(old_hangul_jamo, ARRAY_LEN(old_hangul_jamo), cp) || is_ignorable(cp))
		return PRECIS_DISALLOWED;
	if (in_category(cp, UC_CATEGORY_MASK_Cc))
		return PRECIS_DISALLOWED;
	if (has_compat(cp))
		return PRECIS_FREE;
	if (in_category(cp, letter_digits))
		return PRECIS_PVALID;
	return in_category(cp, free_form) ? PRECIS_FREE : PRECIS_DISALLOWED;
}

/* ---- contextual rules, RFC 5892 appendix A ---- */

static bool has_script(uint32_t cp, const char *name)
{
	const uc_script_t *script = uc_script(cp);

	return script && strcmp(script->name, name) == 0;
}

static bool after_virama(const uint32_t *s, size_t i) { return i > 0 && uc_combining_class(s[i - 1]) == VIRAMA; }

/* A.2 */
static bool rule_zwj(const uint32_t *s, size_t n, size_t i) { return after_virama(s, i); }

/* A.1: after a virama, or between letters that join across it: (L|D) T* ZWNJ T* (R|D) */
static bool rule_zwnj(const uint32_t *s, size_t n, size_t i)
{
	size_t before = i, after = i + 1;
	int left, right;

	if (after_virama(s, i))
		return true;
	while (before > 0 && uc_joining_type(s[before - 1]) == UC_JOINING_TYPE_T)
		before--;
	while (after < n && uc_joining_type(s[after]) == UC_JOINING_TYPE_T)
		after++;
	if (before == 0 || after == n)
		return false;
	left = uc_joining_type(s[before - 1]);
	right = uc_joining_type(s[after]);
	return (left == UC_JOINING_TYPE_L || left == UC_JOINING_TYPE_D) &&
		(right == UC_JOINING_TYPE_R || right == UC_JOINING_TYPE_D);
}

/* A.3: Catalan, l·l */
static bool rule_middle_dot(const uint32_t *s, size_t n, size_t i)
{
	return i > 0 && i + 1 < n && s[i - 1] == 'l' && s[i + 1] == 'l';
}

/* A.4 */
static bool rule_keraia(const uint32_t *s, size_t n, size_t i) { return i + 1 < n && has_script(s[i + 1], "Greek"); }

/* A.5, A.6 */
static bool rule_geresh(const uint32_t *s, size_t n, size_t i) { return i > 0 && has_script(s[i - 1], "Hebrew"); }

/* A.7 */
static bool rule_katakana_dot(const uint32_t *s, size_t n, size_t i)
{
	for (size_t k = 0; k < n; k++) {
		if (has_script(s[k], "Hiragana") || has_script(s[k], "Katakana") || has_script(s[k], "Han"))
			return true;
	}
	return false;
}

static bool has_any(const uint32_t *s, size_t n, uint32_t first, uint32_t last)
{
	for (size_t k = 0; k < n; k++) {
		if (s[k] >= first && s[k] <= last)
			return true;
	}
	return false;
}

/* A.8, A.9: the two sets of Arabic digits do not mix */
static bool rule_arabic_digit(const uint32_t *s, size_t n, size_t i) { return !has_any(s, n, 0x06f0, 0x06f9); }
static bool rule_extended_digit(const uint32_t *s, size_t n, size_t i) { return !has_any(s, n, 0x0660, 0x0669); }

static const struct {
	uint32_t first, last;
	bool (*rule)(const uint32_t *s, size_t n, size_t i);
} rules[] = {
	{0x00b7, 0x00b7, rule_middle_dot},
	{0x0375, 0x0375, rule_keraia},
	{0x05f3, 0x05f4, rule_geresh},
	{0x0660, 0x0669, rule_arabic_digit},
	{0x06f0, 0x06f9, rule_extended_digit},
	{ZWNJ, ZWNJ, rule_zwnj},
	{ZWJ, ZWJ, rule_zwj},
	{0x30fb, 0x30fb, rule_katakana_dot},
};

bool precis_context(const uint32_t *s, size_t n, size_t i)
{
	for (size_t k = 0; k < ARRAY_LEN(rules); k++) {
		if (s[i] >= rules[k].first && s[i] <= rules[k].last)
			return rules[k].rule(s, n, i);
	}
	return false;
}

/* ---- Bidi Rule, RFC 5893 section 2 ---- */

static unsigned bidi_bit(uint32_t cp) { return 1u << uc_bidi_class(cp); }

#define BIT(name) (1u << UC_BIDI_##name)
static const unsigned rtl_letters = BIT(R) | BIT(AL);
static const unsigned rtl_marks = BIT(R) | BIT(AL) | BIT(AN);
static const unsigned neutral = BIT(EN) | BIT(ES) | BIT(CS) | BIT(ET) | BIT(ON) | BIT(BN) | BIT(NSM);

bool precis_is_rtl(const uint32_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bidi_bit(s[i]) & rtl_marks)
			return true;
	}
	return false;
}

bool precis_bidi(const uint32_t *s, size_t n)
{
	unsigned first, last, all = 0;

	if (n == 0)
		return false;
	first = bidi_bit(s[0]);
	for (size_t i = 0; i < n; i++)
		all |= bidi_bit(s[i]);
	while (n > 1 && bidi_bit(s[n - 1]) == BIT(NSM))
		n--;
	last = bidi_bit(s[n - 1]);
	if (first & rtl_letters) {
		bool both = all & BIT(EN) && all & BIT(AN);
		return !(all & ~(rtl_marks | neutral)) && last & (rtl_marks | BIT(EN)) && !both;
	}
	return first == BIT(L) && !(all & ~(BIT(L) | neutral)) && last & (BIT(L) | BIT(EN));
}
