/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/authorisation.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/text.h"
#include "fs/form.h"

#define TITLE "custodyfs-authorisation/v1"
#define EXPORT_ANY "any"
#define EXPORT_PLAIN "plain"
#define CHECKPOINTS_MAX 4096u
#define ACCOUNT_MAX 32 /* characters of an account's name */
#define ACCOUNT_CHARS "abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"

void authorisation_free(struct authorisation *a)
{
	free(a->checkpoint);
	free(a->item);
	free(a->accession);
	*a = (struct authorisation){0};
}

static bool account_ok(struct text_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!memchr(ACCOUNT_CHARS, s.p[i], sizeof(ACCOUNT_CHARS) - 1))
			return false;
	return s.n > 0 && s.n <= ACCOUNT_MAX;
}

/* `users: alice, bob` */
static void parse_users(struct form *f, struct authorisation *a)
{
	struct text_span v, word;
	bool last = false;

	form_span(f, "users", &v);
	while (!f->rc && !last) {
		last = !text_word(&v, &word) || v.n == 0;
		if (!last && word.p[--word.n] != ',')
			word.n = 0;
		if (!account_ok(word) || a->nusers == AUTHORISATION_USERS_MAX) {
			form_fail(f, ERR_MALFORMED,
				  "'users' must be account names like alice, bob");
			return;
		}
		text_copy(word, a->users[a->nusers], sizeof(a->users[0]));
		for (size_t i = 0; i < a->nusers; i++)
			if (strcmp(a->users[i], a->users[a->nusers]) == 0)
				form_fail(f, ERR_MALFORMED, "%s stands twice", a->users[i]);
		a->nusers++;
	}
}

static void parse_times(struct form *f, struct authorisation *a)
{
	form_time(f, "issued", &a->issued_ms);
	form_time(f, "not-before", &a->not_before_ms);
	form_time(f, "not-after", &a->not_after_ms);
	if (a->not_after_ms < a->not_before_ms || a->not_after_ms <= a->issued_ms)
		form_fail(f, ERR_MALFORMED,
			  "'not-after' must be later than 'issued' and 'not-before'");
}

static void parse_checkpoints(struct form *f, struct authorisation *a)
{
	do {
		struct note_checkpoint *c;

		if (!form_room(f, (void **)&a->checkpoint, a->checkpoints, CHECKPOINTS_MAX,
			       sizeof(*a->checkpoint)))
			return;
		c = &a->checkpoint[a->checkpoints];
		form_checkpoint(f, "checkpoint", c);
		for (size_t i = 0; i < a->checkpoints; i++)
			if (strcmp(a->checkpoint[i].origin, c->origin) == 0)
				form_fail(f, ERR_MALFORMED, "two checkpoints of one log");
		a->checkpoints++;
	} while (form_next(f, "checkpoint"));
}

static uint64_t parse_limit(struct form *f, const char *key)
{
	uint64_t v = 0;

	if (form_next(f, key)) {
		form_u64(f, key, &v);
		if (v == 0)
			form_fail(f, ERR_MALFORMED, "'%s' must be 1 or more", key);
	}
	return v;
}

/* In the one form that age writes. */
static bool recipient_ok(const char *s)
{
	char again[AGE_RECIPIENT_TEXT];
	uint8_t pub[32];

	if (age_recipient_parse(pub, (struct text_span){s, strlen(s)}) != 0)
		return false;
	age_recipient_text(again, pub);
	return strcmp(s, again) == 0;
}

static void parse_exports(struct form *f, struct authorisation *a)
{
	while (form_next(f, "export-to")) {
		char *to;

		if (a->exports == AUTHORISATION_EXPORTS_MAX) {
			form_fail(f, ERR_MALFORMED, "more than %u 'export-to'",
				  AUTHORISATION_EXPORTS_MAX);
			return;
		}
		to = a->export_to[a->exports];
		form_text(f, "export-to", to, AGE_RECIPIENT_TEXT);
		if (!recipient_ok(to) && strcmp(to, EXPORT_ANY) != 0 &&
		    strcmp(to, EXPORT_PLAIN) != 0)
			form_fail(f, ERR_MALFORMED,
				  "'export-to' must be an age recipient (age1...), 'any' or "
				  "'plain'");
		for (size_t i = 0; i < a->exports; i++)
			if (strcmp(a->export_to[i], to) == 0)
				form_fail(f, ERR_MALFORMED, "%s stands twice", to);
		a->exports++;
	}
}

/* `item: <id> <commitment>` */
static void parse_items(struct form *f, struct authorisation *a)
{
	while (form_next(f, "item")) {
		struct text_span v, id, commitment;
		struct authorisation_item *it;

		if (!form_room(f, (void **)&a->item, a->items, AUTHORISATION_ITEMS_MAX,
			       sizeof(*a->item)))
			return;
		it = &a->item[a->items++];
		form_span(f, "item", &v);
		if (!text_word(&v, &id) || !text_word(&v, &commitment) || v.n > 0 ||
		    !text_unhex(id, it->id, sizeof(it->id)) ||
		    !text_unhex(commitment, it->commitment, sizeof(it->commitment)))
			form_fail(f, ERR_MALFORMED, "'item' must be an id and a commitment");
	}
}

static void parse_accessions(struct form *f, struct authorisation *a)
{
	while (form_next(f, "accession")) {
		if (!form_room(f, (void **)&a->accession, a->accessions, AUTHORISATION_ITEMS_MAX,
			       sizeof(*a->accession)))
			return;
		form_id(f, "accession", a->accession[a->accessions++]);
	}
}

