/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/export.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "fs/export_internal.h"
#include "fs/export_pick.h"
#include "fs/gate.h"

/* ---- refusals ---- */

static int refuse(const struct export *x, int code)
{
	struct event ev = {.type = EVENT_REFUSED, .uid = x->ask->uid, .count = 1};
	struct journal *j = x->ask->station->journal;

	if (!j || err_exit(code) != 7)
		return code;
	memcpy(ev.document, x->ask->authorisation, 16);
	snprintf(ev.what, sizeof(ev.what), "export");
	snprintf(ev.reason, sizeof(ev.reason), "%s", err_word(code));
	snprintf(ev.user, sizeof(ev.user), "%s", x->ask->user);
	snprintf(ev.program, sizeof(ev.program), "%s", x->ask->program);
	journal_append(j, &ev, 1, NULL);
	return code;
}

/* Why the gate refuses, in its words. */
static int say_gate(const struct export *x, int code, struct err *e)
{
	char text[400];

	gate_explain(text, sizeof(text), code, x->ask->authorisation);
	return err_set(e, code, "%s", text);
}

/* ---- questions ---- */

int export_ask_gate(const struct export *x, struct err *e)
{
	struct gate_ask ask = {.uid = x->ask->uid};
	struct journal_start js = {0};
	int rc = station_now(x->ask->station, &ask.now_ms, e);

	if (rc)
		return rc;
	if (x->ask->station->journal)
		journal_state(x->ask->station->journal, &js);
	ask.last_ms = js.last_ms;
	rc = gate_examine(x->release, &ask);
	return rc ? say_gate(x, rc, e) : 0;
}

static int find_release(struct export *x, struct err *e)
{
	char hex[33];

	x->release = release_find(x->ask->releases, x->ask->authorisation);
	if (x->release)
		return 0;
	text_hex(hex, x->ask->authorisation, 16);
	return err_set(e, ERR_NOT_COVERED,
		       "no authorisation %s is in force on this node: import it (custody import); "
		       "'custody status' lists those that are",
		       hex);
}

/* All of it together, so that no half is begun. */
static int check_budget(const struct export *x, struct err *e)
{
	const struct authorisation *a = release_terms(x->release);
	uint64_t opens, bytes;

	release_used(x->release, &opens, &bytes);
	if (a->max_opens && (opens > a->max_opens || x->sheet.items > a->max_opens - opens))
		return err_set(e, ERR_BUDGET,
			       "the authorisation lets %" PRIu64 " more items be opened, and this "
			       "export has %zu",
			       opens < a->max_opens ? a->max_opens - opens : 0, x->sheet.items);
	if (a->max_bytes && (bytes > a->max_bytes || x->sheet.bytes > a->max_bytes - bytes))
		return err_set(e, ERR_BUDGET,
			       "the authorisation lets %" PRIu64 " more bytes be read, and this "
			       "export has %" PRIu64,
			       bytes < a->max_bytes ? a->max_bytes - bytes : 0, x->sheet.bytes);
	return 0;
}

static int fill_sheet(struct export *x, struct err *e)
{
	const struct export_ask *ask = x->ask;
	struct export_sheet *s = &x->sheet;

	if (ask->parcel.nrecipients > EXPORT_RECIPIENTS_MAX)
		return err_set(
			e, ERR_USAGE,
			"a package is sealed to at most %u recipients: make one for each, so "
			"that each has its own number",
			EXPORT_RECIPIENTS_MAX);
	secret_random(s->export, sizeof(s->export));
	memcpy(s->archive, ask->station->archive->desc.id, 16);
	memcpy(s->node, node_identity(ask->station->node)->pub.id, 16);
	memcpy(s->authorisation, ask->authorisation, 16);
	snprintf(s->user, sizeof(s->user), "%s@%s", ask->user, ask->host);
	snprintf(s->form, sizeof(s->form), "%s", parcel_form_name(ask->parcel.form));
	for (size_t i = 0; i < ask->parcel.nrecipients; i++)
		age_recipient_text(s->recipient[s->recipients++], ask->parcel.recipients[i]);
	export_sheet_recipients(x->recipients, s);
	return 0;
}

