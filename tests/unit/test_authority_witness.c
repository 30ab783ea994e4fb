/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authority as a witness: what it cosigns, and what it does not, whoever asks: a log that was
 * forked, turned back or forged, an old ask, a kill between remembering and answering.
 */
#include "fs/authority.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/cosigned.h"
#include "index/journal.h"
#include "tests/lib/dossier.h"
#include "tests/lib/office.h"

#define T0 INT64_C(1795417800000) /* 2026-11-23T07:10:00Z */
#define LEAVES 200

/* A log that the node may show: its leaves from `fork` on are others than those of the true one. */
struct log {
	uint64_t fork;
	const uint8_t *leaf; /* of the true one; NULL: all zero */
};
static const struct log honest = {.fork = LEAVES};

struct world {
	struct office o;
	struct authority *a;
	struct archive_desc desc;
	struct dossier d;
	struct wire_out ask, out;
	struct authority_cosigned r;
	struct err e;
};

static void ok(int rc, const struct err *e)
{
	if (rc)
		fail_msg("%s: %s", err_word(rc), e->text);
}

static void keep_node(struct world *w, const struct roster_node *n)
{
	const uint8_t serial[16] = {1};
	struct document doc;
	struct err e;

	ok(roster_enrolment_make(&doc, w->desc.id, serial, n, NULL, &e), &e);
	office_sign(&w->o, &doc, DOCUMENT_NS_ENROL, 0);
	ok(authority_keep_enrolment(w->a, &doc, &e), &e);
	document_free(&doc);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char path[FIXTURE_PATH];
	struct document doc;
	struct err e;

	office_open(&w->o);
	office_path(&w->o, "auth", path);
	ok(authority_create(&w->a, path, w->o.pool, w->o.key, 1, 1, true, false, T0, NULL, NULL,
			    &e),
	   &e);
	authority_describe(w->a, &w->desc, 0, 0, T0);
	office_desc_document(&doc, &w->desc);
	office_sign(&w->o, &doc, DOCUMENT_NS_ARCHIVE, 0);
	ok(authority_keep_archive(w->a, &doc, &e), &e);
	document_free(&doc);
	dossier_open(&w->d, &w->desc, w->o.pool);
	keep_node(w, &w->d.who[DOSSIER_CAP]);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	dossier_close(&w->d);
	authority_close(w->a);
	wire_out_free(&w->ask);
	wire_out_free(&w->out);
	office_close(&w->o);
	free(w);
	return 0;
}

/* ---- the node's side ---- */

/* A merkle_read: the slow way. */
static int read_hash(void *ctx, unsigned level, uint64_t index, merkle_hash out)
{
	const struct log *log = ctx;
	merkle_hash l, r;

	if (level == 0) {
		const uint8_t data[2] = {(uint8_t)index,
					 (log->leaf ? log->leaf[index] : 0) ^ (index >= log->fork)};

		merkle_leaf(out, data, sizeof(data));
		return 0;
	}
	read_hash(ctx, level - 1, 2 * index, l);
	read_hash(ctx, level - 1, 2 * index + 1, r);
	merkle_node(out, l, r);
	return 0;
}

/* Write an ask into w->ask. signer: whose key signs the checkpoint of the capture node's log. */
static void write_ask(struct world *w, struct log log, uint64_t old, uint64_t size, unsigned signer)
{
	struct note_key key = {.type = NOTE_ED25519};
	struct note_checkpoint cp = {.size = size};
	struct wire_out text = {0}, note = {0};
	merkle_hash proof[MERKLE_PROOF_MAX];
	size_t n = 0;

	journal_origin(cp.origin, w->desc.id, w->d.id[DOSSIER_CAP]->pub.id);
	memcpy(key.name, cp.origin, sizeof(key.name));
	memcpy(key.pk, w->d.id[signer]->pub.sign, sizeof(key.pk));
	merkle_root_at(cp.root, size, read_hash, &log);
	if (old > 0 && old <= size)
		assert_int_equal(merkle_consistency(proof, &n, old, size, read_hash, &log), 0);
	note_checkpoint_text(&text, &cp);
	assert_int_equal(note_sign(&note, (char *)text.p, text.n, &key, w->d.id[signer]->sign), 0);
	wire_out_reset(&w->ask);
	witness_ask_text(&w->ask, old, (const merkle_hash *)proof, n,
			 (struct text_span){(char *)note.p, note.n});
	wire_out_free(&text);
	wire_out_free(&note);
}

