// SPDX-License-Identifier: Apache-2.0
/* The authorisations of a case: those of the keys in force, and those of keys before that a log
 * admitted while they were. */
#include "tools/cmd_report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/cmd_merge.h"

/* ---- those that are signed ---- */

/* By the keys of some version; g->by: which. */
static int check_signed(const struct cmd_report *r, const struct document *doc,
			struct cmd_report_grant *g)
{
	struct document_policy p;
	int rc = ERR_WRONG_KEY;

	for (size_t i = 0; rc && i <= r->history.n; i++) {
		g->by = i ? &r->history.version[i - 1].desc : &r->view.archive->desc;
		p = archive_policy(g->by, DOCUMENT_NS_AUTHORISE);
		rc = document_check(doc, &p, g->signer, &g->signers, NULL);
	}
	return rc;
}

static int take_grant(struct cmd_report *r, const uint8_t serial[16], struct err *e)
{
	const struct archive *a = r->view.archive;
	struct cmd_report_grant g = {.signers = 0}, *list;
	struct document doc;

	if (document_load(&doc, a->documents, serial, "authorisation", NULL) != 0)
		return 0; /* what can't be read or is none: the checks of the archive tell */
	memcpy(g.digest, doc.digest, 32);
	if (authorisation_parse(&g.terms, &doc, NULL) != 0 ||
	    strcmp(g.terms.case_no, r->case_no) != 0 ||
	    memcmp(g.terms.archive, a->desc.id, 16) != 0 ||
	    memcmp(g.terms.serial, serial, 16) != 0 || check_signed(r, &doc, &g) != 0) {
		authorisation_free(&g.terms);
		document_free(&doc);
		return 0;
	}
	document_free(&doc);
	list = reallocarray(r->grant, r->grants + 1, sizeof(*list));
	if (!list) {
		authorisation_free(&g.terms);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	r->grant = list;
	r->grant[r->grants++] = g;
	return 0;
}

static int by_issue(const void *a, const void *b)
{
	const struct authorisation *x = &((const struct cmd_report_grant *)a)->terms;
	const struct authorisation *y = &((const struct cmd_report_grant *)b)->terms;

	if (x->issued_ms != y->issued_ms)
		return x->issued_ms < y->issued_ms ? -1 : 1;
	return memcmp(x->serial, y->serial, 16);
}

static int look_for_grants(struct cmd_report *r, struct err *e)
{
	int fd = openat(r->view.archive->documents, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *en;
	uint8_t serial[16];
	int rc = 0;

	if (!dir) {
		rc = err_sys(e, "can't list the documents of the archive");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, en = readdir(dir))) {
		const char *dot = strchr(en->d_name, '.');

		if (dot && !strcmp(dot, ".authorisation") &&
		    text_unhex((struct text_span){en->d_name, (size_t)(dot - en->d_name)}, serial,
			       16))
			rc = take_grant(r, serial, e);
	}
	if (rc == 0 && errno != 0)
		rc = err_sys(e, "can't list the documents of the archive");
	closedir(dir);
	return rc;
}

/* ---- those that count ---- */

static int is_this(void *ctx, const uint8_t serial[16], const uint8_t digest[32])
{
	const struct event *ev = ctx;

	return memcmp(serial, ev->document, 16) == 0 && memcmp(digest, ev->digest, 32) == 0;
}

/* The log admits this revocation: a key that it revokes has signed nothing that follows. */
static void drop_signers(struct cmd_report_grant *g, const struct roster *r, struct event *ev)
{
	size_t n = 0;

	for (size_t i = 0; i < g->signers; i++)
		if (!roster_key_revocations(r, &g->by->key[g->signer[i]], is_this, ev))
			g->signer[n++] = g->signer[i];
	g->signers = n;
}

/* A line of the log of the node that it is for. */
static void note(struct cmd_report_grant *g, const struct roster *r, struct event *ev,
		 const uint8_t archive[16])
{
	const uint32_t version = archive_history_admits(ev, archive);

	if (!g->admitted && strcmp(ev->kind, "revocation") == 0)
		drop_signers(g, r, ev);
	if (version > g->by->version && !g->admitted)
		g->late = true;
	if (strcmp(ev->kind, "authorisation") == 0 &&
	    memcmp(g->terms.serial, ev->document, 16) == 0 &&
	    memcmp(g->digest, ev->digest, 32) == 0)
		g->admitted = true;
}

static int read_admissions(struct cmd_report *r, struct err *e)
{
	struct station *s = r->view.station;
	const struct cmd_merge_line *l;
	struct event ev;
	struct cmd_notice notice = {ui_notice, r->ui, 0};
	struct cmd_ask ask = CMD_ASK_ALL;
	struct cmd_merge *m;
	int rc;

	ask.types = ask.type[EVENT_ADMITTED] = true;
	rc = cmd_merge_open(&m, r->view.archive, r->view.roster, s ? s->db : NULL, &ask, e);
	while (rc == 0 && (l = cmd_merge_next(m, &notice)))
		for (size_t i = 0; i < r->grants; i++)
			if (l->ev.type == EVENT_ADMITTED &&
			    memcmp(l->node, r->grant[i].terms.node, 16) == 0) {
				ev = l->ev;
				note(&r->grant[i], r->view.roster, &ev, r->view.archive->desc.id);
			}
	if (rc == 0)
		rc = cmd_merge_failed(m, e);
	cmd_merge_close(m);
	return rc;
}

/* What is by keys of a version before counts where it was admitted before the next one; and nothing
 * does that only keys sign that were revoked where it was admitted. */
static void drop_late(struct cmd_report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->grants; i++) {
		struct cmd_report_grant *g = &r->grant[i];

		if (g->signers < g->by->threshold ||
		    (g->by->version < r->view.archive->desc.version && (g->late || !g->admitted)))
			authorisation_free(&g->terms);
		else
			r->grant[n++] = *g;
	}
	r->grants = n;
}

int cmd_report_find_grants(struct cmd_report *r, struct err *e)
{
	const struct archive *a = r->view.archive;
	int rc = archive_history_load(&r->history, a->documents, &a->desc, e);

	if (rc == 0)
		rc = look_for_grants(r, e);
	if (rc == 0 && r->grants)
		rc = read_admissions(r, e);
	if (rc)
		return rc;
	drop_late(r);
	if (r->grants == 0)
		return err_set(e, ERR_NOTFOUND, "no authorisation of this archive is for case %s",
			       r->case_no);
	qsort(r->grant, r->grants, sizeof(*r->grant), by_issue);
	return 0;
}
