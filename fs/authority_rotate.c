/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The next version of an archive.txt: other keys, another threshold. What the keys before signed and
 * still counts, enrolments and revocations, is carried over by name: keys that were taken out, or
 * stolen, add nothing to that.
 */
#include "fs/authority_internal.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "index/field.h"
#include "index/file.h"

struct carry {
	const struct archive_desc *desc;
	struct line {
		char kind[16];
		uint8_t serial[16], text[32];
	} * line; /* owned */
	size_t n;
};

/* ---- what is carried over ---- */

/* Does it count by the version before? */
static bool counts(const struct carry *c, const struct document *d, const char *kind,
		   uint8_t serial[16])
{
	const struct document_policy p = archive_policy(c->desc, DOCUMENT_NS_REVOKE);
	struct authorisation_revocation rv;
	struct roster_node n;

	if (strcmp(kind, "enrolment") == 0) {
		if (roster_enrolment_parse(&n, d, c->desc, NULL) != 0)
			return false;
		memcpy(serial, n.serial, 16);
		return true;
	}
	if (authorisation_revocation_parse(&rv, d, NULL) != 0 ||
	    memcmp(rv.archive, c->desc->id, 16) != 0 ||
	    document_check(d, &p, NULL, NULL, NULL) != 0)
		return false;
	memcpy(serial, rv.serial, 16);
	return true;
}

static int add(struct carry *c, const struct document *d, const char *kind,
	       const uint8_t serial[16], struct err *e)
{
	struct line *grown;

	if (c->n == ARCHIVE_CARRIED_MAX)
		return err_set(e, ERR_USAGE, "more than %u documents are in force",
			       ARCHIVE_CARRIED_MAX);
	grown = reallocarray(c->line, c->n + 1, sizeof(*grown));
	if (!grown)
		return err_set(e, ERR_NOMEM, "out of memory");
	c->line = grown;
	grown = &c->line[c->n++];
	memset(grown, 0, sizeof(*grown));
	strcpy(grown->kind, kind);
	memcpy(grown->serial, serial, 16);
	hash_sha256(grown->text, d->text.p, d->text.n);
	return 0;
}

/* One file of nodes/ or issued/. */
static int look_at(struct carry *c, int dir, const char *name, const char *kind, struct err *e)
{
	const char *suffix = strchr(name, '.');
	struct wire_out file = {0};
	struct document d = {0};
	uint8_t serial[16];
	int rc = 0;

	if (!suffix || suffix == name || strcmp(suffix + 1, kind) != 0)
		return 0;
	if (file_read(dir, name, DOCUMENT_MAX, &file, NULL) == 0 &&
	    document_parse(&d, file.p, file.n, NULL) == 0 && counts(c, &d, kind, serial))
		rc = add(c, &d, kind, serial, e);
	document_free(&d);
	wire_out_free(&file);
	return rc;
}

static int collect(struct authority *a, struct carry *c, const char *sub, const char *kind,
		   struct err *e)
{
	int fd = authority_archive_dir(a, c->desc->id, sub, true, e), rc = 0;
	struct dirent *en;
	DIR *dir;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return err_sys(e, "can't read %s of the authority", sub);
	}
	while (rc == 0 && (en = readdir(dir)))
		rc = look_at(c, fd, en->d_name, kind, e);
	closedir(dir);
	return rc;
}

static int by_line(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct line));
}

static int carry_over(struct authority *a, const struct archive_desc *desc, struct wire_out *out,
		      struct err *e)
{
	struct carry c = {.desc = desc};
	char serial[33], text[65];
	int rc = collect(a, &c, "nodes", "enrolment", e);

	if (rc == 0)
		rc = collect(a, &c, "issued", "revocation", e);
	if (c.n)
		qsort(c.line, c.n, sizeof(*c.line), by_line);
	for (size_t i = 0; i < c.n; i++) {
		text_hex(serial, c.line[i].serial, 16);
		text_hex(text, c.line[i].text, 32);
		wire_out_printf(out, "carried: %s %s %s\n", c.line[i].kind, serial, text);
	}
	free(c.line);
	return rc;
}

/* ---- what changes ---- */

static size_t find_key(const struct archive_desc *d, const struct sshkey *k)
{
	size_t i = 0;

	while (i < d->keys && !sshkey_equal(&d->key[i], k))
		i++;
	return i;
}

