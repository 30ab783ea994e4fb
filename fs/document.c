/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/document.h"

#include <stdio.h>
#include <string.h>

#include "crypto/age.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "index/file.h"

#define ARMOR_MAX 4096 /* bytes of one signature */
#define AGE_BEGIN "-----BEGIN AGE ENCRYPTED FILE-----"
#define AGE_END "-----END AGE ENCRYPTED FILE-----"
#define TITLE_START "custodyfs-"
#define KIND_MAX 32
#define FILE_NAME_SIZE 72 /* "<32 hex>.<kind>" with its NUL */

void document_free(struct document *d)
{
	wire_out_free(&d->bytes);
	wire_out_free(&d->sealed);
	*d = (struct document){0};
}

static bool starts(struct text_span s, const char *z)
{
	size_t n = strlen(z);

	return s.n >= n && memcmp(s.p, z, n) == 0;
}

static void skip(struct text_span *s, size_t n)
{
	s->p += n;
	s->n -= n;
}

/* Next line of *rest without its LF; a last line may lack it. False at the end. */
static bool next_line(struct text_span *rest, struct text_span *line)
{
	const char *lf = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

	*line = (struct text_span){rest->p, lf ? (size_t)(lf - rest->p) : rest->n};
	if (rest->n == 0)
		return false;
	skip(rest, lf ? line->n + 1 : line->n);
	return true;
}

/* The text ends where the first armor begins. */
static int take_text(struct text_span *rest, struct text_span *text, struct err *e)
{
	struct text_span scan = *rest, line;

	if (!starts(*rest, TITLE_START))
		return err_set(e, ERR_FOREIGN, "not a custodyfs document");
	*text = *rest;
	while (next_line(&scan, &line)) {
		if (starts(line, "-----BEGIN ")) {
			text->n = (size_t)(line.p - text->p);
			break;
		}
	}
	skip(rest, text->n);
	if (memchr(text->p, '\r', text->n))
		return err_set(e, ERR_MALFORMED,
			       "the document has CR LF line ends: it was changed on its way");
	if (!text_valid(text->p, text->n) || text->p[text->n - 1] != '\n')
		return err_set(e, ERR_MALFORMED, "the document is cut off or not UTF-8 text");
	return 0;
}

/* Take an armor from its begin line to its end line, LF included. */
static int take_armor(struct text_span *rest, const char *begin, const char *end, size_t max,
		      struct text_span *armor, struct err *e)
{
	const size_t b = strlen(begin), n = strlen(end);
	const char *stop;

	if (!starts(*rest, begin) || rest->n == b || rest->p[b] != '\n')
		return err_set(e, ERR_MALFORMED, "'%s' must follow the text", begin);
	stop = memmem(rest->p + b, rest->n - b, end, n);
	if (!stop || stop[-1] != '\n' || stop + n == rest->p + rest->n || stop[n] != '\n')
		return err_set(e, ERR_MALFORMED, "an armor has no line '%s'", end);
	*armor = (struct text_span){rest->p, (size_t)(stop - rest->p) + n + 1};
	skip(rest, armor->n);
	if (armor->n > max)
		return err_set(e, ERR_MALFORMED, "an armor is longer than %zu bytes", max);
	if (memchr(armor->p, '\r', armor->n))
		return err_set(e, ERR_MALFORMED, "an armor has CR LF line ends");
	return 0;
}

/* How many lines of the text are `key: `; the value of the last. */
static size_t count_value(const struct document *d, const char *key, struct text_span *v)
{
	const size_t k = strlen(key);
	struct text_span rest = d->text, line;
	size_t count = 0;

	*v = (struct text_span){"", 0};
	while (next_line(&rest, &line)) {
		if (line.n < k + 2 || memcmp(line.p, key, k) != 0 ||
		    memcmp(line.p + k, ": ", 2) != 0)
			continue;
		*v = (struct text_span){line.p + k + 2, line.n - k - 2};
		count++;
	}
	return count;
}

static int check_sealed(const struct document *d, struct err *e)
{
	uint8_t said[HASH_SIZE], is[HASH_SIZE];
	struct text_span v;
	size_t count = count_value(d, "sealed", &v);

	if (count == 0 && d->sealed.n == 0)
		return 0;
	if (count == 0)
		return err_set(e, ERR_MALFORMED, "an age file follows that the text does not name");
	if (count > 1 || !text_unhex(v, said, sizeof(said)))
		return err_set(e, ERR_MALFORMED, "'sealed' must stand once, with 64 hex digits");
	if (d->sealed.n == 0)
		return err_set(e, ERR_MALFORMED, "the sealed part is missing");
	hash_sha256(is, d->sealed.p, d->sealed.n);
	if (memcmp(said, is, sizeof(is)) != 0)
		return err_set(e, ERR_DAMAGED, "the sealed part is not the one the text names");
	return 0;
}

