/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front_internal: what the files of the mount share. See fs/front.h for the lock order.
 */
#ifndef CUSTODY_FS_FRONT_INTERNAL_H
#define CUSTODY_FS_FRONT_INTERNAL_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>

#include "fs/front.h"
#include "fs/reading.h"
#include "fs/release.h"
#include "index/event.h"
#include "index/object.h"

/* Items never change; the limit is there so that a name that lost a collision does not stay. */
#define FRONT_TIMEOUT_ITEM 3600.0
#define FRONT_TIMEOUT_DIR 1.0
#define FRONT_TICK_MS 100
#define FRONT_READ_MAX (1u << 20)
#define FRONT_HINTS 256u
#define FRONT_DIRS 4096u
#define FRONT_REFUSALS 64u

struct front_refusal {
	uint32_t uid;
	char program[EVENT_STR_MAX];
	int64_t window; /* second it belongs to */
	struct event ev;
	uint64_t count; /* refusals not yet written */
	bool used;
};

struct front_buffer {
	struct front_buffer *next;
	uint8_t *plain; /* FRONT_READ_MAX */
	size_t dirty;	/* bytes of it that may have plaintext */
	uint64_t ends;	/* of the front, when it was taken */
	struct reading_work work;
};

struct front_pages;
struct front_nodes;

struct front {
	struct station *st;
	const struct front_options *opt;
	struct fuse_session *se;
	struct release_set *releases;
	int proc; /* this process in /proc */
	pthread_t main_thread, watcher, dropper, signals, timer;
	bool watcher_on, dropper_on, signals_on, timer_on;

	atomic_bool ending;    /* no new grants: the mount is going down */
	atomic_bool caught_up; /* the first catch-up is complete */
	atomic_bool loaded;    /* the releases were loaded once */
	atomic_bool left_loop;
	atomic_bool asked; /* there was a request since the watcher looked */
	atomic_bool told_ending;
	atomic_uint_least64_t generation; /* of the names: changes when a catch-up added some */
	atomic_uint_least64_t handles;	  /* last handle number */
	atomic_uint_least64_t items, stored;

	pthread_mutex_t refresh_lock; /* one catch-up or reload at a time */

	/* Until when this node's enrolment holds, ms; 0 when it was revoked. Set by each reload. */
	atomic_int_least64_t enrolled_until;

	pthread_mutex_t nodes_lock; /* front_nodes.c */
	struct front_nodes *nodes;

	pthread_mutex_t pages_lock; /* front_pages.c */
	struct front_pages *pages;

	pthread_mutex_t log_lock; /* front_log.c */
	struct event *late;	  /* events that need not be durable yet */
	size_t late_n, late_cap;
	struct front_refusal refusal[FRONT_REFUSALS];
	atomic_bool dirty; /* lines were written since the last checkpoint */

	pthread_mutex_t buf_lock;
	struct front_buffer *buffers;
	uint64_t ends; /* how often all buffers were wiped */

	atomic_uint_least64_t dir_seen[FRONT_DIRS]; /* generation at the last opendir, by hash */
	atomic_int hint[FRONT_HINTS];		    /* front_dir.c: threads that look items up */

	int64_t base_real_ms, base_boot_ms;
};

/* The front a request is for. Notes that somebody asked: read by the watcher, and written seldom, since
 * all threads share it. */
static inline struct front *front_of(fuse_req_t req)
{
	struct front *f = fuse_req_userdata(req);

	if (!atomic_load_explicit(&f->asked, memory_order_relaxed))
		atomic_store_explicit(&f->asked, true, memory_order_relaxed);
	return f;
}

/* Wall clock that never runs back while the mount lives, whatever is done to the system's. */
int64_t front_now(const struct front *f);

/* Who asks. pid and program are advice: only uid decides. */
struct front_caller {
	uint32_t uid, loginuid;
	uint64_t pid;
	char user[EVENT_STR_MAX];
	char program[EVENT_STR_MAX];
};
void front_caller_of(fuse_req_t req, struct front_caller *c);

/* front_log.c: the journal as the front uses it. */
/* Durable now, together with everything that waits. */
int front_log_now(struct front *f, struct event *ev, struct err *e);
/* Written within a tick, or before, when very many wait. Does no I/O. */
void front_log_late(struct front *f, const struct event *ev);
/* A refusal: the first of its user, program and second is durable at once, the rest are counted. */
void front_log_refusal(struct front *f, const struct object *o, const struct front_caller *c,
		       int code, const uint8_t near[16]);
void front_log_flush(struct front *f, bool all);
__attribute__((format(printf, 3, 4))) void front_say(struct front *f, enum message m,
						     const char *fmt, ...);

/* front_nodes.c: which node id serves which release. A node id is the item's inode number, or an
 * alias of it. */
