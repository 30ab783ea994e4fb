/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/form.h"
#include "fs/transfer_lines.h"

#define TITLE "custodyfs-" TRANSFER_RECEIPT "/v1"

void transfer_receipt_free(struct transfer_receipt *r)
{
	free(r->checkpoint);
	free(r->segment);
	*r = (struct transfer_receipt){0};
}

static void parse_result(struct form *f, struct transfer_receipt *r)
{
	struct text_span v;

	form_span(f, "result", &v);
	r->match = text_is(v, "match");
	if (!r->match && !text_is(v, "mismatch"))
		form_fail(f, ERR_MALFORMED, "'result' must be match or mismatch");
}

int transfer_receipt_parse(struct transfer_receipt *r, const struct document *d, struct err *e)
{
	struct form f = form_begin(d->text, TITLE, e);
	int rc;

	*r = (struct transfer_receipt){0};
	form_id(&f, "archive", r->archive);
	form_id(&f, "serial", r->serial);
	form_id(&f, "release", r->release);
	form_hash(&f, "release-digest", r->release_digest);
	form_id(&f, "node", r->node);
	form_time(&f, "issued", &r->issued_ms);
	form_text(&f, "organisation", r->organisation, sizeof(r->organisation));
	form_text(&f, "person", r->person, sizeof(r->person));
	form_text(&f, "medium-serial", r->medium_serial, sizeof(r->medium_serial));
	parse_result(&f, r);
	if (form_next(&f, "remark"))
		form_text(&f, "remark", r->remark, sizeof(r->remark));
	transfer_lines_checkpoints(&f, &r->checkpoint, &r->checkpoints);
	while (form_next(&f, "segment") || form_next(&f, "missing"))
		transfer_lines_segment(&f, &r->segment, &r->segments);
	rc = form_end(&f);
	if (rc == 0 && d->sealed.n)
		rc = err_set(e, ERR_MALFORMED, "a receipt has no sealed part");
	if (rc == 0 && !form_distinct(r->segment, r->segments, sizeof(*r->segment), 16))
		rc = err_set(e, ERR_MALFORMED, "a segment stands twice");
	if (rc)
		transfer_receipt_free(r);
	return rc;
}

void transfer_receipt_text(struct wire_out *out, const struct transfer_receipt *r)
{
	char digest[65];

	wire_out_text(out, TITLE "\n");
	transfer_lines_put_id(out, "archive", r->archive);
	transfer_lines_put_id(out, "serial", r->serial);
	transfer_lines_put_id(out, "release", r->release);
	text_hex(digest, r->release_digest, 32);
	wire_out_printf(out, "release-digest: %s\n", digest);
	transfer_lines_put_id(out, "node", r->node);
	transfer_lines_put_time(out, "issued", r->issued_ms);
	wire_out_printf(out, "organisation: %s\nperson: %s\nmedium-serial: %s\nresult: %s\n",
			r->organisation, r->person, r->medium_serial,
			r->match ? "match" : "mismatch");
	if (*r->remark)
		wire_out_printf(out, "remark: %s\n", r->remark);
	transfer_lines_put_checkpoints(out, r->checkpoint, r->checkpoints);
	for (size_t i = 0; i < r->segments; i++)
		transfer_lines_put_segment(out, &r->segment[i]);
}

/* ---- against its release ---- */

static bool segment_differs(const struct transfer_segment *was, const struct transfer_segment *is,
			    char sentence[200])
{
	char id[33];

	text_hex(id, was->id, 16);
	if (is->missing)
		snprintf(sentence, 200, "segment %s did not arrive, or can't be read", id);
	else if (is->bytes != was->bytes)
		snprintf(sentence, 200,
			 "segment %s arrived with %" PRIu64 " of its %" PRIu64 " bytes", id,
			 is->bytes, was->bytes);
	else if (memcmp(is->digest, was->digest, 32) != 0)
		snprintf(sentence, 200, "segment %s is not the one that was released", id);
	else
		return false;
	return true;
}

bool transfer_compare(const struct transfer_release *rel, const struct transfer_receipt *rec,
		      void (*differs)(void *ctx, const char *sentence), void *ctx)
{
	bool same = strcmp(rel->medium_serial, rec->medium_serial) == 0;
	char sentence[200];

	if (!same && differs)
		differs(ctx, "the medium has another serial number than the one that was released");
	for (size_t i = 0; i < rel->segments && i < rec->segments; i++) {
		if (!segment_differs(&rel->segment[i], &rec->segment[i], sentence))
			continue;
		same = false;
		if (differs)
			differs(ctx, sentence);
	}
	return same && rel->segments == rec->segments;
}

/* The receipt must speak of the very segments and logs that the release names, in their order. */
static bool same_things(const struct transfer_release *rel, const struct transfer_receipt *rec)
{
	if (rel->segments != rec->segments || rel->checkpoints != rec->checkpoints)
		return false;
	for (size_t i = 0; i < rel->segments; i++)
		if (memcmp(rel->segment[i].id, rec->segment[i].id, 16) != 0)
			return false;
	for (size_t i = 0; i < rel->checkpoints; i++) {
		const struct note_checkpoint *was = &rel->checkpoint[i], *is = &rec->checkpoint[i];

		if (strcmp(was->origin, is->origin) != 0 || is->size < was->size ||
		    (is->size == was->size && memcmp(is->root, was->root, 32) != 0))
			return false;
	}
	return true;
}

int transfer_receipt_fits(const struct transfer_release *rel, const uint8_t digest[32],
			  const struct transfer_receipt *rec, struct err *e)
{
	if (memcmp(rel->archive, rec->archive, 16) != 0)
		return err_set(e, ERR_WRONG_ARCHIVE, "it is for another archive than its release");
	if (memcmp(rel->serial, rec->release, 16) != 0)
		return err_set(e, ERR_FORGED, "it answers another release");
	if (memcmp(digest, rec->release_digest, 32) != 0)
		return err_set(e, ERR_FORGED,
			       "it answers a release that is not, byte by byte, the one there is");
	if (strcmp(rel->to, rec->organisation) != 0)
		return err_set(e, ERR_FORGED, "it is by %.100s, and the release is to %.100s",
			       rec->organisation, rel->to);
	if (rec->issued_ms < rel->issued_ms)
		return err_set(e, ERR_FORGED, "it was issued before its release");
	if (!same_things(rel, rec))
		return err_set(e, ERR_FORGED,
			       "it does not speak of the segments and logs of its release");
	if (transfer_compare(rel, rec, NULL, NULL) != rec->match)
		return err_set(e, ERR_FORGED, "its result, '%s', is not what its lines say",
			       rec->match ? "match" : "mismatch");
	return 0;
}
