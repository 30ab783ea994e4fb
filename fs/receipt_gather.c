/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which documents belong into a receipt: the enrolments of the nodes that speak, the authorisations
 * the item was opened under, and what ended either: revocations, also of the keys that signed them, and
 * accepted restores.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/receipt_draft.h"
#include "fs/restore.h"

struct gather {
	struct receipt_draft *d;
	const struct receipt_source *src;
	const struct receipt_ask *ask;
};

static void notice(const struct gather *g, const uint8_t serial[16], const char *kind,
		   const char *what)
{
	char text[640], hex[33];

	if (!g->ask->notice)
		return;
	text_hex(hex, serial, 16);
	snprintf(text, sizeof(text), "documents/%s.%s is not in the receipt: %.480s", hex, kind,
		 what);
	g->ask->notice(g->ask->notice_ctx, text);
}

static int parse_line(const struct receipt_draft_line *l, struct event *ev)
{
	return event_parse(ev, (struct text_span){(const char *)l->text.p, l->text.n});
}

/* ---- accessions and authorisations: what lines name ---- */

static bool has_grant(const struct receipt_draft *d, const uint8_t serial[16])
{
	for (size_t i = 0; i < d->grant.n; i++)
		if (memcmp(d->grant.list[i].serial, serial, 16) == 0)
			return true;
	return false;
}

/* The line that admits a document, or begins an accession or an export. One that is not there is none. */
static int add_line(const struct gather *g, size_t log, enum event_type type, const uint8_t id[16],
		    struct err *e)
{
	int rc = g->src->line(g->src->ctx, g->d, log, type, id, e);

	return rc == ERR_NOTFOUND ? 0 : rc;
}

/* The log that admits an authorisation: that of the node it is for. */
static int grant_log(const struct gather *g, const struct document *doc, size_t *log, struct err *e)
{
	uint8_t node[16];

	if (!document_id(doc, "node", node) || !roster_find(g->d->roster, node))
		return 0;
	return receipt_draft_log(g->d, node, log, e);
}

/* The authorisation that a line of `log` names. */
static int add_grant(const struct gather *g, size_t log, const uint8_t serial[16], struct err *e)
{
	struct document doc;
	struct err why = {0};
	int rc;

	if (has_grant(g->d, serial))
		return 0;
	rc = document_load(&doc, g->d->archive->documents, serial, "authorisation", &why);
	if (rc == ERR_NOMEM)
		return err_set(e, rc, "out of memory");
	if (rc) {
		notice(g, serial, "authorisation", why.text);
		return 0;
	}
	rc = grant_log(g, &doc, &log, e);
	if (rc == 0)
		rc = receipt_draft_document(&g->d->grant, serial, log, &doc.bytes, e);
	document_free(&doc);
	if (rc == 0)
		rc = add_line(g, log, EVENT_ADMITTED, serial, e);
	return rc ? rc : add_line(g, log, EVENT_RELEASE_ENDED, serial, e);
}

static int follow_line(const struct gather *g, size_t i, struct err *e)
{
	static const uint8_t none[16];
	const size_t log = g->d->line[i].log;
	struct event ev;
	int rc = 0;

	if (parse_line(&g->d->line[i], &ev) != 0)
		return 0;
	if (ev.type == EVENT_INGEST && memcmp(g->d->log[log].node, g->d->node, 16) == 0)
		return add_line(g, log, EVENT_ACCESSION, ev.accession, e);
	if (ev.type == EVENT_OPENED && memcmp(ev.export, none, 16) != 0)
		rc = add_line(g, log, EVENT_EXPORTED, ev.export, e);
	if (rc == 0 && (ev.type == EVENT_OPENED || ev.type == EVENT_CLOSED))
		rc = add_grant(g, log, ev.release, e);
	return rc;
}

/* ---- enrolments and revocations: what speaks of nodes and authorisations ---- */

static bool find_log(const struct receipt_draft *d, const uint8_t node[16], size_t *log)
{
	for (size_t i = 0; i < d->lines; i++) {
		*log = d->line[i].log;
		if (memcmp(d->log[*log].node, node, 16) == 0)
			return true;
	}
	return false;
}

static int take_enrolment(const struct gather *g, struct document *doc, const uint8_t serial[16],
			  struct err *e)
{
	struct roster_node n;
	size_t log;

