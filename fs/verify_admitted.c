/* SPDX-License-Identifier: Apache-2.0 */
/* What journals say of documents: those they admitted, and what archive.txt carries over. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/authorisation.h"
#include "fs/transfer.h"
#include "fs/verify_internal.h"

/* What is wrong with a document that a journal names. Where an archive.txt is missing, what its keys
 * signed can't be judged. */
static int judge(struct verify *v, const struct verify_document *d, const char *name)
{
	bool keys = d->code == ERR_WRONG_KEY || d->code == ERR_TOO_FEW;

	if (keys && v->history.n + 1 < v->a->desc.version)
		return verify_tell(v, NULL, ERR_UNSUPPORTED,
				   "%s can't be judged: it may be signed by keys of an earlier "
				   "archive.txt",
				   name);
	if (d->code == ERR_SYSTEM || d->code == ERR_NEWER || d->code == ERR_UNSUPPORTED)
		return verify_tell(v, NULL, d->code, "%s could not be checked: %s", name, d->why);
	return verify_tell(v, NULL, err_exit(d->code) == 4 ? d->code : ERR_FORGED,
			   "%s is not good: %s", name, d->why);
}

/* Is it about the archive.txt in force, which has no place in documents/ yet? */
static bool is_current(const struct verify *v, const struct verify_naming *n)
{
	char kind[32];

	snprintf(kind, sizeof(kind), "archive-%" PRIu32, v->a->desc.version);
	return memcmp(n->serial, v->a->desc.id, 16) == 0 && strcmp(n->kind, kind) == 0;
}

/* ---- keys that were revoked ---- */

/* Those whose revocation a journal has admitted before the line at hand. */
struct gone {
	uint32_t journal;
	struct verify_list keys; /* struct sshkey */
};

static bool is_gone(void *ctx, const struct sshkey *k)
{
	const struct gone *g = ctx;
	const struct sshkey *key = g->keys.p;

	for (size_t i = 0; i < g->keys.n; i++)
		if (sshkey_equal(&key[i], k))
			return true;
	return false;
}

static int add_gone(struct gone *g, const struct sshkey *k, struct err *e)
{
	struct sshkey *key = verify_add(&g->keys, sizeof(*key));

	if (!key)
		return err_set(e, ERR_NOMEM, "out of memory");
	*key = *k;
	return 0;
}

/* What is signed so that a revoked key matters. A revocation only ends things, and a log that was
 * restored admits all of them again, in any order. */
static const char *namespace_of(const char *kind)
{
	static const char *const kinds[][2] = {{"authorisation", DOCUMENT_NS_AUTHORISE},
					       {"enrolment", DOCUMENT_NS_ENROL},
					       {"restore", DOCUMENT_NS_RESTORE},
					       {TRANSFER_RELEASE, DOCUMENT_NS_TRANSFER}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kind, kinds[i][0]) == 0)
			return kinds[i][1];
	return NULL;
}

/* By some version that may have been in force there; ERR_REVOKED: only with a key that is gone. */
static int check_without(const struct verify *v, struct gone *g, const struct verify_naming *n,
			 const struct document *d, struct err *e)
{
	int rc = 0, worst = 0;

	for (size_t i = 0; i <= v->history.n; i++) {
		const struct archive_desc *desc = i ? &v->history.version[i - 1].desc : &v->a->desc;
		struct document_policy p = archive_policy(desc, namespace_of(n->kind));

		if (desc->version < n->version)
			break;
		p.revoked = is_gone;
		p.ctx = g;
		rc = document_check(d, &p, NULL, NULL, worst ? NULL : e);
		if (rc == 0 || rc == ERR_NOMEM)
			return rc;
		worst = rc == ERR_REVOKED ? rc : worst;
	}
	return worst;
}

/* A good document that a journal admits: was it so without the keys that this journal knew to be
 * revoked? */
static int check_gone(struct verify *v, struct gone *g, const struct verify_naming *n,
		      const struct verify_document *doc, const char *name, struct err *e)
{
	const struct verify_journal *j = (struct verify_journal *)v->journals.p + n->journal;
	struct err why = {0};
	struct document d;
	char node[33];
	int rc;

	if (doc->revokes == REVOKE_KEY)
		return add_gone(g, &doc->key, e);
	if (g->keys.n == 0 || !namespace_of(n->kind) ||
	    document_load(&d, v->a->documents, n->serial, n->kind, NULL) != 0)
		return 0;
	rc = check_without(v, g, n, &d, &why);
	document_free(&d);
	if (rc == ERR_NOMEM)
		return err_set(e, rc, "out of memory");
	text_hex(node, j->node, 16);
	return rc ? verify_tell(v, NULL, ERR_FORGED,
				"%s: %s, and journal %s admitted it after that (line %" PRIu64 ")",
				name, why.text, node, n->line + 1) :
		    0;
}

