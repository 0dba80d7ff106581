/* `wireside trace open|install|uninstall`: the user's Wireshark. */
#ifndef APP_TRACE_WIRESHARK_H
#define APP_TRACE_WIRESHARK_H

/* argv[0] is the word. Returns -1 when it is none of these, else the exit status. */
int trace_wireshark(int argc, char **argv);

#endif
