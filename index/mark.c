/* SPDX-License-Identifier: Apache-2.0 */
#include "index/mark.h"

#include <string.h>

#include "crypto/hash.h"

/* What is hashed begins with one of these, after the archive's id. */
enum what {
	WHAT_MASK = 0,
	WHAT_CONTENT = 1,
	WHAT_PLACE = 2,
};

_Static_assert(MARK_SIZE == HASH_SIZE, "a mask is one hash");

static void keyed(uint8_t out[HASH_SIZE], struct mark_key key, enum what what, const void *p,
		  size_t n, const char *collection, const char *path)
{
	const uint8_t kind = (uint8_t)what;
	const struct hash_part parts[] = {{key.archive, 16},
					  {&kind, 1},
					  {p, n},
					  {collection, strlen(collection)},
					  {"/", path[0] != '\0'},
					  {path, strlen(path)}};

	hash_hmac(out, key.mark, 32, parts, sizeof(parts) / sizeof(parts[0]));
}

void mark_make(struct mark *m, struct mark_key key, const uint8_t sha256[32],
	       const char *collection, const char *path)
{
	uint8_t h[HASH_SIZE];

	keyed(h, key, WHAT_CONTENT, sha256, 32, "", "");
	memcpy(m->content, h, MARK_TAG);
	keyed(h, key, WHAT_PLACE, sha256, 32, collection, path);
	memcpy(m->place, h, MARK_TAG);
}

static void mask(uint8_t p[MARK_SIZE], struct mark_key key, const uint8_t item[16])
{
	uint8_t h[HASH_SIZE];

	keyed(h, key, WHAT_MASK, item, 16, "", "");
	for (size_t i = 0; i < MARK_SIZE; i++)
		p[i] ^= h[i];
}

void mark_seal(uint8_t out[MARK_SIZE], struct mark_key key, const uint8_t item[16],
	       const struct mark *m)
{
	memcpy(out, m->content, MARK_TAG);
	memcpy(out + MARK_TAG, m->place, MARK_TAG);
	mask(out, key, item);
}

void mark_open(struct mark *m, struct mark_key key, const uint8_t item[16],
	       const uint8_t in[MARK_SIZE])
{
	uint8_t p[MARK_SIZE];

	memcpy(p, in, MARK_SIZE);
	mask(p, key, item);
	memcpy(m->content, p, MARK_TAG);
	memcpy(m->place, p + MARK_TAG, MARK_TAG);
}

/* ---- the table ---- */

int mark_put(struct db_batch *b, const struct mark *m, uint64_t seq)
{
	uint8_t value[8];

	wire_put64(value, seq);
	return db_batch_put(b, KEY_MARK, key_mark(m->content, m->place), value, sizeof(value));
}

static int decode(const struct wire_out *value, uint64_t *seq, struct err *e)
{
	struct wire_in in = wire_in_init(value->p, value->n);

	*seq = wire_in_u64(&in);
	return wire_in_end(&in) ?
		       0 :
		       err_set(e, ERR_INDEX, "the index is damaged: a mark does not decode");
}

int mark_find(struct db_txn *t, const struct mark *m, uint64_t *seq, struct err *e)
{
	const struct key key = key_mark(m->content, m->place);
	struct wire_out value = {0};
	/* Not being there is what most files have to say: no sentence is made of it. */
	int rc = db_get(t, KEY_MARK, key, &value, NULL);

	if (rc && rc != ERR_NOTFOUND)
		rc = db_get(t, KEY_MARK, key, &value, e);
	if (rc == 0)
		rc = decode(&value, seq, e);
	wire_out_free(&value);
	return rc;
}

int mark_find_content(struct db_txn *t, const struct mark *m, uint64_t *seq, struct err *e)
{
	const struct key content = key_id(m->content), from = {.n = 0};
	struct wire_out value = {0};
	struct db_cursor *c = NULL;
	const uint8_t *k;
	size_t n;
	int rc = db_cursor(&c, t, KEY_MARK, content, from, e);

	if (rc == 0)
		rc = db_next(c, &k, &n, &value, e);
	db_cursor_close(c);
	if (rc == 0)
		rc = decode(&value, seq, e);
	wire_out_free(&value);
	return rc;
}
