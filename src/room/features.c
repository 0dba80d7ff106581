#include "room/rooms_i.h"
#include "xmpp/ns.h"

#define XEP_0045 "XEP-0045", .version = "1.35.5"

const struct feature room_features[] = {
	{.name = "Multi-User Chat", .spec = XEP_0045, .disco = NS_MUC, .disco_at = AT_ROOMS | AT_ROOM,
	 .note = "enter, talk, whisper, subject, nick, kick, ban, invitations, configuration, the last messages; no registration,"
		 " no voice requests, no reserved nicks"},
	{.name = "Room administration", .spec = XEP_0045, .ns = NS_MUC_ADMIN, .element = "query", .at = AT_ROOM, .get = admin_get,
	 .set = admin_set},
	{.name = "Room configuration", .spec = XEP_0045, .ns = NS_MUC_OWNER, .element = "query", .at = AT_ROOM, .get = owner_get,
	 .set = owner_set},
	{.name = "Stable message ids in rooms", .spec = XEP_0045, .disco = NS_MUC "#stable_id", .disco_at = AT_ROOMS | AT_ROOM},
	{.name = "Discovery of rooms", .spec = "XEP-0030", .version = "2.5.0", .ns = NS_DISCO_INFO, .element = "query",
	 .at = AT_ROOMS | AT_ROOM, .get = disco_get_info, .disco = NS_DISCO_INFO, .disco_at = AT_ROOMS | AT_ROOM},
	{.name = "List of public rooms", .spec = "XEP-0030", .version = "2.5.0", .ns = NS_DISCO_ITEMS, .element = "query",
	 .at = AT_ROOMS | AT_ROOM, .get = disco_get_items, .disco = NS_DISCO_ITEMS, .disco_at = AT_ROOMS | AT_ROOM},
	{.name = "Pages of the list of rooms", .spec = "XEP-0059", .version = "1.0", .disco = NS_RSM, .disco_at = AT_ROOMS},
	{.name = "Ping of rooms", .spec = "XEP-0199", .version = "2.0.1", .ns = NS_PING, .element = "ping", .at = AT_ROOMS | AT_ROOM,
	 .get = ping_get, .disco = NS_PING, .disco_at = AT_ROOMS | AT_ROOM},
	{.name = "Self-ping in a room", .spec = "XEP-0410", .version = "1.1.0", .disco = NS_MUC "#self-ping-optimization",
	 .disco_at = AT_ROOM},
	{.name = "Unique message ids in rooms", .spec = "XEP-0359", .version = "0.7.0", .disco = NS_STANZA_ID, .disco_at = AT_ROOM},
	{.name = "Direct invitations", .spec = "XEP-0249", .version = "1.2",
	 .note = "the element is added to invitations through a room"},
	{.name = NULL},
};
