/* What a domain of rooms speaks; composed by app/, dispatched by core/iq.c. */
#include "room/archive.h"
#include "room/picture.h"
#include "room/rooms_i.h"
#include "xmpp/ns.h"

enum { BOTH = AT_ROOMS | AT_ROOM };

/* clang-format off */
const struct feature room_features[] = {
	{.name = "Multi-User Chat", .spec = "XEP-0045", .version = "1.35.5", .disco = NS_MUC, .disco_at = BOTH,
	 .note = "enter, talk, private messages, subject, nickname, kick, ban, invitations, the last messages, several sessions under"
		 " one nickname, registered nicknames; docs/rooms.md has a row for each use case", .script = "rooms-join"},
	{.name = "Room administration", .spec = "XEP-0045 9", .version = "1.35.5", .ns = NS_MUC_ADMIN, .element = "query",
	 .at = AT_ROOM, .get = admin_get, .set = admin_set, .script = "rooms-moderate"},
	{.name = "Room configuration", .spec = "XEP-0045 10", .version = "1.35.5", .ns = NS_MUC_OWNER, .element = "query",
	 .at = AT_ROOM, .get = owner_get, .set = owner_set, .script = "rooms-config"},
	{.name = "Registration with a room", .spec = "XEP-0045 7.10", .version = "1.35.5", .ns = NS_REGISTER, .element = "query",
	 .at = AT_ROOM, .get = register_get, .set = register_set, .disco = NS_MUC_REGISTER, .disco_at = AT_ROOM,
	 .script = "rooms-register"},
	{.name = "Registration with the service of rooms", .spec = "XEP-0077", .version = "2.4", .ns = NS_REGISTER, .element = "query",
	 .at = AT_ROOMS, .get = service_register_get, .set = service_register_set, .disco = NS_REGISTER, .disco_at = AT_ROOMS,
	 .on = service_nicks_on, .note = "a nickname of one's own in all its rooms", .script = "rooms-nicknames"},
	{.name = "Requests for voice", .spec = "XEP-0045 7.13", .version = "1.35.5", .disco = NS_MUC_REQUEST, .disco_at = AT_ROOM,
	 .script = "rooms-voice"},
	{.name = "Stable message ids in rooms", .spec = "XEP-0045 7.4", .version = "1.35.5", .disco = NS_MUC "#stable_id",
	 .disco_at = BOTH, .script = "rooms-talk"},
	{.name = "Discovery of rooms", .spec = "XEP-0030", .version = "2.5.0", .ns = NS_DISCO_INFO, .element = "query", .at = BOTH,
	 .get = disco_get_info, .disco = NS_DISCO_INFO, .disco_at = BOTH, .script = "rooms-create"},
	{.name = "List of public rooms", .spec = "XEP-0030", .version = "2.5.0", .ns = NS_DISCO_ITEMS, .element = "query",
	 .at = BOTH, .get = disco_get_items, .disco = NS_DISCO_ITEMS, .disco_at = BOTH, .script = "rooms-create"},
	{.name = "Pages of the list of rooms", .spec = "XEP-0059", .version = "1.0", .disco = NS_RSM, .disco_at = AT_ROOMS},
	{.name = "Ad-Hoc Commands", .spec = "XEP-0050", .version = "1.3.0", .ns = NS_COMMANDS, .element = "command", .at = AT_ROOMS,
	 .set = command_set, .disco = NS_COMMANDS, .disco_at = AT_ROOMS, .note = "for administrators: show, create, destroy, configure rooms,"
	 " affiliations, kick, log", .script = "rooms-commands"},
	{.name = "Ping of rooms", .spec = "XEP-0199", .version = "2.0.1", .ns = NS_PING, .element = "ping", .at = BOTH,
	 .get = ping_get, .disco = NS_PING, .disco_at = BOTH, .script = "rooms-talk"},
	{.name = "Self-ping in a room", .spec = "XEP-0410", .version = "1.1.0", .disco = NS_MUC "#self-ping-optimization",
	 .disco_at = AT_ROOM, .script = "rooms-talk"},
	{.name = "Unique message ids in rooms", .spec = "XEP-0359", .version = "0.7.0", .disco = NS_STANZA_ID, .disco_at = AT_ROOM, .script = "rooms-talk"},
	{.name = "Archive of a room", .spec = "XEP-0313", .version = "1.1.3", .ns = NS_MAM, .element = "query", .at = AT_ROOM,
	 .get = room_archive_get, .set = room_archive_set, .disco = NS_MAM, .disco_at = AT_ROOM, .on = room_archive_on,
	 .note = "for whoever may enter; `with` a nickname, or a real address for those who may know it; a temporary room's is its history",
	 .script = "rooms-archive"},
	{.name = "Archive of a room", .spec = "XEP-0313", .version = "1.1.3", .ns = NS_MAM, .element = "metadata", .at = AT_ROOM,
	 .get = room_archive_metadata_get, .disco = NS_MAM_EXTENDED, .disco_at = AT_ROOM, .on = room_archive_on, .script = "rooms-archive"},
	{.name = "Ids of occupants", .spec = "XEP-0421", .version = "1.0.0", .disco = NS_OCCUPANT_ID, .disco_at = BOTH,
	 .script = "rooms-ids"},
	{.name = "Retraction by who said it", .spec = "XEP-0424", .version = "0.4.2", .disco = NS_RETRACT, .disco_at = BOTH,
	 .note = "never of another's message", .script = "rooms-retract"},
	{.name = "Tombstones", .spec = "XEP-0424", .version = "0.4.2", .disco = NS_RETRACT "#tombstone", .disco_at = BOTH,
	 .script = "rooms-retract"},
	{.name = "Retraction by a moderator", .spec = "XEP-0425", .version = "0.3.0", .ns = NS_MODERATE, .element = "moderate",
	 .at = AT_ROOM, .set = moderate_set, .disco = NS_MODERATE, .disco_at = AT_ROOM, .script = "rooms-retract"},
	{.name = "Retraction by a moderator, as before", .spec = "XEP-0425", .version = "0.2.1", .ns = NS_FASTEN, .element = "apply-to",
	 .at = AT_ROOM, .set = moderate_old_set, .disco = NS_MODERATE_0, .disco_at = AT_ROOM,
	 .note = "what is taken back is told in both forms", .script = "rooms-retract"},
	{.name = "Hats", .spec = "XEP-0317", .version = "0.3.1", .ns = NS_COMMANDS, .element = "command", .at = AT_ROOM,
	 .set = hats_set, .disco = NS_HATS, .disco_at = AT_ROOM, .note = "owners make them, admins give them; at most 32 a room",
	 .script = "rooms-hats"},
	{.name = "Commands of rooms", .spec = "XEP-0050", .version = "1.3.0", .disco = NS_COMMANDS, .disco_at = AT_ROOM,
	 .script = "rooms-hats"},
	{.name = "Pictures of rooms", .spec = "XEP-0486", .version = "0.1.0", .ns = NS_VCARD, .element = "vCard", .at = AT_ROOM,
	 .get = picture_iq_get, .set = picture_iq_set, .disco = NS_VCARD, .disco_at = BOTH,
	 .note = "a vCard (XEP-0054) of at most 64 KiB, set by owners", .script = "rooms-picture"},
	{.name = "Activity of rooms", .spec = "XEP-0502", .version = "0.1.0", .note = "of public, persistent rooms that all may enter",
	 .script = "rooms-activity"},
	{.name = "Slow mode", .spec = "XEP-0500", .version = "0.1.1", .script = "rooms-pace"},
	{.name = "Direct invitations", .spec = "XEP-0249", .version = "1.2",
	 .note = "the element is added to invitations through a room"},
	{.name = NULL},
};
/* clang-format on */
