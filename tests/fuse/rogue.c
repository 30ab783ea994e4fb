/* SPDX-License-Identifier: Apache-2.0 */
/* rogue NODE ARCHIVE repeat|spoil|replace|mirror|share|twice VICTIM: what a capture node that lies could do.
 * rogue NODE ARCHIVE admit KIND FILE: log a document as admitted, whatever it is.
 * rogue NODE ARCHIVE forget ITEM: take an item out of the node's index, and nothing else. */
#include <stdio.h>
#include <string.h>

#include "crypto/secret.h"
#include "crypto/text.h"
#include "fs/document.h"
#include "fs/node.h"
#include "fs/station.h"
#include "index/file.h"
#include "index/object_claim.h"
#include "tests/lib/rogue.h"

static int admit(const struct archive *a, struct journal *j, const char *kind, const char *path,
		 struct err *e)
{
	struct event ev = {.type = EVENT_ADMITTED, .user = "eve"};
	struct wire_out file = {0};
	struct document d = {0};
	int rc = file_read_path(path, DOCUMENT_MAX, &file, e);

	if (rc == 0)
		rc = document_parse(&d, file.p, file.n, e);
	if (rc == 0 && !document_id(&d, "serial", ev.document))
		rc = ERR_MALFORMED;
	if (rc == 0)
		rc = document_store(a->documents, ev.document, kind, &d, e);
	if (rc == 0) {
		memcpy(ev.digest, d.digest, 32);
		snprintf(ev.kind, sizeof(ev.kind), "%s", kind);
		rc = journal_append(j, &ev, 1, e);
	}
	document_free(&d);
	wire_out_free(&file);
	return rc;
}

static int forget(const char *archive, const char *node, const uint8_t item[16], struct err *e)
{
	struct station_ask ask = {
		.archive = archive, .node_dir = node, .flags = STATION_NO_JOURNAL};
	struct db_txn *t = NULL;
	struct db_batch *b = NULL;
	struct station *s;
	struct object o;
	int rc = station_open(&s, &ask, e);

	if (rc)
		return rc;
	rc = db_begin(&t, s->db, false, e);
	if (rc == 0)
		rc = object_claim_one(t, item, &o, NULL, e);
	db_abort(t);
	if (rc == 0)
		rc = db_batch_new(&b, s->db, e);
	if (rc == 0)
		rc = db_batch_del(b, KEY_OBJECT, key_ino(o.ino));
	if (rc == 0)
		rc = db_batch_apply(b, NULL, NULL, e);
	db_batch_free(b);
	station_close(s, NULL);
	return rc;
}

/* A line that says an item was repaired, by whoever the node is. */
static int say_repaired(struct journal *j, const char *item, struct err *e)
{
	struct event ev = {.type = EVENT_REPAIRED, .what = "item", .user = "x"};

	if (!text_unhex((struct text_span){item, strlen(item)}, ev.item, 16))
		return err_set(e, ERR_USAGE, "%s is no id", item);
	return journal_append(j, &ev, 1, e);
}

static int attack(char **argv, enum rogue_what what, const uint8_t victim[16], struct err *e)
{
	const char *dir = argv[1], *path = argv[2];
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
		rc = strcmp(argv[3], "admit") == 0    ? admit(a, j, argv[4], argv[5], e) :
		     strcmp(argv[3], "repaired") == 0 ? say_repaired(j, argv[4], e) :
							rogue_attack(a, j, victim, what, e);
	if (j && journal_close(j, rc ? NULL : e) && rc == 0)
		rc = ERR_SYSTEM;
	node_close(node);
	archive_close(a);
	secret_pool_free(pool);
	return rc;
}

int main(int argc, char **argv)
{
	static const char *const words[] = {"repeat", "spoil", "replace", "mirror",
					    "share",  "twice", "forget",  "repaired"};
	const size_t n = sizeof(words) / sizeof(words[0]);
	uint8_t victim[16] = {0};
	struct err e = {0};
	size_t what = 0;
	int rc;

	while (argc == 5 && what < n && strcmp(argv[3], words[what]) != 0)
		what++;
	if (!(argc == 6 && strcmp(argv[3], "admit") == 0) &&
	    (argc != 5 || what == n ||
	     !text_unhex((struct text_span){argv[4], strlen(argv[4])}, victim, 16))) {
		fprintf(stderr,
			"usage: rogue NODE ARCHIVE repeat|spoil|replace|mirror|share|twice VICTIM\n"
			"       rogue NODE ARCHIVE forget|repaired ITEM\n"
			"       rogue NODE ARCHIVE admit KIND FILE\n");
		return 2;
	}
	rc = argc == 5 && strcmp(argv[3], "forget") == 0 ?
		     forget(argv[2], argv[1], victim, &e) :
		     attack(argv, (enum rogue_what)what, victim, &e);
	if (rc)
		fprintf(stderr, "rogue: %s: %s\n", err_word(rc), e.text);
	return rc ? 1 : 0;
}
