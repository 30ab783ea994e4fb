// SPDX-License-Identifier: Apache-2.0
/*
 * aead HOW CHUNK-SIZE THREADS MS: how fast sealed chunks are opened in memory, the ceiling of all that
 * decrypts. HOW is one of our suites, through nothing but crypto/suite, or sodium-aes-256-gcm: that
 * suite by libsodium. Each thread has 32 MiB of its own. Prints "COUNT BYTES SECONDS".
 */
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#include "crypto/suite.h"
#include "tests/bench/corpus.h"

#define REGION ((size_t)32 << 20)
#define THREADS_MAX 64u

struct work {
	int suite;
	bool sodium;
	size_t chunk;
	double ms;
	pthread_barrier_t ready;
	_Atomic uint64_t count, bytes;
};

/* What opens: one of the two. */
struct opener {
	struct suite_run run;
	crypto_aead_aes256gcm_state *sodium;
};

static int open_chunk(struct opener *o, uint8_t *out, const uint8_t *in, size_t n,
		      const uint8_t *nonce)
{
	if (o->sodium)
		return crypto_aead_aes256gcm_decrypt_afternm(out, NULL, NULL, in, n, NULL, 0, nonce,
							     o->sodium);
	return suite_open(&o->run, out, in, n, NULL, 0, nonce);
}

static void *work(void *arg)
{
	struct work *w = arg;
	struct opener o = {0};
	_Alignas(16) crypto_aead_aes256gcm_state expanded;
	size_t stored = w->chunk + suite_tag_size((int)w->suite), n = REGION / stored;
	uint8_t *sealed = corpus_alloc(REGION), *plain = corpus_alloc(w->chunk);
	uint8_t nonce[SUITE_NONCE_SIZE] = {1}, key[32] = {2};
	struct suite_key k;
	uint64_t count = 0;
	double until;

	if (suite_key_init(&k, w->suite, key) < 0 || suite_begin(&o.run, &k) < 0)
		corpus_die("this suite");
	if (w->sodium) {
		crypto_aead_aes256gcm_beforenm(&expanded, key);
		o.sodium = &expanded;
	}
	memset(plain, 3, w->chunk);
	for (size_t i = 0; i < n; i++)
		(void)suite_seal(&o.run, sealed + i * stored, plain, w->chunk, NULL, 0, nonce);
	pthread_barrier_wait(&w->ready);
	until = corpus_now() + w->ms / 1000;
	for (; corpus_now() < until; count++) {
		if (open_chunk(&o, plain, sealed + count % n * stored, stored, nonce) < 0)
			corpus_die("a chunk");
	}
	suite_run_free(&o.run);
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
		fprintf(stderr, "usage: aead HOW CHUNK-SIZE THREADS MS\n");
		return 2;
	}
	w.sodium = strncmp(argv[1], "sodium-", 7) == 0;
	if (w.sodium)
		argv[1] += 7;
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
