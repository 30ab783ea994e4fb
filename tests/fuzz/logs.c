// SPDX-License-Identifier: Apache-2.0
/* Targets: logs, and what machines sign of them. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/merkle.h"
#include "crypto/note.h"
#include "fs/witness_ask.h"
#include "index/event.h"
#include "index/journal_internal.h"
#include "tests/fuzz/fuzz.h"

/* The key of the fixed node, under the name that the note itself gives in its first line. */
static void note_key(struct note_key *k, struct text_span text, uint8_t type)
{
	const char *lf = memchr(text.p, '\n', text.n);
	uint8_t seed[32], sk[64];
	struct text_span name = {text.p, lf ? (size_t)(lf - text.p) : 0};

	*k = (struct note_key){.type = NOTE_ED25519};
	fuzz_secret(seed, FUZZ_SECRET);
	note_keypair(k, sk, seed);
	k->type = type;
	(void)text_copy(name, k->name, sizeof(k->name));
}

int fuzz_note(const uint8_t *p, size_t n)
{
	const struct text_span note = {(const char *)p, n};
	struct text_span text, sigs, signed_text;
	struct note_checkpoint cp;
	struct note_key k;
	uint64_t time;
	int rc = note_split(note, &text, &sigs);

	if (rc)
		return rc;
	fuzz_must(text.n > 0 && text.p[text.n - 1] == '\n');
	(void)note_checkpoint_parse(&cp, text);
	note_key(&k, text, NOTE_COSIGNATURE);
	(void)note_verify(note, &k, &signed_text, &time);
	note_key(&k, text, NOTE_ED25519);
	rc = note_verify(note, &k, &signed_text, &time);
	fuzz_must(rc != 0 || (signed_text.p == text.p && signed_text.n == text.n && time == 0));
	return rc;
}

int fuzz_vkey(const uint8_t *p, size_t n)
{
	struct wire_out again = {0};
	struct note_key k;
	int rc = note_vkey_parse(&k, (struct text_span){(const char *)p, n});

	if (rc == 0) {
		note_vkey_text(&again, &k);
		fuzz_must(fuzz_same(&again, p, n));
	}
	return rc;
}

/* Extension lines may follow the three of a checkpoint. */
int fuzz_checkpoint(const uint8_t *p, size_t n)
{
	struct wire_out again = {0};
	struct note_checkpoint cp;
	int rc = note_checkpoint_parse(&cp, (struct text_span){(const char *)p, n});

	if (rc == 0) {
		note_checkpoint_text(&again, &cp);
		fuzz_must(again.n <= n && memcmp(again.p, p, again.n) == 0);
		wire_out_free(&again);
	}
	return rc;
}

int fuzz_ask(const uint8_t *p, size_t n)
{
	struct text_span rest = {(const char *)p, n};
	struct witness_ask a;
	struct err e = {0};
	int rc;

	do
		rc = witness_ask_next(&a, &rest, &e);
	while (rc == 0 && rest.n > 0);
	return rc;
}

/* A tree of up to 48 leaves, whose number i is the byte i. */
#define LEAVES 48u
static int leaf_read(void *ctx, unsigned level, uint64_t index, merkle_hash out)
{
	merkle_hash left, right;
	uint8_t byte = (uint8_t)index;

	if (level == 0) {
		merkle_leaf(out, &byte, 1);
		return 0;
	}
	if (leaf_read(ctx, level - 1, 2 * index, left) != 0 ||
	    leaf_read(ctx, level - 1, 2 * index + 1, right) != 0)
		return ERR_USAGE;
	merkle_node(out, left, right);
	return 0;
}

/*
 * kind u8 (0 inclusion, 1 consistency), index or old size u64, size u64, then hashes. One that
 * verifies against the tree's own roots is the one proof there is.
 */
int fuzz_proof(const uint8_t *p, size_t n)
{
	struct wire_in in = wire_in_init(p, n);
	uint8_t kind = wire_in_u8(&in);
	uint64_t a = wire_in_u64(&in), size = wire_in_u64(&in);
	size_t hashes = in.left / MERKLE_HASH, want = 0;
	merkle_hash *proof = calloc(hashes + 1, sizeof(*proof)), good[MERKLE_PROOF_MAX];
	merkle_hash root, old_root = {0}, leaf;
	uint8_t byte = (uint8_t)a;
	int rc;

	fuzz_must(proof != NULL);
	wire_in_copy(&in, proof, hashes * MERKLE_HASH);
	if (in.bad || in.left) {
		free(proof);
		return ERR_MALFORMED;
	}
	if (size > LEAVES || size == 0 || merkle_root_at(root, size, leaf_read, NULL) != 0)
		memset(root, 1, sizeof(root));
	if (kind == 0) {
		merkle_leaf(leaf, &byte, 1);
		rc = merkle_verify_inclusion(leaf, a, size, proof, hashes, root);
		if (rc == 0)
			fuzz_must(merkle_inclusion(good, &want, a, size, leaf_read, NULL) == 0);
	} else {
		if (a > 0 && a <= LEAVES)
			fuzz_must(merkle_root_at(old_root, a, leaf_read, NULL) == 0);
		rc = merkle_verify_consistency(a, size, proof, hashes, old_root, root);
		if (rc == 0 && size <= LEAVES)
			fuzz_must(merkle_consistency(good, &want, a, size, leaf_read, NULL) == 0);
	}
	if (rc == 0 && size <= LEAVES)
		fuzz_must(want == hashes && memcmp(good, proof, want * MERKLE_HASH) == 0);
	free(proof);
	return rc;
}

/* One line. Of known types there is one form: the MAC apart, it is what event_format() writes. */
int fuzz_event(const uint8_t *p, size_t n)
{
	static const uint8_t key[32] = {1}, archive[16] = {2};
	const struct event_key ek = {key, archive};
	const struct text_span line = {(const char *)p, n};
	struct wire_out again = {0};
	struct event ev;
	const size_t tail = 34; /* the MAC's digits, and what ends the line */
	int rc = event_parse(&ev, line);

	(void)event_check_mac(line, ek);
	if (rc == 0 && ev.type != EVENT_UNKNOWN) {
		fuzz_must(event_format(&again, &ev, ek) == 0);
		fuzz_must(again.n == n && memcmp(again.p, p, n - tail) == 0);
		wire_out_free(&again);
	}
	return rc;
}

/* A whole journal, read as strangers read it. */
int fuzz_journal(const uint8_t *p, size_t n)
{
	int fd = memfd_create("journal", MFD_CLOEXEC), rc;
	struct journal_reader *r = NULL;
	struct text_span line;
	uint64_t off, end = 0;
	struct err e = {0};
	struct event ev;

	fuzz_must(fd >= 0 && write(fd, p, n) == (ssize_t)n);
	rc = journal_reader_on(&r, fd, 0, &e);
	while (rc == 0 && (rc = journal_reader_next(r, &line, &off, &e)) != ERR_NOTFOUND) {
		if (rc == ERR_MALFORMED) {
			rc = journal_reader_skip(r, &e);
			continue;
		}
		fuzz_must(rc == 0 && off >= end && off + line.n < n);
		fuzz_must(memcmp(p + off, line.p, line.n) == 0 && p[off + line.n] == '\n');
		end = off + line.n + 1;
		(void)event_parse(&ev, line);
	}
	journal_reader_close(r);
	close(fd);
	return rc == ERR_NOTFOUND ? 0 : rc;
}
