/*
 * What host.c has for output.c: the options, and what is done to any plugin.
 */
#ifndef HOST_H
#define HOST_H

enum { max_instances = 16, max_threads = 64 };

extern int num_threads, num_instances, log_level, call_after_exit, report;

/* Returns a symbol of the plugin's, NULL if it has none of that name. */
void *symbol(void *library, const char *name);

/* Handles SIGSEGV as Fluent Bit does: it ends the program. */
void crash(int number);

/* Prints what a plugin that has been ended should not have left behind. */
void print_report(int round);

/* Has Go's clocks be ahead of the machine's by the seconds, 8 bytes, that a file
 * holds at the moment. To be called before the plugin is loaded. */
void set_clock_by(const char *file);

/* Lets the output register itself, which Fluent Bit does as it loads it. */
void register_output(void *library);

/* Starts the sections of the output, hands them the chunks of a round and ends
 * them, round after round. */
void run_output(void *library);

#endif
