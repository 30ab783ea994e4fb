/* SPDX-License-Identifier: Apache-2.0 */
#include "index/posting.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "crypto/wire.h"

#define TILE 256u /* as index/tree */
#define TILE_WORDS (TILE / 64)
#define VALUE_SIZE (TILE / 8)
#define CAP_MIN 256u
#define NONE UINT32_MAX

/* ---- what a line says ---- */

static bool given(const uint8_t id[16])
{
	static const uint8_t none[16];

	return memcmp(id, none, 16) != 0;
}

static void list(struct posting_list *out, enum posting_kind kind, const void *p, size_t n)
{
	out->at[out->n++] = (struct posting){kind, p, n};
}

/* Zero is root's, and that of types without it. */
static bool has_uid(const struct event *ev)
{
	char value[EVENT_VALUE_MAX];
	const char *name;
	bool quoted;

	for (unsigned i = 0; event_field(ev, i, &name, value, sizeof(value), &quoted); i++) {
		if (strcmp(name, "uid") == 0)
			return true;
	}
	return false;
}

void posting_uid(uint8_t out[8], uint64_t uid)
{
	wire_put64(out, uid);
}

void posting_of(struct posting_list *out, const struct event *ev)
{
	out->n = 0;
	list(out, POSTING_TYPE, ev->type_name, strlen(ev->type_name));
	if (given(ev->accession))
		list(out, POSTING_ACCESSION, ev->accession, 16);
	if (given(ev->export))
		list(out, POSTING_EXPORT, ev->export, 16);
	if (ev->type == EVENT_INGEST) /* most lines are: it has no others */
		return;
	if (ev->user[0])
		list(out, POSTING_USER, ev->user, strlen(ev->user));
	if (ev->uid || has_uid(ev)) {
		posting_uid(out->uid, ev->uid);
		list(out, POSTING_UID, out->uid, sizeof(out->uid));
	}
	if (given(ev->document))
		list(out, POSTING_DOCUMENT, ev->document, 16);
	if (given(ev->release))
		list(out, POSTING_DOCUMENT, ev->release, 16);
}

/* ---- writing ---- */

/* The bitmap of a tile, on its way into the index. */
struct tile {
	uint8_t word[KEY_WORD];
	uint32_t journal;
	uint64_t number;
	uint64_t bits[TILE_WORDS];
	uint32_t next; /* in its bucket */
};

/* What came last of a kind: lines that follow one another have much in common. */
struct last {
	uint8_t value[EVENT_STR_MAX];
	size_t n;
	bool used;
	uint8_t word[KEY_WORD];
	uint32_t tile; /* its place, or NONE */
};

struct posting_writer {
	const uint8_t *name_key;
	struct tile *tile;
	uint32_t *bucket;
	uint32_t tiles, cap;
	struct last last[POSTING_KINDS];
};

int posting_writer_new(struct posting_writer **out, const uint8_t name_key[32])
{
	struct posting_writer *w = calloc(1, sizeof(*w));

	*out = w;
	if (!w)
		return ERR_NOMEM;
	w->name_key = name_key;
	return 0;
}

void posting_reset(struct posting_writer *w)
{
	w->tiles = 0;
	for (uint32_t i = 0; i < w->cap; i++)
		w->bucket[i] = NONE;
	for (unsigned k = 0; k < POSTING_KINDS; k++)
		w->last[k].tile = NONE;
}

void posting_writer_free(struct posting_writer *w)
{
	if (!w)
		return;
	free(w->tile);
	free(w->bucket);
	free(w);
}

/* Words are keyed hashes, so that nobody outside chooses how they spread. */
static uint32_t *bucket_of(const struct posting_writer *w, const uint8_t word[KEY_WORD],
			   uint32_t journal, uint64_t number)
{
	uint64_t h = wire_get64(word) ^ (number * UINT64_C(0x9e3779b97f4a7c15)) ^ journal;

	return &w->bucket[(h ^ h >> 32) & (w->cap - 1)];
}

static int grow(struct posting_writer *w)
{
	uint32_t cap = w->cap ? w->cap * 2 : CAP_MIN;
	struct tile *tile = realloc(w->tile, cap * sizeof(*tile));
	uint32_t *bucket;

	if (!tile)
		return ERR_NOMEM;
	w->tile = tile;
	bucket = realloc(w->bucket, cap * sizeof(*bucket));
	if (!bucket)
		return ERR_NOMEM;
	w->bucket = bucket;
	w->cap = cap;
	for (uint32_t i = 0; i < cap; i++)
		bucket[i] = NONE;
	for (uint32_t i = 0; i < w->tiles; i++) {
		uint32_t *head = bucket_of(w, tile[i].word, tile[i].journal, tile[i].number);

		tile[i].next = *head;
		*head = i;
	}
	return 0;
}

