/*
 * What a plugin gets to see of Fluent Bit, declared from Fluent Bit 5.1's point
 * of view and not taken from the plugin's own header, so that a mistake there
 * shows.
 */
#ifndef FLUENTBIT_H
#define FLUENTBIT_H

#include <stddef.h>
#include <stdio.h>

struct flb_filter_instance {
	int event_type;
	int id;
	int log_level;
	int log_suppress_interval;
	char name[32];
	void *context;
};

struct flb_filter_plugin {
	int event_type;
	int flags;
	char *name;
	char *description;
	void *config_map;
	int (*cb_pre_run)(struct flb_filter_instance *, void *config, void *data);
	int (*cb_init)(struct flb_filter_instance *, void *config, void *data);
	int (*cb_filter)(const void *data, size_t size, const char *tag, int tag_size, void **out,
	                 size_t *out_size, struct flb_filter_instance *, void *input,
	                 void *context, void *config);
	int (*cb_exit)(void *context, void *config);
	int (*cb_notification)(struct flb_filter_instance *, void *config, void *data);
	void *head[2];
};

struct flb_output_instance {
	int workers;
	int log_level;
	char name[32];
};

/* What FLBPluginRegister fills in. */
struct output_definition {
	int type;
	int proxy;
	int flags;
	char *name;
	char *description;
	int event_type;
	void *config_map;
};

struct output_api {
	const char *(*get_property)(const char *key, struct flb_output_instance *);
	void *others[8];
};

struct output_context {
	void *remote;
};

/* What FLBPluginInit gets. */
struct output_plugin {
	char *name;
	struct output_api *api;
	struct flb_output_instance *instance;
	struct output_context *context;
	void *callbacks[5];
};

enum { filter_modified = 1, filter_not_touched = 2 };
enum { output_error = 0, output_ok = 1, output_retry = 2 };
enum { type_output = 2, proxy_go = 11 };

/* The section that flb_filter_get_property and its like know: KEY=VALUE each. */
extern char *properties[64];
extern int num_properties;

/* Where the threads of the host's own log to; NULL for stderr. */
extern FILE *log_file;

/* Whether this thread is one of the host's own. */
extern __thread int own_thread;

/* A function of the host that a Go output gets by its struct output_api. */
const char *flb_output_get_property(const char *key, struct flb_output_instance *);

#endif
