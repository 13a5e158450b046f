//go:build ignore

/*
 * A stand-in for Fluent Bit that loads the plugin and calls it as Fluent Bit
 * does, so that the C boundary can be tested without it. See usage.
 */
#define _GNU_SOURCE
#include "fluentbit.h"
#include "host.h"
#include "stream.h"

#include <dirent.h>
#include <dlfcn.h>
#include <getopt.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
	"Usage: host [OPTION]... FILE.so < CHUNKS > ANSWERS\n"
	"\n"
	"Loads the plugin FILE.so as Fluent Bit does and passes chunks through it.\n"
	"\n"
	"CHUNKS is a sequence of chunks, each a size (4 bytes, little endian) and as\n"
	"many bytes of msgpack. A size of 0xffffffff stands for a hot reload: the\n"
	"plugin is ended and started again. ANSWERS has for each chunk, in order, the\n"
	"plugin's return code (1 byte), a size, and as many bytes, none from an output;\n"
	"each is written as soon as it and all before it are there. The log goes to stderr.\n"
	"\n"
	"  -p KEY=VALUE       set an option of the plugin's section\n"
	"  --instances N      have N such sections (1); thread t uses number t modulo N\n"
	"  --threads N        call the plugin from N threads (1)\n"
	"  --log-level N      0 off, 1 error, 2 warn, 3 info (the default), 4 debug\n"
	"  --log-file FILE    log there; what is not logged on a thread of the host's own\n"
	"                     goes to stderr even so, as in Fluent Bit\n"
	"  --clock FILE       let the plugin's clock be ahead of the machine's by the seconds\n"
	"                     that FILE holds at the moment, 8 bytes in the machine's order\n"
	"  --daemonize        fork between load and start, as Fluent Bit's -d does\n"
	"  --call-after-exit  after each exit call the plugin once more, with the\n"
	"                     context that is not valid any more\n"
	"  --limit MS         print a line about each call of the filter that takes longer\n"
	"  --report           after each exit print a line about the process\n"
	"  --help             print this\n"
	"\n"
	"The exit code is 0; 1 if the plugin cannot be loaded or does not start; 2 for\n"
	"wrong options or input; 3 if the plugin breaks a rule of the interface.\n";

int num_threads = 1, num_instances = 1, log_level = 3;
int call_after_exit, report;
static int daemonize;
static double limit; /* milliseconds; 0 is none */
static atomic_long longest; /* call of the filter, in microseconds */

static struct flb_filter_plugin filter;
static struct flb_filter_instance instances[max_instances];

/* Returns microseconds since some moment. */
static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Notes how long a call took that has begun then. */
static void note_call(long begin)
{
	long took = now() - begin, before = longest;

	while (took > before && !atomic_compare_exchange_weak(&longest, &before, took)) {
	}
	if (limit > 0 && took > limit * 1000) {
		fprintf(stderr, "[host] a call took %.1f ms\n", took / 1000.0);
	}
}

/* Passes one chunk through the filter: the return code, and in out a block
 * that is the caller's. */
static int call_filter(struct flb_filter_instance *ins, struct bytes chunk, struct bytes *out)
{
	void *copy = memcpy(malloc(chunk.size), chunk.data, chunk.size);
	void *untouched = &filter;

	*out = (struct bytes) {untouched, 42};
	long begin = now();
	int code = filter.cb_filter(chunk.data, chunk.size, "wazuh.alerts", 12, &out->data, &out->size,
	                            ins, NULL, ins->context, NULL);
	note_call(begin);
	if (memcmp(copy, chunk.data, chunk.size) != 0) {
		die(broken, "the plugin has changed a chunk");
	}
	free(copy);
	if (code == filter_modified && out->size == 0) {
		die(broken, "the plugin drops all records of a chunk");
	}
	if (code == filter_not_touched) {
		if (out->data != untouched || out->size != 42) {
			die(broken, "the plugin has set an output, but says that there is none");
		}
		*out = (struct bytes) {NULL, 0};
	}
	return code;
}

/* A thread of the host's own: filters chunks while there are some. */
static void *filter_chunks(void *ins)
{
	struct bytes chunk, out;
	unsigned long number;

	own_thread = 1;
	while (take(&chunk, &number)) {
		int code = call_filter(ins, chunk, &out);
		memset(chunk.data, 0xc1, chunk.size); /* who has kept a view will see this */
		free(chunk.data);
		answer(number, code, out);
		free(out.data);
	}
	return NULL;
}

void crash(int number)
{
	static const char text[] = "[host] caught SIGSEGV\n";

	(void) number;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) {
		_exit(failed);
	}
	abort();
}

/* Returns how many entries a directory has. */
static int entries(const char *directory)
{
	DIR *d = opendir(directory);
	int n = -2; /* . and .. */

	while (readdir(d)) {
		n++;
	}
	closedir(d);
	return n;
}

