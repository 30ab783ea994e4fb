/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object: what the index knows of an item or a directory, and the names in directories.
 *
 * Which name wins when two items claim one path does not depend on the order in which journals are
 * read: the item with the earlier ingest time (then the smaller item id, then the smaller node id)
 * keeps the plain name, the other appears as "<name>~<first 8 hex digits of its item id>", or with more digits should that
 * name be claimed too. So a rebuilt index gives the same answers. A file never replaces a
 * directory of that name: the file gets the suffix. Items are added by index/object_add.
 *
 * Item ids are drawn at random, but by nodes, and a node may lie: what two nodes call by one id are
 * two items, each with its own inode and name.
 *
 * Thread rule: as index/db.
 */
#ifndef CUSTODY_INDEX_OBJECT_H
#define CUSTODY_INDEX_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "index/db.h"
#include "index/record.h"

enum object_kind {
	OBJECT_DIR = 1,
	OBJECT_ITEM = 2,
};

struct object {
	uint64_t ino;
	uint64_t parent;
	enum object_kind kind;
	char name[RECORD_NAME_MAX + 16]; /* as shown in its directory; NUL-terminated */
	int64_t mtime_ns; /* item: of the source file; directory: latest ingest below it */
	uint64_t size;	  /* item: plaintext bytes; directory: entries */
	uint64_t nlink;	  /* item: 1; directory: 2 + subdirectories */

	/* items only */
	uint8_t item[16], accession[16], segment[16], node[16]; /* node: whose journal */
	uint64_t offset, length; /* of the whole frame in its segment */
	uint32_t headlen;
	uint8_t head[32]; /* SHA-256 of the frame head */
	uint8_t commitment[32];
	uint32_t chunk_size;
	uint16_t suite;
	uint32_t journal; /* number of that journal in this index */
	uint64_t seq;	  /* leaf of its ingest event in that journal */
	int64_t ingest_ms;
};

/* Load by inode, by whose item of which id it is, by name in a directory. `record` (may be NULL)
 * receives the encoded provenance of an item. ERR_NOTFOUND, ERR_INDEX. The root directory exists in
 * every index. By an item id alone: index/object_claim. */
int object_get(struct db_txn *t, uint64_t ino, struct object *o, struct wire_out *record,
	       struct err *e);
int object_get_item(struct db_txn *t, const uint8_t node[16], const uint8_t item[16],
		    struct object *o, struct wire_out *record, struct err *e);
int object_lookup(struct db_txn *t, const uint8_t name_key[32], uint64_t parent, const char *name,
		  size_t n, struct object *o, struct err *e);
/* Resolve "collection/dir/file" from the root; "" and "." are the root. */
int object_resolve(struct db_txn *t, const uint8_t name_key[32], const char *path, struct object *o,
		   struct err *e);
/* Path from the root, appended without a leading slash. */
int object_path(struct db_txn *t, const struct object *o, struct wire_out *path, struct err *e);

/* One entry of a directory listing, enough for readdirplus without another lookup. */
struct object_entry {
	uint64_t cookie; /* position: listing goes on after it */
	uint64_t ino;
	enum object_kind kind;
	int64_t mtime_ns;
	uint64_t size, nlink;
	char name[RECORD_NAME_MAX + 16];
};
/* Walks the entries of directory `ino` with cookie > after, in cookie order, until cb returns
 * non-zero (which is returned) or the end (0). Order and cookies are stable as entries are
 * added. */
int object_list(struct db_txn *t, uint64_t ino, uint64_t after,
		int (*cb)(void *ctx, const struct object_entry *en), void *ctx, struct err *e);

/* Nanoseconds since 1970 from milliseconds; the latest time there is when it does not fit. */
int64_t object_ns(int64_t ms);

/* Totals kept beside: items, plaintext bytes, stored bytes. */
struct object_totals {
	uint64_t items, bytes, stored, dirs;
};
int object_totals(struct db_txn *t, struct object_totals *out, struct err *e);

#endif
