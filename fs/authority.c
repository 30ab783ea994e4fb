/* SPDX-License-Identifier: Apache-2.0 */
/* The authority's directory: its making, its opening, its secrets. */
#include "fs/authority_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/age.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/seal.h"
#include "fs/form.h"
#include "index/file.h"

#define TITLE "custodyfs-authority/v1"
#define TEXT_FILE "authority.txt"
#define KEY_FILE "authority.key"
#define SECRET_MAGIC "CUSTSEC1"
#define SECRET_SIZE (8 + 32 + SEAL_OVERHEAD)
#define TEXT_MAX (256u << 10)

void authority_epoch_name(char out[24], uint32_t epoch)
{
	snprintf(out, 24, "release-%" PRIu32, epoch);
}

/* The file's name is bound in: one secret can't be put in another's place. */
static size_t secret_ad(char *ad, size_t cap, const char *name)
{
	return (size_t)snprintf(ad, cap, SECRET_MAGIC "%s", name);
}

int authority_secret_write(struct authority *a, const char *name, const uint8_t secret[32],
			   struct err *e)
{
	uint8_t file[SECRET_SIZE];
	char ad[64], path[64];

	memcpy(file, SECRET_MAGIC, 8);
	seal_close(file + 8, a->secrets, ad, secret_ad(ad, sizeof(ad), name), secret, 32);
	snprintf(path, sizeof(path), "%s.key", name);
	return file_create(a->home.fd, path, file, sizeof(file), 0600, e);
}

int authority_secret_read(struct authority *a, const char *name, uint8_t secret[32], struct err *e)
{
	struct wire_out file = {0};
	char ad[64], path[64];
	int rc;

	if (!a->secrets)
		return err_set(e, ERR_KEY, "the authority's secrets are locked");
	snprintf(path, sizeof(path), "%s.key", name);
	rc = file_read(a->home.fd, path, 2 * SECRET_SIZE, &file, e);
	if (rc == ERR_NOTFOUND)
		rc = err_set(e, ERR_KEY, "%s/%s is missing: what was sealed to it stays sealed",
			     a->home.path, path);
	else if (rc == 0 && (file.n < 8 || memcmp(file.p, SECRET_MAGIC, 8) != 0))
		rc = err_set(e, ERR_FOREIGN, "%s/%s is no secret of an authority", a->home.path,
			     path);
	else if (rc == 0 && file.n != SECRET_SIZE)
		rc = err_set(e, ERR_DAMAGED, "%s/%s is damaged", a->home.path, path);
	if (rc == 0 && seal_open(secret, a->secrets, ad, secret_ad(ad, sizeof(ad), name),
				 file.p + 8, file.n - 8) != 0)
		rc = err_set(e, ERR_DAMAGED, "%s/%s is damaged", a->home.path, path);
	wire_out_wipe(&file);
	return rc;
}

/* From the master secret to what the files are sealed under. */
static int derive(struct authority *a, const uint8_t master[32], struct err *e)
{
	a->secrets = secret_take(a->pool, 32);
	if (!a->secrets)
		return err_set(e, ERR_NOMEM, "no secret memory left");
	kdf_label(a->secrets, master, "custodyfs/v1 authority secrets");
	return 0;
}

/* Make the master secret, or unlock it. */
static int master(struct authority *a, bool make, node_passphrase *pass, void *ctx, struct err *e)
{
	uint8_t *secret = secret_take(a->pool, 32);
	int rc;

	if (!secret)
		return err_set(e, ERR_NOMEM, "no secret memory left");
	if (make) {
		secret_random(secret, 32);
		rc = keydir_put_key(&a->home, KEY_FILE, IDENTITY_KIND_AUTHORITY, secret, a->pool,
				    pass, ctx, e);
	} else {
		rc = keydir_get_key(&a->home, KEY_FILE, IDENTITY_KIND_AUTHORITY, secret, a->pool,
				    pass, ctx, e);
	}
	if (rc == 0)
		rc = derive(a, secret, e);
	secret_give(a->pool, secret);
	return rc;
}

/* A new age identity under `name`; its public part goes to recipient. */
static int new_secret(struct authority *a, const char *name, uint8_t recipient[32], struct err *e)
{
	uint8_t *secret = secret_take(a->pool, 32);
	int rc;

	if (!secret)
		return err_set(e, ERR_NOMEM, "no secret memory left");
	secret_random(secret, 32);
	age_public(recipient, secret);
	rc = authority_secret_write(a, name, secret, e);
	secret_give(a->pool, secret);
	return rc;
}