static int change_keys(struct archive_desc *d, const struct authority_change *c, struct err *e)
{
	char print[SSHKEY_FINGERPRINT_SIZE];

	for (size_t i = 0; i < c->removes; i++) {
		size_t at = find_key(d, &c->remove[i]);

		sshkey_fingerprint(print, &c->remove[i]);
		if (at == d->keys)
			return err_set(e, ERR_USAGE, "%s is not one of the archive's keys", print);
		memmove(&d->key[at], &d->key[at + 1], (--d->keys - at) * sizeof(*d->key));
	}
	for (size_t i = 0; i < c->adds; i++) {
		sshkey_fingerprint(print, &c->add[i]);
		if (find_key(d, &c->add[i]) < d->keys)
			return err_set(e, ERR_USAGE, "%s is one of the archive's keys already",
				       print);
		if (d->keys == ARCHIVE_KEYS_MAX)
			return err_set(e, ERR_USAGE, "more than %d keys", ARCHIVE_KEYS_MAX);
		d->key[d->keys++] = c->add[i];
	}
	if (c->threshold)
		d->threshold = c->threshold;
	if (d->threshold > d->keys)
		return err_set(e, ERR_USAGE, "a threshold of %u can't be met by %zu keys",
			       d->threshold, d->keys);
	return 0;
}

int authority_require(struct archive_desc *d, const char *name, struct err *e)
{
	unsigned reading;

	if (!field_find(name, &reading) || reading > 1)
		return err_set(e, ERR_USAGE,
			       "`%.70s` is no field of provenance: see custodyfs-format(5)", name);
	for (size_t i = 0; i < d->requires; i++)
		if (strcmp(d->require[i], name) == 0)
			return err_set(e, ERR_USAGE, "%s is asked for already", name);
	if (d->requires == ARCHIVE_REQUIRES_MAX)
		return err_set(e, ERR_USAGE, "more than %d fields", ARCHIVE_REQUIRES_MAX);
	strcpy(d->require[d->requires ++], name);
	return 0;
}

static int change_fields(struct archive_desc *d, const struct authority_change *c, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < c->unrequires; i++) {
		size_t at = 0;

		while (at < d->requires && strcmp(d->require[at], c->unrequire[i]) != 0)
			at++;
		if (at == d->requires)
			return err_set(e, ERR_USAGE, "%s is not asked for", c->unrequire[i]);
		memmove(d->require[at], d->require[at + 1],
			(--d->requires - at) * sizeof(d->require[0]));
	}
	for (size_t i = 0; rc == 0 && i < c->requires; i++)
		rc = authority_require(d, c->require[i], e);
	return rc;
}

/* Keep the place of a key of ours for the one that replaces it; of another authority's, nothing is known. */
static int renew_witness(struct authority *a, struct archive_desc *d, bool keep, struct err *e)
{
	uint8_t *sk = secret_take(a->pool, 64);
	struct note_key old, fresh;
	int rc = sk ? authority_witness_key(a, d, &old, sk, NULL) : ERR_NOMEM;
	size_t at = rc == 0 ? (size_t)authority_witness_names(d, &old) : d->witnesses;

	secret_give(a->pool, sk);
	/* Where the old one can't be read, the new one stands beside it, and the officers see both. */
	if (rc == ERR_NOMEM)
		return err_set(e, rc, "no secret memory left");
	if (at == ARCHIVE_WITNESSES_MAX)
		return err_set(e, ERR_USAGE, "more than %d witnesses", ARCHIVE_WITNESSES_MAX);
	rc = authority_new_witness(a, keep, &fresh, e);
	if (rc)
		return rc;
	d->witness[at] = fresh;
	d->witnesses += at == d->witnesses;
	return 0;
}

static int change_witnesses(struct authority *a, struct archive_desc *d,
			    const struct authority_change *c, struct err *e)
{
	for (size_t i = 0; i < c->unwitnesses; i++) {
		size_t at = 0;

		while (at < d->witnesses && strcmp(d->witness[at].name, c->unwitness[i]) != 0)
			at++;
		if (at == d->witnesses)
			return err_set(e, ERR_USAGE, "%.200s is no witness of the archive",
				       c->unwitness[i]);
		memmove(&d->witness[at], &d->witness[at + 1],
			(--d->witnesses - at) * sizeof(d->witness[0]));
	}
	for (size_t i = 0; i < c->witnesses; i++) {
		for (size_t k = 0; k < d->witnesses; k++)
			if (strcmp(d->witness[k].name, c->witness[i].name) == 0 ||
			    memcmp(d->witness[k].pk, c->witness[i].pk, 32) == 0)
				return err_set(
					e, ERR_USAGE,
					"%s, or its key, is a witness of the archive already",
					c->witness[i].name);
		if (d->witnesses == ARCHIVE_WITNESSES_MAX)
			return err_set(e, ERR_USAGE, "more than %d witnesses",
				       ARCHIVE_WITNESSES_MAX);
		d->witness[d->witnesses++] = c->witness[i];
	}
	return c->new_witness ? renew_witness(a, d, !c->dry_run, e) : 0;
}

