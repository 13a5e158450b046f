//go:build ignore

/*
 * Fluent Bit's side of an output written in Go.
 */
#define _GNU_SOURCE
#include "fluentbit.h"
#include "host.h"
#include "stream.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

/* What Fluent Bit gives a coroutine, and a page that nobody may touch. */
enum { stack_size = 24 << 10, guard_size = 4 << 10 };

static struct output_definition output;
static struct flb_output_instance instances[max_instances];
static struct output_context contexts[max_instances];
static int (*flush)(void *context, const void *data, size_t size, char *tag);

void register_output(void *library)
{
	int (*callback)(struct output_definition *) = symbol(library, "FLBPluginRegister");

	if (!callback || callback(&output) == -1 || output.type != type_output || output.proxy != proxy_go) {
		die(failed, "the plugin does not register an output");
	}
	fprintf(stderr, "[host] output %s: %s\n", output.name, output.description);
}

/* A flush that runs in a coroutine. */
struct call {
	ucontext_t caller, coroutine;
	void *context;
	struct bytes chunk;
	int code;
};

static __thread struct call *current;

static void run_call(void)
{
	char tag[] = "wazuh.alerts";

	current->code = flush(current->context, current->chunk.data, current->chunk.size, tag);
}

/* Flushes a chunk on a stack as small as a coroutine's. */
static int call_flush(void *context, struct bytes chunk)
{
	struct call call = {.context = context, .chunk = chunk};
	char *memory = mmap(NULL, guard_size + stack_size, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *copy = memcpy(malloc(chunk.size), chunk.data, chunk.size);

	if (memory == MAP_FAILED || mprotect(memory, guard_size, PROT_NONE) != 0) {
		die(failed, "there is no memory for a stack");
	}
	current = &call;
	getcontext(&call.coroutine);
	call.coroutine.uc_stack.ss_sp = memory + guard_size;
	call.coroutine.uc_stack.ss_size = stack_size;
	call.coroutine.uc_link = &call.caller;
	makecontext(&call.coroutine, run_call, 0);
	swapcontext(&call.caller, &call.coroutine);
	munmap(memory, guard_size + stack_size);
	if (memcmp(copy, chunk.data, chunk.size) != 0) {
		die(broken, "the plugin has changed a chunk");
	}
	free(copy);
	if (call.code != output_ok && call.code != output_retry) {
		die(broken, "the plugin drops a chunk: it returns %d", call.code);
	}
	return call.code;
}

/* A thread of the host's own: flushes chunks while there are some. */
static void *flush_chunks(void *context)
{
	struct bytes chunk;
	unsigned long number;

	own_thread = 1;
	while (take(&chunk, &number)) {
		int code = call_flush(context, chunk);
		memset(chunk.data, 0xc1, chunk.size); /* who has kept a view will see this */
		free(chunk.data);
		answer(number, code, (struct bytes) {NULL, 0});
	}
	return NULL;
}

void run_output(void *library)
{
	int (*init)(struct output_plugin *) = symbol(library, "FLBPluginInit");
	int (*end)(void *) = symbol(library, "FLBPluginExitCtx");
	void (*unregister)(struct output_definition *) = symbol(library, "FLBPluginUnregister");
	struct output_api api = {.get_property = flb_output_get_property};

	flush = symbol(library, "FLBPluginFlushCtx");
	if (!init || !flush || !end || !unregister) {
		die(failed, "the plugin is no output");
	}
	for (int round = 1; next_round(); round++) {
		pthread_t threads[max_threads];

		for (int i = 0; i < num_instances; i++) {
			struct output_plugin plugin = {output.name, &api, &instances[i], &contexts[i], {NULL}};
			contexts[i].remote = &output; /* memory that Fluent Bit has not set */
			instances[i] = (struct flb_output_instance) {.workers = 2, .log_level = log_level};
			snprintf(instances[i].name, sizeof(instances[i].name), "%s.%d", output.name, i);
			if (init(&plugin) <= output_error) {
				end(contexts[i].remote);
				unregister(&output);
				die(failed, "the output does not start");
			}
			if (instances[i].workers != 0) {
				die(broken, "the output lets Fluent Bit start workers, who crash it on a reload");
			}
		}
		for (int t = 0; t < num_threads; t++) {
			pthread_create(&threads[t], NULL, flush_chunks, contexts[t % num_instances].remote);
		}
		for (int t = 0; t < num_threads; t++) {
			pthread_join(threads[t], NULL);
		}
		for (int i = 0; i < num_instances; i++) {
			end(contexts[i].remote);
			if (call_after_exit) {
				int code = call_flush(contexts[i].remote, (struct bytes) {"\x80", 1});
				fprintf(stderr, "[host] a call after exit returns %d\n", code);
			}
		}
		if (report) {
			print_report(round);
		}
		signal(SIGSEGV, crash); /* as Fluent Bit does on the SIGHUP that asks for a reload */
	}
	unregister(&output);
}
