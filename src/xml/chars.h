/* Characters beyond ASCII: UTF-8, the Char production and the Name productions of XML 1.0 (fifth
 * edition). Private to xml/. */
#ifndef XML_CHARS_H
#define XML_CHARS_H

#include <stdbool.h>
#include <stdint.h>

#include "xml/parse.h"

/* One character from p < end: its length (1..4) and *ret, or 0 if the bytes are no UTF-8 (or are cut
 * off by end). */
unsigned xml_utf8_get(const char *p, const char *end, uint32_t *ret);
/* Writes c, a valid code point, and returns how many bytes (1..4) it took. */
unsigned xml_utf8_put(char *p, uint32_t c);

/* Over a run of characters beyond ASCII, and spaces: behind it, or NULL and *ret_why (XML_BAD_UTF8, or
 * XML_NOT_WELL_FORMED for U+FFFE and U+FFFF). A character cut off by end is XML_BAD_UTF8. */
const char *xml_utf8_run(const char *p, const char *end, enum xml_event *ret_why);

bool xml_is_char(uint32_t c);
bool xml_is_name_start(uint32_t c); /* without the colon */
bool xml_is_name(uint32_t c);       /* without the colon */

/* Rest of a name from p on, which may have any characters: behind it, or NULL as above. If `start`, the
 * first character must be one that may begin a name. */
const char *xml_name_rest(const char *p, const char *end, bool start, enum xml_event *ret_why);

#endif
