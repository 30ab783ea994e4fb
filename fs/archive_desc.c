/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of archive.txt and its parser.
 */
#include "fs/archive.h"

#include <inttypes.h>
#include <string.h>

#include "crypto/age.h"
#include "crypto/chunk.h"
#include "crypto/hash.h"
#include "crypto/suite.h"
#include "fs/form.h"

#define TITLE "custodyfs-archive/v1"

static const char *yes_no(bool b)
{
	return b ? "yes" : "no";
}

void archive_terms_text(struct wire_out *out, const struct archive_desc *d)
{
	char recipient[AGE_RECIPIENT_TEXT];

	wire_out_printf(out, "threshold: %u\nrequire-touch: %s\nrequire-pin: %s\n", d->threshold,
			yes_no(d->require_touch), yes_no(d->require_pin));
	for (size_t i = 0; i < d->keys; i++) {
		const struct sshkey *k = &d->key[i];

		wire_out_text(out, "key: ");
		sshkey_text(out, k);
		wire_out_printf(out, "%s%s\n", *k->comment ? " " : "", k->comment);
	}
	for (size_t i = 0; i < d->epochs; i++) {
		age_recipient_text(recipient, d->epoch[i].recipient);
		wire_out_printf(out, "release: %" PRIu32 " %s %s\n", d->epoch[i].epoch,
				d->epoch[i].class, recipient);
	}
	age_recipient_text(recipient, d->catalogue);
	wire_out_printf(out, "catalogue: %s\n", recipient);
	for (size_t i = 0; i < d->witnesses; i++) {
		wire_out_text(out, "witness: ");
		note_vkey_text(out, &d->witness[i]);
		wire_out_text(out, "\n");
	}
}

void archive_desc_text(struct wire_out *out, const struct archive_desc *d)
{
	char id[33], previous[65], time[TEXT_TIME_SIZE];

	text_hex(id, d->id, sizeof(d->id));
	text_time_s(time, d->created_ms / 1000);
	wire_out_printf(out, TITLE "\narchive: %s\nversion: %" PRIu32 "\n", id, d->version);
	if (d->version > 1) {
		text_hex(previous, d->previous, sizeof(d->previous));
		wire_out_printf(out, "previous: %s\n", previous);
	}
	wire_out_printf(out, "created: %s\nsuite: %s\nchunk-size: %" PRIu32 "\n", time,
			suite_name(d->suite), d->chunk_size);
	for (size_t i = 0; i < d->requires; i++)
		wire_out_printf(out, "require: %s\n", d->require[i]);
	archive_terms_text(out, d);
	wire_out_bytes(out, d->carried.p, d->carried.n);
}

static uint32_t form_u32(struct form *f, const char *key, uint32_t max)
{
	uint64_t v;

	form_u64(f, key, &v);
	if (v == 0 || v > max)
		form_fail(f, ERR_MALFORMED, "'%s' must be from 1 to %" PRIu32, key, max);
	return f->rc ? 0 : (uint32_t)v;
}

static void parse_suite(struct form *f, struct archive_desc *d)
{
	struct text_span v;

	form_span(f, "suite", &v);
	d->suite = suite_from_name(v.p, v.n);
	if (!d->suite)
		form_fail(f, ERR_UNSUPPORTED, "the cipher suite '%.*s' is not known here",
			  v.n > 40 ? 40 : (int)v.n, v.p);
	d->chunk_size = form_u32(f, "chunk-size", CHUNK_SIZE_MAX);
	if (!chunk_size_ok(d->chunk_size))
		form_fail(f, ERR_MALFORMED, "'chunk-size' must be a power of two, %u at least",
			  CHUNK_SIZE_MIN);
}

/* Any key of a record: a field that this program does not know yet is asked for all the same. */
static void parse_require(struct form *f, struct archive_desc *d)
{
	char *to;

	if (d->requires == ARCHIVE_REQUIRES_MAX) {
		form_fail(f, ERR_MALFORMED, "more than %d required fields", ARCHIVE_REQUIRES_MAX);
		return;
	}
	to = d->require[d->requires];
	form_text(f, "require", to, RECORD_KEY_MAX + 1);
	if (!f->rc && !record_key_ok(to))
		form_fail(f, ERR_MALFORMED, "'require' must be the name of a field");
	for (size_t i = 0; i < d->requires; i++)
		if (strcmp(d->require[i], to) == 0)
			form_fail(f, ERR_MALFORMED, "the same field is required twice");
	d->requires ++;
}

