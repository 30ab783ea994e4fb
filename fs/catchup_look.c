/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/catchup_look.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "crypto/text.h"

#define YOUNG_NS ((int64_t)2 * 1000000000) /* FAT's time stamps are the coarsest */

struct stamp {
	uint64_t ino, size;
	int64_t mtime_ns, ctime_ns; /* all zero: there is none */
};

struct watched {
	char jsonl[48], checkpoint[48];
	struct stamp lines, sign;
};

struct catchup_look {
	const struct archive *archive; /* between begin and end */
	struct stamp documents, description;
	bool new_documents, new_description;
	struct watched *list;
	size_t n;
	bool partial; /* a journal could not be noted */
	bool done;
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static struct stamp stamp(int dirfd, const char *name)
{
	struct stamp s = {0};
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return s;
	s.ino = st.st_ino;
	s.size = (uint64_t)st.st_size;
	s.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	s.ctime_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec;
	return s;
}

static bool same(const struct stamp *a, const struct stamp *b)
{
	return a->ino == b->ino && a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns;
}

/* A stamp that another change could have left as it is. */
static void if_young(struct stamp *s, int64_t now)
{
	if (s->ctime_ns > now - YOUNG_NS)
		s->ctime_ns = 0;
}

int catchup_look_new(struct catchup_look **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : ERR_NOMEM;
}

void catchup_look_free(struct catchup_look *l)
{
	if (!l)
		return;
	free(l->list);
	free(l);
}

void catchup_look_begin(struct catchup_look *l, const struct archive *a)
{
	struct stamp documents = stamp(a->documents, ".");
	struct stamp description = stamp(a->dir, "archive.txt");
	int64_t now = now_ns();

	l->archive = a;
	l->new_documents = !same(&documents, &l->documents);
	if_young(&documents, now);
	l->documents = documents;
	l->new_description = !same(&description, &l->description);
	if_young(&description, now);
	l->description = description;
	free(l->list);
	l->list = NULL;
	l->n = 0;
	l->partial = false;
}

bool catchup_look_documents(struct catchup_look *l)
{
	return l->new_documents;
}

bool catchup_look_description(struct catchup_look *l)
{
	return l->new_description;
}

void catchup_look_journal(struct catchup_look *l, const uint8_t node[16])
{
	struct watched *grown = realloc(l->list, (l->n + 1) * sizeof(*grown)), *w;
	char hex[33];

	if (!grown) {
		l->partial = true;
		return;
	}
	l->list = grown;
	w = &grown[l->n++];
	text_hex(hex, node, 16);
	snprintf(w->jsonl, sizeof(w->jsonl), "%s.jsonl", hex);
	snprintf(w->checkpoint, sizeof(w->checkpoint), "%s.checkpoint", hex);
	/* Lines that are appended change the size, and a new checkpoint is another file: how young
	 * these are does not matter. */
	w->lines = stamp(l->archive->journal, w->jsonl);
	w->sign = stamp(l->archive->journal, w->checkpoint);
}

void catchup_look_end(struct catchup_look *l, bool done)
{
	l->done = done && !l->partial;
	l->archive = NULL;
}

static bool journal_changed(const struct watched *w, const struct archive *a)
{
	struct stamp lines = stamp(a->journal, w->jsonl);
	struct stamp sign = stamp(a->journal, w->checkpoint);

	return !same(&lines, &w->lines) || !same(&sign, &w->sign);
}

bool catchup_look_changed(const struct catchup_look *l, const struct archive *a, const uint8_t *but)
{
	char hex[33] = "";

	struct stamp documents = stamp(a->documents, ".");
	struct stamp description = stamp(a->dir, "archive.txt");
	bool changed = !l->done || !same(&documents, &l->documents) ||
		       !same(&description, &l->description);

	if (but)
		text_hex(hex, but, 16);
	for (size_t i = 0; i < l->n && !changed; i++) {
		const struct watched *w = &l->list[i];

		if (but && strncmp(w->jsonl, hex, 32) == 0)
			continue;
		changed = journal_changed(w, a);
	}
	return changed;
}
