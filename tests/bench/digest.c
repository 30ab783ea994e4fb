// SPDX-License-Identifier: Apache-2.0
/*
 * digest THREADS DIR: SHA-256 (libcrypto) of every file below DIR that the list on standard input
 * names, compared with what the list says. Prints "COUNT BYTES SECONDS". Status 1, and the names of
 * the first, when any differs. On plain files it is also the measure of what SHA-256 alone takes.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/text.h"
#include "tests/bench/corpus.h"

#define STEP ((size_t)1 << 18)
#define THREADS_MAX 64u
#define TOLD 5u /* of those that differ */

struct work {
	struct corpus c;
	int dir;
	_Atomic size_t next, wrong;
};

static void one(struct work *w, const struct corpus_file *f, uint8_t *buf)
{
	int fd = openat(w->dir, f->path, O_RDONLY | O_CLOEXEC);
	uint8_t digest[HASH_SIZE];
	struct hash_ctx h;
	char hex[65];
	ssize_t n;

	if (fd < 0)
		corpus_die(f->path);
	hash_init(&h);
	while ((n = read(fd, buf, STEP)) > 0)
		hash_update(&h, buf, (size_t)n);
	if (n < 0)
		corpus_die(f->path);
	close(fd);
	hash_final(&h, digest);
	text_hex(hex, digest, sizeof(digest));
	if (strcmp(hex, f->sha256) == 0)
		return;
	if (w->wrong++ < TOLD)
		fprintf(stderr, "bench: %s differs from what was sealed\n", f->path);
}

static void *work(void *arg)
{
	struct work *w = arg;
	uint8_t *buf = corpus_alloc(STEP);
	size_t i;

	while ((i = atomic_fetch_add(&w->next, 1)) < w->c.n)
		one(w, &w->c.file[i], buf);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t id[THREADS_MAX];
	struct work w = {0};
	uint64_t threads;
	double begun;

	if (argc != 3) {
		fprintf(stderr, "usage: digest THREADS DIR <LIST\n");
		return 2;
	}
	threads = corpus_number(argv[1]);
	w.dir = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w.dir < 0 || threads > THREADS_MAX)
		corpus_die(argv[2]);
	w.c = corpus_read();
	begun = corpus_now();
	for (unsigned i = 0; i < threads; i++) {
		if (pthread_create(&id[i], NULL, work, &w) != 0)
			corpus_die("pthread_create");
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(id[i], NULL);
	printf("%zu %" PRIu64 " %.6f\n", w.c.n, w.c.bytes, corpus_now() - begun);
	if (w.wrong)
		fprintf(stderr, "bench: %zu of %zu files differ\n", (size_t)w.wrong, w.c.n);
	return w.wrong ? 1 : 0;
}