static void parse_key(struct form *f, struct archive_desc *d)
{
	struct sshkey *k = &d->key[d->keys];
	struct text_span v;
	struct err e = {0};
	int rc;

	form_span(f, "key", &v);
	if (d->keys == ARCHIVE_KEYS_MAX) {
		form_fail(f, ERR_MALFORMED, "more than %d keys", ARCHIVE_KEYS_MAX);
		return;
	}
	rc = sshkey_parse(k, v, &e);
	if (rc)
		form_fail(f, rc, "%s", e.text);
	for (size_t i = 0; rc == 0 && i < d->keys; i++)
		if (sshkey_equal(&d->key[i], k))
			form_fail(f, ERR_MALFORMED, "the same key stands twice");
	d->keys++;
}

static bool class_ok(struct text_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!memchr("abcdefghijklmnopqrstuvwxyz0123456789-", s.p[i], 37))
			return false;
	return s.n > 0 && s.n < ARCHIVE_CLASS_MAX;
}

static void parse_epoch(struct form *f, struct archive_desc *d)
{
	struct archive_epoch *ep = &d->epoch[d->epochs];
	struct text_span v, number, class, recipient;
	uint64_t n;

	form_span(f, "release", &v);
	if (d->epochs == ARCHIVE_EPOCHS_MAX) {
		form_fail(f, ERR_MALFORMED, "more than %d epochs", ARCHIVE_EPOCHS_MAX);
		return;
	}
	if (!text_word(&v, &number) || !text_word(&v, &class) || !text_word(&v, &recipient) ||
	    v.n > 0 || !text_u64(number, &n) || n == 0 || n > UINT32_MAX || !class_ok(class) ||
	    age_recipient_parse(ep->recipient, recipient) != 0) {
		form_fail(f, ERR_MALFORMED, "'release' must be an epoch, a class and a recipient");
		return;
	}
	if (d->epochs > 0 && n <= ep[-1].epoch)
		form_fail(f, ERR_MALFORMED, "epochs must ascend");
	ep->epoch = (uint32_t)n;
	text_copy(class, ep->class, sizeof(ep->class));
	d->epochs++;
}

/* A key must not be two witnesses, nor a name: a cosignature would not say whose it is. */
static void parse_witness(struct form *f, struct archive_desc *d)
{
	struct note_key *k = &d->witness[d->witnesses];
	struct text_span v;

	form_span(f, "witness", &v);
	if (d->witnesses == ARCHIVE_WITNESSES_MAX) {
		form_fail(f, ERR_MALFORMED, "more than %d witnesses", ARCHIVE_WITNESSES_MAX);
		return;
	}
	if (note_vkey_parse(k, v) != 0 || k->type != NOTE_COSIGNATURE)
		form_fail(f, ERR_MALFORMED, "'witness' must be the vkey of a cosigner (type 04)");
	for (size_t i = 0; i < d->witnesses; i++)
		if (strcmp(d->witness[i].name, k->name) == 0 ||
		    memcmp(d->witness[i].pk, k->pk, sizeof(k->pk)) == 0)
			form_fail(f, ERR_MALFORMED, "the same witness stands twice");
	d->witnesses++;
}

void archive_terms_parse(struct form *f, struct archive_desc *d)
{
	struct text_span v;

	d->threshold = form_u32(f, "threshold", ARCHIVE_KEYS_MAX);
	form_yes(f, "require-touch", &d->require_touch);
	form_yes(f, "require-pin", &d->require_pin);
	do
		parse_key(f, d);
	while (form_next(f, "key"));
	do
		parse_epoch(f, d);
	while (form_next(f, "release"));
	form_span(f, "catalogue", &v);
	if (age_recipient_parse(d->catalogue, v) != 0)
		form_fail(f, ERR_MALFORMED, "'catalogue' must be an age recipient");
	while (form_next(f, "witness"))
		parse_witness(f, d);
	if (d->threshold > d->keys)
		form_fail(f, ERR_MALFORMED, "a threshold of %u with %zu keys can't be met",
			  d->threshold, d->keys);
}

/* `<kind> <serial> <hash>` */
static bool carried_ok(struct text_span v, char kind[16], uint8_t serial[16], uint8_t text[32])
{
	struct text_span word, id, hash;

	return text_word(&v, &word) && text_word(&v, &id) && text_word(&v, &hash) && v.n == 0 &&
	       (text_is(word, "enrolment") || text_is(word, "revocation")) &&
	       text_copy(word, kind, 16) && text_unhex(id, serial, 16) &&
	       text_unhex(hash, text, 32);
}