static int ask_all(struct export *x, struct err *e)
{
	int rc = find_release(x, e);

	if (rc == 0)
		rc = authorisation_may_export(release_terms(x->release), x->recipients, e);
	if (rc == 0)
		rc = export_ask_gate(x, e);
	if (rc == 0)
		rc = export_pick(&x->sheet, &x->ino, x->ask->station, release_terms(x->release), e);
	return rc ? rc : check_budget(x, e);
}

int export_prepare(struct export **out, const struct export_ask *ask, struct err *e)
{
	struct export *x = calloc(1, sizeof(*x));
	int rc;

	*out = NULL;
	if (!x)
		return err_set(e, ERR_NOMEM, "out of memory");
	x->ask = ask;
	rc = fill_sheet(x, e);
	if (rc == 0)
		rc = refuse(x, ask_all(x, e));
	if (rc == 0)
		rc = parcel_check(&ask->parcel, e);
	if (rc) {
		export_close(x, rc);
		return rc;
	}
	*out = x;
	return 0;
}

const struct export_sheet *export_sheet(const struct export *x)
{
	return &x->sheet;
}

/* ---- the beginning ---- */

static int log_exported(struct export *x, struct err *e)
{
	const struct export_ask *ask = x->ask;
	struct event ev = {.type = EVENT_EXPORTED,
			   .items = x->sheet.items,
			   .bytes = x->sheet.bytes,
			   .uid = ask->uid,
			   .loginuid = ask->loginuid,
			   .pid = ask->pid,
			   .latest_ms = release_terms(x->release)->not_after_ms};
	int rc;

	memcpy(ev.export, x->sheet.export, 16);
	memcpy(ev.release, ask->authorisation, 16);
	snprintf(ev.kind, sizeof(ev.kind), "%s", x->sheet.form);
	snprintf(ev.recipients, sizeof(ev.recipients), "%s", x->recipients);
	snprintf(ev.user, sizeof(ev.user), "%s", ask->user);
	snprintf(ev.program, sizeof(ev.program), "%s", ask->program);
	rc = journal_append(ask->station->journal, &ev, 1, e);
	x->begun = rc == 0;
	x->sheet.time_ms = ev.time_ms / 1000 * 1000;
	return rc;
}

/* What a bag says of itself. */
static int write_info(struct export *x, struct err *e)
{
	const struct export_sheet *s = &x->sheet;
	const struct authorisation *a = release_terms(x->release);
	char export[33], archive[33], serial[33], time[TEXT_TIME_SIZE];
	struct wire_out out = {0};
	int rc;

	text_hex(export, s->export, 16);
	text_hex(archive, s->archive, 16);
	text_hex(serial, s->authorisation, 16);
	text_time_s(time, s->time_ms / 1000);
	wire_out_printf(&out,
			"Bagging-Date: %.10s\nBag-Software-Agent: custodyfs " CUSTODY_VERSION
			"\nExternal-Identifier: custodyfs export %s\n",
			time, export);
	wire_out_printf(&out, "External-Description: evidence of archive %s, case %s\n", archive,
			a->case_no);
	wire_out_printf(&out, "Payload-Oxum: %" PRIu64 ".%zu\n", s->bytes, s->items);
	wire_out_printf(&out,
			"Custody-Export: %s\nCustody-Archive: %s\nCustody-Authorisation: %s\n",
			export, archive, serial);
	for (size_t i = 0; i < s->recipients; i++)
		wire_out_printf(&out, "Custody-Recipient: %s\n", s->recipient[i]);
	rc = wire_out_ok(&out) ? bag_write_tag(&x->bag, BAGLIST_INFO, out.p, out.n, e) :
				 err_set(e, ERR_NOMEM, "out of memory");
	wire_out_free(&out);
	return rc;
}

