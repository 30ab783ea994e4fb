/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrolment requests and enrolments: the same lines about a node, signed by itself in the one and by
 * the authority in the other.
 */
#include "fs/roster.h"

#include <inttypes.h>
#include <string.h>

#include "crypto/age.h"
#include "crypto/secret.h"
#include "fs/form.h"
#include "index/journal.h"

#define REQUEST_TITLE "custodyfs-enrolment-request/v1"
#define ENROLMENT_TITLE "custodyfs-enrolment/v1"
#define REQUEST_MAX 16384

unsigned roster_roles_parse(struct text_span s)
{
	if (text_is(s, "ingest"))
		return ROSTER_INGEST;
	if (text_is(s, "reader"))
		return ROSTER_READER;
	return text_is(s, "ingest,reader") ? ROSTER_INGEST | ROSTER_READER : 0;
}

const char *roster_roles_text(unsigned roles)
{
	switch (roles) {
	case ROSTER_INGEST:
		return "ingest";
	case ROSTER_READER:
		return "reader";
	case ROSTER_INGEST | ROSTER_READER:
		return "ingest,reader";
	default:
		return "none";
	}
}

/* The node's signing key, whose name binds the archive and the node id. */
static void sign_key(struct note_key *k, const uint8_t archive_id[16],
		     const struct identity_public *pub)
{
	*k = (struct note_key){.type = NOTE_ED25519};
	journal_origin(k->name, archive_id, pub->id);
	memcpy(k->pk, pub->sign, sizeof(k->pk));
}

static void put_node(struct wire_out *out, const uint8_t id[16])
{
	char hex[33];

	text_hex(hex, id, 16);
	wire_out_printf(out, "node: %s\n", hex);
}

/* The lines from name to issued, and replaces. */
static void put_facts(struct wire_out *out, const uint8_t archive_id[16],
		      const struct identity_public *pub, const char *name, unsigned roles,
		      int64_t issued_ms, const struct note_checkpoint *replaces)
{
	char recipient[AGE_RECIPIENT_TEXT], time[TEXT_TIME_SIZE], root[48];
	struct note_key k;

	sign_key(&k, archive_id, pub);
	age_recipient_text(recipient, pub->receive);
	text_time_s(time, issued_ms / 1000);
	wire_out_printf(out, "name: %s\nrole: %s\nsign-key: ", name, roster_roles_text(roles));
	note_vkey_text(out, &k);
	wire_out_printf(out, "\nreceive-key: %s\nissued: %s\n", recipient, time);
	if (!replaces || !replaces->origin[0])
		return;
	text_base64(root, replaces->root, sizeof(replaces->root));
	wire_out_printf(out, "replaces: %s %" PRIu64 " %s\n", replaces->origin, replaces->size,
			root);
}

/* The optional line about the node that was lost: another one of this archive. */
static void get_replaced(struct form *f, struct roster_node *n, const uint8_t archive_id[16])
{
	char expect[NOTE_NAME_MAX] = "";
	const char *slash;

	if (!form_next(f, "replaces"))
		return;
	form_checkpoint(f, "replaces", &n->replaces);
	slash = strrchr(n->replaces.origin, '/');
	if (slash && text_unhex((struct text_span){slash + 1, strlen(slash + 1)}, n->replaced, 16))
		journal_origin(expect, archive_id, n->replaced);
	if (!f->rc &&
	    (strcmp(expect, n->replaces.origin) != 0 || memcmp(n->replaced, n->pub.id, 16) == 0))
		form_fail(f, ERR_MALFORMED, "'replaces' must name the log of another node");
}

/* Read the lines from node to replaces; the node id must be that of the keys. */
static void get_node(struct form *f, struct roster_node *n, const uint8_t archive_id[16])
{
	struct note_key k = {0}, expected;
	struct text_span v;
	uint8_t id[16];

	form_id(f, "node", id);
	form_text(f, "name", n->name, sizeof(n->name));
	form_span(f, "role", &v);
	n->roles = roster_roles_parse(v);
	if (!n->roles)
		form_fail(f, ERR_MALFORMED, "'role' must be ingest, reader or ingest,reader");
	form_span(f, "sign-key", &v);
	if (note_vkey_parse(&k, v) != 0 || k.type != NOTE_ED25519)
		form_fail(f, ERR_MALFORMED, "'sign-key' must be an Ed25519 verifier key");
	form_span(f, "receive-key", &v);
	if (age_recipient_parse(n->pub.receive, v) != 0)
		form_fail(f, ERR_MALFORMED, "'receive-key' must be an age recipient");
	form_time(f, "issued", &n->issued_ms);

	memcpy(n->pub.sign, k.pk, sizeof(n->pub.sign));
	identity_node_id(n->pub.id, n->pub.sign, n->pub.receive);
	sign_key(&expected, archive_id, &n->pub);
	if (memcmp(id, n->pub.id, sizeof(id)) != 0 || strcmp(k.name, expected.name) != 0)
		form_fail(f, ERR_FORGED, "the node id is not the one of these keys and archive");
	get_replaced(f, n, archive_id);
}

static bool name_ok(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n < ROSTER_NAME_MAX && text_valid(name, n) && !strchr(name, '\n');
}