int front_nodes_new(struct front *f, struct err *e);
void front_nodes_free(struct front *f);
/* The item's inode number. */
uint64_t front_nodes_ino(struct front *f, uint64_t id);
/* Was the item's own node id given to some release? Then LOOKUP must ask whose caller it is. */
bool front_nodes_taken(struct front *f, uint64_t ino);
/* The node id under which a release may open the item. */
uint64_t front_nodes_for(struct front *f, uint64_t ino, const uint8_t release[16]);
/* 0 if the release may open this node id, which is then its own; ERR_NOTFOUND (answer ESTALE). */
int front_nodes_claim(struct front *f, uint64_t id, const uint8_t release[16]);
/* Is this the first OPEN of a node id that is granted? Then no page of it is kept, its answer need not
 * wait for the log, and front_nodes_logged() must follow. Of a node id that was claimed. */
bool front_nodes_first(struct front *f, uint64_t id);
/* The first OPEN is in the log, or can't be: then the node id is never opened again, since pages that
 * others fill would be read through its handle. */
void front_nodes_logged(struct front *f, uint64_t id, bool durable);
/* Of an OPEN that is not the first: wait until that is in the log. 0, or ERR_NOTFOUND (answer ESTALE)
 * when the node id is not to be opened any more. */
int front_nodes_await(struct front *f, uint64_t id);
/* The release ended: its node ids are never opened again. */
void front_nodes_retire(struct front *f, const uint8_t release[16]);

/* front_pages.c: which inodes may have plaintext in the page cache, by release, and the thread
 * that has the kernel drop it. */
int front_pages_new(struct front *f, struct err *e);
void front_pages_free(struct front *f);
int front_pages_note(struct front *f, const uint8_t release[16], uint64_t node);
/* Queue all inodes of a release for dropping. */
void front_pages_drop(struct front *f, const uint8_t release[16]);
void front_pages_drop_all(struct front *f);
/* Wait until the queue is empty, at most so long. True if it is. */
bool front_pages_wait(struct front *f, int timeout_ms);
void *front_pages_thread(void *front);
/* Have the thread end once its queue is empty. */
void front_pages_stop(struct front *f);

/* front_watch.c */
/* Catch up and reload releases if anything changed. Any thread. */
void front_refresh(struct front *f, bool force);
void front_end_release(struct front *f, struct release *r, int why);
/* Ends what is over by the clock. Does no I/O and waits for nobody who does. */
void *front_timer_thread(void *front);
/* The gate's answer for a caller, with news looked for before it says no. */
int front_ask_gate(struct front *f, const struct object *o, uint32_t uid, struct release **out,
		   uint8_t near[16]);
void *front_watch_thread(void *front);
/* It begins to end: no new grants, and whoever waits for that is told, once. */
void front_end(struct front *f);
/* Index totals for statfs, which never waits. */
void front_totals(struct front *f);

/* Operations, by file. */
extern const struct fuse_lowlevel_ops front_ops;
void front_op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void front_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void front_op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void front_op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void front_op_readlink(fuse_req_t req, fuse_ino_t id);
void front_op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void front_op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		      struct fuse_file_info *fi);
void front_op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			  struct fuse_file_info *fi);
void front_op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void front_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void front_op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		   struct fuse_file_info *fi);
void front_op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

/* front_view.c: the views beside the collections. Is it a number of theirs? Others never are. */
bool front_view_is(const struct front *f, uint64_t id);
void front_view_getattr(fuse_req_t req, fuse_ino_t id);
/* A name in a folder of a view, or of a view at the root that no collection has. ERR_NOTFOUND, ERR_INDEX. */
int front_view_lookup(struct front *f, fuse_ino_t parent, const char *name,
		      struct fuse_entry_param *en);
/* What comes after position off in a folder of a view, or the views themselves after the root's
 * collections; st has number and kind alone. Ends when cb does not return 0. */
int front_view_list(struct front *f, struct db_txn *t, uint64_t id, uint64_t off,
		    int (*cb)(void *ctx, const char *name, const struct stat *st, uint64_t pos),
		    void *ctx);

/* The caller looks an item up by name: listings with attributes would spare it that. */
void front_dir_hint(fuse_req_t req);

/* The bytes of one request, at most: kernel and daemon have to agree. */
unsigned front_max_read(const struct front *f);

/* Attributes of an object as the kernel wants them. */
void front_attr_item(const struct front *f, struct stat *st, uint64_t ino, enum object_kind kind,
		     uint64_t size, uint64_t nlink, int64_t mtime_ns);
/* front_buffer.c: read buffers, kept for the next request. NULL when out of memory. Who takes one says
 * in `dirty` how much of it may have plaintext. */
struct front_buffer *front_buffer_take(struct front *f);
void front_buffer_give(struct front *f, struct front_buffer *b);
/* Plaintext of a release that ended: wiped now, or when the thread that has it gives it back. */
void front_buffer_wipe_all(struct front *f);
void front_buffer_free_all(struct front *f);

#endif
