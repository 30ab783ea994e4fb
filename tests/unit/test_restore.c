/* SPDX-License-Identifier: Apache-2.0 */
/* restore: the text of an acceptance, as written and strictly read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "fs/restore.h"
#include "index/journal.h"

#define A 0xaa /* bytes of the ids of archive, node, other node */
#define N 0xbb
#define M 0xcc

static void fill(struct restore *r, struct restore_log log[2], struct restore_revocation v[1])
{
	memset(log, 0, 2 * sizeof(*log));
	memset(v, 0, sizeof(*v));
	*r = (struct restore){.issued_ms = 1774000000000, .log = log, .logs = 2, .revocation = v};
	r->revocations = 1;
	memset(r->archive, A, 16);
	memset(r->serial, 1, 16);
	memset(r->node, N, 16);
	strcpy(r->reason, "disk failure");
	for (unsigned i = 0; i < 2; i++) {
		memset(log[i].node, i ? M : N, 16);
		log[i].pinned.size = 12 + i;
		memset(log[i].pinned.root, 7, 32);
		log[i].accepted.size = i ? 0 : 10;
		memset(log[i].accepted.root, 8, 32);
		journal_origin(log[i].pinned.origin, r->archive, log[i].node);
		journal_origin(log[i].accepted.origin, r->archive, log[i].node);
	}
	memset(v->serial, 3, 16);
	memset(v->text, 4, 32);
}

static int parse(struct restore *r, const char *text, struct err *e)
{
	const struct document d = {.text = {text, strlen(text)}};

	return restore_parse(r, &d, e);
}

static void make(char text[4096])
{
	struct restore_revocation v[1];
	struct restore_log log[2];
	struct wire_out out = {0};
	struct restore r;

	fill(&r, log, v);
	restore_text(&out, &r);
	assert_true(wire_out_ok(&out) && out.n < 4096);
	memcpy(text, out.p, out.n);
	text[out.n] = '\0';
	wire_out_free(&out);
}

static void test_round(void **state)
{
	struct restore_revocation v[1];
	struct restore_log log[2];
	struct restore want, r;
	char text[4096];
	struct err e;

	(void)state;
	make(text);
	fill(&want, log, v);
	assert_int_equal(parse(&r, text, &e), 0);
	assert_memory_equal(r.archive, want.archive, 16);
	assert_memory_equal(r.serial, want.serial, 16);
	assert_memory_equal(r.node, want.node, 16);
	assert_int_equal(r.issued_ms, want.issued_ms);
	assert_int_equal(r.logs, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_memory_equal(r.log[i].node, log[i].node, 16);
		assert_int_equal(r.log[i].pinned.size, log[i].pinned.size);
		assert_int_equal(r.log[i].accepted.size, log[i].accepted.size);
		assert_memory_equal(r.log[i].pinned.root, log[i].pinned.root, 32);
		assert_memory_equal(r.log[i].accepted.root, log[i].accepted.root, 32);
	}
	assert_int_equal(r.revocations, 1);
	assert_memory_equal(&r.revocation[0], v, sizeof(*v));
	assert_string_equal(r.reason, "disk failure");
	restore_free(&r);
	restore_free(&r);
}

/* text with its first `from` as `to` */
static void altered(const char *from, const char *to, int want)
{
	char text[4096], out[8192];
	struct restore r;
	struct err e;
	char *at;

	make(text);
	at = strstr(text, from);
	assert_non_null(at);
	snprintf(out, sizeof(out), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	assert_int_equal(parse(&r, out, &e), want);
	assert_null(r.log);
	assert_null(r.revocation);
}

static void test_strict(void **state)
{
	(void)state;
	altered("custodyfs-restore/v1", "custodyfs-restore/v2", ERR_NEWER);
	altered("custodyfs-restore/v1", "custodyfs-revocation/v1", ERR_FOREIGN);
	altered("serial: ", "Serial: ", ERR_MALFORMED);
	altered("reason: disk failure\n", "", ERR_MALFORMED);
	altered("reason: disk failure\n", "reason: \n", ERR_MALFORMED);
	altered("reason: disk failure\n", "reason: disk failure\nmore: x\n", ERR_MALFORMED);
	altered("revocation: 03", "revocation: 3", ERR_MALFORMED);
	/* A log without what is accepted of it, of another archive, of no node, twice. */
	altered("accepted: ", "pinned: ", ERR_MALFORMED);
	altered("pinned: custodyfs/aa", "pinned: custodyfs/ab", ERR_MALFORMED);
	altered("accepted: custodyfs/aa", "accepted: custodyfs/ab", ERR_MALFORMED);
	altered(" 12 ", " 012 ", ERR_MALFORMED);
}

static void test_twice(void **state)
{
	struct restore_revocation v[1];
	struct restore_log log[2];
	struct wire_out out = {0};
	struct restore r, got;
	struct err e;

	(void)state;
	fill(&r, log, v);
	log[1] = log[0];
	restore_text(&out, &r);
	wire_out_u8(&out, 0);
	assert_int_equal(parse(&got, (const char *)out.p, &e), ERR_MALFORMED);
	assert_non_null(strstr(e.text, "twice"));
	wire_out_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
