/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/secret.h"

#include <pthread.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define UNIT 16u /* blocks are counted in units of their alignment */

struct secret_pool {
	pthread_mutex_t lock; /* guards `run` */
	uint8_t *slab;	      /* page-aligned, between guard pages */
	size_t units;
	/* run[i]: units of the block that begins at unit i, 0 if none does. Kept outside the slab,
	 * so that a block written past its end can't mislead the allocator. */
	uint32_t *run;
};

/* sodium_malloc() asks for locking too, and ignores the answer. mlock2() without flags is mlock(),
 * which the sanitizers' run-time libraries turn into a no-op that always succeeds. */
static int lock_slab(void *slab, size_t bytes, struct err *e)
{
	if (mlock2(slab, bytes, 0) != 0)
		return err_sys(e,
			       "can't lock %zu bytes of memory for keys (raise RLIMIT_MEMLOCK: "
			       "ulimit -l, or LimitMEMLOCK= of the service)",
			       bytes);
	if (madvise(slab, bytes, MADV_DONTDUMP) != 0)
		return err_sys(e, "can't keep keys out of core dumps");
	if (madvise(slab, bytes, MADV_WIPEONFORK) != 0)
		return err_sys(e, "can't keep keys out of forked processes");
	return 0;
}

int secret_pool_new(struct secret_pool **out, size_t bytes, struct err *e)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct secret_pool *p;
	int rc = ERR_NOMEM;

	*out = NULL;
	if (bytes == 0 || bytes > (size_t)UINT32_MAX - page)
		return err_set(e, ERR_USAGE, "a pool of %zu bytes is out of bounds", bytes);
	if (sodium_init() < 0)
		return err_set(e, ERR_SYSTEM, "libsodium can't be initialised");
	bytes = (bytes + page - 1) / page * page;
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_set(e, ERR_NOMEM, "out of memory");
	p->units = bytes / UNIT;
	p->run = calloc(p->units, sizeof(*p->run));
	/* Whole pages: then the block begins on a page, and madvise() covers it and no more. */
	p->slab = sodium_malloc(bytes);
	if (!p->run || !p->slab) {
		err_set(e, rc, "out of memory for a pool of %zu bytes", bytes);
		goto fail;
	}
	rc = lock_slab(p->slab, bytes, e);
	if (rc)
		goto fail;
	memset(p->slab, 0, bytes);
	pthread_mutex_init(&p->lock, NULL);
	*out = p;
	return 0;
fail:
	sodium_free(p->slab);
	free(p->run);
	free(p);
	return rc;
}

void secret_pool_free(struct secret_pool *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	sodium_free(p->slab); /* wipes */
	free(p->run);
	free(p);
}

/* First unit of the first free run of `want` units, or p->units. */
static size_t first_fit(const struct secret_pool *p, size_t want)
{
	size_t free_from = 0;

	for (size_t i = 0; i < p->units;) {
		if (p->run[i]) {
			i += p->run[i];
			free_from = i;
			continue;
		}
		i++;
		if (i - free_from == want)
			return free_from;
	}
	return p->units;
}

void *secret_take(struct secret_pool *p, size_t n)
{
	size_t want, at;

	if (n > p->units * UNIT)
		return NULL;
	want = n ? (n + UNIT - 1) / UNIT : 1;
	pthread_mutex_lock(&p->lock);
	at = first_fit(p, want);
	if (at < p->units)
		p->run[at] = (uint32_t)want;
	pthread_mutex_unlock(&p->lock);
	return at < p->units ? p->slab + at * UNIT : NULL;
}

void secret_give(struct secret_pool *p, void *block)
{
	size_t off, at;

	if (!block)
		return;
	off = (size_t)((uintptr_t)block - (uintptr_t)p->slab);
	at = off / UNIT;
	pthread_mutex_lock(&p->lock);
	/* Given twice, or not ours: going on would hand one key's memory to two owners. */
	if (off % UNIT || at >= p->units || p->run[at] == 0)
		abort();
	secret_wipe(block, (size_t)p->run[at] * UNIT);
	p->run[at] = 0;
	pthread_mutex_unlock(&p->lock);
}

void secret_wipe(void *p, size_t n)
{
	sodium_memzero(p, n);
}

int secret_equal(const void *a, const void *b, size_t n)
{
	return sodium_memcmp(a, b, n) == 0;
}

void secret_random(void *out, size_t n)
{
	randombytes_buf(out, n);
}

int secret_harden(struct err *e)
{
	const struct rlimit none = {0, 0};

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_sys(e, "can't forbid core dumps (PR_SET_DUMPABLE)");
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return err_sys(e, "can't forbid core dumps (RLIMIT_CORE)");
	return 0;
}
