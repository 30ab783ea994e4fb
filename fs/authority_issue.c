/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a reviewed request to an authorisation.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "crypto/text.h"
#include "fs/authority_internal.h"

/* What an authorisation is made from: keys of segments, items and accessions, all secret memory. */
struct issue {
	struct authority *a;
	const struct request *r;
	struct authorisation au;
	uint8_t (*wrap)[32]; /* wrap key of the accession of r->segment[i] */
	uint8_t (*item_key)[32];
	uint8_t (*accession_key)[32];
};

/* Those of whole accessions need no keys of their own. */
static size_t single_items(const struct request *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->items; i++)
		n += !request_item_whole(r, &r->item[i]);
	return n;
}

/* The wrap keys of all segments of the request, by the release identity of their epoch. */
static int open_segments(struct issue *is, struct err *e)
{
	uint8_t *secret = secret_take(is->a->pool, 32), *content = secret_take(is->a->pool, 32);
	uint32_t have = 0;
	char name[24];
	int rc = secret && content ? 0 : err_set(e, ERR_NOMEM, "no secret memory left");

	for (size_t i = 0; rc == 0 && i < is->r->segments; i++) {
		const struct segment_header *h = &is->r->segment[i].header;

		if (h->epoch != have) {
			authority_epoch_name(name, h->epoch);
			rc = authority_secret_read(is->a, name, secret, e);
			have = h->epoch;
		}
		if (rc == 0) {
			rc = segment_content_key(content, h, secret);
			if (rc)
				err_set(e, rc, "the content key of a segment does not open: %s",
					err_text(rc));
			frame_wrap_key(is->wrap[i], content, h->archive, h->accession);
		}
	}
	secret_give(is->a->pool, secret);
	secret_give(is->a->pool, content);
	return rc;
}

/* One file key; frame_unwrap() sees that it is the one the frame committed to. */
static int unwrap(struct issue *is, const struct request_item *it, uint8_t key[32], struct err *e)
{
	char hex[33];
	int rc = frame_unwrap(key, it->head, it->head_len, is->wrap[it->place]);

	if (rc) {
		text_hex(hex, it->id.id, 16);
		err_set(e, rc, "the file key of item %s does not open: %s", hex, err_text(rc));
	}
	return rc;
}

static int issue_items(struct issue *is, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < is->r->items; i++) {
		const struct request_item *it = &is->r->item[i];

		if (request_item_whole(is->r, it))
			continue;
		rc = unwrap(is, it, is->item_key[is->au.items], e);
		is->au.item[is->au.items++] = it->id;
	}
	return rc;
}

static int issue_accessions(struct issue *is, struct err *e)
{
	for (size_t i = 0; i < is->r->accessions; i++) {
		const struct request_accession *a = request_whole(is->r, is->r->accession[i]);
		size_t seg = 0;

		while (seg < is->r->segments && &is->r->opened[is->r->segment[seg].opened] != a)
			seg++;
		if (seg == is->r->segments)
			return err_set(e, ERR_MALFORMED,
				       "the request brings no segment of an accession it asks for");
		memcpy(is->au.accession[i], is->r->accession[i], 16);
		memcpy(is->accession_key[i], is->wrap[seg], 32);
		is->au.accessions++;
	}
	return 0;
}

static int set_users(struct authorisation *au, const char *users, struct err *e)
{
	const char *p = users;

	while (p && *p) {
		size_t n = strcspn(p, ", ");

		if (n == 0) {
			p++;
			continue;
		}
		if (n > 32 || au->nusers == AUTHORISATION_USERS_MAX)
			return err_set(e, ERR_USAGE, "too many users, or too long a name");
		memcpy(au->users[au->nusers], p, n);
		au->users[au->nusers++][n] = '\0';
		p += n;
	}
	if (users && !au->nusers)
		return err_set(e, ERR_USAGE, "--users names nobody");
	return 0;
}

static int set_exports(struct authorisation *au, const struct authority_terms *t, struct err *e)
{
	if (t->exports > AUTHORISATION_EXPORTS_MAX)
		return err_set(e, ERR_USAGE, "more than %u recipients of exports",
			       AUTHORISATION_EXPORTS_MAX);
	for (size_t i = 0; i < t->exports; i++) {
		if (strlen(t->export_to[i]) >= AGE_RECIPIENT_TEXT)
			return err_set(e, ERR_USAGE, "'%.80s' is no recipient of exports",
				       t->export_to[i]);
		strcpy(au->export_to[au->exports++], t->export_to[i]);
	}
	return 0;
}

