/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/transfer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fs/form.h"
#include "fs/transfer_lines.h"

#define TITLE "custodyfs-" TRANSFER_RELEASE "/v1"

void transfer_release_free(struct transfer_release *r)
{
	free(r->checkpoint);
	free(r->accession);
	free(r->segment);
	*r = (struct transfer_release){0};
}

static void parse_key(struct form *f, struct transfer_release *r)
{
	struct sshkey *k = &r->key[r->keys];
	struct text_span v;
	struct err why = {0};
	int rc;

	form_span(f, "to-key", &v);
	rc = f->rc ? f->rc : sshkey_parse(k, v, &why);
	if (rc)
		form_fail(f, rc, "%s", why.text);
	else if (*k->comment)
		form_fail(f, ERR_MALFORMED, "'to-key' must be a public key without a comment");
	for (size_t i = 0; rc == 0 && i < r->keys; i++)
		if (sshkey_equal(&r->key[i], k))
			form_fail(f, ERR_MALFORMED, "a key stands twice");
	r->keys++;
}

static void parse_keys(struct form *f, struct transfer_release *r)
{
	uint64_t threshold;

	form_u64(f, "to-threshold", &threshold);
	do
		parse_key(f, r);
	while (form_next(f, "to-key") && r->keys < TRANSFER_KEYS_MAX);
	if (threshold == 0 || threshold > r->keys)
		form_fail(f, ERR_MALFORMED, "'to-threshold' must be from 1 to the number of keys");
	r->threshold = (unsigned)threshold;
}

/* `accession: <id> <node> <items>` */
static void parse_accession(struct form *f, struct transfer_accession *a)
{
	struct text_span v, id, node;

	form_span(f, "accession", &v);
	if (!f->rc && text_word(&v, &id) && text_word(&v, &node) && text_u64(v, &a->items) &&
	    text_unhex(id, a->id, 16) && text_unhex(node, a->node, 16))
		return;
	form_fail(f, ERR_MALFORMED, "'accession' must be an id, a node and a number of items");
}

static void parse_accessions(struct form *f, struct transfer_release *r)
{
	do {
		struct transfer_accession *a;

		if (!form_room(f, (void **)&r->accession, r->accessions, TRANSFER_ACCESSIONS_MAX,
			       sizeof(*r->accession)))
			return;
		a = &r->accession[r->accessions++];
		*a = (struct transfer_accession){.segment = r->segments};
		parse_accession(f, a);
		while (form_next(f, "segment"))
			transfer_lines_segment(f, &r->segment, &r->segments);
		a->segments = r->segments - a->segment;
	} while (form_next(f, "accession"));
}

int transfer_release_parse(struct transfer_release *r, const struct document *d, struct err *e)
{
	struct form f = form_begin(d->text, TITLE, e);
	int rc;

	*r = (struct transfer_release){0};
	form_id(&f, "archive", r->archive);
	form_id(&f, "serial", r->serial);
	form_time(&f, "issued", &r->issued_ms);
	form_text(&f, "from", r->from, sizeof(r->from));
	form_text(&f, "from-person", r->from_person, sizeof(r->from_person));
	form_text(&f, "to", r->to, sizeof(r->to));
	form_text(&f, "to-person", r->to_person, sizeof(r->to_person));
	parse_keys(&f, r);
	form_text(&f, "medium", r->medium, sizeof(r->medium));
	form_text(&f, "medium-serial", r->medium_serial, sizeof(r->medium_serial));
	form_text(&f, "encryption", r->encryption, sizeof(r->encryption));
	form_text(&f, "purpose", r->purpose, sizeof(r->purpose));
	if (form_next(&f, "legal-basis"))
		form_text(&f, "legal-basis", r->legal_basis, sizeof(r->legal_basis));
	transfer_lines_checkpoints(&f, &r->checkpoint, &r->checkpoints);
	parse_accessions(&f, r);
	rc = form_end(&f);
	if (rc == 0 && d->sealed.n)
		rc = err_set(e, ERR_MALFORMED, "a release has no sealed part");
	if (rc == 0 && !form_distinct(r->segment, r->segments, sizeof(*r->segment), 16))
		rc = err_set(e, ERR_MALFORMED, "a segment stands twice");
	if (rc == 0 && !form_distinct(r->accession, r->accessions, sizeof(*r->accession), 16 + 16))
		rc = err_set(e, ERR_MALFORMED, "an accession stands twice");
	if (rc)
		transfer_release_free(r);
	return rc;
}

static void put_keys(struct wire_out *out, const struct transfer_release *r)
{
	wire_out_printf(out, "to-threshold: %u\n", r->threshold);
	for (size_t i = 0; i < r->keys; i++) {
		wire_out_text(out, "to-key: ");
		sshkey_text(out, &r->key[i]);
		wire_out_text(out, "\n");
	}
}

static void put_accessions(struct wire_out *out, const struct transfer_release *r)
{
	char id[33], node[33];

	for (size_t i = 0; i < r->accessions; i++) {
		const struct transfer_accession *a = &r->accession[i];

		text_hex(id, a->id, 16);
		text_hex(node, a->node, 16);
		wire_out_printf(out, "accession: %s %s %" PRIu64 "\n", id, node, a->items);
		for (size_t k = 0; k < a->segments; k++)
			transfer_lines_put_segment(out, &r->segment[a->segment + k]);
	}
}

void transfer_release_text(struct wire_out *out, const struct transfer_release *r)
{
	wire_out_text(out, TITLE "\n");
	transfer_lines_put_id(out, "archive", r->archive);
	transfer_lines_put_id(out, "serial", r->serial);
	transfer_lines_put_time(out, "issued", r->issued_ms);
	wire_out_printf(out, "from: %s\nfrom-person: %s\nto: %s\nto-person: %s\n", r->from,
			r->from_person, r->to, r->to_person);
	put_keys(out, r);
	wire_out_printf(out, "medium: %s\nmedium-serial: %s\nencryption: %s\npurpose: %s\n",
			r->medium, r->medium_serial, r->encryption, r->purpose);
	if (*r->legal_basis)
		wire_out_printf(out, "legal-basis: %s\n", r->legal_basis);
	transfer_lines_put_checkpoints(out, r->checkpoint, r->checkpoints);
	put_accessions(out, r);
}
