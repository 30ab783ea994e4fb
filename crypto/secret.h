/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret: locked memory for keys, and the wiping of everything else. The one user of sodium_malloc
 * and mlock.
 *
 * A pool is one slab with guard pages: locked (and that is checked: sodium_malloc succeeds when
 * mlock failed), left out of core dumps, wiped in a forked child. All keys of a process live in one
 * pool, since each sodium_malloc costs four maps and 29 us.
 *
 * Thread rule: a pool may be used by many threads; a block belongs to who took it.
 */
#ifndef CUSTODY_CRYPTO_SECRET_H
#define CUSTODY_CRYPTO_SECRET_H

#include <stddef.h>

#include "crypto/err.h"

struct secret_pool;

/* sodium_init() and a slab of `bytes` (rounded up to pages). ERR_SYSTEM, with advice on
 * RLIMIT_MEMLOCK, when memory can't be locked. Never called before a fork whose child needs it. */
int secret_pool_new(struct secret_pool **out, size_t bytes, struct err *e);
/* Wipes and frees all. NULL is fine. */
void secret_pool_free(struct secret_pool *p);
/* n zeroed bytes, 16-byte aligned; NULL when the pool is full. */
void *secret_take(struct secret_pool *p, size_t n);
/* Wipes the block and gives it back. NULL is fine. */
void secret_give(struct secret_pool *p, void *block);
/* Wipe any memory; the compiler can't drop it. */
void secret_wipe(void *p, size_t n);
/* Constant-time comparison; 1 when equal. */
int secret_equal(const void *a, const void *b, size_t n);
/* n random bytes. */
void secret_random(void *out, size_t n);
/* PR_SET_DUMPABLE 0 and RLIMIT_CORE 0: no core dump, no ptrace by the same user. Best called
 * first in every program. ERR_SYSTEM if the kernel refuses. */
int secret_harden(struct err *e);

#endif
