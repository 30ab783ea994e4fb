/* SPDX-License-Identifier: Apache-2.0 */
#include "index/key.h"

#include <string.h>

#include "crypto/err.h"
#include "crypto/hash.h"
#include "crypto/wire.h"

#define BITS62 ((UINT64_C(1) << 62) - 1)
#define DIR_BIT (UINT64_C(1) << 62)
#define COOKIE_MIN 4
#define INO_MIN 16
#define WORD_BIT (UINT64_C(1) << 63) /* no inode number has it */

struct key key_u8(uint8_t v)
{
	struct key k = {.n = 1};

	k.b[0] = v;
	return k;
}

struct key key_id(const uint8_t id[16])
{
	struct key k = {.n = 16};

	memcpy(k.b, id, 16);
	return k;
}

struct key key_claim(const uint8_t id[16], const uint8_t node[16])
{
	struct key k = {.n = 32};

	memcpy(k.b, id, 16);
	memcpy(k.b + 16, node, 16);
	return k;
}

struct key key_ino(uint64_t ino)
{
	struct key k = {.n = 8};

	wire_put64(k.b, ino);
	return k;
}

struct key key_name(uint64_t parent, uint64_t cookie)
{
	struct key k = {.n = 16};

	wire_put64(k.b, parent);
	wire_put64(k.b + 8, cookie);
	return k;
}

struct key key_event(const uint8_t item[16], uint32_t journal, uint64_t seq)
{
	struct key k = {.n = 28};

	memcpy(k.b, item, 16);
	wire_put32(k.b + 16, journal);
	wire_put64(k.b + 20, seq);
	return k;
}

struct key key_tile(uint32_t journal, uint8_t level, uint64_t tile)
{
	struct key k = {.n = 13};

	wire_put32(k.b, journal);
	k.b[4] = level;
	wire_put64(k.b + 5, tile);
	return k;
}

struct key key_line(uint32_t journal, uint64_t tile)
{
	struct key k = {.n = 12};

	wire_put32(k.b, journal);
	wire_put64(k.b + 4, tile);
	return k;
}

struct key key_record(uint32_t journal, uint64_t seq)
{
	struct key k = {.n = 12};

	wire_put32(k.b, journal);
	wire_put64(k.b + 4, seq);
	return k;
}

struct key key_view(uint64_t dir, uint64_t place)
{
	return key_name(dir, place);
}

struct key key_queue(uint64_t turn, uint32_t chunk)
{
	struct key k = {.n = 12};

	wire_put64(k.b, turn);
	wire_put32(k.b + 8, chunk);
	return k;
}

struct key key_mark(const uint8_t content[16], const uint8_t place[16])
{
	struct key k = {.n = 32};

	memcpy(k.b, content, 16);
	memcpy(k.b + 16, place, 16);
	return k;
}

struct key key_posting(const uint8_t word[KEY_WORD], uint32_t journal, uint64_t tile)
{
	struct key k = {.n = KEY_WORD + 12};

	memcpy(k.b, word, KEY_WORD);
	wire_put32(k.b + KEY_WORD, journal);
	wire_put64(k.b + KEY_WORD + 4, tile);
	return k;
}

int key_name_parse(const uint8_t *p, size_t n, uint64_t *parent, uint64_t *cookie)
{
	struct wire_in in = wire_in_init(p, n);

	*parent = wire_in_u64(&in);
	*cookie = wire_in_u64(&in);
	return wire_in_end(&in) ? 0 : ERR_INDEX;
}

int key_event_parse(const uint8_t *p, size_t n, uint32_t *journal, uint64_t *seq)
{
	struct wire_in in = wire_in_init(p, n);

	wire_in_bytes(&in, 16);
	*journal = wire_in_u32(&in);
	*seq = wire_in_u64(&in);
	return wire_in_end(&in) ? 0 : ERR_INDEX;
}

const char *key_table_name(enum key_table t)
{
	static const char *const names[KEY_TABLES] = {
		[KEY_META] = "meta",	       [KEY_OBJECT] = "object",	  [KEY_NAME] = "name",
		[KEY_ACCESSION] = "accession", [KEY_SEGMENT] = "segment", [KEY_EVENT] = "event",
		[KEY_JOURNAL] = "journal",     [KEY_TILE] = "tile",	  [KEY_LINE] = "line",
		[KEY_DOCUMENT] = "document",   [KEY_PENDING] = "pending", [KEY_FIND] = "find",
		[KEY_RECORD] = "record",       [KEY_POSTING] = "posting", [KEY_SHEET] = "sheet",
		[KEY_MARK] = "mark",	       [KEY_VIEW] = "view",	  [KEY_QUEUE] = "queue",
	};

	return (unsigned)t < KEY_TABLES ? names[t] : NULL;
}

static void name_hash(uint8_t out[HASH_SIZE], const uint8_t name_key[32], uint64_t parent,
		      const void *name, size_t n)
{
	uint8_t p[8];
	const struct hash_part parts[2] = {{p, sizeof(p)}, {name, n}};

	wire_put64(p, parent);
	hash_hmac(out, name_key, 32, parts, 2);
}

static uint64_t at_least(uint64_t v, uint64_t min)
{
	return v < min ? v + min : v;
}

uint64_t key_cookie(const uint8_t name_key[32], uint64_t parent, const void *name, size_t n)
{
	uint8_t h[HASH_SIZE];

	name_hash(h, name_key, parent, name, n);
	return at_least(wire_get64(h) & BITS62, COOKIE_MIN);
}

uint64_t key_item_ino(const uint8_t name_key[32], const uint8_t node[16], const uint8_t item[16])
{
	const struct hash_part parts[2] = {{node, 16}, {item, 16}};
	uint8_t h[HASH_SIZE];

	/* Other bytes of the hash again, should a parent and a name ever spell the same. */
	hash_hmac(h, name_key, 32, parts, 2);
	return at_least(wire_get64(h + 16) & BITS62, INO_MIN);
}

uint64_t key_dir_ino(const uint8_t name_key[32], uint64_t parent, const void *name, size_t n)
{
	uint8_t h[HASH_SIZE];

	name_hash(h, name_key, parent, name, n);
	/* Other bytes of the hash than the cookie's: inode numbers are shown to everyone. */
	return DIR_BIT | (wire_get64(h + 8) & BITS62);
}

void key_folder(const uint8_t name_key[32], uint64_t parent, const void *name, size_t n,
		uint64_t *place, uint64_t *number)
{
	uint8_t h[HASH_SIZE];

	name_hash(h, name_key, parent, name, n);
	*place = at_least(wire_get64(h) & BITS62, COOKIE_MIN);
	*number = wire_get64(h + 8) >> 3;
}

void key_word(uint8_t word[KEY_WORD], const uint8_t name_key[32], uint32_t kind, const void *value,
	      size_t n)
{
	uint8_t h[HASH_SIZE];

	/* No directory's names are hashed with this bit. */
	name_hash(h, name_key, WORD_BIT | kind, value, n);
	memcpy(word, h, KEY_WORD);
}

uint64_t key_blind(const uint8_t name_key[32], const uint8_t sha256[32])
{
	uint8_t h[HASH_SIZE];

	name_hash(h, name_key, WORD_BIT, sha256, 32);
	return at_least(wire_get64(h), 1);
}