static int read_text(struct authority *a, struct err *e)
{
	struct text_span text;
	struct form f;
	int rc;

	wire_out_reset(&a->text);
	a->terms = (struct archive_desc){0};
	rc = file_read(a->home.fd, TEXT_FILE, TEXT_MAX, &a->text, e);
	if (rc)
		return rc;
	text.p = (const char *)a->text.p;
	text.n = a->text.n;
	f = form_begin(text, TITLE, e);
	form_time(&f, "created", &a->terms.created_ms);
	archive_terms_parse(&f, &a->terms);
	rc = form_end(&f);
	if (rc)
		return err_prefix(e, rc, "%s/" TEXT_FILE, a->home.path);
	wire_out_u8(&a->text, 0);
	return wire_out_ok(&a->text) ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

int authority_write_text(struct authority *a, struct err *e)
{
	struct wire_out text = {0};
	char time[TEXT_TIME_SIZE];
	int rc;

	text_time_s(time, a->terms.created_ms / 1000);
	wire_out_printf(&text, TITLE "\ncreated: %s\n", time);
	archive_terms_text(&text, &a->terms);
	rc = wire_out_ok(&text) ? file_replace(a->home.fd, TEXT_FILE, text.p, text.n, 0600, e) :
				  err_set(e, ERR_NOMEM, "out of memory");
	wire_out_free(&text);
	return rc;
}

static int open_dir(struct authority **out, const char *dir, bool fresh, struct secret_pool *pool,
		    struct err *e)
{
	struct authority *a = calloc(1, sizeof(*a));
	int rc;

	*out = a;
	if (!a)
		return err_set(e, ERR_NOMEM, "out of memory");
	a->pool = pool;
	rc = keydir_open(&a->home, dir, TEXT_FILE, fresh, e);
	if (rc == ERR_FOREIGN)
		err_set(e, rc, "%s is no authority's directory: it has no " TEXT_FILE,
			a->home.path);
	return rc;
}

int authority_open(struct authority **out, const char *dir, bool secrets, struct secret_pool *pool,
		   node_passphrase *pass, void *ctx, struct err *e)
{
	struct authority *a;
	int rc = open_dir(&a, dir, false, pool, e);

	if (rc == 0)
		rc = read_text(a, e);
	if (rc == 0 && secrets)
		rc = master(a, false, pass, ctx, e);
	if (rc) {
		authority_close(a);
		a = NULL;
	}
	*out = a;
	return rc;
}

/* authority.txt comes last: without it the directory is none. */
static int fill(struct authority *a, node_passphrase *pass, void *ctx, struct err *e)
{
	char name[24];
	int rc = master(a, true, pass, ctx, e);

	if (rc == 0)
		rc = new_secret(a, "catalogue", a->terms.catalogue, e);
	if (rc == 0)
		rc = authority_new_witness(a, true, &a->terms.witness[0], e);
	a->terms.witnesses = 1;
	authority_epoch_name(name, a->terms.epoch[0].epoch);
	if (rc == 0)
		rc = new_secret(a, name, a->terms.epoch[0].recipient, e);
	if (rc == 0)
		rc = authority_write_text(a, e);
	return rc ? rc : read_text(a, e);
}

/* Take back what a failed fill() left. */
static void empty(struct authority *a)
{
	static const char *const names[] = {TEXT_FILE, KEY_FILE, "catalogue.key", "witness.key",
					    "release-1.key"};

	for (size_t i = 0; a && a->home.fd >= 0 && i < sizeof(names) / sizeof(*names); i++)
		unlinkat(a->home.fd, names[i], 0);
	if (a && a->home.path)
		rmdir(a->home.path);
}

int authority_create(struct authority **out, const char *dir, struct secret_pool *pool,
		     const struct sshkey *keys, size_t nkeys, unsigned threshold,
		     bool require_touch, bool require_pin, int64_t now_ms, node_passphrase *pass,
		     void *ctx, struct err *e)
{
	struct authority *a = NULL;
	int rc;

	*out = NULL;
	if (nkeys == 0 || nkeys > ARCHIVE_KEYS_MAX || threshold == 0 || threshold > nkeys)
		return err_set(e, ERR_USAGE, "a threshold of %u can't be met by %zu keys",
			       threshold, nkeys);
	if (mkdir(dir, 0700) != 0)
		return errno == EEXIST ?
			       err_set(e, ERR_EXISTS, "%s exists; name a new directory", dir) :
			       err_sys(e, "can't make %s", dir);
	rc = open_dir(&a, dir, true, pool, e);
	if (rc == 0) {
		a->terms.created_ms = now_ms;
		a->terms.threshold = threshold;
		a->terms.require_touch = require_touch;
		a->terms.require_pin = require_pin;
		a->terms.keys = nkeys;
		memcpy(a->terms.key, keys, nkeys * sizeof(*keys));
		a->terms.epochs = 1;
		a->terms.epoch[0].epoch = 1;
		snprintf(a->terms.epoch[0].class, ARCHIVE_CLASS_MAX, "default");
		rc = fill(a, pass, ctx, e);
	}
	if (rc) {
		empty(a);
		authority_close(a);
		return rc;
	}
	*out = a;
	return 0;
}

void authority_close(struct authority *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->nlooked; i++)
		document_free(&a->looked[i]);
	free(a->looked);
	secret_give(a->pool, a->secrets);
	wire_out_free(&a->text);
	keydir_close(&a->home);
	free(a);
}

const char *authority_text(const struct authority *a)
{
	return (const char *)a->text.p;
}
