/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The payload of an export, in batches: the gate is asked for each item, their `opened` are logged with
 * one sync, and then they are read, item by item, straight into the package.
 */
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"
#include "fs/catchup.h"
#include "fs/export_internal.h"
#include "fs/reading.h"

#define TRIES 5 /* to log what is opened while others open and revoke */
#define BUFFER ((size_t)256 << 10)
#define BATCH_BYTES ((uint64_t)64 << 20) /* no more is claimed than will soon be read */

struct payload {
	struct export *x;
	uint8_t *plain;
	struct reading_work work;
	struct object o; /* the item at hand */
	struct err *e;
};

/* ---- the log ---- */

static struct event *add_event(struct export *x, enum event_type type, size_t item)
{
	struct event *ev = &x->log[x->logs++];

	*ev = (struct event){.type = type};
	memcpy(ev->item, x->sheet.item[item].item, 16);
	memcpy(ev->release, x->ask->authorisation, 16);
	return ev;
}

static void add_opened(struct export *x, size_t item)
{
	const struct export_ask *ask = x->ask;
	struct event *ev = add_event(x, EVENT_OPENED, item);

	memcpy(ev->export, x->sheet.export, 16);
	ev->handle = x->handle + item + 1;
	ev->uid = ask->uid;
	ev->loginuid = ask->loginuid;
	ev->pid = ask->pid;
	memcpy(ev->user, ask->user, strnlen(ask->user, sizeof(ev->user) - 1));
	memcpy(ev->program, ask->program, strnlen(ask->program, sizeof(ev->program) - 1));
	release_bind(x->release, x->judged, ev);
}

static void add_closed(struct export *x, size_t item, uint64_t bytes)
{
	struct event *ev = add_event(x, EVENT_CLOSED, item);

	ev->handle = x->handle + item + 1;
	ev->bytes = bytes;
}

/* On failure all of it waits still. */
static int write_log(struct export *x, struct err *e)
{
	int rc = x->logs ? journal_append(x->ask->station->journal, x->log, x->logs, e) : 0;

	if (rc == 0) {
		release_logged(x->ask->releases, x->log, x->logs);
		x->logs = 0;
	}
	return rc;
}

void export_log_rest(struct export *x)
{
	write_log(x, NULL);
}

static void log_damage(const struct payload *p, uint64_t off, uint64_t len)
{
	struct event ev = {.type = EVENT_DAMAGED, .offset = off, .length = len};

	memcpy(ev.item, p->o.item, 16);
	memcpy(ev.segment, p->o.segment, 16);
	if (p->e)
		memcpy(ev.what, p->e->text, strnlen(p->e->text, sizeof(ev.what) - 1));
	journal_append(p->x->ask->station->journal, &ev, 1, NULL);
}

/* ---- a batch ---- */

/* What others had this node admit meanwhile may be a revocation. */
static int refresh(const struct payload *p, bool force)
{
	struct station *st = p->x->ask->station;
	struct catchup_result caught;
	unsigned bad;
	int rc;

	if (!force && !catchup_needed(st, true))
		return 0;
	rc = catchup_run(st, 0, &caught, NULL, NULL, p->e);
	return rc ? rc : release_reload(p->x->ask->releases, st, &bad, NULL);
}

/* How many items from `at` on are opened at once. */
static size_t batch_of(const struct export *x, size_t at)
{
	uint64_t bytes = 0;
	size_t n = 0;

	while (at + n < x->sheet.items && n < EXPORT_BATCH && (n == 0 || bytes < BATCH_BYTES))
		bytes += x->sheet.item[at + n++].size;
	return n;
}

/* Take the last batch back that was charged and not logged. */
static void take_back(struct export *x)
{
	while (x->logs > 0 && x->log[x->logs - 1].type == EVENT_OPENED)
		release_uncharge(x->release, x->log[--x->logs].handle);
}

/* Ask for each, and charge. On failure none of them was. */
static int charge_batch(struct payload *p, size_t at, size_t n)
{
	struct export *x = p->x;
	int rc = 0;

	x->judged = release_known(x->ask->releases);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = export_ask_gate(x, p->e);
		if (rc == 0)
			rc = release_charge_open(x->release, x->handle + at + i + 1,
						 x->sheet.item[at + i].size);
		if (rc == ERR_BUDGET)
			err_set(p->e, rc, "the budget of the authorisation is used up");
		if (rc == 0)
			add_opened(x, at + i);
	}
	if (rc)
		take_back(x);
	return rc;
}

/* Charge, and log them all, unless something came into the log since they were allowed that may make it
 * a no: then the gate is asked again. On failure none of them was opened. */
