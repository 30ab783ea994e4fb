/* SPDX-License-Identifier: Apache-2.0 */
/* The sheet that a node signed, the receipts, the authorisation and the payload: do they belong together? */
#include <string.h>

#include "fs/accept_internal.h"

static struct text_span span(const struct wire_out *w)
{
	return (struct text_span){(const char *)w->p, w->n};
}

static int tell_damage(struct accept_run *r, const char *what)
{
	return accept_tell(r->a, ERR_DAMAGED, "%s", what);
}

/* ---- the sheet ---- */

static int read_sheet(struct accept_run *r)
{
	struct err e = {0};
	int rc = export_sheet_parse(&r->a->sheet, span(&r->tag[ACCEPT_SHEET]), &e);

	r->a->parsed = rc == 0;
	if (rc == 0 || rc == ERR_NOMEM)
		return rc;
	return accept_tell(r->a, rc == ERR_NEWER ? rc : ERR_DAMAGED, "%s: %.300s",
			   accept_tag_path[ACCEPT_SHEET], e.text);
}

/* Signed by the node, and what its log says: to whom, how much, under what. */
static int check_sheet(struct accept_run *r)
{
	const struct export_sheet *s = &r->a->sheet;
	char recipients[EXPORT_RECIPIENTS_TEXT];
	struct err e = {0};
	int rc;

	if (!r->known)
		return tell_damage(r, "no receipt shows the export, and the node that made it");
	rc = export_sheet_check(s, span(&r->tag[ACCEPT_SHEET]), &r->who, &e);
	if (rc == ERR_NOMEM)
		return rc;
	if (rc)
		return tell_damage(r, e.text);
	export_sheet_recipients(recipients, s);
	if (memcmp(s->export, r->export, 16) != 0 ||
	    memcmp(s->authorisation, r->event.release, 16) != 0 ||
	    memcmp(s->archive, r->a->desc.id, 16) != 0 || s->items != r->event.items ||
	    s->bytes != r->event.bytes || strcmp(s->form, r->event.kind) != 0 ||
	    strcmp(recipients, r->event.recipients) != 0)
		return tell_damage(
			r, "the log of the node tells otherwise of the export than its sheet "
			   "does");
	return 0;
}

static int check_manifest(struct accept_run *r)
{
	uint8_t digest[HASH_SIZE];

	hash_sha256(digest, r->tag[ACCEPT_MANIFEST].p, r->tag[ACCEPT_MANIFEST].n);
	if (!r->has[ACCEPT_MANIFEST] || memcmp(digest, r->a->sheet.manifest, 32) == 0)
		return 0;
	return tell_damage(r, BAGLIST_MANIFEST " is not the one that the node signed");
}

/* ---- items ---- */

static int check_item(struct accept_run *r, const struct export_item *it)
{
	const struct baglist_file *f = baglist_find(&r->a->payload, it->path);
	const struct accept_receipt *of = accept_find(r->a, it);
	const char *why = NULL;
	char id[33];

	text_hex(id, it->item, 16);
	if (!f)
		why = "is not in the package";
	else if (memcmp(f->sha256, it->sha256, 32) != 0 || f->size != it->size)
		why = "is not the file that the node signed";
	else if (!of)
		why = "has no receipt";
	else if (memcmp(of->commitment, it->commitment, 32) != 0)
		why = "is not the item that its receipt is of";
	else if (!of->disclosed || memcmp(of->content, it->sha256, 32) != 0)
		why = "is not the content that the archive took in";
	else if (!of->left)
		why = "was not opened for this export, by its receipt";
	return why ? accept_tell(r->a, ERR_DAMAGED, "item %s (%.200s) %s", id, it->path, why) : 0;
}

static int check_items(struct accept_run *r)
{
	const struct export_sheet *s = &r->a->sheet;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->items; i++)
		rc = check_item(r, &s->item[i]);
	if (rc == 0 && (s->items != r->a->payload.n || s->items != r->a->receipts))
		rc = tell_damage(r,
				 "the package has other files or receipts than the items that the "
				 "node signed");
	return rc;
}

/* ---- the authorisation ---- */

static int check_documents(struct accept_run *r)
{
	const struct wire_out *doc = &r->tag[ACCEPT_AUTHORISATION], *desc = &r->tag[ACCEPT_ARCHIVE];
	uint8_t digest[HASH_SIZE];
	int rc = 0;

	if (!r->known)
		return 0;
	hash_sha256(digest, doc->p, doc->n);
	if (memcmp(digest, r->authorisation, 32) != 0)
		rc = tell_damage(r, "authorisation.txt is not the one that was admitted");
	hash_sha256(digest, desc->p, desc->n);
	if (rc == 0 && memcmp(digest, r->description, 32) != 0)
		rc = tell_damage(r, "archive.txt is not the one of the receipts");
	return rc;
}

/* Does it grant what the node did? That it is good, and covers the items, the receipts have been asked. */
static int check_grant(struct accept_run *r)
{
	char recipients[EXPORT_RECIPIENTS_TEXT];
	struct err e = {0};

	if (!r->a->granted)
		return 0;
	export_sheet_recipients(recipients, &r->a->sheet);
	if (authorisation_may_export(&r->a->terms, recipients, &e) == 0)
		return 0;
	return accept_tell(r->a, ERR_NO_EXPORT, "%.300s", e.text);
}

/* Whose identity opened it must be one that it was sealed to: else somebody sealed it once more. */
static int check_reader(struct accept_run *r)
{
	char text[AGE_RECIPIENT_TEXT];
	uint8_t pub[32];

	if (r->a->form != PARCEL_SEALED)
		return 0;
	age_public(pub, r->ask->identity);
	age_recipient_text(text, pub);
	for (size_t i = 0; i < r->a->sheet.recipients; i++)
		if (strcmp(r->a->sheet.recipient[i], text) == 0)
			return 0;
	return accept_tell(
		r->a, ERR_NO_EXPORT,
		"it is sealed to %s, and the node did not seal it to there: somebody has "
		"passed it on",
		text);
}

static int check_archive(struct accept_run *r)
{
	if (!r->ask->archive || memcmp(r->a->sheet.archive, r->ask->archive, 16) == 0)
		return 0;
	return accept_tell(r->a, ERR_WRONG_ARCHIVE,
			   "it is of another archive than the one expected");
}

int accept_judge(struct accept_run *r)
{
	static int (*const part[])(struct accept_run *
				   r) = {check_sheet, check_manifest, check_items,  check_documents,
					 check_grant, check_reader,   check_archive};
	int rc = read_sheet(r);

	for (size_t i = 0; rc == 0 && r->a->parsed && i < sizeof(part) / sizeof(part[0]); i++)
		rc = part[i](r);
	return rc;
}
