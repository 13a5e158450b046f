//go:build ignore

#include "stream.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

__attribute__((noreturn, format(printf, 2, 3)))
void die(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("[host] ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	exit(code);
}

/* The stream of chunks, shared by the threads. A thread that waits for the next
 * chunk does not keep others from answering. */
static struct {
	pthread_mutex_t reading, writing;
	pthread_cond_t turn;
	enum { flowing, reloading, ended } state;
	unsigned long taken, answered;
} stream = {
	.reading = PTHREAD_MUTEX_INITIALIZER,
	.writing = PTHREAD_MUTEX_INITIALIZER,
	.turn = PTHREAD_COND_INITIALIZER,
};

int next_round(void)
{
	int more = stream.state != ended;

	if (more) {
		stream.state = flowing;
	}
	return more;
}

int take(struct bytes *chunk, unsigned long *number)
{
	uint32_t size;

	pthread_mutex_lock(&stream.reading);
	if (stream.state == flowing) {
		if (fread(&size, sizeof(size), 1, stdin) != 1) {
			stream.state = ended;
		} else if (size == UINT32_MAX) {
			stream.state = reloading;
		} else {
			*chunk = (struct bytes) {malloc(size), size};
			if (fread(chunk->data, 1, size, stdin) != size) {
				die(misused, "the input ends within a chunk");
			}
			*number = stream.taken++;
		}
	}
	int taken = stream.state == flowing;
	pthread_mutex_unlock(&stream.reading);
	return taken;
}

void answer(unsigned long number, int code, struct bytes out)
{
	uint32_t size = out.size;

	pthread_mutex_lock(&stream.writing);
	while (stream.answered != number) {
		pthread_cond_wait(&stream.turn, &stream.writing);
	}
	putchar(code);
	fwrite(&size, sizeof(size), 1, stdout);
	fwrite(out.data, 1, out.size, stdout);
	fflush(stdout);
	stream.answered++;
	pthread_cond_broadcast(&stream.turn);
	pthread_mutex_unlock(&stream.writing);
}