/* ---- what journals name ---- */

static int check_naming(struct verify *v, struct gone *g, const struct verify_naming *n,
			struct err *e)
{
	const struct verify_journal *j = (struct verify_journal *)v->journals.p + n->journal;
	struct verify_document *d;
	char serial[33], node[33], name[80];
	int rc;

	if (is_current(v, n))
		return memcmp(n->digest, v->a->text.digest, 32) == 0 ?
			       0 :
			       verify_tell(v, NULL, ERR_DAMAGED,
					   "archive.txt is not the one that a journal admitted");
	text_hex(serial, n->serial, 16);
	text_hex(node, j->node, 16);
	snprintf(name, sizeof(name), "documents/%s.%s", serial, n->kind);
	rc = verify_document_get(v, n->serial, n->kind, &d, e);
	if (rc == ERR_NOTFOUND)
		return verify_tell(v, NULL, ERR_DAMAGED,
				   "%s is missing, and journal %s admitted it", name, node);
	if (rc || (d->named && d->code))
		return rc;
	d->named = true;
	if (d->code)
		return judge(v, d, name);
	if (memcmp(d->digest, n->digest, 32) != 0)
		return verify_tell(v, NULL, ERR_DAMAGED,
				   "%s is not the one that journal %s admitted", name, node);
	/* Whoever has keys that were taken out, and a node's, could go on with them. */
	if (d->version && d->version < n->version)
		return verify_tell(v, NULL, ERR_FORGED,
				   "%s is signed by keys of archive.txt version %" PRIu32
				   ", and journal %s admitted it after version %" PRIu32,
				   name, d->version, node, n->version);
	if (d->version && d->version < v->a->desc.version && j->version < v->a->desc.version)
		verify_note(v,
			    "%s is signed by keys of archive.txt version %" PRIu32
			    ", and journal %s has not met version %" PRIu32
			    ": whether those were in force can't be judged",
			    name, d->version, node, v->a->desc.version);
	return check_gone(v, g, n, d, name, e);
}

/* archive.txt says itself what must be there. */
static int check_carried(void *ctx, const char *kind, const uint8_t serial[16],
			 const uint8_t text[32])
{
	struct verify *v = ctx;
	uint8_t is[32] = {0};
	struct document d;
	char hex[33];
	int rc = document_load(&d, v->a->documents, serial, kind, NULL);

	/* It was signed, and its node may not have imported it yet, or work with a copy of the archive. Where
	 * a log has it, it is missed by that. */
	if (rc == ERR_NOTFOUND && strcmp(kind, "enrolment") == 0)
		return 0;
	if (rc == 0) {
		hash_sha256(is, d.text.p, d.text.n);
		document_free(&d);
	}
	text_hex(hex, serial, 16);
	if (memcmp(is, text, sizeof(is)) == 0)
		return 0;
	return verify_tell(v, NULL, ERR_DAMAGED,
			   "documents/%s.%s is missing or altered, and archive.txt carries it over",
			   hex, kind);
}

int verify_admitted(struct verify *v, struct err *e)
{
	const struct verify_naming *n = v->namings.p;
	const struct verify_document *d;
	struct gone gone = {.journal = 0};
	char serial[33];
	int rc = 0;

	for (size_t i = 0; i < v->namings.n && rc == 0; i++) {
		if (n[i].journal != gone.journal)
			gone.keys.n = 0;
		gone.journal = n[i].journal;
		rc = check_naming(v, &gone, &n[i], e);
	}
	free(gone.keys.p);
	archive_carried(&v->a->desc, check_carried, v);
	d = v->documents.p;
	for (size_t i = 0; i < v->documents.n && rc == 0; i++) {
		if (d[i].named || strncmp(d[i].kind, "archive-", 8) == 0)
			continue;
		text_hex(serial, d[i].serial, 16);
		verify_note(v, "documents/%s.%s was admitted by no journal%s%s", serial, d[i].kind,
			    d[i].code ? ", and does not count: " : "", d[i].why);
	}
	return rc;
}