/* ---- the witness's ---- */

static int answer_at(struct world *w, int64_t ms)
{
	struct text_span text = {(char *)w->ask.p, w->ask.n};
	struct witness_ask ask;

	ok(witness_ask_next(&ask, &text, &w->e), &w->e);
	assert_int_equal(text.n, 0);
	wire_out_reset(&w->out);
	memset(&w->e, 0, sizeof(w->e));
	return authority_cosign(w->a, &w->out, &ask, ms, &w->r, &w->e);
}

static int cosign(struct world *w, struct log log, uint64_t old, uint64_t size)
{
	write_ask(w, log, old, size, DOSSIER_CAP);
	return answer_at(w, T0);
}

/* The answer is a checkpoint of that size with the node's signature and the witness's. */
static void good(struct world *w, int rc, uint64_t size)
{
	struct cosigned c;

	ok(rc, &w->e);
	ok(cosigned_check(&c, (struct text_span){(char *)w->out.p, w->out.n}, &w->desc,
			  &w->d.id[DOSSIER_CAP]->pub, &w->e),
	   &w->e);
	assert_int_equal(c.cp.size, size);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.others, 0);
}

static void bad(struct world *w, int rc, int code, const char *words)
{
	if (rc != code || !strstr(w->e.text, words))
		fail_msg("%s: %s", err_word(rc), w->e.text);
	assert_int_equal(w->out.n, 0);
}

static void test_grows(void **state)
{
	struct world *w = *state;
	uint64_t old = 0;

	for (uint64_t size = 1; size <= LEAVES; old = size, size += 1 + size / 3)
		good(w, cosign(w, honest, old, size), size);
	assert_int_equal(w->r.time, T0 / 1000);
	assert_false(w->r.again);
	assert_string_equal(w->r.witness, w->desc.witness[0].name);
}

/* Nothing new: a fresh cosignature where the ask says so, and else the one that was given. */
static void test_again(void **state)
{
	struct world *w = *state;
	struct wire_out first = {0};

	good(w, cosign(w, honest, 0, 10), 10);
	wire_out_bytes(&first, w->out.p, w->out.n);
	assert_int_equal(answer_at(w, T0 + 5000), 0);
	assert_true(w->r.again);
	assert_int_equal(w->out.n, first.n);
	assert_memory_equal(w->out.p, first.p, first.n);
	write_ask(w, honest, 10, 10, DOSSIER_CAP);
	good(w, answer_at(w, T0 + 5000), 10);
	assert_false(w->r.again);
	assert_int_equal(w->r.time, T0 / 1000 + 5);
	wire_out_free(&first);
}

static void test_forked(void **state)
{
	struct world *w = *state;
	const struct log fork = {.fork = 7};

	good(w, cosign(w, honest, 0, 10), 10);
	bad(w, cosign(w, fork, 0, 10), ERR_ROLLBACK, "forked");
	bad(w, cosign(w, fork, 10, 10), ERR_ROLLBACK, "forked");
	bad(w, cosign(w, fork, 10, 20), ERR_ROLLBACK, "forked");
	/* nor by a proof from where the two were one */
	bad(w, cosign(w, fork, 5, 20), ERR_CHECKPOINT, "--old 10");
	bad(w, cosign(w, fork, 0, 20), ERR_CHECKPOINT, "--old 10");
	/* a fork that begins later is none yet */
	good(w, cosign(w, (struct log){.fork = 10}, 10, 20), 20);
	bad(w, cosign(w, honest, 10, 20), ERR_ROLLBACK, "forked");
}

