/*
 * The chunks on standard input and the answers on standard output. Any number
 * of threads may take chunks and answer them; the answers are written in order.
 */
#ifndef STREAM_H
#define STREAM_H

#include <stddef.h>

/* The exit codes. */
enum { failed = 1, misused = 2, broken = 3 };

/* Ends the program with that code and a line that says why. */
__attribute__((noreturn, format(printf, 2, 3)))
void die(int code, const char *format, ...);

struct bytes {
	void *data;
	size_t size;
};

/* Begins the round of chunks up to the next reload; returns whether there is
 * one, which there is until a round has met the end of the input. */
int next_round(void);

/* Takes the next chunk of the round and its number; returns whether there was
 * one. The data is the caller's. */
int take(struct bytes *chunk, unsigned long *number);

/* Writes the answer to the chunk of that number when its turn has come. Every
 * chunk that was taken must be answered. */
void answer(unsigned long number, int code, struct bytes out);

#endif
