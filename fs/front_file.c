// SPDX-License-Identifier: Apache-2.0
/*
 * Content. OPEN asks the gate and gets the key. Its answer carries no byte of the item, so `opened`
 * is journalled after it: while the disk syncs, the caller comes back with its first READ, and that
 * is read and opened. It is answered once `opened` is durable. That goes for the first OPEN of a node
 * id: of later ones the kernel may have pages, so that no READ comes, and they are answered once they
 * are durable (front_nodes.c). READ checks before and after that the release lasts. The kernel may keep pages for the life of the release: they are dropped when it ends
 * (front_pages.c).
 */
#include "fs/front_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fs/gate.h"

#define TRIES 5 /* to log an open while revocations come in */

/* Is `opened` in the journal? */
enum { LOG_WAITS = 1, LOG_DURABLE = 0 }; /* or why it never will be: below 0 */

struct front_file {
	atomic_uint refs; /* the kernel's, until RELEASE; and of who journals `opened` */
	struct reading *rd;
	uint64_t ino, handle;
	uint64_t judged; /* lines of our log that the gate went by */
	uint8_t item[16], release[16];
	struct front_caller who;
	pthread_mutex_t lock; /* guards: */
	pthread_cond_t told;
	int logged;
};

static void item_event(struct event *ev, enum event_type type, const struct front_file *ff)
{
	memset(ev, 0, sizeof(*ev));
	ev->type = type;
	ev->handle = ff->handle;
	memcpy(ev->item, ff->item, 16);
	memcpy(ev->release, ff->release, 16);
}

/*
 * `opened` is logged unless something came into the log since the gate's yes that may make it a no: a
 * revocation, or, where opens or bytes are counted, what another process of the node opened. Then the
 * releases are loaded anew, and it is for this one to say whether it was meant.
 */
static int append_opened(struct front *f, struct front_file *ff, struct event *ev, struct err *e)
{
	struct release *r = reading_release(ff->rd);
	int rc = ERR_REVOKED;

	release_bind(r, ff->judged, ev);
	for (int i = 0; rc == ERR_REVOKED && i < TRIES; i++) {
		rc = front_log_now(f, ev, e);
		if (rc != ERR_REVOKED)
			break;
		front_refresh(f, true);
		if (release_ended(r) < 0)
			return release_ended(r);
		if (release_over(r) < 0)
			return release_over(r);
		if (front_now(f) > atomic_load(&f->enrolled_until))
			return ERR_REVOKED;
		ev->judged = release_known(f->releases);
	}
	return rc == ERR_REVOKED ? err_set(e, ERR_BUSY,
					   "other programs change what is released faster than "
					   "that can be taken in") :
				   rc;
}

/* Journal `opened`, durably, and let the reads go that wait for it. */
static int log_opened(struct front *f, struct front_file *ff)
{
	struct event ev;
	struct err e = {0};
	int rc;

	item_event(&ev, EVENT_OPENED, ff);
	ev.uid = ff->who.uid;
	ev.loginuid = ff->who.loginuid;
	ev.pid = ff->who.pid;
	memcpy(ev.user, ff->who.user, sizeof(ev.user));
	memcpy(ev.program, ff->who.program, sizeof(ev.program));
	rc = append_opened(f, ff, &ev, &e);
	if (rc < 0)
		release_uncharge(reading_release(ff->rd), ff->handle);
	if (rc < 0 && err_exit(rc) != 7)
		front_say(f, MESSAGE_JOURNAL, "the journal can't be written: %s", e.text);
	pthread_mutex_lock(&ff->lock);
	ff->logged = rc;
	pthread_cond_broadcast(&ff->told);
	pthread_mutex_unlock(&ff->lock);
	return rc;
}

/* 0 once `opened` is durable, or why it can't be. */
static int await_log(struct front_file *ff)
{
	int logged;

	pthread_mutex_lock(&ff->lock);
	while (ff->logged == LOG_WAITS)
		pthread_cond_wait(&ff->told, &ff->lock);
	logged = ff->logged;
	pthread_mutex_unlock(&ff->lock);
	return logged;
}

/* It was opened, and then could not be logged as such. */
static bool was_refused(struct front_file *ff)
{
	bool refused;

	pthread_mutex_lock(&ff->lock);
	refused = ff->logged < 0;
	pthread_mutex_unlock(&ff->lock);
	return refused;
}

static int decide(struct front *f, const struct object *o, uint32_t uid, struct release **out,
		  uint8_t near[16])
{
	struct gate_ask ask = {.uid = uid, .now_ms = front_now(f)};
	struct journal_start js;
	int64_t now;
	int rc = station_now(f->st, &now, NULL);

	memset(near, 0, 16);
	if (rc < 0)
		return rc;
	journal_state(f->st->journal, &js);
	ask.last_ms = js.last_ms;
	memcpy(ask.item, o->item, 16);
	memcpy(ask.accession, o->accession, 16);
	memcpy(ask.commitment, o->commitment, 32);
	return gate_decide(f->releases, &ask, out, near);
}

