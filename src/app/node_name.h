/* What a node is called, kept beside its key: others know it by this name, so it stays until somebody says otherwise. */
#ifndef APP_NODE_NAME_H
#define APP_NODE_NAME_H

/* "USER@HOST"; NULL: none is kept, or none that could be one. The caller frees. */
char *node_name_read(const char *folder);
/* Whole or not at all; a failure is logged. */
void node_name_keep(const char *folder, const char *name);

#endif
