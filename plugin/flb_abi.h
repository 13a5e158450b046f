/*
 * What this plugin knows of Fluent Bit, and all that it may touch: the parts
 * of the host's structures that it reads or fills, and the functions of the
 * host that it calls. Checked against the sources of Fluent Bit 2.2.3, 3.2.10
 * and 5.1.1, which agree in all of it on 64-bit Linux.
 */
#ifndef FLB_ABI_H
#define FLB_ABI_H

#include <stddef.h>
#include <stdint.h>

struct flb_config;          /* opaque */
struct flb_input_instance;  /* opaque */
struct flb_output_instance; /* opaque */

enum { events_are_logs = 1 };
enum { filter_modified = 1, filter_not_touched = 2 };
enum { output_error = 0, output_ok = 1, output_retry = 2 };
enum { log_error = 1, log_warn = 2, log_info = 3, log_debug = 4 };

/* The head of a [FILTER] section; the host alone knows the rest. */
struct flb_filter_instance {
	int event_type;
	int id;
	int log_level; /* of the section or else of the service: print what is at most this */
};

/* What the host copies out of the library when it loads it. */
struct flb_filter_plugin {
	int event_type;
	int flags;
	const char *name;
	const char *description;
	const void *config_map; /* its layout changes between versions: NULL, any option is accepted */
	int (*cb_pre_run)(struct flb_filter_instance *, struct flb_config *, void *);
	int (*cb_init)(struct flb_filter_instance *, struct flb_config *, void *);
	int (*cb_filter)(const void *data, size_t size, const char *tag, int tag_size,
	                 void **out, size_t *out_size, struct flb_filter_instance *,
	                 struct flb_input_instance *, void *context, struct flb_config *);
	int (*cb_exit)(void *context, struct flb_config *);
	/* A list node up to 3.1, a callback and a list node since 3.2. The host
	 * copies as much as its own version has, so there is room to spare. */
	const void *padding[16];
};

_Static_assert(sizeof(void *) == 8 && sizeof(int) == 4, "only 64-bit Linux was checked");
_Static_assert(offsetof(struct flb_filter_instance, log_level) == 8, "filter instance");
_Static_assert(offsetof(struct flb_filter_plugin, name) == 8, "filter plugin");
_Static_assert(offsetof(struct flb_filter_plugin, config_map) == 24, "filter plugin");
_Static_assert(offsetof(struct flb_filter_plugin, cb_init) == 40, "filter plugin");
_Static_assert(offsetof(struct flb_filter_plugin, cb_exit) == 56, "filter plugin");
_Static_assert(sizeof(struct flb_filter_plugin) >= 88 + 64, "filter plugin: 88 bytes in 5.1");

/* Where the host keeps an output's context between init and exit. */
struct flb_plugin_proxy_context {
	void *remote_context;
};

/* What the host hands to an output written in Go. */
struct flbgo_output_plugin {
	const char *name;
	void *api;
	struct flb_output_instance *instance;
	struct flb_plugin_proxy_context *context;
};

_Static_assert(offsetof(struct flbgo_output_plugin, instance) == 16, "output plugin");
_Static_assert(offsetof(struct flbgo_output_plugin, context) == 24, "output plugin");

/*
 * Functions of the host. They are weak, so that the library links without
 * Fluent Bit; the ones without which the plugin cannot work are checked before
 * the first call (filter.c).
 */
#define HOST __attribute__((weak))

/* The value of an option, the host's until exit; NULL if it is not set. */
HOST const char *flb_filter_get_property(const char *key, struct flb_filter_instance *);
/* Sets what cb_filter and cb_exit get; without it cb_exit is never called. */
HOST void flb_filter_set_context(struct flb_filter_instance *, void *context);
/* The alias of a section, or else its name with its number; the host's. */
HOST const char *flb_filter_name(struct flb_filter_instance *);
HOST const char *flb_output_name(struct flb_output_instance *);
/* Returns whether an output's section prints what has that level. */
HOST int flb_output_log_check(struct flb_output_instance *, int level);
/* Sets one of the options that the host itself has for every output. */
HOST int flb_output_set_property(struct flb_output_instance *, const char *key, const char *value);
/* Prints to Fluent Bit's log whatever the level is: gating is the caller's.
 * On a thread that is not Fluent Bit's own it prints to stderr instead. */
HOST void flb_log_print(int level, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* What Fluent Bit knows of this thread; NULL if the thread is not its own. */
HOST void *flb_worker_get(void);

/* Of filter.c, for the Go files. */

#define VISIBLE __attribute__((visibility("default")))

/* Returns whether this thread is one of Fluent Bit's own. */
int misp_on_host_thread(void);
/* Prints the line, which is no format, to Fluent Bit's log. */
void misp_log(int level, const char *line);
/* Returns a block of the host's malloc, NULL if there is no memory. */
void *misp_alloc(size_t size);

#endif
