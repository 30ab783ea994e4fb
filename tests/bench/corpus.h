/* SPDX-License-Identifier: Apache-2.0 */
/*
 * corpus: what the bench's programs share: the clock, an end with a message, and the list of a
 * corpus as mkcorpus prints it, one "SHA-256 SIZE PATH" a line, PATH relative and without blanks.
 */
#ifndef CUSTODY_TESTS_BENCH_CORPUS_H
#define CUSTODY_TESTS_BENCH_CORPUS_H

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CORPUS_PATH_MAX 128

struct corpus_file {
	char sha256[65];
	uint64_t size; /* bytes */
	char path[CORPUS_PATH_MAX];
};

struct corpus {
	struct corpus_file *file;
	size_t n;
	uint64_t bytes; /* of all files */
};

__attribute__((noreturn)) static inline void corpus_die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, errno ? strerror(errno) : "not as it should be");
	exit(1);
}

/* Seconds of the monotonic clock. */
static inline double corpus_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A number from the command line; 0 is no answer either. */
static inline uint64_t corpus_number(const char *s)
{
	char *end;
	uint64_t n = strtoull(s, &end, 10);

	errno = 0;
	if (*end || n == 0)
		corpus_die(s);
	return n;
}

static inline void *corpus_alloc(size_t n)
{
	void *p = aligned_alloc(4096, (n + 4095) / 4096 * 4096);

	if (!p)
		corpus_die("memory");
	return p;
}

/* The list on standard input. Never freed: the programs are short. */
static inline struct corpus corpus_read(void)
{
	struct corpus c = {0};
	struct corpus_file f;
	size_t cap = 0;

	while (scanf("%64s %" SCNu64 " %127s", f.sha256, &f.size, f.path) == 3) {
		if (c.n == cap) {
			cap = cap ? cap * 2 : 1024;
			c.file = realloc(c.file, cap * sizeof(*c.file));
			if (!c.file)
				corpus_die("memory");
		}
		c.file[c.n++] = f;
		c.bytes += f.size;
	}
	errno = 0;
	if (c.n == 0 || !feof(stdin))
		corpus_die("the list of the corpus");
	return c;
}

#endif