static void test_turned_back(void **state)
{
	struct world *w = *state;

	good(w, cosign(w, honest, 0, 10), 10);
	good(w, cosign(w, honest, 10, 30), 30);
	bad(w, cosign(w, honest, 0, 20), ERR_ROLLBACK, "turned back");
	bad(w, cosign(w, honest, 10, 20), ERR_ROLLBACK, "turned back");
	/* of a size that was cosigned, but another log */
	bad(w, cosign(w, (struct log){.fork = 3}, 0, 10), ERR_ROLLBACK, "turned back");
	/* and what was answered, and is outdated */
	bad(w, cosign(w, honest, 0, 10), ERR_REPLAYED, "was cosigned before, and more of it since");
	bad(w, cosign(w, honest, 10, 10), ERR_REPLAYED, "was cosigned before");
	good(w, cosign(w, honest, 30, 31), 31);
}

static void test_forged(void **state)
{
	struct world *w = *state;
	char *p;

	write_ask(w, honest, 0, 10, DOSSIER_WS);
	bad(w, answer_at(w, T0), ERR_FORGED, "not signed by the node");
	write_ask(w, honest, 0, 10, DOSSIER_CAP);
	p = memmem(w->ask.p, w->ask.n, "\n10\n", 4);
	p[1] = '9'; /* ninety events */
	bad(w, answer_at(w, T0), ERR_FORGED, "not signed by the node");
	/* a node that was never enrolled, another archive, no node's log at all */
	write_ask(w, honest, 0, 10, DOSSIER_CAP);
	p = memmem(w->ask.p, w->ask.n, "\n10\n", 4);
	p[-1] = p[-1] == '0' ? '1' : '0';
	bad(w, answer_at(w, T0), ERR_NOT_ENROLLED, "");
	write_ask(w, honest, 0, 10, DOSSIER_CAP);
	p = memmem(w->ask.p, w->ask.n, "custodyfs/", 10);
	p[10] = p[10] == '0' ? '1' : '0';
	bad(w, answer_at(w, T0), ERR_WRONG_ARCHIVE, "");
	write_ask(w, honest, 0, 10, DOSSIER_CAP);
	p = memmem(w->ask.p, w->ask.n, "custodyfs/", 10);
	p[9] = '.';
	bad(w, answer_at(w, T0), ERR_FOREIGN, "no node's");
	/* nothing of these is remembered */
	good(w, cosign(w, honest, 0, 3), 3);
}

static void test_bad_proof(void **state)
{
	struct world *w = *state;
	char *p;

	bad(w, cosign(w, honest, 11, 10), ERR_MALFORMED, "fewer events");
	good(w, cosign(w, honest, 0, 10), 10);
	write_ask(w, honest, 10, 20, DOSSIER_CAP);
	p = memchr(w->ask.p, '\n', w->ask.n);
	p[1] = p[1] == 'A' ? 'B' : 'A';
	bad(w, answer_at(w, T0), ERR_ROLLBACK, "forked");
	/* an ask from 0 events on has no proof to have */
	assert_int_equal(cosign(w, honest, 0, 0), ERR_MALFORMED);
}

static void test_asks_that_are_none(void **state)
{
	static const char *const texts[] = {
		"",
		"old\n",
		"old -1\n\n",
		"old 01\n\nx\n",
		"new 1\n\n",
		"old 1\nAAAA\n\nx\n1\n",
		"old 1\n\n",
		"old 1\n",
		"old 1\n\ncustodyfs/x/y\n1\n\n",
		"old 1\r\n\n",
	};
	struct world *w = *state;
	struct wire_out many = {0};
	struct witness_ask ask;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct text_span text = {texts[i], strlen(texts[i])};

		assert_int_equal(witness_ask_next(&ask, &text, &w->e), ERR_MALFORMED);
	}
	wire_out_text(&many, "old 1\n");
	for (unsigned i = 0; i <= WITNESS_ASK_HASHES; i++)
		wire_out_text(&many, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
	wire_out_text(&many, "\n");
	assert_int_equal(witness_ask_next(&ask, &(struct text_span){(char *)many.p, many.n}, &w->e),
			 ERR_MALFORMED);
	wire_out_free(&many);
}