	if (roster_enrolment_parse(&n, doc, &g->d->archive->desc, NULL) != 0 ||
	    memcmp(n.serial, serial, 16) != 0 || !find_log(g->d, n.pub.id, &log))
		return 0;
	return receipt_draft_document(&g->d->enrolment, serial, log, &doc->bytes, e);
}

/* A revocation that is good by the keys of some version. */
static bool parse_revocation(const struct gather *g, struct authorisation_revocation *v,
			     const struct document *doc, const uint8_t serial[16],
			     uint32_t *version)
{
	const struct archive_desc *desc = &g->d->archive->desc;

	return authorisation_revocation_parse(v, doc, NULL) == 0 &&
	       memcmp(v->serial, serial, 16) == 0 && memcmp(v->archive, desc->id, 16) == 0 &&
	       archive_history_check(&g->d->history, desc, doc, DOCUMENT_NS_REVOKE, version,
				     NULL) == 0;
}

/* The line that says so is there wherever it was admitted; without one that of a node counts too. */
static int take_node(const struct gather *g, struct document *doc,
		     const struct authorisation_revocation *v, uint32_t version, struct err *e)
{
	size_t log;
	int rc;

	/* By keys of a version before it counts for nobody. */
	if (version < g->d->archive->desc.version || !find_log(g->d, v->target, &log))
		return 0;
	rc = add_line(g, log, EVENT_ADMITTED, v->serial, e);
	return rc ? rc : receipt_draft_document(&g->d->revocation, v->serial, 0, &doc->bytes, e);
}

static int take_revocation(const struct gather *g, struct document *doc, const uint8_t serial[16],
			   struct err *e)
{
	struct authorisation_revocation v;
	uint32_t version;
	size_t i = 0;
	int rc;

	if (!parse_revocation(g, &v, doc, serial, &version) || v.what == REVOKE_KEY)
		return 0;
	if (v.what == REVOKE_NODE)
		return take_node(g, doc, &v, version, e);
	while (i < g->d->grant.n && memcmp(g->d->grant.list[i].serial, v.target, 16) != 0)
		i++;
	if (i == g->d->grant.n)
		return 0;
	rc = g->src->line(g->src->ctx, g->d, g->d->grant.list[i].log, EVENT_ADMITTED, serial, e);
	/* By keys of a version before it counts where it was admitted, and nowhere else. */
	if (rc == ERR_NOTFOUND && version < g->d->archive->desc.version)
		return 0;
	if (rc && rc != ERR_NOTFOUND)
		return rc;
	return receipt_draft_document(&g->d->revocation, serial, 0, &doc->bytes, e);
}

/* An acceptance that the log of an authorisation's node admits. */
static int take_restore(const struct gather *g, struct document *doc, const uint8_t serial[16],
			struct err *e)
{
	const struct archive_desc *desc = &g->d->archive->desc;
	struct restore r;
	size_t i = 0;
	int rc = restore_parse(&r, doc, NULL);

	if (rc)
		return rc == ERR_NOMEM ? err_set(e, rc, "out of memory") : 0;
	while (i < g->d->grant.n &&
	       memcmp(g->d->log[g->d->grant.list[i].log].node, r.node, 16) != 0)
		i++;
	if (i < g->d->grant.n && memcmp(r.serial, serial, 16) == 0 &&
	    memcmp(r.archive, desc->id, 16) == 0 &&
	    archive_history_check(&g->d->history, desc, doc, DOCUMENT_NS_RESTORE, NULL, NULL) == 0)
		rc = g->src->line(g->src->ctx, g->d, g->d->grant.list[i].log, EVENT_ADMITTED,
				  serial, e);
	else
		rc = ERR_NOTFOUND;
	restore_free(&r);
	if (rc)
		return rc == ERR_NOTFOUND ? 0 : rc;
	return receipt_draft_document(&g->d->restore, serial, 0, &doc->bytes, e);
}

/* ---- revoked keys, when all is there that they may have signed ---- */