int front_ask_gate(struct front *f, const struct object *o, uint32_t uid, struct release **out,
		   uint8_t near[16])
{
	int rc;

	if (atomic_load(&f->ending))
		return ERR_BUSY;
	if (!atomic_load(&f->caught_up) || !atomic_load(&f->loaded))
		front_refresh(f, true);
	if (front_now(f) > atomic_load(&f->enrolled_until)) {
		memset(near, 0, 16);
		return atomic_load(&f->enrolled_until) ? ERR_EXPIRED : ERR_REVOKED;
	}
	rc = decide(f, o, uid, out, near);
	if (rc < 0 && rc != ERR_CLOCK) {
		front_refresh(f, false);
		rc = decide(f, o, uid, out, near);
	}
	return rc;
}

static void log_damage(struct front *f, const struct object *o, uint64_t off, uint64_t len,
		       const char *what)
{
	struct event ev = {.type = EVENT_DAMAGED, .offset = off, .length = len};
	char hex[33];

	memcpy(ev.item, o->item, 16);
	memcpy(ev.segment, o->segment, 16);
	strncpy(ev.what, what, sizeof(ev.what) - 1);
	front_log_late(f, &ev);
	text_hex(hex, o->item, 16);
	front_say(f, MESSAGE_DAMAGED, "item %s is damaged: %s", hex, what);
}

static int load_item(struct front *f, uint64_t ino, struct object *o)
{
	struct db_txn *t = NULL;
	int rc = db_begin(&t, f->st->db, false, NULL);

	if (rc == 0)
		rc = object_get(t, ino, o, NULL, NULL);
	db_abort(t);
	return rc;
}

static void file_free(struct front_file *ff)
{
	reading_close(ff->rd);
	pthread_cond_destroy(&ff->told);
	pthread_mutex_destroy(&ff->lock);
	free(ff);
}

/* The last to let go says that it is closed: after `opened`, whoever is faster. */
static void file_drop(struct front *f, struct front_file *ff)
{
	struct event ev;

	if (atomic_fetch_sub(&ff->refs, 1) != 1)
		return;
	if (ff->logged == LOG_DURABLE) {
		item_event(&ev, EVENT_CLOSED, ff);
		ev.bytes = reading_served(ff->rd);
		front_log_late(f, &ev);
	}
	file_free(ff);
}

/* Everything between the gate's yes and the answer. *out, with the kernel's hold and ours, is NULL on
 * failure. */
static int grant(struct front *f, const struct object *o, uint64_t node, struct release *r,
		 uint64_t judged, const struct front_caller *who, struct front_file **out)
{
	struct front_file *ff = calloc(1, sizeof(*ff));
	struct err e = {0};
	int rc;

	*out = NULL;
	if (!ff)
		return ERR_NOMEM;
	atomic_init(&ff->refs, 2);
	pthread_mutex_init(&ff->lock, NULL);
	pthread_cond_init(&ff->told, NULL);
	ff->logged = LOG_WAITS;
	ff->ino = o->ino;
	ff->judged = judged;
	ff->handle = atomic_fetch_add(&f->handles, 1) + 1;
	ff->who = *who;
	memcpy(ff->item, o->item, 16);
	memcpy(ff->release, release_terms(r)->serial, 16);
	rc = reading_open(&ff->rd, f->st, o, r, ff->handle, &e);
	if (rc == ERR_DAMAGED || rc == ERR_FORGED)
		log_damage(f, o, o->offset, o->headlen, e.text);
	if (rc == 0)
		rc = front_pages_note(f, ff->release, node);
	if (rc == 0)
		rc = release_charge_open(r, ff->handle, o->size);
	if (rc < 0) {
		file_free(ff);
		return rc;
	}
	*out = ff;
	return 0;
}

/* Log why no bytes are given; end the release if that is why. */
static void refuse(struct front *f, struct front_file *ff, int rc, uint64_t off, uint64_t len,
		   const char *text)
{
	uint8_t near[16];
	struct object o;

	if (load_item(f, ff->ino, &o) < 0)
		return;
	if (rc == ERR_DAMAGED) {
		log_damage(f, &o, off, len, text);
	} else if (err_exit(rc) == 7) {
		memcpy(near, ff->release, 16);
		front_log_refusal(f, &o, &ff->who, rc, near);
		/* Not for a budget: less may be asked for next, and others may give back what they claim. */
		if (rc == ERR_EXPIRED)
			front_end_release(f, reading_release(ff->rd), rc);
	}
}

/* Answer, and journal `opened`, in the order that the node id asks for. Lets go of both holds that the
 * kernel does not get. */
static void answer(fuse_req_t req, struct front *f, uint64_t node, struct front_file *ff,
		   struct fuse_file_info *fi)
{
	bool first = front_nodes_first(f, node);
	int rc = first ? 0 : log_opened(f, ff);

