/* What goes over a stream of XEP-0174 to and from programs of its time (libpurple's Bonjour: Pidgin, finch, Adium). They
 * differ from the standard in what they read: a plain body is taken for HTML, so `<stdio.h>` in it would vanish, unless
 * an <html/> with the same text is beside it. Pure.
 *
 * An error with a body is shown there as a message, an iq is never answered, and what has no body is dropped: send
 * neither errors nor questions. */
#ifndef XMPP_LEGACY_H
#define XMPP_LEGACY_H

#include "xml/tree.h"

#define NS_XHTML "http://www.w3.org/1999/xhtml" /* bare, not in XHTML-IM's element: that they ignore */
#define NS_X_EVENT "jabber:x:event"             /* XEP-0022 */

/* The stream header, from and to are instance names. No version: those programs send none, and with 1.0 they would be
 * promised features (RFC 6120 4.7.5). */
void legacy_header(struct buf *out, struct str from, struct str to);

/* What is inside <message type='chat'>: the body, the html form if the text has `<`, `&` or line breaks, and if `offer`
 * the request to be told of typing. */
void legacy_message(struct buf *out, struct str text, bool offer);

/* The text of a message: of its html form if there is any, else of its body. Markup is left out; a line break is "\n".
 * Control characters and the like are as they came. ERR_NOTFOUND: none; ERR_LIMIT: more than out takes (and out is as
 * it was). */
int legacy_text(const struct xml_tree *message, struct buf *out);

enum legacy_event {
	LEGACY_NONE,
	LEGACY_OFFER,  /* with a text: the sender wants to know when we type */
	LEGACY_TYPING, /* without: the sender types */
	LEGACY_PAUSED  /* without, nor <composing/>: no longer */
};
enum legacy_event legacy_event(const struct xml_tree *message);

#endif
