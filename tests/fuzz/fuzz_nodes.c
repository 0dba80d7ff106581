/* Text of anybody with addresses of nodes in it: what is written instead is not much longer, whatever people call themselves. */
#include "base/mem.h"
#include "tests/lib/fuzz.h"
#include "trace/nodes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A copy of its own length: a byte too far is seen. */
	uint8_t *copy = xmemdup(data, size ? size : 1);
	struct nodes *nodes = xcalloc(1, sizeof(*nodes));
	struct str text = {(const char *)copy, size};
	CLEANUP(buf_clear) struct buf out = {.max = 4 * size + 1000}, legend = {.max = 1 << 16};
	struct dissected none = {0};

	nodes_learn(nodes, &none, text);
	nodes_put(nodes, text, &out);
	nodes_legend(nodes, &legend);
	must(buf_ok(&out) && buf_ok(&legend) && nodes->n <= NODES_MAX);
	for (unsigned i = 0; i < nodes->n; i++)
		must(strlen(nodes->node[i].label) < NODE_LABEL_MAX);
	xfree(nodes);
	xfree(copy);
	return 0;
}
