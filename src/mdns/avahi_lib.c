#include "mdns/avahi_lib.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

static const struct {
	const char *name;
	size_t at;
} symbols[] = {
	{"avahi_threaded_poll_new", offsetof(struct avahi_lib, poll_new)},
	{"avahi_threaded_poll_free", offsetof(struct avahi_lib, poll_free)},
	{"avahi_threaded_poll_get", offsetof(struct avahi_lib, poll_get)},
	{"avahi_threaded_poll_start", offsetof(struct avahi_lib, poll_start)},
	{"avahi_threaded_poll_stop", offsetof(struct avahi_lib, poll_stop)},
	{"avahi_client_new", offsetof(struct avahi_lib, client_new)},
	{"avahi_client_free", offsetof(struct avahi_lib, client_free)},
	{"avahi_entry_group_new", offsetof(struct avahi_lib, group_new)},
	{"avahi_entry_group_free", offsetof(struct avahi_lib, group_free)},
	{"avahi_entry_group_commit", offsetof(struct avahi_lib, group_commit)},
	{"avahi_entry_group_add_service_strlst", offsetof(struct avahi_lib, group_add_service)},
	{"avahi_entry_group_update_service_txt_strlst", offsetof(struct avahi_lib, group_update_txt)},
	{"avahi_entry_group_add_record", offsetof(struct avahi_lib, group_add_record)},
	{"avahi_record_browser_new", offsetof(struct avahi_lib, browser_new)},
	{"avahi_record_browser_free", offsetof(struct avahi_lib, browser_free)},
	{"avahi_string_list_add_arbitrary", offsetof(struct avahi_lib, strings_add)},
	{"avahi_string_list_free", offsetof(struct avahi_lib, strings_free)},
};

const struct avahi_lib *avahi_lib_get(void)
{
	static struct avahi_lib lib;
	static bool loaded;

	if (loaded)
		return &lib;
	void *handle = dlopen("libavahi-client.so.3", RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
		void *symbol = dlsym(handle, symbols[i].name);
		if (!symbol)
			return NULL;
		memcpy((char *)&lib + symbols[i].at, &symbol, sizeof(symbol));
	}
	loaded = true;
	return &lib;
}
