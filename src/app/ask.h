/* Asking an instance: over its control socket when it runs, on its data when it does not. */
#ifndef APP_ASK_H
#define APP_ASK_H

#include "base/buf.h"

/* What may be done where no server runs. */
enum ask_offline {
	ASK_REFUSE, /* nothing */
	ASK_STORED, /* the store is asked, if there is one */
	ASK_MAKE,   /* and made, if there is none */
};

/* Sends the words to the server of this data folder and prints the answer (failures to standard error). Where none
 * runs, a server without sockets is made on the data for the time of the command; by root, as the owner of the folder,
 * so that no file is left there that the server cannot open. Returns the exit status. */
int ask_server(const char *data, const char *const *words, uint32_t n, enum ask_offline offline);

/* The same for programs: the answer is printed as one line, {"ok":true,"text":"..."}, a failure too, with false. */
int ask_server_json(const char *data, const char *const *words, uint32_t n, enum ask_offline offline);
void ask_print_json(struct str text, bool failed);

/* Is there a server or node on this folder, whatever it answers? */
bool ask_is_running(const char *data);

/* A password: from a terminal twice without echo (once if not `twice`), else the first line of standard input. NULL with
 * a message printed when there is none. The caller wipes and frees. */
char *ask_password(const char *prompt, bool twice);
/* The first line of a file, likewise. */
char *ask_password_file(const char *path);

#endif
