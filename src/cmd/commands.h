/* The program's subcommands: one file each, one row each in main.c. argv[0] is the subcommand's name. Returned: the exit
 * status (0 done, 1 refused or failed, 2 usage). */
#ifndef CMD_COMMANDS_H
#define CMD_COMMANDS_H

#include <stdbool.h>

int cmd_chat(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_node(int argc, char **argv);
int cmd_peer(int argc, char **argv);
int cmd_user(int argc, char **argv);
int cmd_room(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_backup(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_lab(int argc, char **argv);
int cmd_features(int argc, char **argv);

/* Is --help or -h among the arguments? */
bool wants_help(int argc, char **argv);

#endif
