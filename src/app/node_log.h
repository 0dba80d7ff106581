/* node.log of a node's data folder, where a chat that started the node has put its standard error. */
#ifndef APP_NODE_LOG_H
#define APP_NODE_LOG_H

enum { NODE_LOG_MAX = 1 << 20, NODE_LOG_TURN = 256 << 10 };

/* If standard error is that file, it has at most NODE_LOG_MAX bytes from now on: then it becomes node.log.1, in the place of the one
 * before, and a new one is begun; where neither can be done it is emptied. Standard output comes along only if it was the same file. */
void node_log_bound(const char *data);
/* The data are ours now, and so is the log: if it has more than NODE_LOG_TURN bytes it begins anew, and of the earlier one the last
 * NODE_LOG_MAX bytes stay. Before that another node may be writing there. */
void node_log_begin(void);

#endif