/* Find the parts of d->bytes. */
static int split(struct document *d, struct err *e)
{
	struct text_span rest = {(const char *)d->bytes.p, d->bytes.n}, armor = {"", 0};
	int rc;

	if (rest.n > DOCUMENT_MAX)
		return err_set(e, ERR_MALFORMED, "the document is longer than %u bytes",
			       DOCUMENT_MAX);
	rc = take_text(&rest, &d->text, e);
	while (rc == 0 && starts(rest, SSHSIG_BEGIN)) {
		if (d->sigs == DOCUMENT_SIGNATURES_MAX)
			return err_set(e, ERR_MALFORMED, "more than %d signatures",
				       DOCUMENT_SIGNATURES_MAX);
		rc = take_armor(&rest, SSHSIG_BEGIN, SSHSIG_END, ARMOR_MAX, &d->sig[d->sigs], e);
		d->sigs++;
	}
	if (rc == 0 && rest.n > 0) {
		rc = take_armor(&rest, AGE_BEGIN, AGE_END, DOCUMENT_MAX, &armor, e);
		if (rc == 0 && age_unarmor(&d->sealed, armor.p, armor.n) != 0)
			rc = err_set(e, ERR_MALFORMED, "the sealed part is not an age file");
	}
	if (rc)
		return rc;
	if (rest.n > 0)
		return err_set(e, ERR_MALFORMED, "something follows the end of the document");
	hash_sha256(d->digest, d->bytes.p, d->bytes.n);
	return check_sealed(d, e);
}

int document_parse(struct document *d, const void *p, size_t n, struct err *e)
{
	int rc;

	*d = (struct document){0};
	if (n > DOCUMENT_MAX)
		return err_set(e, ERR_MALFORMED, "the document is longer than %u bytes",
			       DOCUMENT_MAX);
	wire_out_bytes(&d->bytes, p, n);
	rc = wire_out_ok(&d->bytes) ? split(d, e) : err_set(e, ERR_NOMEM, "out of memory");
	if (rc)
		document_free(d);
	return rc;
}

struct text_span document_title(const struct document *d)
{
	struct text_span rest = d->text, line;

	next_line(&rest, &line);
	return line;
}

bool document_value(const struct document *d, const char *key, struct text_span *v)
{
	return count_value(d, key, v) == 1;
}

bool document_id(const struct document *d, const char *key, uint8_t id[16])
{
	struct text_span v;

	return document_value(d, key, &v) && text_unhex(v, id, 16);
}

bool document_time(const struct document *d, const char *key, int64_t *ms)
{
	struct text_span v;

	return document_value(d, key, &v) && text_parse_time(v, ms);
}

static size_t find_key(const struct document_policy *p, const struct sshkey *k)
{
	size_t i = 0;

	while (i < p->nkeys && !sshkey_equal(&p->keys[i], k))
		i++;
	return i;
}

static bool known(const unsigned *list, size_t n, size_t k)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == k)
			return true;
	return false;
}

bool document_carried(const struct document *d, const struct document_policy *p)
{
	uint8_t digest[HASH_SIZE];
	char end[2 * HASH_SIZE + 3] = " ";

	if (!p->carried.n)
		return false;
	hash_sha256(digest, d->text.p, d->text.n);
	text_hex(end + 1, digest, sizeof(digest));
	strcat(end, "\n");
	return memmem(p->carried.p, p->carried.n, end, strlen(end)) != NULL;
}

bool document_names_key(const struct document *d, const struct sshkey *k)
{
	const struct sshsig_policy any = {.namespace = ""};

	for (size_t i = 0; i < d->sigs; i++) {
		struct sshsig s = {0};

		/* What it says of its key is there, however it ends. */
		sshsig_verify(&s, d->sig[i], "", 0, &any, NULL);
		if (sshkey_equal(&s.key, k))
			return true;
	}
	return false;
}