/* The place of a tile, made if need be; NONE without memory. */
static uint32_t find_tile(struct posting_writer *w, const uint8_t word[KEY_WORD], uint32_t journal,
			  uint64_t number)
{
	uint32_t *head, i;

	if (w->tiles == w->cap && grow(w))
		return NONE;
	head = bucket_of(w, word, journal, number);
	for (i = *head; i != NONE; i = w->tile[i].next) {
		const struct tile *t = &w->tile[i];

		if (t->number == number && t->journal == journal &&
		    memcmp(t->word, word, KEY_WORD) == 0)
			return i;
	}
	i = w->tiles++;
	w->tile[i] = (struct tile){.journal = journal, .number = number, .next = *head};
	memcpy(w->tile[i].word, word, KEY_WORD);
	*head = i;
	return i;
}

static struct last *last_of(struct posting_writer *w, const struct posting *p)
{
	struct last *l = &w->last[p->kind];

	if (l->used && l->n == p->n && memcmp(l->value, p->p, p->n) == 0)
		return l;
	key_word(l->word, w->name_key, p->kind, p->p, p->n);
	l->tile = NONE;
	l->used = p->n <= sizeof(l->value);
	if (l->used) {
		l->n = p->n;
		if (p->n)
			memcpy(l->value, p->p, p->n);
	}
	return l;
}

int posting_add(struct posting_writer *w, uint32_t journal, uint64_t seq, const struct posting *p)
{
	struct last *l = last_of(w, p);
	struct tile *t = l->tile != NONE ? &w->tile[l->tile] : NULL;

	if (!t || t->number != seq / TILE || t->journal != journal) {
		l->tile = find_tile(w, l->word, journal, seq / TILE);
		if (l->tile == NONE)
			return ERR_NOMEM;
		t = &w->tile[l->tile];
	}
	t->bits[seq % TILE / 64] |= UINT64_C(1) << seq % 64;
	return 0;
}

static bool decode(uint64_t bits[TILE_WORDS], const struct wire_out *value)
{
	struct wire_in in = wire_in_init(value->p, value->n);

	for (unsigned i = 0; i < TILE_WORDS; i++)
		bits[i] |= wire_in_u64(&in);
	return wire_in_end(&in);
}

static int put_tile(struct tile *t, struct db_batch *b, struct db_txn *txn, struct wire_out *value,
		    struct err *e)
{
	struct key k = key_posting(t->word, t->journal, t->number);
	int rc;

	wire_out_reset(value);
	rc = db_batch_get(b, txn, KEY_POSTING, k, value, NULL);
	if (rc == 0 && !decode(t->bits, value))
		rc = ERR_INDEX;
	if (rc && rc != ERR_NOTFOUND)
		return err_set(e, rc, "the index is damaged: a posting does not decode");
	wire_out_reset(value);
	for (unsigned i = 0; i < TILE_WORDS; i++)
		wire_out_u64(value, t->bits[i]);
	if (!wire_out_ok(value) || db_batch_put(b, KEY_POSTING, k, value->p, value->n))
		return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

int posting_flush(struct posting_writer *w, struct db_batch *b, struct db_txn *t, struct err *e)
{
	struct wire_out value = {0};
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < w->tiles; i++)
		rc = put_tile(&w->tile[i], b, t, &value, e);
	wire_out_free(&value);
	posting_reset(w);
	return rc;
}

/* ---- reading ---- */

/* k is word, journal, number of a tile; the cursor has compared the first two. */
static int add_tile(struct lineset *s, const uint8_t *k, size_t klen, const struct wire_out *value)
{
	uint64_t bits[TILE_WORDS] = {0}, number;

	if (klen != KEY_WORD + 12 || !decode(bits, value))
		return ERR_INDEX;
	number = wire_get64(k + KEY_WORD + 4);
	if (number > s->size / TILE)
		return 0; /* of lines that came since the set was made */
	lineset_add_bits(s, number * TILE, bits, TILE_WORDS);
	return 0;
}

int posting_load(struct lineset *s, struct db_txn *t, uint32_t journal, const struct posting *p,
		 struct err *e)
{
	struct key prefix = {.n = KEY_WORD + 4}, from = {.n = 0};
	struct wire_out value = {0};
	struct db_cursor *c = NULL;
	const uint8_t *k;
	size_t klen;
	int rc;

	key_word(prefix.b, db_txn_name_key(t), p->kind, p->p, p->n);
	wire_put32(prefix.b + KEY_WORD, journal);
	rc = db_cursor(&c, t, KEY_POSTING, prefix, from, e);
	while (rc == 0) {
		wire_out_reset(&value);
		rc = db_next(c, &k, &klen, &value, e);
		if (rc == 0 && add_tile(s, k, klen, &value))
			rc = err_set(e, ERR_INDEX,
				     "the index is damaged: a posting does not "
				     "decode");
	}
	db_cursor_close(c);
	wire_out_free(&value);
	return rc == ERR_NOTFOUND ? 0 : rc;
}
