/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Revocations: what was authorised, enrolled or trusted, and no longer is.
 */
#include "fs/authorisation.h"

#include "crypto/text.h"
#include "fs/form.h"

#define TITLE "custodyfs-revocation/v1"

static void parse_key(struct form *f, struct authorisation_revocation *r)
{
	struct text_span v;
	struct err e = {0};
	int rc;

	form_span(f, "key", &v);
	rc = sshkey_parse(&r->key, v, &e);
	if (rc)
		form_fail(f, rc, "%s", e.text);
	else if (*r->key.comment)
		form_fail(f, ERR_MALFORMED, "'key' must be a public key without a comment");
}

int authorisation_revocation_parse(struct authorisation_revocation *r, const struct document *d,
				   struct err *e)
{
	struct form f = form_begin(d->text, TITLE, e);

	*r = (struct authorisation_revocation){0};
	form_id(&f, "archive", r->archive);
	form_id(&f, "serial", r->serial);
	form_time(&f, "issued", &r->issued_ms);
	if (form_next(&f, "key")) {
		r->what = REVOKE_KEY;
		parse_key(&f, r);
	} else if (form_next(&f, "node")) {
		r->what = REVOKE_NODE;
		form_id(&f, "node", r->target);
	} else {
		r->what = REVOKE_AUTHORISATION;
		form_id(&f, "authorisation", r->target);
	}
	form_text(&f, "reason", r->reason, sizeof(r->reason));
	return form_end(&f);
}

void authorisation_revocation_text(struct wire_out *out, const struct authorisation_revocation *r)
{
	char archive[33], serial[33], target[33], time[TEXT_TIME_SIZE];

	text_hex(archive, r->archive, sizeof(r->archive));
	text_hex(serial, r->serial, sizeof(r->serial));
	text_hex(target, r->target, sizeof(r->target));
	text_time_s(time, r->issued_ms / 1000);
	wire_out_printf(out, TITLE "\narchive: %s\nserial: %s\nissued: %s\n", archive, serial,
			time);
	if (r->what == REVOKE_KEY) {
		wire_out_text(out, "key: ");
		sshkey_text(out, &r->key);
		wire_out_text(out, "\n");
	} else {
		wire_out_printf(out, "%s: %s\n", r->what == REVOKE_NODE ? "node" : "authorisation",
				target);
	}
	wire_out_printf(out, "reason: %s\n", r->reason);
}
