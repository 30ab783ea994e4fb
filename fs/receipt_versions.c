/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive.txt in a receipt, and the versions before it: each is signed by enough keys of the one
 * before and of its own, and names its hash, so that whoever knows the keys of one of them by another
 * way can trust all. Which of them was in force when a document was admitted, the logs say.
 */
#include "fs/receipt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct archive_desc *receipt_desc(const struct receipt *r, uint32_t version)
{
	const uint32_t back = r->desc.version - version;

	if (version == 0 || version > r->desc.version || back > r->chain)
		return NULL;
	return back ? &r->earlier[back - 1].desc : &r->desc;
}

/* ---- whose it is ---- */

static bool has_key(const struct sshkey *list, size_t n, const struct sshkey *k)
{
	for (size_t i = 0; i < n; i++)
		if (sshkey_equal(&list[i], k))
			return true;
	return false;
}

static bool all_in(const struct sshkey *some, size_t k, const struct sshkey *list, size_t n)
{
	for (size_t i = 0; i < k; i++)
		if (!has_key(list, n, &some[i]))
			return false;
	return true;
}

static int tell_keys(struct receipt *r, const struct sshkey *expected, size_t n)
{
	char print[SSHKEY_FINGERPRINT_SIZE];
	bool some = false;
	int rc = 0;

	for (size_t i = 0; i < r->desc.keys; i++)
		some = some || has_key(expected, n, &r->desc.key[i]);
	for (size_t i = 0; rc == 0 && i < r->desc.keys; i++) {
		sshkey_fingerprint(print, &r->desc.key[i]);
		/* Who has forgotten one of several keys accuses nobody. */
		if (!has_key(expected, n, &r->desc.key[i]))
			rc = receipt_tell(r, ERR_FORGED,
					  some ? "archive.txt has the key %s, too, which was not given: give "
						 "the keys of all its officers; if this is none of "
						 "theirs, it is of another authority" :
						 "archive.txt has the key %s, which is not one of those "
						 "expected: it is of another authority",
					  print);
	}
	for (size_t i = 0; rc == 0 && i < n; i++) {
		sshkey_fingerprint(print, &expected[i]);
		if (!has_key(r->desc.key, r->desc.keys, &expected[i]))
			rc = receipt_tell(r, ERR_FORGED,
					  "archive.txt does not have the expected key %s", print);
	}
	return rc;
}

/* Whoever knows the keys of some version knows the last: by signatures if that is later, and by its
 * hash if that is earlier. */
static int check_keys(struct receipt *r, const struct sshkey *expected, size_t n)
{
	for (uint32_t v = r->desc.version; !r->pinned; v--) {
		const struct archive_desc *d = receipt_desc(r, v);

		if (!d)
			break;
		if (all_in(d->key, d->keys, expected, n) && all_in(expected, n, d->key, d->keys))
			r->pinned = v;
	}
	return r->pinned ? 0 : tell_keys(r, expected, n);
}

/* ---- one version, and the one before ---- */

/* What is carried over points into a document that goes; the same bytes stay in the receipt. */
static int read_version(struct archive_desc *desc, uint8_t digest[32], struct document *d,
			struct text_span bytes, struct err *e)
{
	int rc = document_parse(d, bytes.p, bytes.n, e);

	if (rc)
		return rc;
	memcpy(digest, d->digest, 32);
	rc = archive_desc_parse(desc, d, NULL, e);
	if (rc == 0)
		desc->carried.p = bytes.p + (desc->carried.p - d->text.p);
	return rc;
}

/* The versions before `last`, as far as each is followed by the one after it. */
static int check_chain(struct receipt *r, struct document *last)
{
	int rc = 0;

	while (rc == 0 && r->chain < r->earliers) {
		struct receipt_version *v = &r->earlier[r->chain];
		const uint32_t after = r->desc.version - (uint32_t)r->chain;
		struct document before = {0};
		struct archive_desc next;
		struct err why = {0};

		rc = read_version(&v->desc, v->digest, &before, v->bytes, &why);
		if (rc == 0)
			rc = archive_desc_parse(&next, last, &v->desc, &why);
		document_free(last);
		*last = before;
		if (rc)
			return receipt_tell(r, rc,
					    "what stands before version %" PRIu32
					    " of archive.txt does not lead to it: %.200s",
					    after, why.text);
		r->chain++;
	}
	return rc;
}

int receipt_versions(struct receipt *r, const struct sshkey *expected, size_t n)
{
	struct document d = {0};
	struct err why = {0};
	int rc = read_version(&r->desc, r->desc_digest, &d, r->description, &why);

	if (rc)
		rc = receipt_tell(r, rc, "archive.txt is not good: %.200s", why.text);
	else if (memcmp(r->desc.id, r->archive, 16) != 0)
		rc = receipt_tell(r, ERR_FORGED,
				  "archive.txt is of another archive than the receipt says");
	else
		r->desc_good = true;
	if (rc == 0 && r->desc_good)
		rc = check_chain(r, &d);
	document_free(&d);
	return rc == 0 && r->desc_good && expected ? check_keys(r, expected, n) : rc;
}

/* ---- what the logs admit ---- */

static int check_step(struct receipt *r, size_t i, const struct receipt_event *before)
{
	const struct receipt_event *x = &r->event[i];
	const char *node = r->log[x->log].who.name;
	const uint32_t back = r->desc.version - x->version;
	struct event ev;

	/* That it is there at all is for receipt_judge() to tell. */
	if (!receipt_desc(r, x->version))
		return 0;
	receipt_event(r, i, &ev);
	if (memcmp(ev.digest, back ? r->earlier[back - 1].digest : r->desc_digest, 32) != 0)
		return receipt_tell(r, ERR_FORGED,
				    "node %s has admitted another version %" PRIu32
				    " of archive.txt than this one",
				    node, x->version);
	if (before && before->version + 1 != x->version)
		return receipt_tell(r, ERR_FORGED,
				    "node %s admits version %" PRIu32
				    " of archive.txt after version %" PRIu32,
				    node, x->version, before->version);
	return 0;
}

int receipt_versions_admitted(struct receipt *r)
{
	const struct receipt_event *before = NULL;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->events; i++) {
		const struct receipt_event *x = &r->event[i];

		if (!x->proved || !x->version)
			continue;
		rc = check_step(r, i, before && before->log == x->log ? before : NULL);
		before = x;
	}
	return rc;
}
