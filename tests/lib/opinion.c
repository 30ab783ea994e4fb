/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/opinion.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "fs/receipt.h"

void opinion_open(struct opinion *o, const char *dir)
{
	*o = (struct opinion){.n = 0};
	snprintf(o->dir, sizeof(o->dir), "%s/opinion", dir);
	assert_int_equal(mkdir(o->dir, 0700), 0);
}

static void path_of(const struct opinion *o, size_t i, char path[FIXTURE_PATH + 16])
{
	snprintf(path, FIXTURE_PATH + 16, "%s/%06zu", o->dir, i);
}

/* Exit codes of check.mjs. */
static int expected(int rc)
{
	return rc == 0 ? 0 : rc == ERR_UNSUPPORTED ? 3 : rc == ERR_DAMAGED ? 4 : 5;
}

void opinion_add(struct opinion *o, const void *p, size_t n, int rc)
{
	char path[FIXTURE_PATH + 16];

	o->code = reallocarray(o->code, o->n + 1, sizeof(*o->code));
	assert_non_null(o->code);
	path_of(o, o->n, path);
	fixture_write(path, p, n);
	o->code[o->n++] = expected(rc);
}

int opinion_check(struct opinion *o, const void *p, size_t n)
{
	struct receipt r;
	int rc = receipt_parse(&r, p, n, NULL);

	if (rc == 0) {
		rc = receipt_check(&r, NULL, 0, NULL);
		receipt_free(&r);
		assert_true(rc == 0 || rc == ERR_DAMAGED || rc == ERR_UNSUPPORTED);
	} else {
		assert_int_equal(err_exit(rc), 5);
		rc = ERR_MALFORMED;
	}
	opinion_add(o, p, n, rc);
	return rc;
}

static bool asked(void)
{
	if (system("command -v node >/dev/null") == 0)
		return true;
	print_message("no node: the second opinion is not asked\n");
	return false;
}

static void ask(const struct opinion *o)
{
	char command[FIXTURE_PATH + 64], words[256];
	size_t i = 0, number, differ = 0;
	int code;
	FILE *f;

	snprintf(command, sizeof(command), "node tests/receipt/check.mjs --each '%s'", o->dir);
	f = popen(command, "r");
	assert_non_null(f);
	while (fscanf(f, "%zu %d %255[^\n]", &number, &code, words) == 3) {
		assert_int_equal(number, i);
		if (code != o->code[i]) {
			print_message("receipt %zu: %d here, %d there: %s\n", i, o->code[i], code,
				      words);
			differ++;
		}
		i++;
	}
	assert_int_equal(pclose(f), 0);
	assert_int_equal(i, o->n);
	if (differ)
		fail_msg("%zu of %zu verdicts differ: %s", differ, o->n, o->dir);
}

void opinion_compare(struct opinion *o)
{
	if (o->n && asked())
		ask(o);
	free(o->code);
	*o = (struct opinion){.n = 0};
}