/* How many lines of a description are to change. */
static size_t changes(const struct authority_change *c)
{
	return c->adds + c->removes + c->requires + c->unrequires + c->witnesses + c->unwitnesses +
	       c->new_witness;
}

int authority_rotate(struct authority *a, const uint8_t archive[16],
		     const struct authority_change *c, struct archive_desc *next,
		     struct document *out, int64_t now_ms, struct err *e)
{
	struct wire_out carried = {0}, text = {0};
	struct archive_desc before;
	int rc = authority_archive(a, archive, &before, e);

	*out = (struct document){0};
	if (rc)
		return rc;
	*next = before;
	next->version++;
	next->created_ms = now_ms;
	memcpy(next->previous, before.digest, sizeof(next->previous));
	next->require_touch = c->touch ? c->touch == AUTHORITY_YES : before.require_touch;
	next->require_pin = c->pin ? c->pin == AUTHORITY_YES : before.require_pin;
	rc = change_keys(next, c, e);
	if (rc == 0)
		rc = change_fields(next, c, e);
	if (rc == 0 && changes(c) == 0 && next->threshold == before.threshold &&
	    next->require_touch == before.require_touch && next->require_pin == before.require_pin)
		rc = err_set(e, ERR_USAGE,
			     "nothing would change: version %" PRIu32
			     " of archive.txt says all that",
			     before.version);
	if (rc == 0)
		rc = change_witnesses(a, next, c, e);
	if (rc == 0)
		rc = carry_over(a, &before, &carried, e);
	if (rc == 0) {
		next->carried = (struct text_span){(const char *)carried.p, carried.n};
		archive_desc_text(&text, next);
		rc = document_make(out, &text, NULL, 0, e);
	}
	next->carried = (struct text_span){"", 0};
	wire_out_free(&carried);
	wire_out_free(&text);
	return rc;
}

/* ---- who has signed ---- */

static int count(const struct document *d, const struct archive_desc *by, unsigned *n,
		 struct err *e)
{
	struct document_policy p = archive_policy(by, DOCUMENT_NS_ARCHIVE);
	size_t have = 0;
	int rc;

	p.threshold = 1;
	p.others = true;
	rc = document_check(d, &p, NULL, &have, e);
	*n = rc ? 0 : (unsigned)have;
	return rc == ERR_TOO_FEW ? 0 : rc;
}

/* Good signatures by keys of neither version. */
static int check_strangers(const struct document *d, const struct archive_desc *before,
			   const struct archive_desc *next, struct err *e)
{
	const struct sshsig_policy p = {.namespace = DOCUMENT_NS_ARCHIVE};
	char print[SSHKEY_FINGERPRINT_SIZE];
	struct sshsig s;

	for (size_t i = 0; i < d->sigs; i++) {
		if (sshsig_verify(&s, d->sig[i], d->text.p, d->text.n, &p, NULL) != 0 ||
		    find_key(before, &s.key) < before->keys || find_key(next, &s.key) < next->keys)
			continue;
		sshkey_fingerprint(print, &s.key);
		return err_set(e, ERR_WRONG_KEY,
			       "%s is an authorisation key neither before nor after: its signature "
			       "counts for nothing",
			       print);
	}
	return 0;
}

int authority_count_rotation(struct authority *a, const struct document *d,
			     struct archive_desc *before, struct archive_desc *next,
			     unsigned *have_before, unsigned *have_next, struct err *e)
{
	uint8_t archive[16];
	int rc;

	*have_before = *have_next = 0;
	if (!document_id(d, "archive", archive))
		return err_set(e, ERR_MALFORMED, "it names no archive");
	rc = authority_archive(a, archive, before, e);
	if (rc == 0)
		rc = archive_desc_read(next, d, e);
	if (rc)
		return rc;
	if (memcmp(next->previous, before->digest, sizeof(next->previous)) != 0)
		return err_set(e, ERR_FOREIGN,
			       "it does not follow the archive.txt that is kept here");
	rc = count(d, before, have_before, e);
	if (rc == 0)
		rc = count(d, next, have_next, e);
	return rc ? rc : check_strangers(d, before, next, e);
}

int authority_keep_rotation(struct authority *a, const struct document *d, struct err *e)
{
	struct archive_desc desc;
	int rc = authority_keep_archive(a, d, e);

	if (rc == 0)
		rc = archive_desc_parse(&desc, d, NULL, e);
	if (rc)
		return rc;
	a->terms.threshold = desc.threshold;
	a->terms.require_touch = desc.require_touch;
	a->terms.require_pin = desc.require_pin;
	memcpy(a->terms.key, desc.key, sizeof(desc.key));
	a->terms.keys = desc.keys;
	memcpy(a->terms.witness, desc.witness, sizeof(desc.witness));
	a->terms.witnesses = desc.witnesses;
	return authority_write_text(a, e);
}
