// SPDX-License-Identifier: Apache-2.0
/*
 * aead SUITE CHUNK-SIZE THREADS MS: how fast libsodium alone opens sealed chunks in memory, through
 * nothing but crypto/suite: the ceiling of everything that decrypts. Each thread has 32 MiB of its
 * own. Prints "COUNT BYTES SECONDS".
 */
#include <pthread.h>
#include <stdatomic.h>

#include "crypto/suite.h"
#include "tests/bench/corpus.h"

#define REGION ((size_t)32 << 20)
#define THREADS_MAX 64u

struct work {
	int suite;
	size_t chunk;
	double ms;
	pthread_barrier_t ready;
	_Atomic uint64_t count, bytes;
};

static void *work(void *arg)
{
	struct work *w = arg;
	size_t stored = w->chunk + SUITE_TAG_SIZE, n = REGION / stored;
	uint8_t *sealed = corpus_alloc(REGION), *plain = corpus_alloc(w->chunk);
	uint8_t nonce[SUITE_NONCE_SIZE] = {1}, key[32] = {2};
	struct suite_key k;
	uint64_t count = 0;
	double until;

	if (suite_key_init(&k, w->suite, key) < 0)
		corpus_die("this suite");
	memset(plain, 3, w->chunk);
	for (size_t i = 0; i < n; i++)
		suite_seal(&k, sealed + i * stored, plain, w->chunk, NULL, 0, nonce);
	pthread_barrier_wait(&w->ready);
	until = corpus_now() + w->ms / 1000;
	for (; corpus_now() < until; count++) {
		if (suite_open(&k, plain, sealed + count % n * stored, stored, NULL, 0, nonce) < 0)
			corpus_die("a chunk");
	}
	w->count += count;
	w->bytes += count * w->chunk;
	return NULL;
}

int main(int argc, char **argv)
{
	struct work w = {0};
	pthread_t id[THREADS_MAX];
	unsigned threads;
	double begun;

	if (argc != 5) {
		fprintf(stderr, "usage: aead SUITE CHUNK-SIZE THREADS MS\n");
		return 2;
	}
	w.suite = suite_from_name(argv[1], strlen(argv[1]));
	w.chunk = corpus_number(argv[2]);
	threads = (unsigned)corpus_number(argv[3]);
	w.ms = (double)corpus_number(argv[4]);
	if (!suite_available(w.suite) || threads > THREADS_MAX || w.chunk > REGION / 2)
		corpus_die(argv[1]);
	pthread_barrier_init(&w.ready, NULL, threads + 1);
	for (unsigned i = 0; i < threads; i++) {
		if (pthread_create(&id[i], NULL, work, &w) != 0)
			corpus_die("pthread_create");
	}
	pthread_barrier_wait(&w.ready);
	begun = corpus_now();
	for (unsigned i = 0; i < threads; i++)
		pthread_join(id[i], NULL);
	printf("%" PRIu64 " %" PRIu64 " %.6f\n", (uint64_t)w.count, (uint64_t)w.bytes,
	       corpus_now() - begun);
	return 0;
}
