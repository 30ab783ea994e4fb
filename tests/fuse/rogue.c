/* SPDX-License-Identifier: Apache-2.0 */
/* rogue NODE ARCHIVE repeat|spoil|replace VICTIM: what a capture node that lies could do. */
#include <stdio.h>
#include <string.h>

#include "crypto/secret.h"
#include "crypto/text.h"
#include "fs/node.h"
#include "tests/lib/rogue.h"

static int attack(const char *dir, const char *path, enum rogue_what what, const uint8_t victim[16],
		  struct err *e)
{
	static const struct journal_start from_the_first_line;
	struct secret_pool *pool = NULL;
	struct archive *a = NULL;
	struct node *node = NULL;
	struct journal *j = NULL;
	int rc = secret_pool_new(&pool, 1u << 16, e);

	if (rc == 0)
		rc = archive_open(&a, path, e);
	if (rc == 0)
		rc = node_open(&node, dir, pool, NULL, NULL, e);
	if (rc == 0)
		rc = journal_open(&j, a->journal, node_dirfd(node), a->desc.id, node_identity(node),
				  &from_the_first_line, e);
	if (rc == 0)
		rc = rogue_attack(a, j, victim, what, e);
	if (j && journal_close(j, rc ? NULL : e) && rc == 0)
		rc = ERR_SYSTEM;
	node_close(node);
	archive_close(a);
	secret_pool_free(pool);
	return rc;
}

int main(int argc, char **argv)
{
	static const char *const words[] = {"repeat", "spoil", "replace"};
	uint8_t victim[16];
	struct err e = {0};
	size_t what = 0;
	int rc;

	while (argc == 5 && what < 3 && strcmp(argv[3], words[what]) != 0)
		what++;
	if (argc != 5 || what == 3 ||
	    !text_unhex((struct text_span){argv[4], strlen(argv[4])}, victim, 16)) {
		fprintf(stderr, "usage: rogue NODE ARCHIVE repeat|spoil|replace VICTIM\n");
		return 2;
	}
	rc = attack(argv[1], argv[2], (enum rogue_what)what, victim, &e);
	if (rc)
		fprintf(stderr, "rogue: %s: %s\n", err_word(rc), e.text);
	return rc ? 1 : 0;
}
