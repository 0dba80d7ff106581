/* Names of XEP-0174 peers as localparts and back: escape(instance)@xep0174.internal. An instance name is any text a
 * DNS label can hold ("alice@alpha #2", "name (2)"), much of which an address refuses, or changes (case). Pure.
 *
 * The result is XEP-0106's where that has one: `\20 \22 \26 \27 \2f \3a \3c \3e \40 \5c` for its ten characters. What
 * else a localpart cannot hold unchanged (upper case, controls, symbols, what PRECIS maps or refuses) is ours alone:
 * each of its bytes as `\xx` in lower-case hexadecimal, and a space at either end, where XEP-0106 forbids `\20`, as
 * `\_`. Other programs show those as they are. A backslash stands for itself unless what follows would make an
 * escape of it; then it is `\5c`.
 *
 * 1. Each name has exactly one localpart, and each localpart that unescape_instance() takes exactly one name.
 * 2. The localpart is canonical: jid_parse() gives it back unchanged.
 * 3. Letters beyond ASCII stay readable if all of the name is a localpart with them, else all of them become bytes.
 *    Which are letters follows the Unicode version of libunistring: keep the name, not the localpart, for ever. */
#ifndef XMPP_ESCAPE_H
#define XMPP_ESCAPE_H

#include "base/buf.h"

enum { ESCAPE_INSTANCE_MAX = 63, ESCAPE_LOCAL_MAX = 3 * ESCAPE_INSTANCE_MAX };

/* ERR_INVALID: not UTF-8, or not 1 to 63 bytes. Nothing is appended then. */
int escape_instance(struct str instance, struct buf *out);
/* ERR_INVALID for whatever escape_instance() does not write: no two addresses are one peer. */
int unescape_instance(struct str local, struct buf *out);

#endif
