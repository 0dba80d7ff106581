/* What a domain of accounts speaks; composed by app/, dispatched by core/iq.c, advertised by iq_disco.c. */
#include "user/archive.h"
#include "user/iq.h"
#include "user/roster.h"
#include "user/users.h"
#include "xmpp/ns.h"

enum { BOTH = AT_SERVER | AT_ACCOUNT };

/* clang-format off */
const struct feature user_features[] = {
	{.name = "Roster", .spec = "RFC 6121 2", .ns = NS_ROSTER, .element = "query", .at = AT_ACCOUNT,
	 .get = iq_roster_get, .set = iq_roster_set, .note = "contacts are bare addresses; versions (2.6)", .script = "roster"},
	{.name = "Presence subscriptions", .spec = "RFC 6121 3", .note = "every state of appendix A, approval in advance (3.4)", .script = "subscription-request"},
	{.name = "Presence", .spec = "RFC 6121 4", .note = "broadcast, probes, directed presence", .script = "presence"},
	{.name = "Message delivery", .spec = "RFC 6121 8",
	 .note = "normal and chat to all resources with the highest priority that is not negative", .script = "messages"},
	{.name = "Session establishment", .spec = "RFC 3921 3", .ns = NS_SESSION, .element = "session", .at = BOTH,
	 .set = iq_session_set, .note = "does nothing, for old clients"},
	{.name = "Last Activity", .spec = "XEP-0012", .version = "2.0", .ns = NS_LAST, .element = "query", .at = AT_SERVER,
	 .get = iq_last_get, .disco = NS_LAST, .disco_at = AT_SERVER, .note = "uptime of the server only", .script = "time"},
	{.name = "Service Discovery", .spec = "XEP-0030", .version = "2.5.0", .ns = NS_DISCO_INFO, .element = "query", .at = BOTH,
	 .get = iq_disco_info_get, .disco = NS_DISCO_INFO, .disco_at = BOTH,
	 .note = "accounts answer themselves and their subscribers only", .script = "disco"},
	{.name = "Service Discovery", .spec = "XEP-0030", .version = "2.5.0", .ns = NS_DISCO_ITEMS, .element = "query", .at = BOTH,
	 .get = iq_disco_items_get, .disco = NS_DISCO_ITEMS, .disco_at = BOTH, .script = "disco"},
	{.name = "Private XML Storage", .spec = "XEP-0049", .version = "1.2", .ns = NS_PRIVATE, .element = "query", .at = AT_ACCOUNT,
	 .get = iq_private_get, .set = iq_private_set, .disco = NS_PRIVATE, .disco_at = AT_SERVER,
	 .note = "100 elements of at most 64 KiB", .script = "private"},
	{.name = "vcard-temp", .spec = "XEP-0054", .version = "1.3.0", .ns = NS_VCARD, .element = "vCard", .at = AT_ACCOUNT,
	 .get = iq_vcard_get, .set = iq_vcard_set, .disco = NS_VCARD, .disco_at = AT_SERVER, .note = "at most 64 KiB", .script = "vcard"},
	{.name = "In-Band Registration", .spec = "XEP-0077", .version = "2.4", .ns = NS_REGISTER, .element = "query", .at = BOTH,
	 .get = iq_register_get, .set = iq_register_set, .disco = NS_REGISTER, .disco_at = AT_SERVER, .on = register_on,
	 .note = "changing the password, over TLS, and removing the account; new accounts where registration is open; not on nodes", .script = "register"},
	{.name = "Software Version", .spec = "XEP-0092", .version = "1.1", .ns = NS_VERSION, .element = "query", .at = AT_SERVER,
	 .get = iq_version_get, .disco = NS_VERSION, .disco_at = AT_SERVER, .script = "version"},
	{.name = "Offline Messages", .spec = "XEP-0160", .version = "1.0.1", .disco = NS_MSGOFFLINE, .disco_at = AT_SERVER, .script = "offline"},
	{.name = "XMPP Ping", .spec = "XEP-0199", .version = "2.0.1", .ns = NS_PING, .element = "ping", .at = BOTH,
	 .get = iq_ping_get, .disco = NS_PING, .disco_at = BOTH, .script = "ping"},
	{.name = "Entity Time", .spec = "XEP-0202", .version = "2.0", .ns = NS_TIME, .element = "time", .at = AT_SERVER,
	 .get = iq_time_get, .disco = NS_TIME, .disco_at = AT_SERVER, .script = "time"},
	{.name = "Delayed Delivery", .spec = "XEP-0203", .version = "2.0", .note = "on stored messages", .script = "offline"},
	{.name = "Message Carbons", .spec = "XEP-0280", .version = "1.0.1", .ns = NS_CARBONS, .element = "enable", .at = AT_ACCOUNT,
	 .set = iq_carbons_enable, .disco = NS_CARBONS, .disco_at = BOTH,
	 .note = "of chats and of what has a text; not of errors, nor of private messages from a room", .script = "carbons"},
	{.name = "Message Carbons", .spec = "XEP-0280", .version = "1.0.1", .ns = NS_CARBONS, .element = "disable", .at = AT_ACCOUNT,
	 .set = iq_carbons_disable, .script = "carbons"},
	{.name = "Message Archive", .spec = "XEP-0313", .version = "1.1.3", .ns = NS_MAM, .element = "query", .at = AT_ACCOUNT,
	 .get = iq_archive_get, .set = iq_archive_set, .disco = NS_MAM, .disco_at = AT_ACCOUNT, .on = archive_on,
	 .note = "chat and normal with a text or encrypted, not between occupants of a room; pages of at most 100 (XEP-0059) and 1 MiB", .script = "archive"},
	{.name = "Message Archive", .spec = "XEP-0313", .version = "1.1.3", .ns = NS_MAM, .element = "metadata", .at = AT_ACCOUNT,
	 .get = iq_archive_metadata_get, .disco = NS_MAM_EXTENDED, .disco_at = AT_ACCOUNT, .on = archive_on, .script = "archive-paging"},
	{.name = "Message Archive Preferences", .spec = "XEP-0441", .version = "0.2.0", .ns = NS_MAM, .element = "prefs", .at = AT_ACCOUNT,
	 .get = iq_archive_prefs_get, .set = iq_archive_prefs_set, .on = archive_on, .note = "always, without exceptions", .script = "archive"},
	{.name = "Stanza Ids", .spec = "XEP-0359", .version = "0.7.0", .disco = NS_STANZA_ID, .disco_at = AT_ACCOUNT, .on = archive_on,
	 .note = "the number in the archive; others by the same account are cut", .script = "archive"},
	{.name = "Message Delivery Receipts", .spec = "XEP-0184", .version = "1.4.0",
	 .note = "a node answers for its user, to contacts, once the message is stored; a server leaves it to the clients"},
	{.name = "Message Processing Hints", .spec = "XEP-0334", .version = "1.0.0", .disco = NS_HINTS, .disco_at = AT_SERVER,
	 .note = "no-store and store, for messages to somebody who is away", .script = "offline-hints"},
	{0},
};
/* clang-format on */
