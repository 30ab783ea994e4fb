/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node directory: who may look into it, its key with and without a passphrase, the pinned
 * archive.txt, its standing in an archive, and its pins.
 */
#include "fs/node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/lib/office.h"

static int open_all(void **state)
{
	static struct office o;

	office_open(&o);
	*state = &o;
	return 0;
}

static int close_all(void **state)
{
	office_close(*state);
	return 0;
}

struct pass {
	const char *say;
	int code, asked, confirmed;
};

static long passphrase(void *ctx, const char *what, bool confirm, char *buf, size_t cap,
		       struct err *e)
{
	struct pass *p = ctx;

	p->asked++;
	p->confirmed += confirm;
	assert_non_null(strstr(what, "/node.key"));
	if (p->code)
		return p->code == ERR_SYSTEM ? p->code : err_set(e, p->code, "the reason");
	assert_true(strlen(p->say) <= cap);
	memcpy(buf, p->say, strlen(p->say));
	return (long)strlen(p->say);
}

/* ---- the directory and the key ---- */

static void test_default_dir(void **state)
{
	char out[64];
	struct err e;

	(void)state;
	setenv("CUSTODY_NODE", "/env/node", 1);
	assert_int_equal(node_default_dir(out, sizeof(out), "given", &e), 0);
	assert_string_equal(out, "given");
	assert_int_equal(node_default_dir(out, sizeof(out), NULL, &e), 0);
	assert_string_equal(out, "/env/node");
	assert_int_equal(node_default_dir(out, 9, NULL, &e), ERR_USAGE);
	assert_int_equal(node_default_dir(out, 10, NULL, &e), 0);
	assert_int_equal(node_default_dir(out, sizeof(out), "", &e), ERR_USAGE);
	unsetenv("CUSTODY_NODE");
	assert_int_equal(node_default_dir(out, sizeof(out), NULL, &e), 0);
	if (geteuid() == 0)
		assert_string_equal(out, "/var/lib/custodyfs");
	else
		assert_non_null(strstr(out, "/custodyfs"));
}

