/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/accept.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/accept_internal.h"
#include "fs/export.h"

#define RECEIPTS EXPORT_TAGS "receipts/"

const char *const accept_tag_path[ACCEPT_TAGS] = {
	[ACCEPT_BAGIT] = BAGLIST_TXT,
	[ACCEPT_INFO] = BAGLIST_INFO,
	[ACCEPT_MANIFEST] = BAGLIST_MANIFEST,
	[ACCEPT_TAGMANIFEST] = BAGLIST_TAGMANIFEST,
	[ACCEPT_SHEET] = EXPORT_TAGS "export.txt",
	[ACCEPT_AUTHORISATION] = EXPORT_TAGS "authorisation.txt",
	[ACCEPT_ARCHIVE] = EXPORT_TAGS "archive.txt",
};

void accept_free(struct accept *a)
{
	for (size_t i = 0; i < a->receipts; i++)
		record_free(a->receipt[i].record);
	free(a->receipt);
	free(a->finding);
	baglist_free(&a->payload);
	baglist_free(&a->tags);
	export_sheet_free(&a->sheet);
	authorisation_free(&a->terms);
	*a = (struct accept){0};
}

int accept_tell(struct accept *a, int code, const char *fmt, ...)
{
	struct accept_finding *f;
	va_list ap;

	if (code == ERR_NOMEM)
		return code;
	if (err_exit(code) == 4)
		a->damaged++;
	else if (err_exit(code) == 7)
		a->refused++;
	else
		a->unchecked++;
	if (a->findings == ACCEPT_FINDINGS_MAX)
		return 0;
	f = reallocarray(a->finding, a->findings + 1, sizeof(*f));
	if (!f)
		return ERR_NOMEM;
	a->finding = f;
	f += a->findings++;
	f->code = code;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return 0;
}

/* ---- files, as they come ---- */

static bool below(const char *path, const char *folder)
{
	return strncmp(path, folder, strlen(folder)) == 0;
}

static int begin(void *ctx, const char *path, uint64_t size, struct err *e)
{
	struct accept_run *r = ctx;

	snprintf(r->path, sizeof(r->path), "%s", path);
	r->size = size;
	hash_init(&r->hash);
	r->keep = NULL;
	r->is_receipt = below(path, RECEIPTS);
	for (size_t i = 0; i < ACCEPT_TAGS; i++) {
		if (strcmp(path, accept_tag_path[i]) != 0)
			continue;
		if (r->has[i])
			return err_set(e, ERR_MALFORMED, "the package has %s twice", path);
		r->has[i] = true;
		r->keep = &r->tag[i];
	}
	if (r->is_receipt) {
		r->keep = &r->receipt;
		wire_out_reset(r->keep);
	}
	if (r->keep && size > ACCEPT_TAG_MAX)
		return err_set(e, ERR_MALFORMED, "%.200s is too long", path);
	return 0;
}

static int data(void *ctx, const void *p, size_t n, struct err *e)
{
	struct accept_run *r = ctx;

	hash_update(&r->hash, p, n);
	if (r->keep) {
		wire_out_bytes(r->keep, p, n);
		if (!wire_out_ok(r->keep))
			return err_set(e, ERR_NOMEM, "out of memory");
	}
	r->a->bytes += n;
	if (r->ask->progress && r->ask->progress(r->ask->ctx, r->a->bytes))
		return err_set(e, ERR_SYSTEM, "stopped");
	return 0;
}

static int end(void *ctx, struct err *e)
{
	struct accept_run *r = ctx;
	struct baglist *l = below(r->path, BAGLIST_PAYLOAD) ? &r->a->payload : &r->a->tags;
	uint8_t sha256[HASH_SIZE];
	int rc;

	hash_final(&r->hash, sha256);
	rc = baglist_add(l, r->path, strlen(r->path), sha256, r->size);
	r->a->files++;
	if (rc == 0 && r->is_receipt)
		rc = accept_take_receipt(r);
	return rc ? err_set(e, rc, "out of memory") : 0;
}

/* ---- the verdict ---- */

static int by_item(const void *a, const void *b)
{
	const struct accept_receipt *x = a, *y = b;
	int c = memcmp(x->item, y->item, 16);

	return c ? c : memcmp(x->node, y->node, 16);
}

const struct accept_receipt *accept_find(const struct accept *a, const struct export_item *it)
{
	struct accept_receipt key = {.record = NULL};

	memcpy(key.item, it->item, 16);
	memcpy(key.node, it->node, 16);
	return a->receipts ? bsearch(&key, a->receipt, a->receipts, sizeof(key), by_item) : NULL;
}

static int verdict(const struct accept *a)
{
	return a->damaged   ? ERR_DAMAGED :
	       a->refused   ? ERR_NO_EXPORT :
	       a->unchecked ? ERR_UNSUPPORTED :
			      0;
}

/* Whatever it is, it is no package. */
static int is_package(const struct accept_run *r, struct err *e)
{
	if (r->has[ACCEPT_BAGIT] && r->has[ACCEPT_SHEET])
		return 0;
	if (!r->has[ACCEPT_BAGIT])
		return err_set(e, ERR_FOREIGN, "not a package: it has no " BAGLIST_TXT);
	return err_set(e, ERR_FOREIGN, "a bag, but no package of 'custody export': it has no %s",
		       accept_tag_path[ACCEPT_SHEET]);
}

int accept_check(struct accept *a, const struct accept_ask *ask, struct err *e)
{
	struct accept_run *r = calloc(1, sizeof(*r));
	struct package_visitor v = {begin, data, end, r};
	int rc;

	*a = (struct accept){0};
	if (!r)
		return err_set(e, ERR_NOMEM, "out of memory");
	r->a = a;
	r->ask = ask;
	rc = package_read(ask->place, ask->identity, &v, &a->form, e);
	if (rc == 0)
		rc = is_package(r, e);
	if (rc == 0) {
		if (a->receipts)
			qsort(a->receipt, a->receipts, sizeof(*a->receipt), by_item);
		rc = accept_bag(r);
		if (rc == 0)
			rc = accept_judge(r);
		if (rc)
			err_set(e, rc, "out of memory");
	}
	for (size_t i = 0; i < ACCEPT_TAGS; i++)
		wire_out_wipe(&r->tag[i]);
	wire_out_wipe(&r->receipt);
	wire_out_free(&r->exported);
	free(r);
	return rc ? rc : verdict(a);
}
