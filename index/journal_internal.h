/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal_internal: what the files of index/journal share. Nobody else includes it.
 *
 *   journal.c          the queue of waiting appends; opening and closing
 *   journal_write.c    the lock, one batch of lines, the checkpoint
 *   journal_recover.c  what is on disk: another process's lines, the checkpoint, a torn tail
 *   journal_read.c     reading lines, and anybody's checkpoint
 *
 * Order: take the turn (one thread of the process), then the node's lock (one process), then let
 * go in reverse order. Errors are always collected in a struct err that is not NULL.
 */
#ifndef CUSTODY_INDEX_JOURNAL_INTERNAL_H
#define CUSTODY_INDEX_JOURNAL_INTERNAL_H

#include <pthread.h>
#include <string.h>

#include "index/journal.h"

#define JOURNAL_FILE_NAME 48 /* "<node id>.checkpoint" with its NUL */
#define JOURNAL_MODE 0640
#define JOURNAL_LOCK "journal.lock"

struct journal_wait;

struct journal {
	/* Fixed once open. */
	int dirfd, fd;
	int lockfd; /* journal.lock in the node's directory */
	char name[JOURNAL_FILE_NAME];
	char origin[NOTE_NAME_MAX];
	uint8_t archive[16];
	const struct identity *id;

	pthread_mutex_t lock; /* guards these: */
	pthread_cond_t turn_over;
	bool taken; /* somebody has the turn */
	struct journal_wait *first, **last;
	struct journal_start seen; /* `now`, as published by the last turn */

	/* Belong to whose turn it is. */
	struct journal_start now; /* the good lines, all our own writes durable */
	struct tree_state anchor; /* the longest prefix of it known to agree with what was signed */
	uint64_t signed_size;	  /* of the checkpoint on disk as last seen; 0: none */
	bool unsynced;		  /* `now` has lines that another process wrote */
	struct wire_out out;	  /* lines of the batch */
	struct err dead;	  /* code != 0: nothing is ever written again */
};

/* Keep in mind that a line ends what was allowed; ev is the one that comes behind *s. */
static inline void journal_note(struct journal_start *s, const struct event *ev)
{
	if (ev->type == EVENT_RELEASE_ENDED ||
	    (ev->type == EVENT_ADMITTED &&
	     (strcmp(ev->kind, "revocation") == 0 || strcmp(ev->kind, "restore") == 0)))
		s->ended = s->state.range.size + 1;
}

/* What the MACs of its lines are made with. */
static inline struct event_key journal_key(const struct journal *j)
{
	return (struct event_key){j->id->journal, j->archive};
}

/* "<node id>.<suffix>" */
void journal_file_name(char out[JOURNAL_FILE_NAME], const uint8_t node_id[16], const char *suffix);

/* ---- journal_write.c; the caller has the turn ---- */

/* Take the lock and read what other processes added. Undone by journal_unlock(). */
int journal_lock(struct journal *j, struct err *e);
void journal_unlock(struct journal *j);
/* Give ev its seq and time, append its line to j->out and advance *next. On error both are as
 * before. */
int journal_format(struct journal *j, struct journal_start *next, struct event *ev);
/* The same for the first line. */
int journal_format_started(struct journal *j, struct journal_start *next);
/* Write j->out, whose lines lead from j->now to *next, and make it durable. On failure nothing of
 * it stays in the file, or the journal is dead. */
int journal_store(struct journal *j, const struct journal_start *next, struct err *e);
/* fdatasync; a failure is for ever. */
int journal_sync(struct journal *j, struct err *e);
/* Replace the checkpoint on disk if it covers less than j->now. */
int journal_sign(struct journal *j, struct err *e);
/* The journal is not to be written again, because of what is in *e. Returns its code. */
int journal_kill(struct journal *j, struct err *e);

/* ---- journal_recover.c; the caller has the turn and the lock ---- */

/* Read on from j->now and check against the checkpoint; cut a torn tail. */
int journal_recover(struct journal *j, struct err *e);
/* The same for the lines that were added since; quick when there are none. */
int journal_catch_up(struct journal *j, struct err *e);
/* 0 if the checkpoint on disk agrees with our lines. cp->size is 0 if there is none. */
int journal_compare(struct journal *j, struct note_checkpoint *cp, struct err *e);

/* ---- journal_read.c ---- */

/* After ERR_MALFORMED: go on after the next LF. ERR_NOTFOUND when there is none. */
int journal_reader_skip(struct journal_reader *r, struct err *e);

#endif