static int open_batch(struct payload *p, size_t at, size_t n)
{
	struct export *x = p->x;
	int rc = ERR_REVOKED;

	for (int i = 0; rc == ERR_REVOKED && i < TRIES; i++) {
		rc = refresh(p, i > 0);
		if (rc == 0)
			rc = charge_batch(p, at, n);
		if (rc)
			return rc;
		rc = write_log(x, p->e);
		if (rc)
			take_back(x);
	}
	return rc == ERR_REVOKED ? err_set(p->e, ERR_BUSY,
					   "other programs change what is released faster than "
					   "that can be taken in: try again") :
				   rc;
}

/* ---- an item ---- */

static int tell(struct payload *p, uint64_t more)
{
	const struct export *x = p->x;

	if (!x->ask->progress || !x->ask->progress(x->ask->ctx, x->done + more, x->sheet.bytes))
		return 0;
	return err_set(p->e, ERR_SYSTEM, "stopped: the package is not whole, and was removed");
}

static int copy(struct payload *p, struct reading *rd)
{
	uint64_t off = 0, size = p->o.size, bad_off = 0, bad_len = 0;
	size_t got;
	int rc = 0;

	while (rc == 0 && off < size) {
		rc = reading_read(rd, off, BUFFER, p->plain, &got, &p->work, &bad_off, &bad_len,
				  p->e);
		if (rc == ERR_DAMAGED)
			log_damage(p, bad_off, bad_len);
		if (rc == 0)
			rc = bag_write_put(&p->x->bag, p->plain, got, p->e);
		off += rc == 0 ? got : 0;
		if (rc == 0)
			rc = tell(p, off);
	}
	return rc;
}

static int load(struct payload *p, size_t i)
{
	struct db_txn *t = NULL;
	int rc = db_begin(&t, p->x->ask->station->db, false, p->e);

	if (rc == 0)
		rc = object_get(t, p->x->ino[i], &p->o, NULL, p->e);
	db_abort(t);
	/* An inode may be another item's once the index was rebuilt. */
	if (rc == 0 && memcmp(p->o.commitment, p->x->sheet.item[i].commitment, 32) != 0)
		rc = err_set(p->e, ERR_INDEX, "the index changed meanwhile: try again");
	return rc;
}

static int put_item(struct payload *p, size_t i)
{
	struct export *x = p->x;
	struct export_item *it = &x->sheet.item[i];
	struct reading *rd = NULL;
	int rc = load(p, i);

	if (rc == 0)
		rc = reading_open(&rd, x->ask->station, &p->o, x->release, x->handle + i + 1, p->e);
	if (rc == ERR_DAMAGED || rc == ERR_FORGED)
		log_damage(p, p->o.offset, p->o.headlen);
	if (rc == 0)
		rc = bag_write_begin(&x->bag, it->path, it->size, p->o.mtime_ns, p->e);
	if (rc == 0)
		rc = copy(p, rd);
	if (rc == 0)
		rc = bag_write_end(&x->bag, it->sha256, p->e);
	add_closed(x, i, rd ? reading_served(rd) : 0);
	reading_close(rd);
	if (rc == 0) {
		x->served++;
		x->done += it->size;
	}
	return rc;
}

static int put_batch(struct payload *p, size_t at, size_t n)
{
	size_t i = 0;
	int rc = open_batch(p, at, n);

	if (rc)
		return rc;
	while (rc == 0 && i < n)
		rc = put_item(p, at + i++);
	/* Of those that were opened and not read. */
	while (i < n)
		add_closed(p->x, at + i++, 0);
	return rc;
}

/* ---- all ---- */

/* What is in the log is signed for, and in the index: receipts have it. */
static int settle(struct export *x, struct err *e)
{
	struct station *st = x->ask->station;
	struct catchup_result caught;
	int rc = write_log(x, e);

	if (rc == 0)
		rc = journal_checkpoint(st->journal, e);
	return rc ? rc : catchup_run(st, 0, &caught, NULL, NULL, e);
}

int export_payload(struct export *x, struct err *e)
{
	struct payload p = {.x = x, .plain = malloc(BUFFER), .e = e};
	size_t n;
	int rc = 0;

	p.work.stored = malloc(READING_STORED);
	if (!p.plain || !p.work.stored)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	/* Handles of a mount are counted from 1: these are apart from them, and from each other. */
	secret_random(&x->handle, 6);
	for (size_t at = 0; rc == 0 && at < x->sheet.items; at += n) {
		n = batch_of(x, at);
		rc = put_batch(&p, at, n);
	}
	if (rc == 0)
		rc = settle(x, e);
	if (p.plain)
		secret_wipe(p.plain, BUFFER);
	free(p.plain);
	stream_run_free(&p.work.run);
	free(p.work.stored);
	return rc;
}