static void test_raw_key(void **state)
{
	const struct office *o = *state;
	struct node *n, *again;
	char path[FIXTURE_PATH];
	uint8_t id[16];
	struct stat st;
	struct err e;

	office_path(o, "deep/er/node", path);
	assert_int_equal(node_open(&n, path, o->pool, NULL, NULL, &e), ERR_KEY);
	assert_non_null(strstr(e.text, "node-init"));
	assert_null(n);
	assert_int_equal(node_create(&n, path, o->pool, NULL, NULL, &e), 0);
	assert_string_equal(node_dir(n), path);
	assert_int_equal(fstat(node_dirfd(n), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(fstatat(node_dirfd(n), "node.key", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	memcpy(id, node_identity(n)->pub.id, 16);
	node_close(n);

	/* A second time it is the same node. */
	assert_int_equal(node_create(&again, path, o->pool, NULL, NULL, &e), 0);
	assert_memory_equal(node_identity(again)->pub.id, id, 16);
	node_close(again);
	assert_int_equal(node_open(&again, path, o->pool, NULL, NULL, &e), 0);
	assert_memory_equal(node_identity(again)->pub.id, id, 16);
	node_close(again);
}

static void test_passphrase(void **state)
{
	const struct office *o = *state;
	struct pass p = {.say = "correct horse"};
	struct node *n;
	char path[FIXTURE_PATH];
	struct err e;

	office_path(o, "locked", path);
	p.code = ERR_PASSPHRASE;
	assert_int_equal(node_create(&n, path, o->pool, passphrase, &p, &e), ERR_PASSPHRASE);
	p.code = 0;
	p.say = "";
	assert_int_equal(node_create(&n, path, o->pool, passphrase, &p, &e), ERR_PASSPHRASE);
	assert_int_equal(node_open(&n, path, o->pool, passphrase, &p, &e),
			 ERR_KEY); /* no key yet */

	p = (struct pass){.say = "correct horse"};
	assert_int_equal(node_create(&n, path, o->pool, passphrase, &p, &e), 0);
	assert_int_equal(p.asked, 1);
	assert_int_equal(p.confirmed, 1);
	node_close(n);
	assert_int_equal(node_open(&n, path, o->pool, passphrase, &p, &e), 0);
	assert_int_equal(p.asked, 2);
	assert_int_equal(p.confirmed, 1);
	node_close(n);
	assert_int_equal(node_open(&n, path, o->pool, NULL, NULL, &e), ERR_PASSPHRASE);
	p.say = "wrong horse";
	assert_int_equal(node_open(&n, path, o->pool, passphrase, &p, &e), ERR_PASSPHRASE);
	assert_int_equal(node_create(&n, path, o->pool, passphrase, &p, &e), ERR_PASSPHRASE);
	p.code = ERR_SYSTEM;
	assert_int_equal(node_open(&n, path, o->pool, passphrase, &p, &e), ERR_SYSTEM);
	assert_non_null(strstr(e.text, "no passphrase"));
	/* The absence of a passphrase is not that of the node. */
	p.code = ERR_NOTFOUND;
	assert_int_equal(node_open(&n, path, o->pool, passphrase, &p, &e), ERR_NOTFOUND);
	assert_string_equal(e.text, "the reason");
	assert_null(n);
}

static void refuse(const struct office *o, const char *path, const char *command, int code,
		   const char *says)
{
	struct node *n;
	struct err e;

	assert_int_equal(fixture_run(path, command), 0);
	assert_int_equal(node_open(&n, path, o->pool, NULL, NULL, &e), code);
	if (says)
		assert_non_null(strstr(e.text, says));
}

static void test_modes(void **state)
{
	const struct office *o = *state;
	struct node *n;
	char path[FIXTURE_PATH];
	struct err e;

	office_path(o, "modes", path);
	assert_int_equal(node_create(&n, path, o->pool, NULL, NULL, &e), 0);
	node_close(n);
	refuse(o, path, "chmod 750 .", ERR_KEY, "chmod 700");
	refuse(o, path, "chmod 701 .", ERR_KEY, "chmod 700");
	assert_int_equal(node_create(&n, path, o->pool, NULL, NULL, &e), ERR_KEY);
	refuse(o, path, "chmod 700 .; chmod 640 node.key", ERR_KEY, "chmod 600");
	assert_int_equal(fixture_run(path, "chmod 400 node.key"), 0);
	assert_int_equal(node_open(&n, path, o->pool, NULL, NULL, &e), 0);
	node_close(n);

	refuse(o, path, "chmod 600 node.key; cp node.key k; mv node.key l; ln -s l node.key",
	       ERR_MALFORMED, NULL);
	refuse(o, path, "rm node.key; chmod 600 k; head -c 112 k >node.key; chmod 600 node.key",
	       ERR_MALFORMED, NULL);
	refuse(o, path, "echo hello >node.key", ERR_FOREIGN, NULL);
	refuse(o, path, "cat k k >node.key", ERR_MALFORMED, NULL);
	/* What is no node is not to be shut to others. */
	refuse(o, path, "rm node.key; chmod 755 .", ERR_KEY, "node-init");
	assert_int_equal(node_create(&n, path, o->pool, NULL, NULL, &e), ERR_KEY);
	assert_null(strstr(e.text, "chmod"));
	assert_int_equal(fixture_run(path, "chmod 700 .; cp k node.key"), 0);
	refuse(o, path, "cat k k k >node.key", ERR_MALFORMED, NULL);
	refuse(o, path, "(head -c 112 k; printf '\\001') >node.key", ERR_DAMAGED, NULL);
	if (geteuid() == 0)
		refuse(o, path, "cp k node.key; chown 12345 .", ERR_KEY, "12345");
}

/* ---- archives ---- */

static struct node *new_node(const struct office *o, const char *name)
{
	char path[FIXTURE_PATH];
	struct node *n;
	struct err e;

	office_path(o, name, path);
	assert_int_equal(node_create(&n, path, o->pool, NULL, NULL, &e), 0);
	return n;
}

static struct archive *new_archive(const struct office *o, const struct archive_desc *d,
				   const char *name)
{
	char path[FIXTURE_PATH];
	struct archive *a;
	struct err e;

	office_archive(o, d, name, path);
	assert_int_equal(archive_open(&a, path, &e), 0);
	return a;
}

static void test_enrol(void **state)
{
	const struct office *o = *state;
	static const uint8_t serial[16] = {5}, secret[32] = {6};
	struct node *n = new_node(o, "enrol");
	struct archive_desc d;
	struct archive *a;
	struct node_archive *na;
	struct err e;

	office_describe(o, &d, 1, 1);
	a = new_archive(o, &d, "a-enrol");
	assert_int_equal(node_archive_open(&na, n, a, &e), ERR_NOT_ENROLLED);
	assert_null(na);
	assert_int_equal(node_archive_pin(n, a, &e), 0);
	assert_int_equal(node_archive_pin(n, a, &e), 0);
	assert_int_equal(node_archive_open(&na, n, a, &e), 0);
	assert_int_equal(na->roles, 0);
	assert_null(na->catalogue);
	assert_int_equal(na->index_dir[0], '/');
	assert_int_equal(na->version, 1);
	assert_memory_equal(na->archive_id, d.id, 16);

	assert_int_equal(node_archive_enrol(na, 2, serial, secret, &e), 0);
	assert_memory_equal(na->catalogue, secret, 32);
	node_archive_close(na);
	assert_int_equal(node_archive_open(&na, n, a, &e), 0);
	assert_int_equal(na->roles, 2);
	assert_memory_equal(na->enrolment, serial, 16);
	assert_memory_equal(na->catalogue, secret, 32);
	assert_int_equal(node_archive_enrol(na, 1, serial, NULL, &e), 0);
	assert_null(na->catalogue);
	node_archive_close(na);
	assert_int_equal(node_archive_open(&na, n, a, &e), 0);
	assert_int_equal(na->roles, 1);
	assert_null(na->catalogue);
	node_archive_close(na);

	/* The state is of this node, for this archive, and whole. */
	assert_int_equal(fixture_run(node_dir(n), "printf x >>$(ls archives/*/state.seal)"), 0);
	assert_int_equal(node_archive_open(&na, n, a, &e), ERR_DAMAGED);
	assert_int_equal(fixture_run(node_dir(n), "echo hi >$(ls archives/*/state.seal)"), 0);
	assert_int_equal(node_archive_open(&na, n, a, &e), ERR_DAMAGED);
	archive_close(a);
	node_close(n);
	node_archive_close(NULL);
}

static void test_state_of_another(void **state)
{
	const struct office *o = *state;
	static const uint8_t serial[16] = {5};
	struct node *n = new_node(o, "one"), *m = new_node(o, "two");
	struct archive_desc d;
	struct archive *a, *b;
	struct node_archive *na, *nb, *ma;
	struct err e;

	office_describe(o, &d, 1, 1);
	a = new_archive(o, &d, "a-one");
	d.id[0] ^= 1;
	b = new_archive(o, &d, "a-two");
	assert_int_equal(node_archive_pin(n, a, &e), 0);
	assert_int_equal(node_archive_pin(n, b, &e), 0);
	assert_int_equal(node_archive_pin(m, a, &e), 0);
	assert_int_equal(node_archive_open(&na, n, a, &e), 0);
	assert_int_equal(node_archive_enrol(na, 1, serial, NULL, &e), 0);
	node_archive_close(na);
	assert_int_equal(fixture_run(o->dir, "cp one/archives/*/state.seal s && for d in "
					     "one/archives/* two/archives/*; do cp s $d/state.seal;"
					     " done"),
			 0);
	assert_int_equal(node_archive_open(&na, n, a, &e), 0);
	assert_int_equal(node_archive_open(&nb, n, b, &e), ERR_DAMAGED);
	assert_int_equal(node_archive_open(&ma, m, a, &e), ERR_DAMAGED);
	node_archive_close(na);
	archive_close(a);
	archive_close(b);
	node_close(n);
	node_close(m);
}

/* ---- the pinned archive.txt ---- */

/* Replace the archive's archive.txt by d, signed by `who`; keep a copy in documents/ if asked. */
static struct archive *move_on(const struct office *o, struct archive *a, struct archive_desc *d,
			       const char *who, bool keep)
{
	char path[FIXTURE_PATH], file[FIXTURE_PATH + 16], kind[32];
	struct document doc;
	struct err e;

	snprintf(path, sizeof(path), "%s", a->path);
	if (keep) {
		snprintf(kind, sizeof(kind), "archive-%u", (unsigned)a->desc.version);
		assert_int_equal(document_store(a->documents, d->id, kind, &a->text, &e), 0);
	}
	office_desc_document(&doc, d);
	for (; *who; who++)
		office_sign(o, &doc, DOCUMENT_NS_ARCHIVE, (unsigned)(*who - '0'));
	snprintf(file, sizeof(file), "%s/archive.txt", path);
	fixture_write(file, doc.bytes.p, doc.bytes.n);
	document_free(&doc);
	archive_close(a);
	assert_int_equal(archive_open(&a, path, &e), 0);
	return a;
}

static int refuse_step(void *ctx, uint32_t version, const uint8_t digest[32], struct err *e)
{
	(void)ctx, (void)version, (void)digest;
	return err_set(e, ERR_CLOCK, "not now");
}

static int count_step(void *ctx, uint32_t version, const uint8_t digest[32], struct err *e)
{
	(void)digest, (void)e;
	*(unsigned *)ctx += version;
	return 0;
}

static void test_pinned_version(void **state)
{
	unsigned steps;
	const struct office *o = *state;
	struct node *n = new_node(o, "pin"), *late = new_node(o, "late");
	struct archive_desc one, two, three, other;
	struct node_archive *na;
	struct archive *a;
	struct err e;

	office_describe(o, &one, 1, 1); /* officer 0 */
	two = three = other = one;
	two.key[0] = o->key[1];
	office_follow(&one, &two);
	three.key[0] = o->key[2];
	office_follow(&two, &three);
	other.chunk_size = 4096;
	a = new_archive(o, &one, "a-pin");
	assert_int_equal(node_archive_pin(n, a, &e), 0);
	assert_int_equal(node_archive_pin(late, a, &e), 0);

	/* Another text of the same version, well signed: a fork. */
	a = move_on(o, a, &other, "0", false);
	assert_int_equal(node_archive_pin(n, a, &e), ERR_FOREIGN);
	assert_int_equal(node_archive_open(&na, n, a, &e), ERR_FOREIGN);

	/* Version 2 without version 1's signature. */
	a = move_on(o, a, &two, "1", false);
	assert_int_equal(node_archive_open(&na, n, a, &e), ERR_FOREIGN);
	a = move_on(o, a, &two, "01", false);
	assert_int_equal(node_archive_open(&na, n, a, &e), 0);
	assert_int_equal(na->version, 2);
	/* It is seen, and pinned when it is followed: whoever is told of it may refuse. */
	assert_int_equal(node_archive_follow(na, a, refuse_step, NULL, &e), ERR_CLOCK);
	steps = 0;
	assert_int_equal(node_archive_follow(na, a, count_step, &steps, &e), 0);
	assert_int_equal(node_archive_follow(na, a, count_step, &steps, &e), 0);
	assert_int_equal(steps, 2); /* the number of the one version, once */
	node_archive_close(na);

	/* Back to version 1. */
	a = move_on(o, a, &one, "0", true); /* version 2 goes to documents/ */
	assert_int_equal(node_archive_open(&na, n, a, &e), ERR_ROLLBACK);
	assert_int_equal(err_exit(e.code), 4);

	/* `late` has seen version 1 only: documents/ holds what leads on to 3. */
	a = move_on(o, a, &three, "12", false);
	assert_int_equal(node_archive_open(&na, late, a, &e), 0);
	assert_int_equal(na->version, 3);
	steps = 0;
	assert_int_equal(node_archive_follow(na, a, count_step, &steps, &e), 0);
	assert_int_equal(steps, 2 + 3);
	node_archive_close(na);
	assert_int_equal(fixture_run(a->path, "rm documents/*.archive-2"), 0);
	assert_int_equal(node_archive_open(&na, n, a, &e), 0); /* from 2 it is one step */
	node_archive_close(na);
	assert_int_equal(fixture_run(o->dir, "rm -r late/archives/*"), 0);
	assert_int_equal(node_archive_open(&na, late, a, &e), ERR_NOT_ENROLLED);
	assert_int_equal(node_archive_pin(late, a, &e), 0);
	archive_close(a);
	node_close(n);
	node_close(late);
}

static void test_missing_version(void **state)
{
	const struct office *o = *state;
	struct node *n = new_node(o, "gap");
	struct archive_desc one, three;
	struct node_archive *na;
	struct archive *a;
	struct err e;

	office_describe(o, &one, 1, 1);
	three = one;
	three.version = 3;
	a = new_archive(o, &one, "a-gap");
	assert_int_equal(node_archive_pin(n, a, &e), 0);
	a = move_on(o, a, &three, "0", false);
	assert_int_equal(node_archive_open(&na, n, a, &e), ERR_FOREIGN);
	archive_close(a);
	node_close(n);
}

/* ---- pins ---- */

static struct node_pin pin(uint8_t node, uint64_t size, uint8_t root)
{
	return (struct node_pin){.node = {node}, .size = size, .bytes = size * 100, .root = {root}};
}

static void test_pins(void **state)
{
	const struct office *o = *state;
	struct node *n = new_node(o, "pins");
	struct archive_desc d;
	struct archive *a;
	struct node_archive *na;
	struct node_pin *list, in[2];
	size_t count;
	struct err e;

	office_describe(o, &d, 1, 1);
	a = new_archive(o, &d, "a-pins");
	assert_int_equal(node_archive_pin(n, a, &e), 0);
	assert_int_equal(node_archive_open(&na, n, a, &e), 0);
	assert_int_equal(node_pins_load(na, &list, &count, &e), 0);
	assert_int_equal(count, 0);
	free(list);

	in[0] = pin(1, 10, 1);
	in[1] = pin(2, 20, 2);
	assert_int_equal(node_pins_save(na, in, 2, &e), 0);
	in[0] = pin(1, 5, 9); /* smaller: ignored */
	in[1] = pin(3, 0, 3);
	assert_int_equal(node_pins_save(na, in, 2, &e), 0);
	in[0] = pin(2, 21, 4);
	assert_int_equal(node_pins_save(na, in, 1, &e), 0);
	assert_int_equal(node_pins_save(na, NULL, 0, &e), 0);
	assert_int_equal(node_pins_load(na, &list, &count, &e), 0);
	assert_int_equal(count, 3);
	in[0] = pin(1, 10, 1);
	assert_memory_equal(&list[0], &in[0], sizeof(in[0]));
	in[0] = pin(2, 21, 4);
	assert_memory_equal(&list[1], &in[0], sizeof(in[0]));
	assert_int_equal(list[2].size, 0);
	free(list);

	/* The same size, another root: nothing of that call is kept. */
	in[0] = pin(4, 1, 1);
	in[1] = pin(1, 10, 2);
	assert_int_equal(node_pins_save(na, in, 2, &e), ERR_ROLLBACK);
	assert_int_equal(node_pins_load(na, &list, &count, &e), 0);
	assert_int_equal(count, 3);
	free(list);

	assert_int_equal(fixture_run(node_dir(n), "printf x >>$(ls archives/*/pins.seal)"), 0);
	assert_int_equal(node_pins_load(na, &list, &count, &e), ERR_DAMAGED);
	assert_null(list);
	assert_int_equal(node_pins_save(na, in, 1, &e), ERR_DAMAGED);
	node_archive_close(na);
	archive_close(a);
	node_close(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default_dir),    cmocka_unit_test(test_raw_key),
		cmocka_unit_test(test_passphrase),     cmocka_unit_test(test_modes),
		cmocka_unit_test(test_enrol),	       cmocka_unit_test(test_state_of_another),
		cmocka_unit_test(test_pinned_version), cmocka_unit_test(test_missing_version),
		cmocka_unit_test(test_pins),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
