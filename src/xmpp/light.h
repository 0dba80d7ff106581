/* What may wait while nobody looks at a client (XEP-0352). Everything that is not known to be of no hurry is. */
#ifndef XMPP_LIGHT_H
#define XMPP_LIGHT_H

#include "xmpp/packet.h"

enum light {
	LIGHT_NOT,      /* goes out at once */
	LIGHT_PRESENCE, /* who is there, and how: a later one of the same address makes it needless */
	LIGHT_TYPING,   /* chat states alone (XEP-0085), also a copy of them (XEP-0280): the same */
	LIGHT_EVENT     /* a notification without a text (XEP-0163): tunes, moods, pictures */
};

/* Found out when it is asked for the first time and kept in the packet. Any thread. */
enum light packet_light(struct packet *p);
/* The sender as it is written in the packet, escaped; absent if there is none. */
struct str packet_sender(const struct packet *p);

#endif
