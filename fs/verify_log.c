/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/verify_internal.h"

static int by_node(const void *a, const void *b)
{
	return memcmp(((const struct verify_journal *)a)->node,
		      ((const struct verify_journal *)b)->node, 16);
}

static struct verify_journal *add_journal(struct verify *v, const uint8_t node[16])
{
	struct verify_journal *j = verify_add(&v->journals, sizeof(*j));

	if (j)
		memcpy(j->node, node, 16);
	return j;
}

/* Sort, and make one of all that speak of one node. */
static void sort_journals(struct verify *v)
{
	struct verify_journal *j = v->journals.p;
	size_t kept = 0;

	if (v->journals.n > 1)
		qsort(j, v->journals.n, sizeof(*j), by_node);
	for (size_t i = 0; i < v->journals.n; i++) {
		if (kept == 0 || memcmp(j[kept - 1].node, j[i].node, 16) != 0) {
			j[kept++] = j[i];
			continue;
		}
		j[kept - 1].lines = j[kept - 1].lines || j[i].lines;
		j[kept - 1].checkpoint = j[kept - 1].checkpoint || j[i].checkpoint;
	}
	v->journals.n = kept;
}

static int list_name(struct verify *v, const char *name, struct err *e)
{
	const char *kind = strchr(name, '.');
	struct text_span hex = {name, kind ? (size_t)(kind - name) : 0};
	struct verify_journal *j;
	uint8_t node[16];
	bool lines, checkpoint, cosigned;

	if (name[0] == '.') /* the two dots, and what an interrupted write left */
		return 0;
	lines = kind && strcmp(kind, ".jsonl") == 0;
	checkpoint = kind && strcmp(kind, ".checkpoint") == 0;
	cosigned = kind && strcmp(kind, ".cosigned") == 0;
	if ((!lines && !checkpoint && !cosigned) || !text_unhex(hex, node, 16)) {
		verify_note(v, "journal/%s is neither a journal nor a checkpoint", name);
		return 0;
	}
	/* Of an enrolled node: it was looked at. Of nobody it says nothing. */
	if (cosigned) {
		if (!roster_find(v->roster, node))
			verify_note(v, "journal/%s is of a node that is not enrolled", name);
		return 0;
	}
	j = add_journal(v, node);
	if (!j)
		return err_set(e, ERR_NOMEM, "out of memory");
	j->lines = lines;
	j->checkpoint = checkpoint;
	return 0;
}

static int list_journals(struct verify *v, struct err *e)
{
	int fd = openat(v->a->journal, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *en;
	int rc = 0;

	if (!dir) {
		rc = err_sys(e, "can't list the journals of the archive");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, en = readdir(dir)))
		rc = list_name(v, en->d_name, e);
	if (rc == 0 && errno != 0)
		rc = err_sys(e, "can't list the journals of the archive");
	closedir(dir);
	return rc;
}

/* Journals that must be there because something signed speaks of them. */
static int list_expected(struct verify *v, struct err *e)
{
	const struct verify_anchor *a = v->anchors.p;

	for (size_t i = 0; i < v->anchors.n; i++)
		if (a[i].size > 0 && !add_journal(v, a[i].node))
			return err_set(e, ERR_NOMEM, "out of memory");
	return 0;
}

static void note_silent_nodes(struct verify *v)
{
	struct verify_journal key = {.lines = false};
	char name[33];

	for (size_t i = 0; i < roster_count(v->roster); i++) {
		const struct roster_node *n = roster_at(v->roster, i);

		memcpy(key.node, n->pub.id, 16);
		text_hex(name, n->pub.id, 16);
		if (v->journals.n == 0 ||
		    !bsearch(&key, v->journals.p, v->journals.n, sizeof(key), by_node))
			verify_note(v, "node %s (%s) is enrolled and has no journal", name,
				    n->name);
	}
}

int verify_log(struct verify *v, struct err *e)
{
	int rc = list_journals(v, e);

	if (rc == 0)
		rc = list_expected(v, e);
	if (rc)
		return rc;
	sort_journals(v);
	note_silent_nodes(v);
	for (size_t i = 0; i < v->journals.n && rc == 0; i++)
		rc = verify_lines(v, (uint32_t)i, e);
	return rc;
}