	if (rc == 0 && !first)
		rc = front_nodes_await(f, node);
	fi->fh = (uint64_t)(uintptr_t)ff;
	fi->keep_cache = 1;
	fi->noflush = 1;
	if (rc < 0) {
		refuse(f, ff, rc, 0, 0, "");
		fuse_reply_err(req, rc == ERR_NOTFOUND ? ESTALE : err_errno(rc));
		file_drop(f, ff);
	} else if (fuse_reply_open(req, fi) == -ENOENT) {
		file_drop(f, ff); /* it was interrupted: neither READ nor RELEASE comes */
	}
	if (first) {
		rc = log_opened(f, ff);
		front_nodes_logged(f, node, rc == 0);
		if (rc < 0)
			refuse(f, ff, rc, 0, 0, "");
	}
	file_drop(f, ff);
}

void front_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct front *f = front_of(req);
	struct release *r = NULL;
	struct front_file *ff = NULL;
	struct front_caller who;
	struct object o;
	uint64_t judged;
	uint8_t near[16];
	int rc;

	/* `ro` is no boundary: root can remount. A writable mapping would forge what others read. */
	if ((fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & (O_TRUNC | O_APPEND | O_CREAT))) {
		fuse_reply_err(req, EROFS);
		return;
	}
	/*
	 * The kernel itself opens with no flags at all, for FS_IOC_GETFLAGS (lsattr), and reads nothing;
	 * so does a 32-bit program without large files, and reads. Neither is served.
	 */
	if (fi->flags == 0) {
		fuse_reply_err(req, EOPNOTSUPP);
		return;
	}
	rc = load_item(f, front_nodes_ino(f, ino), &o);
	if (rc < 0 || o.kind != OBJECT_ITEM) {
		fuse_reply_err(req, rc == ERR_NOTFOUND ? ESTALE : rc < 0 ? err_errno(rc) : EISDIR);
		return;
	}
	front_caller_of(req, &who);
	judged = release_known(f->releases); /* before the gate is asked */
	rc = front_ask_gate(f, &o, who.uid, &r, near);
	if (rc == 0 && front_nodes_claim(f, ino, release_terms(r)->serial) < 0) {
		release_drop(r);
		fuse_reply_err(req, ESTALE); /* the kernel looks the name up again */
		return;
	}
	if (rc == 0)
		rc = grant(f, &o, ino, r, judged, &who, &ff);
	if (r)
		release_drop(r);
	if (rc < 0) {
		if (err_exit(rc) == 7)
			front_log_refusal(f, &o, &who, rc, near);
		fuse_reply_err(req, err_errno(rc));
		return;
	}
	answer(req, f, ino, ff, fi);
}

/* 0 as long as the release does. */
static int lasts(const struct front *f, const struct front_file *ff)
{
	const struct release *r = reading_release(ff->rd);

	return front_now(f) > release_terms(r)->not_after_ms ? ERR_EXPIRED : release_ended(r);
}

/* What can't be read, and why. */
struct damage {
	uint64_t off, len;
	struct err e;
};

/* Read, and when a budget says no, once more by what the log says now: others may have been counted for
 * more than they took. */
static int read_some(struct front *f, struct front_file *ff, off_t off, size_t size,
		     struct front_buffer *b, size_t *got, struct damage *bad)
{
	int rc = ERR_BUDGET;

	for (int i = 0; rc == ERR_BUDGET && i < 2; i++) {
		if (i)
			front_refresh(f, true);
		rc = reading_read(ff->rd, (uint64_t)off, size, b->plain, got, &b->work, &bad->off,
				  &bad->len, &bad->e);
	}
	/* Its charge was taken back: `opened` can't be logged. */
	return rc == ERR_NOTFOUND && await_log(ff) < 0 ? await_log(ff) : rc;
}

void front_op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		   struct fuse_file_info *fi)
{
	struct front *f = front_of(req);
	struct front_file *ff = (struct front_file *)(uintptr_t)fi->fh;
	struct front_buffer *b = NULL;
	struct damage bad = {.len = 0};
	size_t got = 0;
	int rc = lasts(f, ff);

	(void)ino;
	if (size > FRONT_READ_MAX)
		size = FRONT_READ_MAX;
	if (rc == 0) {
		b = front_buffer_take(f);
		if (b && b->dirty < size)
			b->dirty = size;
		rc = b ? read_some(f, ff, off, size, b, &got, &bad) : ERR_NOMEM;
	}
	if (rc == 0)
		rc = await_log(ff);
	if (rc == 0)
		rc = lasts(f, ff); /* that may have taken long */
	if (rc < 0) {
		if (!was_refused(ff)) /* that is in the log already */
			refuse(f, ff, rc, bad.off, bad.len, bad.e.text);
		fuse_reply_err(req, err_errno(rc));
	} else {
		fuse_reply_buf(req, (const char *)b->plain, got);
	}
	if (b)
		front_buffer_give(f, b);
}

/* RELEASE comes once, after the last descriptor and mapping is gone, and names no caller. */
void front_op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct front *f = front_of(req);
	struct front_file *ff = (struct front_file *)(uintptr_t)fi->fh;

	(void)ino;
	file_drop(f, ff);
	fuse_reply_err(req, 0);
}
