/* The handlers of the requests that a domain and its accounts answer; the table of them is features.c. */
#ifndef USER_IQ_H
#define USER_IQ_H

#include "core/feature.h"

iq_handler iq_private_get, iq_private_set; /* XEP-0049 */
iq_handler iq_vcard_get, iq_vcard_set;     /* XEP-0054 */
iq_handler iq_archive_get, iq_archive_set; /* XEP-0313: the form; a query */
iq_handler iq_archive_metadata_get;
iq_handler iq_archive_prefs_get, iq_archive_prefs_set;
iq_handler iq_carbons_enable, iq_carbons_disable; /* XEP-0280 */
iq_handler iq_register_get, iq_register_set;      /* XEP-0077 */
bool register_on(const struct entity *e);         /* not on a node, whose one account is its user's */
iq_handler iq_version_get;                        /* XEP-0092 */
iq_handler iq_last_get;                           /* XEP-0012 */
iq_handler iq_ping_get;                           /* XEP-0199 */
iq_handler iq_time_get;                           /* XEP-0202 */
iq_handler iq_disco_info_get, iq_disco_items_get; /* XEP-0030 */
iq_handler iq_session_set;                        /* RFC 3921 section 3 */

#endif