static int set_legal_basis(struct authorisation *au, const char *s, struct err *e)
{
	const size_t n = strlen(s);

	if (n >= sizeof(au->legal_basis) || !text_valid(s, n) || strchr(s, '\n'))
		return err_set(e, ERR_USAGE, "the legal basis must be one line below %zu bytes",
			       sizeof(au->legal_basis));
	memcpy(au->legal_basis, s, n + 1);
	return 0;
}

static int set_terms(struct issue *is, const struct authority_terms *t, struct err *e)
{
	struct authorisation *au = &is->au;
	const struct request *r = is->r;
	int rc;

	memcpy(au->archive, r->archive, 16);
	memcpy(au->request, r->serial, 16);
	memcpy(au->node, r->node, 16);
	secret_random(au->serial, 16);
	au->issued_ms = t->now_ms / 1000 * 1000;
	au->not_before_ms = t->not_before_ms / 1000 * 1000;
	au->not_after_ms = t->not_after_ms / 1000 * 1000;
	au->max_opens = t->max_opens;
	au->max_bytes = t->max_bytes;
	snprintf(au->case_no, sizeof(au->case_no), "%s", r->case_no);
	snprintf(au->purpose, sizeof(au->purpose), "%s", r->purpose);
	rc = set_legal_basis(au, t->legal_basis ? t->legal_basis : r->legal_basis, e);
	if (rc)
		return rc;
	snprintf(au->requested_by, sizeof(au->requested_by), "%s", r->requested_by);
	if (au->not_after_ms <= au->issued_ms || au->not_after_ms < au->not_before_ms)
		return err_set(e, ERR_USAGE, "the authorisation would end before it begins");
	au->checkpoint = calloc(r->checkpoints + 1, sizeof(*au->checkpoint));
	au->item = calloc(r->items + 1, sizeof(*au->item));
	au->accession = calloc(r->accessions + 1, sizeof(*au->accession));
	if (!au->checkpoint || !au->item || !au->accession) {
		err_set(e, ERR_NOMEM, "out of memory");
		return ERR_NOMEM;
	}
	au->checkpoints = r->checkpoints;
	memcpy(au->checkpoint, r->checkpoint, r->checkpoints * sizeof(*au->checkpoint));
	rc = set_exports(au, t, e);
	return rc ? rc : set_users(au, t->users, e);
}

/* What no node would take must not be signed: a name that is no account's, for one. */
static int check(const struct document *d, struct err *e)
{
	struct authorisation au;
	struct err why = {0};

	if (authorisation_parse(&au, d, &why) != 0)
		return err_set(e, ERR_USAGE, "these terms can't be written down: %s", why.text);
	authorisation_free(&au);
	return 0;
}

static int make(struct issue *is, const struct roster_node *to, struct document *out, struct err *e)
{
	struct wire_out text = {0}, sealed = {0};
	int rc;

	authorisation_text(&text, &is->au);
	rc = authorisation_seal(&sealed, &is->au, (const uint8_t(*)[32])is->item_key,
				(const uint8_t(*)[32])is->accession_key, to->pub.receive);
	if (rc) {
		err_set(e, rc, "can't seal the keys to the node: %s", err_text(rc));
	} else {
		document_sealed_line(&text, sealed.p, sealed.n);
		rc = document_make(out, &text, sealed.p, sealed.n, e);
	}
	if (rc == 0) {
		rc = check(out, e);
		if (rc)
			document_free(out);
	}
	wire_out_free(&text);
	wire_out_free(&sealed);
	return rc;
}

int authority_authorise(struct authority *a, struct document *out, const struct request *r,
			const struct authority_terms *terms, uint8_t serial[16], struct err *e)
{
	struct issue is = {.a = a, .r = r};
	struct roster_node to;
	int rc;

	*out = (struct document){0};
	rc = authority_requester(a, r, &to, terms->now_ms, e);
	if (rc)
		return rc;
	is.wrap = secret_take(a->pool, 32 * (r->segments + 1));
	is.item_key = secret_take(a->pool, 32 * (single_items(r) + 1));
	is.accession_key = secret_take(a->pool, 32 * (r->accessions + 1));
	if (is.wrap && is.item_key && is.accession_key) {
		rc = set_terms(&is, terms, e);
	} else {
		rc = ERR_NOMEM;
		err_set(e, rc,
			"the keys of %zu items do not fit into locked memory: have whole "
			"accessions asked for",
			r->items);
	}
	if (rc == 0)
		rc = open_segments(&is, e);
	if (rc == 0)
		rc = issue_items(&is, e);
	if (rc == 0)
		rc = issue_accessions(&is, e);
	if (rc == 0)
		rc = make(&is, &to, out, e);
	memcpy(serial, is.au.serial, 16);
	secret_give(a->pool, is.wrap);
	secret_give(a->pool, is.item_key);
	secret_give(a->pool, is.accession_key);
	authorisation_free(&is.au);
	return rc;
}