/* The log that decides whether a key had signed this, if it has. */
static int signed_log(const struct gather *g, const struct receipt_draft_document *one,
		      const struct sshkey *k, size_t *log, struct err *e)
{
	struct document doc;
	uint8_t node[16];
	bool has;
	int rc = document_parse(&doc, one->bytes.p, one->bytes.n, NULL);

	if (rc)
		return rc == ERR_NOMEM ? err_set(e, rc, "out of memory") : ERR_NOTFOUND;
	has = document_names_key(&doc, k) && document_id(&doc, "node", node) &&
	      find_log(g->d, node, log);
	document_free(&doc);
	return has ? 0 : ERR_NOTFOUND;
}

/* Add the lines that admit a revocation of a key in the logs of what it has signed. */
static int add_key_lines(const struct gather *g, const struct receipt_draft_documents *list,
			 const struct authorisation_revocation *v, bool *any, struct err *e)
{
	size_t log = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < list->n; i++) {
		rc = signed_log(g, &list->list[i], &v->key, &log, e);
		if (rc == 0)
			rc = g->src->line(g->src->ctx, g->d, log, EVENT_ADMITTED, v->serial, e);
		*any |= rc == 0;
		rc = rc == ERR_NOTFOUND ? 0 : rc;
	}
	return rc;
}

static int take_key(const struct gather *g, struct document *doc, const uint8_t serial[16],
		    struct err *e)
{
	struct authorisation_revocation v;
	uint32_t version;
	bool any = false;
	int rc;

	if (!parse_revocation(g, &v, doc, serial, &version) || v.what != REVOKE_KEY)
		return 0;
	rc = add_key_lines(g, &g->d->grant, &v, &any, e);
	if (rc == 0)
		rc = add_key_lines(g, &g->d->restore, &v, &any, e);
	return rc || !any ? rc :
			    receipt_draft_document(&g->d->revocation, serial, 0, &doc->bytes, e);
}

/* ---- documents/ ---- */

/* What is looked for in one walk through it; keys come last. */
static const struct kind {
	const char *name;
	bool last;
	int (*take)(const struct gather *g, struct document *doc, const uint8_t serial[16],
		    struct err *e);
} kinds[] = {
	{"enrolment", false, take_enrolment},
	{"restore", false, take_restore},
	{"revocation", false, take_revocation},
	{"revocation", true, take_key},
};

/* One file of documents/. Those that are not good are none, as they are for everybody. */
static int take_file(const struct gather *g, const char *name, bool last, struct err *e)
{
	const char *dot = strchr(name, '.');
	struct document doc;
	uint8_t serial[16];
	size_t i = 0;
	int rc;

	if (!dot || !text_unhex((struct text_span){name, (size_t)(dot - name)}, serial, 16))
		return 0;
	while (i < sizeof(kinds) / sizeof(kinds[0]) &&
	       (strcmp(dot + 1, kinds[i].name) != 0 || kinds[i].last != last))
		i++;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		return 0;
	rc = document_load(&doc, g->d->archive->documents, serial, dot + 1, NULL);
	if (rc)
		return rc == ERR_NOMEM ? err_set(e, rc, "out of memory") : 0;
	rc = kinds[i].take(g, &doc, serial, e);
	document_free(&doc);
	return rc;
}

static int take_files(const struct gather *g, bool last, struct err *e)
{
	int fd = openat(g->d->archive->documents, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *en;
	int rc = 0;

	if (!dir) {
		rc = err_sys(e, "can't list the documents of the archive");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, en = readdir(dir)))
		rc = take_file(g, en->d_name, last, e);
	if (rc == 0 && errno != 0)
		rc = err_sys(e, "can't list the documents of the archive");
	closedir(dir);
	return rc;
}

/* By which archive.txt the log of an authorisation's node took documents in. */
static int add_steps(const struct gather *g, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && g->d->history.n && i < g->d->grant.n; i++)
		if (receipt_draft_speaks(g->d, g->d->grant.list[i].log))
			rc = g->src->steps(g->src->ctx, g->d, g->d->grant.list[i].log, e);
	return rc;
}

int receipt_gather(struct receipt_draft *d, const struct receipt_source *src,
		   const struct receipt_ask *ask, struct err *e)
{
	const struct gather g = {d, src, ask};
	const size_t lines = d->lines; /* those that name the item */
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < lines; i++)
		rc = follow_line(&g, i, e);
	if (rc == 0)
		rc = take_files(&g, false, e);
	if (rc == 0)
		rc = take_files(&g, true, e);
	return rc ? rc : add_steps(&g, e);
}
