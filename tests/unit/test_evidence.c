/* SPDX-License-Identifier: Apache-2.0 */
/* evidence: rollbacks and forks that are proved, and what is claimed and not so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "fs/evidence.h"
#include "index/journal.h"

#define LINES 40u
#define FORK 25u /* the two histories are the same up to here */

enum { WITNESS, WRITER, NODES };

struct world {
	struct secret_pool *pool;
	struct identity *id[NODES];
	uint8_t archive[16];
	merkle_hash leaf[2][LINES]; /* two histories */
	struct wire_out note[2];
	struct evidence_log log;
};

static int find_node(void *ctx, const uint8_t node[16], struct roster_node *out)
{
	const struct world *w = ctx;

	for (unsigned i = 0; i < NODES; i++) {
		if (memcmp(w->id[i]->pub.id, node, 16) != 0)
			continue;
		*out = (struct roster_node){.roles = ROSTER_READER};
		out->pub = w->id[i]->pub;
		return 0;
	}
	return ERR_NOT_ENROLLED;
}

static void root_of(const struct world *w, unsigned history, unsigned size, merkle_hash root)
{
	struct merkle_range range = {.size = 0};

	for (unsigned i = 0; i < size; i++)
		merkle_append(&range, w->leaf[history][i], NULL, NULL);
	merkle_root(root, &range);
}

struct side {
	const struct world *w;
	unsigned history;
};

static int hash_at(void *ctx, unsigned level, uint64_t index, merkle_hash out)
{
	const struct side *s = ctx;
	struct merkle_range range = {.size = 0};

	for (uint64_t i = index << level; i < (index + 1) << level; i++)
		merkle_append(&range, s->w->leaf[s->history][i], NULL, NULL);
	merkle_root(out, &range);
	return 0;
}

/* A checkpoint of a history at a size, signed by a node; into note i. */
static void sign(struct world *w, unsigned i, unsigned history, unsigned size, unsigned by)
{
	struct note_key key = {.type = NOTE_ED25519};
	struct note_checkpoint cp = {.size = size};
	struct wire_out text = {0};

	root_of(w, history, size, cp.root);
	journal_origin(key.name, w->archive, w->id[WRITER]->pub.id);
	memcpy(cp.origin, key.name, sizeof(key.name));
	memcpy(key.pk, w->id[by]->pub.sign, 32);
	note_checkpoint_text(&text, &cp);
	wire_out_reset(&w->note[i]);
	assert_int_equal(note_sign(&w->note[i], (char *)text.p, text.n, &key, w->id[by]->sign), 0);
	wire_out_free(&text);
	if (i == 0)
		w->log.seen_at = cp;
	else
		w->log.present_at = cp;
}

static void prove(struct world *w, unsigned history, unsigned less, unsigned more)
{
	struct side s = {w, history};

	w->log.fork = true;
	root_of(w, history, less, w->log.prefix);
	assert_int_equal(merkle_consistency(w->log.proof, &w->log.hashes, less, more, hash_at, &s),
			 0);
}

/* What is written of it must be read with this code. */
static void expect(struct world *w, int want)
{
	struct evidence v = {.log = &w->log, .logs = 1, .issued_ms = 1774000000000}, got;
	struct wire_out out = {0};
	struct err e = {0};
	int rc;

	memcpy(v.archive, w->archive, 16);
	memcpy(w->log.node, w->id[WRITER]->pub.id, 16);
	w->log.seen = (struct text_span){(const char *)w->note[0].p, w->note[0].n};
	w->log.present = (struct text_span){(const char *)w->note[1].p, w->note[1].n};
	assert_int_equal(evidence_text(&out, &v, w->id[WITNESS], &e), 0);
	rc = evidence_parse(&got, out.p, out.n, find_node, w, &e);
	if (rc != want)
		fail_msg("%d, not %d: %s", rc, want, e.text);
	if (rc == 0) {
		assert_int_equal(got.logs, 1);
		assert_int_equal(got.log[0].fork, w->log.fork);
		assert_int_equal(got.log[0].seen_at.size, w->log.seen_at.size);
		assert_memory_equal(got.node, w->id[WITNESS]->pub.id, 16);
	} else {
		assert_null(got.log);
	}
	evidence_free(&got);
	/* A bit anywhere: never good. */
	for (size_t i = 0; want == 0 && i < out.n; i += 13) {
		out.p[i] ^= 1;
		assert_int_not_equal(evidence_parse(&got, out.p, out.n, find_node, w, &e), 0);
		out.p[i] ^= 1;
	}
	wire_out_free(&out);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err e;

	assert_non_null(w);
	assert_int_equal(secret_pool_new(&w->pool, 1u << 16, &e), 0);
	for (unsigned i = 0; i < NODES; i++)
		assert_int_equal(identity_new(&w->id[i], w->pool), 0);
	memset(w->archive, 0xaa, 16);
	for (unsigned h = 0; h < 2; h++)
		for (unsigned i = 0; i < LINES; i++) {
			const uint8_t line[2] = {(uint8_t)(i < FORK ? 0 : h), (uint8_t)i};

			merkle_leaf(w->leaf[h][i], line, sizeof(line));
		}
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	wire_out_free(&w->note[0]);
	wire_out_free(&w->note[1]);
	for (unsigned i = 0; i < NODES; i++)
		identity_free(w->pool, w->id[i]);
	secret_pool_free(w->pool);
	free(w);
	return 0;
}

