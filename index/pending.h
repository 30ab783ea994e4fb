/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pending: changes to the index that are not written yet: found by key through a hash table, given
 * out sorted by table and key. Values are held as they are (sealing comes when they are written)
 * and are wiped when the changes are dropped.
 *
 * Thread rule: belongs to one thread.
 */
#ifndef CUSTODY_INDEX_PENDING_H
#define CUSTODY_INDEX_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/key.h"

struct pending;

/* One change; the last one of its key. */
struct pending_op {
	uint8_t table, klen;
	bool del;
	uint8_t key[KEY_MAX];
	uint32_t n;	/* bytes of the value */
	uint32_t room;	/* bytes it may grow to in place */
	uint8_t *value; /* says nothing if del */
};

int pending_new(struct pending **out);
void pending_free(struct pending *p); /* NULL is fine */
/* Copies v. ERR_NOMEM leaves things as they were. ERR_USAGE: n does not fit 32 bits. */
int pending_put(struct pending *p, enum key_table table, struct key k, const void *v, size_t n);
int pending_del(struct pending *p, enum key_table table, struct key k);
/* NULL when there is no change of that key. Borrowed until the next call. */
const struct pending_op *pending_find(const struct pending *p, enum key_table table, struct key k);
size_t pending_count(const struct pending *p);
/* Sort, by table, then key in byte order. ERR_NOMEM. */
int pending_sort(struct pending *p);
/* The i-th change in the order of the last pending_sort(), after which nothing was changed. */
const struct pending_op *pending_at(const struct pending *p, size_t i);
/* Bytes of memory that the changes take. */
size_t pending_bytes(const struct pending *p);
/* Drop all changes; memory is wiped and kept for the next ones. */
void pending_reset(struct pending *p);

#endif
