// SPDX-License-Identifier: Apache-2.0
/*
 * readers: the timed readers. Each prints "COUNT BYTES SECONDS"; whatever can't be read, or is of
 * another length than it should be, ends it with status 1.
 *
 *   readers seq FILE...            one thread a file, 1 MiB reads from its beginning to its end
 *   readers files THREADS DIR      open, read, close each file of the list on standard input
 *   readers random MS JOBS FILE [ORIGINAL]
 *                                  4 KiB preads at random for so long, none twice; JOBS threads.
 *                                  With ORIGINAL each block is compared with it (not for timing)
 *   readers await FILE             until FILE can be stat'ed, a minute at the most
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/corpus.h"

#define STEP ((size_t)1 << 20)
#define BLOCK ((size_t)4096)
#define THREADS_MAX 64u
#define AWAIT_S 60.0

/* What all threads share. */
struct work {
	void (*run)(struct work *w, unsigned thread);
	char **path;	 /* seq: one a thread */
	struct corpus c; /* files */
	int dir;
	_Atomic size_t taken; /* files: next one; random: next position */
	const char *file, *original;
	uint64_t blocks; /* random: a power of two */
	double until;

	_Atomic uint64_t count, bytes;
};

struct thread {
	struct work *w;
	unsigned number;
	pthread_t id;
};

static void *start(void *arg)
{
	struct thread *t = arg;

	t->w->run(t->w, t->number);
	return NULL;
}

static void run_all(struct work *w, unsigned threads)
{
	struct thread t[THREADS_MAX];
	double begun = corpus_now();

	if (threads == 0 || threads > THREADS_MAX)
		corpus_die("the number of threads");
	for (unsigned i = 0; i < threads; i++) {
		t[i] = (struct thread){.w = w, .number = i};
		if (pthread_create(&t[i].id, NULL, start, &t[i]) != 0)
			corpus_die("pthread_create");
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(t[i].id, NULL);
	printf("%" PRIu64 " %" PRIu64 " %.6f\n", (uint64_t)w->count, (uint64_t)w->bytes,
	       corpus_now() - begun);
}

/* All of an open file; its length. */
static uint64_t drain(int fd, const char *path, uint8_t *buf)
{
	uint64_t all = 0;
	ssize_t n;

	while ((n = read(fd, buf, STEP)) > 0)
		all += (uint64_t)n;
	if (n < 0)
		corpus_die(path);
	return all;
}

static void run_seq(struct work *w, unsigned thread)
{
	uint8_t *buf = corpus_alloc(STEP);
	int fd = open(w->path[thread], O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		corpus_die(w->path[thread]);
	w->bytes += drain(fd, w->path[thread], buf);
	w->count++;
	close(fd);
}

static void run_files(struct work *w, unsigned thread)
{
	uint8_t *buf = corpus_alloc(STEP);
	uint64_t bytes = 0, count = 0;
	size_t i;

	(void)thread;
	while ((i = atomic_fetch_add(&w->taken, 1)) < w->c.n) {
		const struct corpus_file *f = &w->c.file[i];
		int fd = openat(w->dir, f->path, O_RDONLY | O_CLOEXEC);
		uint64_t n;

		if (fd < 0)
			corpus_die(f->path);
		n = drain(fd, f->path, buf);
		errno = 0;
		if (n != f->size)
			corpus_die(f->path);
		close(fd);
		bytes += n;
		count++;
	}
	w->bytes += bytes;
	w->count += count;
}

static void same_block(const struct work *w, int fd, uint64_t off, const uint8_t *is)
{
	uint8_t was[BLOCK];

	if (pread(fd, was, BLOCK, (off_t)off) != (ssize_t)BLOCK)
		corpus_die(w->original);
	if (memcmp(was, is, BLOCK) == 0)
		return;
	fprintf(stderr, "bench: %s differs from what was sealed at byte %" PRIu64 "\n", w->file,
		off);
	exit(1);
}

static void run_random(struct work *w, unsigned thread)
{
	uint8_t *buf = corpus_alloc(BLOCK);
	int fd = open(w->file, O_RDONLY | O_CLOEXEC);
	int original = w->original ? open(w->original, O_RDONLY | O_CLOEXEC) : -1;
	uint64_t count = 0;
	size_t i;

	(void)thread;
	if (fd < 0 || (w->original && original < 0))
		corpus_die(w->file);
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	while (corpus_now() < w->until && (i = atomic_fetch_add(&w->taken, 1)) < w->blocks) {
		/* An odd factor and a power of two: each block comes once, in no order. */
		uint64_t off = ((i * 0x5851f42d4c957f2du + 12345) & (w->blocks - 1)) * BLOCK;

		if (pread(fd, buf, BLOCK, (off_t)off) != (ssize_t)BLOCK)
			corpus_die(w->file);
		if (original >= 0)
			same_block(w, original, off, buf);
		count++;
	}
	close(fd);
	if (original >= 0)
		close(original);
	w->count += count;
	w->bytes += count * BLOCK;
}

static void start_random(struct work *w, uint64_t ms, unsigned jobs)
{
	struct stat st;

	if (stat(w->file, &st) != 0)
		corpus_die(w->file);
	for (w->blocks = 1; w->blocks * 2 * BLOCK <= (uint64_t)st.st_size;)
		w->blocks *= 2;
	w->run = run_random;
	w->until = corpus_now() + (double)ms / 1000;
	run_all(w, jobs);
}

static void await(const char *path)
{
	double until = corpus_now() + AWAIT_S;
	struct stat st;

	while (stat(path, &st) != 0) {
		if (corpus_now() > until)
			corpus_die(path);
		usleep(300);
	}
}

int main(int argc, char **argv)
{
	struct work w = {.run = run_seq};
	const char *mode = argc > 2 ? argv[1] : "";

	if (!strcmp(mode, "seq")) {
		w.path = argv + 2;
		run_all(&w, (unsigned)argc - 2);
	} else if (!strcmp(mode, "files") && argc == 4) {
		w.run = run_files;
		w.c = corpus_read();
		w.dir = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (w.dir < 0)
			corpus_die(argv[3]);
		run_all(&w, (unsigned)corpus_number(argv[2]));
	} else if (!strcmp(mode, "random") && (argc == 5 || argc == 6)) {
		w.file = argv[4];
		w.original = argc == 6 ? argv[5] : NULL;
		start_random(&w, corpus_number(argv[2]), (unsigned)corpus_number(argv[3]));
	} else if (!strcmp(mode, "await") && argc == 3) {
		await(argv[2]);
	} else {
		fprintf(stderr, "usage: readers seq|files|random|await ...\n");
		return 2;
	}
	return 0;
}