static void test_rollback(void **state)
{
	struct world *w = *state;

	sign(w, 0, 0, 30, WRITER);
	sign(w, 1, 0, 20, WRITER);
	expect(w, 0);
	/* Nothing left of it. */
	wire_out_reset(&w->note[1]);
	w->log.present_at = (struct note_checkpoint){.size = 0};
	expect(w, 0);
	/* As much, or more, is no rollback. */
	sign(w, 1, 0, 30, WRITER);
	expect(w, ERR_FORGED);
	sign(w, 1, 0, 31, WRITER);
	expect(w, ERR_FORGED);
	/* Signed by who shows it: that convicts nobody. */
	sign(w, 1, 0, 20, WITNESS);
	expect(w, ERR_FORGED);
	sign(w, 1, 0, 20, WRITER);
	sign(w, 0, 0, 30, WITNESS);
	expect(w, ERR_FORGED);
}

static void test_fork(void **state)
{
	struct world *w = *state;

	/* As long, and another. */
	w->log.fork = true;
	sign(w, 0, 0, 30, WRITER);
	sign(w, 1, 1, 30, WRITER);
	expect(w, 0);
	sign(w, 1, 0, 30, WRITER);
	expect(w, ERR_FORGED);
	/* What is there is longer, or shorter, and does not go on from it. */
	sign(w, 1, 1, 40, WRITER);
	prove(w, 1, 30, 40);
	expect(w, 0);
	sign(w, 0, 0, 40, WRITER);
	sign(w, 1, 1, 30, WRITER);
	prove(w, 0, 30, 40);
	expect(w, 0);
	w->log.proof[0][0] ^= 1;
	expect(w, ERR_FORGED);
}

/* A log that goes on is no fork, whatever is claimed. */
static void test_no_fork(void **state)
{
	struct world *w = *state;

	sign(w, 0, 0, 20, WRITER);
	sign(w, 1, 1, 40, WRITER); /* the same up to FORK */
	prove(w, 1, 20, 40);
	expect(w, ERR_FORGED);
	w->log.prefix[5] ^= 1;
	expect(w, ERR_FORGED);
}

static void test_nobody(void **state)
{
	struct world *w = *state;
	struct identity *other;

	sign(w, 0, 0, 30, WRITER);
	sign(w, 1, 0, 20, WRITER);
	assert_int_equal(identity_new(&other, w->pool), 0);
	identity_free(w->pool, w->id[WITNESS]);
	w->id[WITNESS] = other;
	expect(w, 0);
	w->id[WITNESS]->pub.id[0] ^= 1; /* of whom nobody knows */
	w->log.hashes = 0;
	{
		struct evidence v = {.log = &w->log, .logs = 1}, got;
		struct wire_out out = {0};
		struct err e;

		memcpy(v.archive, w->archive, 16);
		assert_int_equal(evidence_text(&out, &v, w->id[WITNESS], &e), 0);
		w->id[WITNESS]->pub.id[0] ^= 1;
		assert_int_equal(evidence_parse(&got, out.p, out.n, find_node, w, &e),
				 ERR_NOT_ENROLLED);
		assert_int_equal(evidence_parse(&got, "x", 1, find_node, w, &e), ERR_FOREIGN);
		wire_out_free(&out);
	}
}

int main(void)
{
#define ONE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		ONE(test_rollback),
		ONE(test_fork),
		ONE(test_no_fork),
		ONE(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
