/*
 * The C side: what Fluent Bit finds in the library and calls. It checks what
 * must be known before Go can run and hands everything else to the functions
 * that the Go files export.
 */
#include "flb_abi.h"
#include "_cgo_export.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* The process that loaded the library: Go's threads exist in no other. */
static pid_t loaded_by;

/* The host's threads that have entered Go and have not ended. Each of them has
 * called_go set. */
static atomic_int calling_threads;
static pthread_key_t called_go;
static int can_count; /* whether there is such a key */

static void thread_ends(void *unused)
{
	(void) unused;
	atomic_fetch_sub(&calling_threads, 1);
}

__attribute__((constructor)) static void loaded(void)
{
	loaded_by = getpid();
	can_count = pthread_key_create(&called_go, thread_ends) == 0;
}

/*
 * Go's runtime has a thread that looks after its scheduler. It cannot see that
 * a thread of the host's leaves Go and comes back: when chunk follows chunk, it
 * takes them for one call that is too long, looks again every 20 microseconds,
 * and interrupts each call that it meets, all of which costs as much as the work
 * itself. A thread may let the kernel end its sleeps later than they are due, by
 * its timer slack. With this one, the monitor need not come more often than ten
 * times a second. It also takes processors of Go's from threads that are back in
 * C, for those that wait: there are enough without (see count_thread).
 */
enum { monitor_slack = 100000000 }; /* nanoseconds */

static void *(*run_monitor)(void *);

static void *run_monitor_late(void *arg)
{
	prctl(PR_SET_TIMERSLACK, monitor_slack);
	return run_monitor(arg);
}

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

/* Starts a thread of Go's: the linker has its calls of pthread_create come here.
 * The second is the monitor, which Go's main thread starts before all else. */
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *), void *arg)
{
	static atomic_int started;
	int by_monitor = prctl(PR_GET_TIMERSLACK) == monitor_slack;
	int error;

	if (atomic_fetch_add(&started, 1) == 1) {
		run_monitor = run;
		run = run_monitor_late;
	}
	if (by_monitor) {
		prctl(PR_SET_TIMERSLACK, 0); /* its own from before, for a thread has that of whom it is started by */
	}
	error = __real_pthread_create(thread, attributes, run, arg);
	if (by_monitor) {
		prctl(PR_SET_TIMERSLACK, monitor_slack);
	}
	if (error != 0) {
		atomic_fetch_sub(&started, 1); /* Go tries again */
	}
	return error;
}

/* Returns whether the host has the functions that the plugin calls; if not,
 * says so on stderr, as there is no log to say it in. */
static int host_is_fluent_bit(void)
{
	if (flb_filter_get_property && flb_filter_set_context && flb_filter_name &&
	    flb_output_name && flb_output_log_check && flb_output_set_property && flb_log_print) {
		return 1;
	}
	fputs("misp: this program is not Fluent Bit 2.2 or later: "
	      "it lacks functions that the plugin calls\n", stderr);
	return 0;
}

/* Returns whether Go can run in this process; if not, says so in the log, for
 * the section `name` of that kind ("filter", "output"). It does not enter Go,
 * which in a forked process would never return. */
static int go_can_run(const char *kind, const char *name)
{
	if (getpid() == loaded_by) {
		return 1;
	}
	flb_log_print(log_error, NULL, 0,
	              "[%s:misp:%s] daemon mode (-d, or daemon on) is not supported: Fluent Bit forks "
	              "after it has loaded the plugin, and the threads of a plugin written in Go do "
	              "not survive that; run it in the foreground, under systemd or in a container",
	              kind, name);
	return 0;
}

/* Go's own handler of SIGSEGV, in place from the moment the library is loaded;
 * it passes on to Fluent Bit's what did not happen in Go. */
static struct sigaction go_sigsegv;

/*
 * On SIGHUP and SIGCONT Fluent Bit sets all its signal handlers anew: without
 * the alternate stack that Go's threads need, and over the handler by which a
 * nil dereference in Go is a panic that can be recovered, so that it would end
 * Fluent Bit. This puts both right again. It may be called by several threads at
 * once.
 */
static void restore_signals(void)
{
	static const int numbers[] = {SIGINT, SIGQUIT, SIGHUP, SIGCONT, SIGTERM, SIGFPE};
	struct sigaction action;

	if (sigaction(SIGSEGV, NULL, &action) != 0 || action.sa_flags & SA_ONSTACK) {
		return;
	}
	sigaction(SIGSEGV, &go_sigsegv, NULL);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (sigaction(numbers[i], NULL, &action) == 0 &&
		    action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN) {
			action.sa_flags |= SA_ONSTACK;
			sigaction(numbers[i], &action, NULL);
		}
	}
}

/*
 * Has Go make room for the calling thread when it comes for the first time. A
 * thread that returns from Go keeps the processor on which it ran there, as a rule
 * until the monitor takes it: as many such threads as there are processors would
 * leave none to Go's own, and to calls that have waited.
 */
static void count_thread(void)
{
	if (can_count && !pthread_getspecific(called_go) && pthread_setspecific(called_go, &called_go) == 0) {
		mispCallingThreads(atomic_fetch_add(&calling_threads, 1) + 1);
	}
}

/* Whether the kernel's clock has ticked since the last call, as it does every few
 * milliseconds. Unlike a look at the signals, a look at it does not enter the kernel. */
