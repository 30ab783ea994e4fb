/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/backup_pick.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "fs/catchup_item.h"
#include "fs/layout.h"
#include "index/journal.h"

struct run {
	struct backup_pick *pick;
	size_t picks;
	const struct archive *a;
	struct catchup_item *reader;  /* NULL: no names are asked for */
	struct ledger_segment *known; /* owned: those of the journal at hand */
	size_t knowns;
	uint8_t (*segment)[16]; /* the caller's at last */
	size_t segments;
	struct err *e;
};

static int no_memory(const struct run *r)
{
	return err_set(r->e, ERR_NOMEM, "out of memory");
}

static int know_segment(struct run *r, const struct event *ev, const uint8_t node[16])
{
	struct ledger_segment *grown = reallocarray(r->known, r->knowns + 1, sizeof(*grown));

	if (!grown)
		return no_memory(r);
	r->known = grown;
	grown += r->knowns++;
	*grown = (struct ledger_segment){.seq = ev->seq};
	memcpy(grown->id, ev->segment, 16);
	memcpy(grown->accession, ev->accession, 16);
	memcpy(grown->node, node, 16);
	memcpy(grown->header, ev->header, 32);
	return 0;
}

/* Items of one segment follow one another as a rule: from the last one back. */
static const struct ledger_segment *known(const struct run *r, const uint8_t id[16])
{
	for (size_t i = r->knowns; i > 0; i--)
		if (memcmp(r->known[i - 1].id, id, 16) == 0)
			return &r->known[i - 1];
	return NULL;
}

static int take_segment(struct run *r, const uint8_t id[16])
{
	uint8_t(*grown)[16];

	if (r->segments && memcmp(r->segment[r->segments - 1], id, 16) == 0)
		return 0;
	grown = reallocarray(r->segment, r->segments + 1, sizeof(*grown));
	if (!grown)
		return no_memory(r);
	r->segment = grown;
	memcpy(grown[r->segments++], id, 16);
	return 0;
}

/* "collection/path", or the collection alone. */
static bool named(const struct backup_pick *p, const struct catchup_item_found *f)
{
	const size_t n = strlen(f->collection);

	if (p->kind == BACKUP_PICK_COLLECTION)
		return strcmp(p->name, f->collection) == 0;
	return strncmp(p->name, f->collection, n) == 0 && p->name[n] == '/' &&
	       strlen(p->name + n + 1) == f->path.n &&
	       memcmp(p->name + n + 1, f->path.p, f->path.n) == 0;
}

/* The item's names, if any are asked for and they open. */
static int read_names(struct run *r, const struct event *ev, const uint8_t node[16],
		      struct catchup_item_found *f, bool *have)
{
	const struct ledger_segment *seg = r->reader ? known(r, ev->segment) : NULL;
	int rc = seg ? catchup_item_read(r->reader, ev, node, seg, f, NULL) : ERR_NOTFOUND;

	*have = rc == 0;
	return rc == ERR_NOMEM ? no_memory(r) : 0;
}

static int take_item(struct run *r, const struct event *ev, const uint8_t node[16])
{
	struct catchup_item_found f;
	bool have, wanted = false;
	int rc = read_names(r, ev, node, &f, &have);

	for (size_t i = 0; rc == 0 && i < r->picks; i++) {
		struct backup_pick *p = &r->pick[i];
		bool its = p->kind == BACKUP_PICK_ACCESSION ?
				   memcmp(p->id, ev->accession, 16) == 0 :
			   p->kind == BACKUP_PICK_ITEM ? memcmp(p->id, ev->item, 16) == 0 :
							 have && named(p, &f);

		p->found += its;
		wanted = wanted || its;
	}
	if (have)
		secret_wipe(f.sha256, sizeof(f.sha256));
	return rc == 0 && wanted ? take_segment(r, ev->segment) : rc;
}

static int each_journal(void *ctx, const struct layout_file *file)
{
	struct run *r = ctx;
	struct journal_reader *lines;
	struct text_span line;
	struct event ev;
	uint64_t off;
	int rc;

	if (strcmp(file->kind, "jsonl") != 0)
		return 0;
	r->knowns = 0;
	rc = journal_reader_open(&lines, r->a->journal, file->id, 0, r->e);
	if (rc)
		return rc;
	while (rc == 0) {
		rc = journal_reader_next(lines, &line, &off, r->e);
		if (rc || event_parse(&ev, line) != 0)
			continue;
		if (ev.type == EVENT_SEGMENT)
			rc = know_segment(r, &ev, file->id);
		else if (ev.type == EVENT_INGEST)
			rc = take_item(r, &ev, file->id);
	}
	journal_reader_close(lines);
	return rc == ERR_NOTFOUND || rc == ERR_MALFORMED ? 0 : rc;
}

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

int backup_pick_segments(struct backup_pick *pick, size_t n, const struct archive *a,
			 struct station *s, uint8_t (**segment)[16], size_t *segments,
			 struct err *e)
{
	struct run r = {.pick = pick, .picks = n, .a = a, .e = e};
	bool names = false;
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		names = names || pick[i].name;
	if (names)
		rc = catchup_item_new(&r.reader, s) ? no_memory(&r) : 0;
	if (rc == 0)
		rc = layout_walk(a->dir, LAYOUT_JOURNAL, each_journal, &r, e);
	if (rc == 0 && r.segments)
		qsort(r.segment, r.segments, sizeof(*r.segment), by_id);
	catchup_item_free(r.reader);
	free(r.known);
	if (rc) {
		free(r.segment);
		return rc;
	}
	*segment = r.segment;
	*segments = r.segments;
	return 0;
}
