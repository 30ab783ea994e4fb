/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_internal: what the files of index/ledger share. Nobody else includes it.
 */
#ifndef CUSTODY_INDEX_LEDGER_INTERNAL_H
#define CUSTODY_INDEX_LEDGER_INTERNAL_H

#include "index/ledger.h"

/* ERR_INDEX, with a sentence. */
int ledger_damaged(struct err *e, const char *what);
/* Put what is in *value, and free it. */
int ledger_put(struct db_batch *b, enum key_table table, struct key k, struct wire_out *value);
/* Call one(ctx, key, value) for every entry whose key begins with prefix, from prefix || from on,
 * until it returns non-zero, which is returned. */
int ledger_walk(struct db_txn *t, enum key_table table, struct key prefix, struct key from,
		int (*one)(void *ctx, const uint8_t *k, size_t klen, const struct wire_out *value),
		void *ctx, struct err *e);

#endif