int export_begin(struct export *x, struct err *e)
{
	struct parcel_ask parcel = x->ask->parcel;
	char hex[33];
	int rc;

	text_hex(hex, x->sheet.export, 16);
	snprintf(x->top, sizeof(x->top), "export-%s", hex);
	parcel.top = x->top;
	rc = parcel_open(&x->parcel, &parcel, e);
	if (rc == 0)
		rc = log_exported(x, e);
	if (rc == 0)
		rc = bag_write_open(&x->bag, x->parcel, x->sheet.time_ms, e);
	if (rc == 0)
		rc = write_info(x, e);
	if (rc == 0)
		rc = export_payload(x, e);
	return refuse(x, rc);
}

int export_tag(struct export *x, const char *path, const void *p, size_t n, struct err *e)
{
	if (x->ask->progress && x->ask->progress(x->ask->ctx, x->done, x->sheet.bytes))
		return err_set(e, ERR_SYSTEM, "stopped: nothing was exported");
	return bag_write_tag(&x->bag, path, p, n, e);
}

/* ---- the end ---- */

static int write_sheet(struct export *x, struct err *e)
{
	struct wire_out out = {0};
	int rc;

	bag_write_manifest(&x->bag, &out);
	hash_sha256(x->sheet.manifest, out.p, out.n);
	rc = wire_out_ok(&out) ? 0 : ERR_NOMEM;
	wire_out_wipe(&out);
	if (rc == 0)
		rc = export_sheet_text(&out, &x->sheet, node_identity(x->ask->station->node));
	rc = rc ? err_set(e, rc, "can't sign the package: %s", err_text(rc)) :
		  bag_write_tag(&x->bag, EXPORT_TAGS "export.txt", out.p, out.n, e);
	wire_out_wipe(&out);
	return rc;
}

/* The authorisation as it was admitted, and whose keys are to have signed it. */
static int write_documents(struct export *x, struct err *e)
{
	const struct archive *a = x->ask->station->archive;
	struct document d;
	int rc = document_load(&d, a->documents, x->ask->authorisation, "authorisation", e);

	if (rc)
		return rc;
	rc = bag_write_tag(&x->bag, EXPORT_TAGS "authorisation.txt", d.bytes.p, d.bytes.n, e);
	document_free(&d);
	return rc ? rc :
		    bag_write_tag(&x->bag, EXPORT_TAGS "archive.txt", a->text.bytes.p,
				  a->text.bytes.n, e);
}

static int log_closed(struct export *x, const char *reason, const uint8_t *digest, struct err *e)
{
	struct event ev = {.type = EVENT_EXPORT_CLOSED, .items = x->served, .bytes = x->done};

	memcpy(ev.export, x->sheet.export, 16);
	memcpy(ev.release, x->ask->authorisation, 16);
	snprintf(ev.reason, sizeof(ev.reason), "%s", reason);
	if (digest)
		memcpy(ev.digest, digest, 32);
	x->begun = false;
	return journal_append(x->ask->station->journal, &ev, 1, e);
}

int export_finish(struct export *x, uint8_t digest[32], struct err *e)
{
	int rc = write_documents(x, e);

	if (rc == 0)
		rc = write_sheet(x, e);
	if (rc == 0)
		rc = bag_write_finish(&x->bag, digest, e);
	if (rc == 0)
		rc = parcel_commit(x->parcel, e);
	return rc ? rc : log_closed(x, "done", digest, e);
}

void export_close(struct export *x, int why)
{
	if (!x)
		return;
	parcel_close(x->parcel);
	if (x->begun) {
		export_log_rest(x);
		log_closed(x, err_word(why), NULL, NULL);
	}
	bag_write_free(&x->bag);
	if (x->release)
		release_drop(x->release);
	export_sheet_free(&x->sheet);
	free(x->ino);
	free(x);
}