static void parse_carried(struct form *f, struct archive_desc *d)
{
	uint8_t serial[16], text[32];
	struct text_span v;
	size_t n = 0;
	char kind[16];

	d->carried = (struct text_span){f->in.p, 0};
	while (form_next(f, "carried")) {
		form_span(f, "carried", &v);
		if (++n > ARCHIVE_CARRIED_MAX || d->version == 1 ||
		    !carried_ok(v, kind, serial, text))
			form_fail(f, ERR_MALFORMED,
				  "'carried' must be a kind, a serial and a hash, at most %u "
				  "times, and not in version 1",
				  ARCHIVE_CARRIED_MAX);
	}
	d->carried.n = f->rc ? 0 : (size_t)(f->in.p - d->carried.p);
}

int archive_carried(const struct archive_desc *d,
		    int (*cb)(void *ctx, const char *kind, const uint8_t serial[16],
			      const uint8_t text[32]),
		    void *ctx)
{
	struct text_in in = text_in_init(d->carried.p, d->carried.n);
	uint8_t serial[16], text[32];
	struct text_span v;
	char kind[16];
	int rc = 0;

	while (rc == 0 && text_field(&in, "carried", &v) && carried_ok(v, kind, serial, text))
		rc = cb(ctx, kind, serial, text);
	return rc;
}

static int parse(struct archive_desc *d, struct text_span text, struct err *e)
{
	struct form f = form_begin(text, TITLE, e);

	*d = (struct archive_desc){0};
	form_id(&f, "archive", d->id);
	d->version = form_u32(&f, "version", UINT32_MAX);
	if (d->version > 1)
		form_hash(&f, "previous", d->previous);
	form_time(&f, "created", &d->created_ms);
	parse_suite(&f, d);
	while (form_next(&f, "require"))
		parse_require(&f, d);
	archive_terms_parse(&f, d);
	parse_carried(&f, d);
	hash_sha256(d->digest, text.p, text.n);
	return form_end(&f);
}

/* d, which is good by its own keys, against the version before it. */
static int follows(const struct archive_desc *d, const struct document *doc,
		   const struct archive_desc *before, struct err *e)
{
	struct document_policy p = archive_policy(before, DOCUMENT_NS_ARCHIVE);
	int rc;

	if (memcmp(d->id, before->id, sizeof(d->id)) != 0)
		return err_set(e, ERR_FOREIGN, "archive.txt is that of another archive");
	if (d->version != before->version + 1)
		return err_set(e, ERR_ROLLBACK,
			       "archive.txt is of version %" PRIu32 ", after version %" PRIu32,
			       d->version, before->version);
	if (memcmp(d->previous, before->digest, sizeof(d->previous)) != 0)
		return err_set(e, ERR_FOREIGN,
			       "archive.txt of version %" PRIu32
			       " does not follow the version %" PRIu32 " that is known here",
			       d->version, before->version);
	p.others = true;
	rc = document_check(doc, &p, NULL, NULL, e);
	if (rc)
		err_prefix(e, rc, "archive.txt, by the keys of version %" PRIu32, before->version);
	return rc;
}

int archive_desc_read(struct archive_desc *d, const struct document *doc, struct err *e)
{
	return parse(d, doc->text, e);
}

int archive_desc_parse(struct archive_desc *d, const struct document *doc,
		       const struct archive_desc *before, struct err *e)
{
	struct document_policy p;
	int rc;

	rc = parse(d, doc->text, e);
	if (rc)
		return rc;
	p = archive_policy(d, DOCUMENT_NS_ARCHIVE);
	p.others = d->version > 1;
	rc = document_check(doc, &p, NULL, NULL, e);
	if (rc)
		return err_prefix(e, rc, "archive.txt");
	return before ? follows(d, doc, before, e) : 0;
}

struct document_policy archive_policy(const struct archive_desc *d, const char *namespace)
{
	const struct text_span none = {"", 0};

	return (struct document_policy){
		.namespace = namespace,
		.keys = d->key,
		.nkeys = d->keys,
		.threshold = d->threshold,
		.require_touch = d->require_touch,
		.require_pin = d->require_pin,
		/* An archive.txt is never carried by another. */
		.carried = strcmp(namespace, DOCUMENT_NS_ARCHIVE) == 0 ? none : d->carried,
	};
}