int document_check(const struct document *d, const struct document_policy *p, unsigned *signers,
		   size_t *n, struct err *e)
{
	const struct sshsig_policy policy = {p->namespace, p->require_touch, p->require_pin};
	unsigned who[DOCUMENT_SIGNATURES_MAX];
	char print[SSHKEY_FINGERPRINT_SIZE], twice[SSHKEY_FINGERPRINT_SIZE] = "";
	char gone[SSHKEY_FINGERPRINT_SIZE] = "";
	size_t count = 0;

	if (p->threshold == 0 || p->nkeys == 0)
		return err_set(e, ERR_USAGE, "a policy needs keys and a threshold");
	if (document_carried(d, p)) {
		if (n)
			*n = 0;
		return 0;
	}
	for (size_t i = 0; i < d->sigs; i++) {
		struct sshsig s;
		int rc = sshsig_verify(&s, d->sig[i], d->text.p, d->text.n, &policy, e);
		size_t k;

		if (rc)
			return err_prefix(e, rc, "signature %zu of %zu", i + 1, d->sigs);
		k = find_key(p, &s.key);
		sshkey_fingerprint(print, &s.key);
		if (k == p->nkeys && p->others)
			continue;
		if (k == p->nkeys)
			return err_set(e, ERR_WRONG_KEY,
				       "signature %zu of %zu is by %s, which is not an "
				       "authorisation key that counts for it: have the document "
				       "issued again, or take that signature's block out of the "
				       "file",
				       i + 1, d->sigs, print);
		if (p->revoked && p->revoked(p->ctx, &s.key))
			strcpy(gone, print);
		else if (known(who, count, k))
			strcpy(twice, print);
		else
			who[count++] = (unsigned)k;
	}
	if (count < p->threshold && *gone)
		return err_set(e, ERR_REVOKED, "it is signed with the key %s, which was revoked",
			       gone);
	if (count < p->threshold)
		return err_set(e, ERR_TOO_FEW,
			       "signed by %zu of the %u authorisation keys that are needed%s%s%s",
			       count, p->threshold, *twice ? " (" : "", twice,
			       *twice ? " signed twice, which counts once)" : "");
	if (signers)
		memcpy(signers, who, count * sizeof(*who));
	if (n)
		*n = count;
	return 0;
}

void document_sealed_line(struct wire_out *text, const void *sealed, size_t n)
{
	uint8_t digest[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1];

	hash_sha256(digest, sealed, n);
	text_hex(hex, digest, sizeof(digest));
	wire_out_printf(text, "sealed: %s\n", hex);
}

int document_make(struct document *d, const struct wire_out *text, const void *sealed, size_t n,
		  struct err *e)
{
	struct wire_out bytes = {0};
	int rc;

	*d = (struct document){0};
	wire_out_bytes(&bytes, text->p, text->n);
	if (n > 0)
		age_armor(&bytes, sealed, n);
	if (!wire_out_ok(text) || !wire_out_ok(&bytes))
		rc = err_set(e, ERR_NOMEM, "out of memory");
	else
		rc = document_parse(d, bytes.p, bytes.n, e);
	wire_out_free(&bytes);
	return rc;
}

/* "<serial>.<kind>"; false if kind could be a path or is too long. */
static bool file_name(char out[FILE_NAME_SIZE], const uint8_t serial[16], const char *kind)
{
	size_t n = strlen(kind);
	char hex[33];

	if (n == 0 || n > KIND_MAX || strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789-") != n)
		return false;
	text_hex(hex, serial, 16);
	snprintf(out, FILE_NAME_SIZE, "%s.%s", hex, kind);
	return true;
}

int document_store(int dirfd, const uint8_t serial[16], const char *kind, const struct document *d,
		   struct err *e)
{
	struct wire_out there = {0};
	char name[FILE_NAME_SIZE];
	int rc;

	if (!file_name(name, serial, kind))
		return err_set(e, ERR_USAGE, "'%s' is not a kind of document", kind);
	rc = file_create(dirfd, name, d->bytes.p, d->bytes.n, 0640, e);
	if (rc != ERR_EXISTS)
		return rc;
	rc = file_read(dirfd, name, DOCUMENT_MAX, &there, e);
	if (rc == 0 && (there.n != d->bytes.n || memcmp(there.p, d->bytes.p, there.n) != 0))
		rc = err_set(e, ERR_EXISTS, "another document %s is stored already", name);
	wire_out_free(&there);
	return rc;
}

int document_load(struct document *d, int dirfd, const uint8_t serial[16], const char *kind,
		  struct err *e)
{
	char name[FILE_NAME_SIZE];
	int rc;

	*d = (struct document){0};
	if (!file_name(name, serial, kind))
		return err_set(e, ERR_USAGE, "'%s' is not a kind of document", kind);
	rc = file_read(dirfd, name, DOCUMENT_MAX, &d->bytes, e);
	if (rc == 0) {
		rc = split(d, e);
		if (rc)
			err_prefix(e, rc, "documents/%s", name);
	}
	if (rc)
		document_free(d);
	return rc;
}
