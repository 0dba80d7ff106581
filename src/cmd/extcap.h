/* This program as a capture interface of Wireshark (extcap): Wireshark runs it, by a link in its folder of such programs, to
 * hear which interfaces there are and how they are set, and to capture into a pipe. */
#ifndef CMD_EXTCAP_H
#define CMD_EXTCAP_H

#include <stdbool.h>

/* The interfaces, as their values are on a command line: wireshark -k -i wireside-links. */
#define EXTCAP_LINKS "wireside-links"
#define EXTCAP_STANZAS "wireside-stanzas"

/* Is it Wireshark that calls? argv[0] is the program. */
bool extcap_called(int argc, char **argv);
/* Does what Wireshark asks for; returns the exit status. */
int extcap_run(int argc, char **argv);

#endif