int roster_request_make(struct wire_out *out, const uint8_t archive_id[16],
			const struct identity *id, const char *name, unsigned roles, int64_t now_ms,
			const struct note_checkpoint *replaces, struct err *e)
{
	struct wire_out text = {0};
	struct note_key k;
	char hex[33];
	int rc;

	if (!name_ok(name))
		return err_set(e, ERR_USAGE, "the name of a node is one line of 1 to %d bytes",
			       ROSTER_NAME_MAX - 1);
	if (roles == 0 || roles > (ROSTER_INGEST | ROSTER_READER))
		return err_set(e, ERR_USAGE, "a role is ingest, reader or ingest,reader");
	text_hex(hex, archive_id, 16);
	wire_out_printf(&text, REQUEST_TITLE "\narchive: %s\n", hex);
	put_node(&text, id->pub.id);
	put_facts(&text, archive_id, &id->pub, name, roles, now_ms, replaces);
	sign_key(&k, archive_id, &id->pub);
	if (wire_out_ok(&text))
		rc = note_sign(out, (const char *)text.p, text.n, &k, id->sign);
	else
		rc = ERR_NOMEM;
	wire_out_free(&text);
	return rc ? err_set(e, rc, "can't sign the enrolment request: %s", err_text(rc)) : 0;
}

int roster_request_parse(struct roster_node *out, uint8_t archive_id[16], const void *p, size_t n,
			 struct err *e)
{
	const struct text_span note = {p, n};
	struct text_span text, sigs;
	struct note_key k;
	struct form f;
	int rc;

	*out = (struct roster_node){0};
	memset(archive_id, 0, 16);
	if (n > REQUEST_MAX || note_split(note, &text, &sigs) != 0)
		return err_set(e, ERR_MALFORMED, "not an enrolment request: not a signed note");
	f = form_begin(text, REQUEST_TITLE, e);
	form_id(&f, "archive", archive_id);
	get_node(&f, out, archive_id);
	rc = form_end(&f);
	if (rc)
		return rc;
	sign_key(&k, archive_id, &out->pub);
	rc = note_verify(note, &k, &text, NULL);
	if (rc == 0)
		return 0;
	/* A request that lacks its node's signature is as good as one with a wrong one. */
	return err_set(e, rc == ERR_MALFORMED ? rc : ERR_FORGED,
		       "the enrolment request is not signed by the node it names");
}

int roster_enrolment_make(struct document *out, const uint8_t archive_id[16],
			  const uint8_t serial[16], const struct roster_node *n,
			  const uint8_t catalogue_secret[32], struct err *e)
{
	struct wire_out text = {0}, sealed = {0};
	char hex[33], id[AGE_IDENTITY_TEXT + 1], time[TEXT_TIME_SIZE];
	int rc = 0;

	*out = (struct document){0};
	if (!name_ok(n->name) || !(n->roles & ROSTER_READER) != !catalogue_secret)
		return err_set(e, ERR_USAGE, "a reader, and only a reader, gets the catalogue key");
	text_hex(hex, archive_id, 16);
	wire_out_printf(&text, ENROLMENT_TITLE "\narchive: %s\n", hex);
	text_hex(hex, serial, 16);
	wire_out_printf(&text, "serial: %s\n", hex);
	put_node(&text, n->pub.id);
	put_facts(&text, archive_id, &n->pub, n->name, n->roles, n->issued_ms, &n->replaces);
	if (n->not_after_ms) {
		text_time_s(time, n->not_after_ms / 1000);
		wire_out_printf(&text, "not-after: %s\n", time);
	}
	if (catalogue_secret) {
		age_identity_text(id, catalogue_secret);
		strcat(id, "\n");
		rc = age_seal(&sealed, &n->pub.receive, 1, id, strlen(id));
		secret_wipe(id, sizeof(id));
		document_sealed_line(&text, sealed.p, sealed.n);
	}
	if (rc)
		err_set(e, rc, "can't seal the catalogue key to the node: %s", err_text(rc));
	else
		rc = document_make(out, &text, sealed.p, sealed.n, e);
	wire_out_free(&sealed);
	wire_out_free(&text);
	return rc;
}

int roster_enrolment_parse(struct roster_node *out, const struct document *d,
			   const struct archive_desc *desc, struct err *e)
{
	const struct document_policy policy = archive_policy(desc, DOCUMENT_NS_ENROL);
	struct form f = form_begin(d->text, ENROLMENT_TITLE, e);
	uint8_t archive_id[16], sealed[32];
	int rc;

	*out = (struct roster_node){0};
	form_id(&f, "archive", archive_id);
	form_id(&f, "serial", out->serial);
	get_node(&f, out, archive_id);
	if (form_next(&f, "not-after")) {
		form_time(&f, "not-after", &out->not_after_ms);
		if (out->not_after_ms <= out->issued_ms)
			form_fail(&f, ERR_MALFORMED, "'not-after' must be later than 'issued'");
	}
	if (out->roles & ROSTER_READER)
		form_hash(&f, "sealed", sealed); /* compared by document_parse() */
	rc = form_end(&f);
	if (rc)
		return rc;
	if (memcmp(archive_id, desc->id, sizeof(archive_id)) != 0)
		return err_set(e, ERR_WRONG_ARCHIVE, "the enrolment is for another archive");
	rc = document_check(d, &policy, NULL, NULL, e);
	return rc ? err_prefix(e, rc, "enrolment") : 0;
}

int roster_enrolment_open(uint8_t secret[32], const struct document *d, const struct identity *id,
			  struct err *e)
{
	struct wire_out plain = {0};
	struct text_in in;
	struct text_span line;
	int rc;

	memset(secret, 0, 32);
	if (d->sealed.n == 0)
		return err_set(e, ERR_ROLE, "the enrolment carries no catalogue key");
	rc = age_open(&plain, id->receive, d->sealed.p, d->sealed.n);
	if (rc) {
		rc = err_set(e, rc, "can't open the catalogue key of the enrolment: %s",
			     err_text(rc));
	} else {
		in = text_in_init(plain.p, plain.n);
		if (!text_line(&in, &line) || in.left > 0 || age_identity_parse(secret, line) != 0)
			rc = err_set(e, ERR_MALFORMED, "the sealed part is not an age identity");
	}
	wire_out_wipe(&plain);
	return rc;
}
