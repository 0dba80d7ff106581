/* The list of words, for sas.c and its test. */
#ifndef XMPP_SAS_I_H
#define XMPP_SAS_I_H

enum { SAS_WORD_COUNT = 256 };

extern const char *const sas_words[SAS_WORD_COUNT];

#endif