int authorisation_parse(struct authorisation *a, const struct document *d, struct err *e)
{
	struct form f = form_begin(d->text, TITLE, e);
	uint8_t sealed[32];
	int rc;

	*a = (struct authorisation){0};
	form_id(&f, "archive", a->archive);
	form_id(&f, "serial", a->serial);
	form_id(&f, "request", a->request);
	form_id(&f, "node", a->node);
	if (form_next(&f, "users"))
		parse_users(&f, a);
	parse_times(&f, a);
	form_text(&f, "case", a->case_no, sizeof(a->case_no));
	form_text(&f, "purpose", a->purpose, sizeof(a->purpose));
	if (form_next(&f, "legal-basis"))
		form_text(&f, "legal-basis", a->legal_basis, sizeof(a->legal_basis));
	form_text(&f, "requested-by", a->requested_by, sizeof(a->requested_by));
	parse_checkpoints(&f, a);
	a->max_opens = parse_limit(&f, "max-opens");
	a->max_bytes = parse_limit(&f, "max-bytes");
	parse_exports(&f, a);
	parse_items(&f, a);
	parse_accessions(&f, a);
	if (a->items + a->accessions == 0)
		form_fail(&f, ERR_MALFORMED, "it names no item and no accession");
	form_hash(&f, "sealed", sealed); /* compared by document_parse() */
	rc = form_end(&f);
	if (rc == 0 && (!form_distinct(a->item, a->items, sizeof(*a->item), sizeof(*a->item)) ||
			!form_distinct(a->accession, a->accessions, 16, 16)))
		rc = err_set(e, ERR_MALFORMED, "the authorisation names an item twice");
	if (rc)
		authorisation_free(a);
	return rc;
}

static void put_id(struct wire_out *out, const char *key, const uint8_t id[16])
{
	char hex[33];

	text_hex(hex, id, 16);
	wire_out_printf(out, "%s: %s\n", key, hex);
}

static void put_time(struct wire_out *out, const char *key, int64_t ms)
{
	char time[TEXT_TIME_SIZE];

	text_time_s(time, ms / 1000);
	wire_out_printf(out, "%s: %s\n", key, time);
}

static void put_items(struct wire_out *out, const struct authorisation *a)
{
	char id[33], commitment[65];

	for (size_t i = 0; i < a->items; i++) {
		text_hex(id, a->item[i].id, sizeof(a->item[i].id));
		text_hex(commitment, a->item[i].commitment, sizeof(a->item[i].commitment));
		wire_out_printf(out, "item: %s %s\n", id, commitment);
	}
	for (size_t i = 0; i < a->accessions; i++)
		put_id(out, "accession", a->accession[i]);
}

void authorisation_text(struct wire_out *out, const struct authorisation *a)
{
	char root[45];

	wire_out_text(out, TITLE "\n");
	put_id(out, "archive", a->archive);
	put_id(out, "serial", a->serial);
	put_id(out, "request", a->request);
	put_id(out, "node", a->node);
	for (size_t i = 0; i < a->nusers; i++)
		wire_out_printf(out, "%s%s%s", i ? ", " : "users: ", a->users[i],
				i + 1 == a->nusers ? "\n" : "");
	put_time(out, "issued", a->issued_ms);
	put_time(out, "not-before", a->not_before_ms);
	put_time(out, "not-after", a->not_after_ms);
	wire_out_printf(out, "case: %s\npurpose: %s\n", a->case_no, a->purpose);
	if (*a->legal_basis)
		wire_out_printf(out, "legal-basis: %s\n", a->legal_basis);
	wire_out_printf(out, "requested-by: %s\n", a->requested_by);
	for (size_t i = 0; i < a->checkpoints; i++) {
		text_base64(root, a->checkpoint[i].root, sizeof(a->checkpoint[i].root));
		wire_out_printf(out, "checkpoint: %s %" PRIu64 " %s\n", a->checkpoint[i].origin,
				a->checkpoint[i].size, root);
	}
	if (a->max_opens)
		wire_out_printf(out, "max-opens: %" PRIu64 "\n", a->max_opens);
	if (a->max_bytes)
		wire_out_printf(out, "max-bytes: %" PRIu64 "\n", a->max_bytes);
	for (size_t i = 0; i < a->exports; i++)
		wire_out_printf(out, "export-to: %s\n", a->export_to[i]);
	put_items(out, a);
}

/* ---- export ---- */

static bool grants(const struct authorisation *a, struct text_span to)
{
	for (size_t i = 0; i < a->exports; i++)
		if (text_is(to, a->export_to[i]))
			return true;
	return false;
}

/* One recipient. That it may be anybody lets nothing go to who is none. */
static bool may_seal_to(const struct authorisation *a, struct text_span to)
{
	char text[AGE_RECIPIENT_TEXT];

	if (!text_copy(to, text, sizeof(text)) || !recipient_ok(text))
		return false;
	return grants(a, to) || grants(a, (struct text_span){EXPORT_ANY, strlen(EXPORT_ANY)});
}

int authorisation_may_export(const struct authorisation *a, const char *recipients, struct err *e)
{
	struct text_span rest = {recipients, strlen(recipients)}, word;

	if (a->exports == 0)
		return err_set(e, ERR_NO_EXPORT,
			       "the authorisation grants no export at all: it lets this node read");
	if (rest.n == 0 && !grants(a, (struct text_span){EXPORT_PLAIN, strlen(EXPORT_PLAIN)}))
		return err_set(e, ERR_NO_EXPORT,
			       "the authorisation grants no export that is not sealed: seal it to "
			       "a recipient that it names");
	while (rest.n > 0) {
		if (!text_word(&rest, &word) || !may_seal_to(a, word))
			return err_set(e, ERR_NO_EXPORT,
				       "the authorisation grants no export to %.70s", recipients);
	}
	return 0;
}
