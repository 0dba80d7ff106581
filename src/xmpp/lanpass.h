#ifndef XMPP_LANPASS_H
#define XMPP_LANPASS_H
#include <stdint.h>
struct lan_keys {
	uint8_t client[32], server[32];
};
#endif