static int ticked(void)
{
	static atomic_llong last;
	struct timespec now;
	long long tick;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	tick = now.tv_sec * 1000000000LL + now.tv_nsec;
	if (tick == atomic_load_explicit(&last, memory_order_relaxed)) {
		return 0;
	}
	atomic_store_explicit(&last, tick, memory_order_relaxed);
	return 1;
}

/* To be called on the host's thread before each call for a section. */
static void before_go(void)
{
	restore_signals();
	count_thread();
}

/* The same before a call for a chunk, of which there are thousands a second. For the
 * rest of a tick after Fluent Bit has set its handlers, they stay: a SIGHUP has all
 * sections closed and opened, a SIGCONT does not. */
static void before_chunk(void)
{
	if (ticked()) {
		restore_signals();
	}
	count_thread();
}

/* Makes ready to enter Go for a section of that kind and name, which opens;
 * returns 0 if Go cannot be entered, once it is said why. */
static int enter(const char *kind, const char *name)
{
	if (!go_can_run(kind, name)) {
		return 0;
	}
	if (go_sigsegv.sa_flags == 0) {
		sigaction(SIGSEGV, NULL, &go_sigsegv);
	}
	before_go();
	return 1;
}

/* Opens the section: 0, or -1 once the log says what is wrong with it. */
static int cb_init(struct flb_filter_instance *ins, struct flb_config *config, void *data)
{
	uintptr_t context;

	(void) config;
	(void) data;
	if (!host_is_fluent_bit() || !enter("filter", flb_filter_name(ins))) {
		return -1;
	}
	context = mispFilterInit(ins);
	if (context == 0) {
		return -1;
	}
	flb_filter_set_context(ins, (void *) context);
	return 0;
}

/* Enriches a chunk, which stays the host's. On filter_modified *out is a block
 * from malloc that is the host's from then on; on filter_not_touched *out and
 * *out_size are as they were. Several threads may call it at once. */
static int cb_filter(const void *data, size_t size, const char *tag, int tag_size,
                     void **out, size_t *out_size, struct flb_filter_instance *ins,
                     struct flb_input_instance *input, void *context, struct flb_config *config)
{
	(void) tag;
	(void) tag_size;
	(void) ins;
	(void) input;
	(void) config;
	before_chunk();
	return mispFilter((uintptr_t) context, (void *) data, size, out, out_size);
}

/* Closes what cb_init opened; when it returns, none of its goroutines runs. */
static int cb_exit(void *context, struct flb_config *config)
{
	(void) config;
	before_go();
	mispFilterExit((uintptr_t) context);
	return 0;
}

/* The host looks it up by the name of the file, flb-filter_misp.so. */
VISIBLE const struct flb_filter_plugin filter_misp_plugin = {
	.event_type = events_are_logs,
	.name = "misp",
	.description = "Add what MISP knows of the indicators in Wazuh's alerts",
	.cb_init = cb_init,
	.cb_filter = cb_filter,
	.cb_exit = cb_exit,
};

/* Fills in what the host knows of the output, out_misp.so, when it loads the
 * library: in daemon mode, on a reload, also where Go cannot run. */
VISIBLE int FLBPluginRegister(void *definition)
{
	if (getpid() != loaded_by) {
		return -1;
	}
	count_thread();
	return mispOutputRegister(definition);
}

/*
 * Opens an output's section: output_ok, or output_error once the log says what
 * is wrong. `workers` is set to 0: Fluent Bit starts the workers of a Go output
 * twice and ends them once, and crashes on a reload.
 */
VISIBLE int FLBPluginInit(struct flbgo_output_plugin *plugin)
{
	uintptr_t context;

	plugin->context->remote_context = NULL;
	if (!host_is_fluent_bit() || !enter("output", flb_output_name(plugin->instance))) {
		return output_error;
	}
	if (flb_output_set_property(plugin->instance, "workers", "0") != 0) {
		return output_error;
	}
	context = mispOutputInit(plugin);
	plugin->context->remote_context = (void *) context;
	return context != 0 ? output_ok : output_error;
}

/* Enriches a chunk, which stays the host's, and sends it on: output_ok once it
 * has arrived, output_retry if it has not. The host calls it on the small stack
 * of a coroutine. */
VISIBLE int FLBPluginFlushCtx(void *context, const void *data, size_t size, char *tag)
{
	before_go();
	return mispOutputFlush((uintptr_t) context, (void *) data, size, tag);
}

/* Closes what FLBPluginInit opened; when it returns, none of its goroutines
 * runs. The host calls it also if there is nothing to close. */
VISIBLE int FLBPluginExitCtx(void *context)
{
	if (context != NULL && getpid() == loaded_by) {
		before_go();
		mispOutputExit((uintptr_t) context);
	}
	return output_ok;
}

/* Frees what FLBPluginRegister filled in. The host calls it at its end, in
 * daemon mode also where Go cannot run. */
VISIBLE void FLBPluginUnregister(void *definition)
{
	if (getpid() == loaded_by) {
		count_thread();
		mispOutputUnregister(definition);
	}
}

int misp_on_host_thread(void)
{
	return !flb_worker_get || flb_worker_get();
}

void misp_log(int level, const char *line)
{
	flb_log_print(level, NULL, 0, "%s", line);
}

void *misp_alloc(size_t size)
{
	return malloc(size);
}
