/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key: every table of the index and how its keys are encoded, in one place. Keys are random ids,
 * counters or keyed hashes, never names: keys are not encrypted. Integers are big-endian, so that
 * LMDB's byte order is numeric order.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_INDEX_KEY_H
#define CUSTODY_INDEX_KEY_H

#include <stddef.h>
#include <stdint.h>

/* Numbers are stored (they are in every value's associated data): append only. */
enum key_table {
	KEY_META = 0,	   /* u8 what (0 is index/db's own)  -> counters, role, version */
	KEY_OBJECT = 1,	   /* ino u64                        -> item or directory (index/object) */
	KEY_NAME = 2,	   /* parent ino u64, cookie u64     -> child ino, kind, attributes, name */
	KEY_ACCESSION = 3, /* accession id[16], node id[16]  -> index/ledger */
	KEY_SEGMENT = 4,   /* segment id[16], node id[16]    -> accession id, header digest */
	KEY_EVENT = 5,	   /* item id[16], journal u32, seq u64 -> (empty): history of an item */
	KEY_JOURNAL = 6,   /* node id[16]                    -> journal number, how far indexed */
	KEY_TILE = 7,	   /* journal u32, level u8, tile u64   -> up to 256 hashes */
	KEY_LINE = 8,	   /* journal u32, tile u64       -> byte offset, lengths of 256 lines */
	KEY_DOCUMENT = 9,  /* serial[16]                     -> kind, state, digest */
	KEY_PENDING = 10,  /* item id[16], journal u32, seq u64 -> (empty): head unreadable */
	KEY_FIND = 11, /* journal u32, tile u64       -> keyed hashes of 256 digests (index/find) */
	KEY_RECORD = 12,  /* journal u32, seq u64     -> provenance of the item ingested there */
	KEY_POSTING = 13, /* word[16], journal u32, tile u64 -> bits of 256 lines (index/posting) */
	KEY_SHEET = 14, /* journal u32, tile u64       -> facts of 256 lines' items (index/sheet) */
	KEY_MARK = 15,	/* mark[32]                       -> journal seq u64 (index/mark) */
	KEY_VIEW = 16,	/* dir u64, place u64      -> the entries up to there (index/sorted) */
	KEY_QUEUE = 17, /* turn u64, chunk u32     -> entries for it (index/view_queue) */
	KEY_TABLES
};

/* Keys of KEY_META. 0 is index/db's own. */
enum key_meta {
	KEY_META_TOTALS = 1, /* index/object */
	KEY_META_NAMES = 2,  /* index/meta: made with the names of items, or without */
	KEY_META_TURN = 3,   /* index/meta: batches applied so far */
};

#define KEY_MAX 32

struct key {
	uint8_t b[KEY_MAX];
	size_t n;
};

struct key key_u8(uint8_t v);
struct key key_id(const uint8_t id[16]);
/* What a node calls by an id it drew: another node may name the same id in its own journal, and
 * takes nothing away by it. */
struct key key_claim(const uint8_t id[16], const uint8_t node[16]);
struct key key_ino(uint64_t ino);
struct key key_name(uint64_t parent, uint64_t cookie);
struct key key_event(const uint8_t item[16], uint32_t journal, uint64_t seq);
struct key key_tile(uint32_t journal, uint8_t level, uint64_t tile);
struct key key_line(uint32_t journal, uint64_t tile);
struct key key_record(uint32_t journal, uint64_t seq);
struct key key_mark(const uint8_t content[16], const uint8_t place[16]);
struct key key_view(uint64_t dir, uint64_t place);
struct key key_queue(uint64_t turn, uint32_t chunk);
#define KEY_WORD 16u
struct key key_posting(const uint8_t word[KEY_WORD], uint32_t journal, uint64_t tile);
/* Decoders of what a cursor yields; the lengths are checked by the caller with sizeof rules of the
 * encoders above. 0 or ERR_INDEX. */
int key_name_parse(const uint8_t *p, size_t n, uint64_t *parent, uint64_t *cookie);
int key_event_parse(const uint8_t *p, size_t n, uint32_t *journal, uint64_t *seq);
/* LMDB's name of the table. */
const char *key_table_name(enum key_table t);

/* Cookie of a name in a directory: 62 bits of HMAC-SHA-256(name key, parent || name), never below
 * 4 (directory offsets 0 to 3 are taken). name_key = HKDF(index key, "custodyfs/v1 names"). */
uint64_t key_cookie(const uint8_t name_key[32], uint64_t parent, const void *name, size_t n);
/* Inode of an item: 62 bits of a keyed hash of its node and id (a node can choose its ids, and
 * would choose them to collide); of a directory: of a keyed hash of its parent and name with bit 62
 * set; never below 16. Collisions are resolved by probing upward. */
uint64_t key_item_ino(const uint8_t name_key[32], const uint8_t node[16], const uint8_t item[16]);
uint64_t key_dir_ino(const uint8_t name_key[32], uint64_t parent, const void *name, size_t n);
#define KEY_ROOT_INO 1u
/* A folder of a view (index/view) by its parent and name: its place there, as key_cookie(), and 61 bits
 * of a keyed hash for its own number. */
void key_folder(const uint8_t name_key[32], uint64_t parent, const void *name, size_t n,
		uint64_t *place, uint64_t *number);
/* What lines are found by: a keyed hash of a kind (below 2^32, not 0) and its value. */
void key_word(uint8_t word[KEY_WORD], const uint8_t name_key[32], uint32_t kind, const void *value,
	      size_t n);
/* What an item is found by: 64 bits of a keyed hash of its plaintext's SHA-256; never 0. */
uint64_t key_blind(const uint8_t name_key[32], const uint8_t sha256[32]);

#endif