void print_report(int round)
{
	struct sigaction action;

	sigaction(SIGSEGV, NULL, &action);
	fprintf(stderr, "[host] round %d: %d threads, %d files, %zu bytes, longest call %.1f ms, SIGSEGV is %s\n",
	        round, entries("/proc/self/task"), entries("/proc/self/fd"), mallinfo2().uordblks, longest / 1000.0,
	        action.sa_handler == crash ? "the host's" : "the plugin's");
}

/* Starts the sections, passes the chunks of a round through them and ends them,
 * round after round. */
static void run_filter(void)
{
	for (int round = 1; next_round(); round++) {
		pthread_t threads[max_threads];

		for (int i = 0; i < num_instances; i++) {
			instances[i] = (struct flb_filter_instance) {.event_type = 1, .id = i, .log_level = log_level};
			snprintf(instances[i].name, sizeof(instances[i].name), "%s.%d", filter.name, i);
			if (filter.cb_pre_run && filter.cb_pre_run(&instances[i], NULL, NULL) != 0) {
				die(failed, "the filter fails before it starts");
			}
			if (filter.cb_init(&instances[i], NULL, NULL) != 0) {
				die(failed, "the filter does not start");
			}
		}
		for (int t = 0; t < num_threads; t++) {
			pthread_create(&threads[t], NULL, filter_chunks, &instances[t % num_instances]);
		}
		for (int t = 0; t < num_threads; t++) {
			pthread_join(threads[t], NULL);
		}
		for (int i = 0; i < num_instances; i++) {
			if (filter.cb_exit && instances[i].context) {
				filter.cb_exit(instances[i].context, NULL);
			}
			if (call_after_exit) {
				struct bytes out;
				int code = call_filter(&instances[i], (struct bytes) {"\x80", 1}, &out);
				fprintf(stderr, "[host] a call after exit returns %d\n", code);
			}
		}
		if (report) {
			print_report(round);
		}
		signal(SIGSEGV, crash); /* as Fluent Bit does on the SIGHUP that asks for a reload */
	}
}

void *symbol(void *library, const char *name)
{
	dlerror();
	void *s = dlsym(library, name);
	return dlerror() ? NULL : s;
}

/* Sets the options; ends the program if they are wrong or only ask for help. */
static void parse_options(int argc, char **argv)
{
	static const struct option names[] = {
		{"property", required_argument, NULL, 'p'},
		{"instances", required_argument, NULL, 'i'},
		{"threads", required_argument, NULL, 't'},
		{"log-level", required_argument, NULL, 'v'},
		{"log-file", required_argument, NULL, 'l'},
		{"limit", required_argument, NULL, 'm'},
		{"clock", required_argument, NULL, 'c'},
		{"daemonize", no_argument, &daemonize, 1},
		{"call-after-exit", no_argument, &call_after_exit, 1},
		{"report", no_argument, &report, 1},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};

	for (int c; (c = getopt_long(argc, argv, "p:", names, NULL)) != -1;) {
		switch (c) {
		case 'p': properties[num_properties++ % 64] = optarg; break;
		case 'i': num_instances = atoi(optarg); break;
		case 't': num_threads = atoi(optarg); break;
		case 'v': log_level = atoi(optarg); break;
		case 'l': log_file = fopen(optarg, "a"); break;
		case 'm': limit = atof(optarg); break;
		case 'c': set_clock_by(optarg); break;
		case 'h': fputs(usage, stdout); exit(0);
		case '?': exit(misused);
		}
	}
	if (optind != argc - 1 || num_properties > 64 || num_instances < 1 ||
	    num_instances > max_instances || num_threads < 1 || num_threads > max_threads) {
		fputs(usage, stderr);
		exit(misused);
	}
}

/* Finds the filter by the NAME in the file's name, flb-NAME.so, and copies it. */
static void load_filter(void *library, const char *name)
{
	char entry[80];

	snprintf(entry, sizeof(entry), "%s_plugin", name);
	void *plugin = symbol(library, entry);
	if (!plugin) {
		die(failed, "the plugin has no %s", entry);
	}
	memcpy(&filter, plugin, sizeof(filter));
	if (filter.event_type != 1 || filter.config_map) {
		die(broken, "the plugin is no filter of logs for every version");
	}
}

int main(int argc, char **argv)
{
	char name[64];

	parse_options(argc, argv);
	own_thread = 1;
	signal(SIGSEGV, crash);
	int slack = prctl(PR_GET_TIMERSLACK);
	void *library = dlopen(argv[optind], RTLD_LAZY);
	if (!library) {
		die(failed, "%s", dlerror());
	}
	if (prctl(PR_GET_TIMERSLACK) != slack) {
		die(broken, "the plugin has changed the timer slack of the host's thread");
	}
	int is_filter = sscanf(basename(argv[optind]), "flb-%63[^.].so", name) == 1;
	if (is_filter) {
		load_filter(library, name);
	} else {
		register_output(library);
	}
	if (daemonize) {
		int status;
		if (fork() != 0) {
			wait(&status);
			return WIFEXITED(status) ? WEXITSTATUS(status) : broken;
		}
	}
	if (is_filter) {
		run_filter();
	} else {
		run_output(library);
	}
	return 0;
}
