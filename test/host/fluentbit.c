//go:build ignore

/*
 * The functions that Fluent Bit exports to its plugins. With NOT_FLUENT_BIT
 * defined some are missing, as in a program that is not Fluent Bit.
 */
#define _GNU_SOURCE
#include "fluentbit.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

char *properties[64];
int num_properties;
FILE *log_file;
__thread int own_thread;

/* Returns the value of the first option of that name, in any case; NULL if there
 * is none. */
static const char *property(const char *key)
{
	size_t n = strlen(key);

	for (int i = 0; i < num_properties; i++) {
		if (strncasecmp(properties[i], key, n) == 0 && properties[i][n] == '=') {
			return properties[i] + n + 1;
		}
	}
	return NULL;
}

#ifndef NOT_FLUENT_BIT
const char *flb_filter_get_property(const char *key, struct flb_filter_instance *ins)
{
	(void) ins;
	return property(key);
}

const char *flb_filter_name(struct flb_filter_instance *ins)
{
	return ins->name;
}

void flb_filter_set_context(struct flb_filter_instance *ins, void *context)
{
	ins->context = context;
}
#endif

/* Some names never reach an output: Fluent Bit has such options of its own. */
const char *flb_output_get_property(const char *key, struct flb_output_instance *ins)
{
	(void) ins;
	if (strncasecmp(key, "tls", 3) == 0 || strcasecmp(key, "host") == 0 ||
	    strcasecmp(key, "port") == 0 || strcasecmp(key, "workers") == 0) {
		return NULL;
	}
	return property(key);
}

const char *flb_output_name(struct flb_output_instance *ins)
{
	return ins->name;
}

int flb_output_log_check(struct flb_output_instance *ins, int level)
{
	return level <= ins->log_level;
}

int flb_output_set_property(struct flb_output_instance *ins, const char *key, const char *value)
{
	if (strcasecmp(key, "workers") != 0) {
		return -1;
	}
	ins->workers = atoi(value);
	return 0;
}

void *flb_worker_get(void)
{
	return own_thread ? &own_thread : NULL;
}

__attribute__((format(printf, 4, 5)))
void flb_log_print(int level, const char *file, int line, const char *format, ...)
{
	static const char *const words[] = {"off", "error", " warn", " info", "debug"};
	FILE *to = own_thread && log_file ? log_file : stderr;
	time_t now = time(NULL);
	char text[4096], when[32];
	struct tm tm;
	va_list args;

	(void) file;
	(void) line;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	strftime(when, sizeof(when), "%Y/%m/%d %H:%M:%S", localtime_r(&now, &tm));
	fprintf(to, "[%s] [%s] %s\n", when, words[level], text);
	fflush(to);
}