/* What the witness keeps is its memory: an altered one is found out, and a clock that runs back. */
static void test_own_directory(void **state)
{
	struct world *w = *state;
	char path[FIXTURE_PATH], hex[33], node[33];
	FILE *f;
	int was;

	good(w, cosign(w, honest, 0, 10), 10);
	write_ask(w, honest, 10, 20, DOSSIER_CAP);
	bad(w, answer_at(w, T0 - 3600000), ERR_CLOCK, "runs behind");
	text_hex(hex, w->desc.id, 16);
	text_hex(node, w->d.id[DOSSIER_CAP]->pub.id, 16);
	assert_in_range(snprintf(path, sizeof(path), "%.900s/auth/archives/%s/cosigned/%s.10",
				 w->o.dir, hex, node),
			1, sizeof(path) - 1);
	f = fopen(path, "r+");
	assert_non_null(f);
	fseek(f, -20, SEEK_END);
	was = fgetc(f);
	fseek(f, -20, SEEK_END);
	fputc(was == 'x' ? 'y' : 'x', f);
	fclose(f);
	bad(w, answer_at(w, T0), ERR_DAMAGED, "cosigned/");
}

/* archive.txt names another witness: ours would count for nobody. */
static void test_not_named(void **state)
{
	struct world *w = *state;
	struct archive_desc before = w->desc;
	struct document doc;

	office_follow(&before, &w->desc);
	w->desc.witness[0].pk[0] ^= 1;
	office_desc_document(&doc, &w->desc);
	office_sign(&w->o, &doc, DOCUMENT_NS_ARCHIVE, 0);
	ok(authority_keep_archive(w->a, &doc, &w->e), &w->e);
	document_free(&doc);
	bad(w, cosign(w, honest, 0, 10), ERR_WRONG_KEY, "does not name");
}

/* Answer in a child that is killed after so many microseconds; what it gave out goes to w->out. */
static void answer_killed(struct world *w, struct log log, uint64_t old, uint64_t size, unsigned us)
{
	struct timespec nap = {us / 1000000, (long)(us % 1000000) * 1000};
	struct secret_pool *pool;
	char path[FIXTURE_PATH];
	int fd[2];
	pid_t child;
	char c;

	office_path(&w->o, "auth", path);
	write_ask(w, log, old, size, DOSSIER_CAP);
	assert_int_equal(pipe(fd), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		/* secret memory does not come along */
		if (secret_pool_new(&pool, 65536, NULL) == 0 &&
		    authority_open(&w->a, path, true, pool, NULL, NULL, NULL) == 0 &&
		    answer_at(w, T0) == 0 && write(fd[1], w->out.p, w->out.n) > 0)
			_exit(0);
		_exit(1);
	}
	close(fd[1]);
	nanosleep(&nap, NULL);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	wire_out_reset(&w->out);
	while (read(fd[0], &c, 1) == 1)
		wire_out_u8(&w->out, (uint8_t)c);
	close(fd[0]);
}

/*
 * Two logs of one size are shown to a witness that dies again and again. Whatever it gave out, and
 * whenever it died: never both are cosigned, and the first one is what it says when it lives.
 */
static void test_killed(void **state)
{
	struct world *w = *state;
	uint8_t leaf[LEAVES] = {0};
	unsigned given = 0, lost = 0, never = 0, span = 2000;

	for (uint64_t old = 0; old < LEAVES - 3; old += 3) {
		const struct log one = {LEAVES, leaf}, two = {old, leaf};
		bool first;
		int rc;

		answer_killed(w, one, old, old + 3, (unsigned)(old * 7919) % span);
		first = w->out.n > 0;
		/* aim where it takes about as long */
		span = first ? span - span / 8 : span < 1000000 ? span + span / 4 : span;
		rc = cosign(w, two, old, old + 3);
		if (rc == 0) {
			assert_false(first);
			never++;
			bad(w, cosign(w, one, old, old + 3), ERR_ROLLBACK, "forked");
			for (uint64_t i = old; i < LEAVES; i++)
				leaf[i] ^= 1;
			continue;
		}
		bad(w, rc, ERR_ROLLBACK, "forked");
		given += first;
		lost += !first;
		good(w, cosign(w, one, old, old + 3), old + 3);
		assert_true(w->r.again || !first);
	}
	print_message("of 66 answers %u given, %u lost, %u never thought of\n", given, lost, never);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_grows, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_forked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_turned_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_forged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_proof, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_asks_that_are_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_own_directory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_killed, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
