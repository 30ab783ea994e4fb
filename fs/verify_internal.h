/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify_internal: what the parts of fs/verify share. Nobody else includes it.
 *
 *   verify.c           the run, findings, sums
 *   verify_document.c  documents/: their signatures, what they say of journals
 *   verify_admitted.c  who admitted them, and when
 *   verify_use.c       whether openings are behind what ended their authorisation
 *   verify_log.c       journal/: which journals there are, and which there should be
 *   verify_lines.c     one journal: lines, checkpoint, root; collects what the lines name
 *   verify_match.c     what lines say of each other: segments, accessions
 *   verify_claim.c     ids that are claimed twice
 *   verify_sample.c    which items are read
 *   verify_segment.c   segments/: headers, what is missing, what nobody knows; its threads
 *   verify_frame.c     one frame against its line
 *
 * Journals are read once and then again line by line, so that memory grows by 56 bytes an item.
 */
#ifndef CUSTODY_FS_VERIFY_INTERNAL_H
#define CUSTODY_FS_VERIFY_INTERNAL_H

#include <pthread.h>
#include <stddef.h>

#include "crypto/hash.h"
#include "fs/archive_history.h"
#include "fs/frame.h"
#include "fs/roster.h"
#include "fs/segment.h"
#include "fs/verify.h"
#include "index/event.h"

/* A list that grows; elements of one size. */
struct verify_list {
	void *p;
	size_t n, cap;
};

/* A size and root that a journal had when something was signed. */
struct verify_anchor {
	uint8_t node[16], root[32];
	uint64_t size;
	char from[72]; /* "authorisation 1f2e..." */
};

/* A file of documents/. */
struct verify_document {
	uint8_t serial[16], digest[32];
	char kind[32];
	int code; /* 0: it is good; else why not */
	char why[480];
	uint32_t version; /* of the archive.txt by whose keys it is good; 0: by none */
	bool named;	  /* by some journal */
	/* What it says, where it is good; REVOKE_..., 0 if it is no revocation. */
	int revokes;
	uint8_t target[16]; /* authorisation or node that it revokes; node of a restore */
	struct sshkey key;  /* the same */
	int64_t issued_ms;  /* of an authorisation, a revocation, a restore */
};

/* A document that a journal line names. */
struct verify_naming {
	uint8_t serial[16], digest[32];
	char kind[32];
	uint32_t journal;
	uint32_t version; /* of archive.txt that the journal had admitted before; 0: it says none */
	uint64_t line;	  /* from 0 */
};

/* The openings of a journal under one authorisation. */
struct verify_use {
	uint8_t release[16];
	uint32_t journal;
	uint64_t last; /* line of the last one, from 0 */
};

struct verify_journal {
	uint8_t node[16];
	uint32_t version;	/* of archive.txt that it admits last; 0: none */
	bool lines, checkpoint; /* which of its files are there */
};

struct verify_segment {
	uint8_t id[16], accession[16], header[32];
	uint32_t journal;
	size_t first, count; /* its items in `placed`, once that is sorted */
};

/* An ingest event: where its frame is, and where its line. */
struct verify_placed {
	uint8_t segment[16], item[16];
	uint64_t offset, line_off;
	uint32_t journal;
	uint32_t line_len : 31;
	uint32_t skip : 1; /* it is not to be read */
};

struct verify_accession {
	uint8_t id[16];
	uint64_t items; /* closed: as its last event says; opened: as counted */
	uint32_t journal;
};

struct verify {
	const struct archive *a;
	const struct verify_ask *ask;
	struct verify_sum *sum;
	struct roster *roster;
	struct archive_history history;
	pthread_mutex_t lock; /* guards callbacks, done and what is found while workers run */
	uint64_t total, done; /* bytes */
	struct hash_ctx root;

	struct verify_list anchors;   /* struct verify_anchor, by node and size */
	struct verify_list documents; /* struct verify_document, by serial and kind */
	struct verify_list namings;   /* struct verify_naming */
	struct verify_list journals;  /* struct verify_journal, by node */
	struct verify_list
		segments;	   /* struct verify_segment; by id, journal after verify_match() */
	struct verify_list placed; /* struct verify_placed; by segment, journal, offset after it */
	struct verify_list uses;   /* struct verify_use; by journal and release */
	struct verify_list ended;  /* the same, of `release-ended`: last is its first line */
	struct verify_list opened; /* struct verify_accession */
	struct verify_list closed; /* struct verify_accession */
};

/* A new zeroed element; NULL when memory is short. */
void *verify_add(struct verify_list *l, size_t size);

/* Tell of something that is wrong. f (may be NULL) says where; its code and text are set here. A
 * code of exit 4 counts as damage, every other one as "could not check". Returns 0, so that the run
 * goes on. From any thread. */
__attribute__((format(printf, 4, 5))) int
verify_tell(struct verify *v, const struct verify_finding *f, int code, const char *fmt, ...);
/* Tell of something that is not wrong, but worth knowing. From any thread. */
__attribute__((format(printf, 2, 3))) void verify_note(struct verify *v, const char *fmt, ...);
/* So many bytes more are done. From any thread. */
void verify_progress(struct verify *v, uint64_t bytes);

/* All return 0, whatever they found, or ERR_NOMEM or ERR_SYSTEM when they can't go on. */
int verify_documents(struct verify *v, struct err *e); /* documents/; fills anchors */
/* One of v->documents; looked for in documents/ when it is new there. ERR_NOTFOUND. Valid until the next
 * call. */
int verify_document_get(struct verify *v, const uint8_t serial[16], const char *kind,
			struct verify_document **out, struct err *e);
int verify_cosigned(struct verify *v, struct err *e); /* fills anchors; before verify_documents() */
int verify_log(struct verify *v, struct err *e);      /* journal/; fills the other lists */
/* One journal of v->journals, by its number. */
int verify_lines(struct verify *v, uint32_t number, struct err *e);
int verify_admitted(struct verify *v, struct err *e); /* journals' namings against documents */
/* Note an opening, or the end of a release, in line `line` of the last journal of the lists. ERR_NOMEM. */
int verify_use_note(struct verify *v, uint32_t journal, const struct event *ev, uint64_t line);
/* After verify_admitted(): no journal opens anything behind what it knew to have ended it. */
int verify_use(struct verify *v, struct err *e);
int verify_match(struct verify *v, struct err *e); /* sorts and compares */
/* Which items are read, of those that the ask leaves. */
void verify_sample(struct verify *v);
/* Ids are drawn at random: tell of every accession, segment and item id that two journals name, or
 * one journal twice. Sorts, and drops nothing. */
void verify_claims(struct verify *v);
/* qsort() of a list. */
void verify_sort(struct verify_list *l, size_t size, int (*order)(const void *, const void *));
int verify_segments(struct verify *v, struct err *e); /* segments/ */

/* The anchor that a person gave (ask->checkpoint). ERR_FORGED, ERR_FOREIGN, ERR_MALFORMED and the
 * codes of file_read_path: it can't be used. */
int verify_earlier(struct verify *v, struct err *e);
/* Node id of an origin of this archive; false if it is another's. */
bool verify_origin(const struct verify *v, const char *origin, uint8_t node[16]);

/* A segment that is being checked. Its items are taken one by one, in order of their places, by
 * whoever has nothing else to do: an archive of one segment keeps all processors busy. */
struct verify_open {
	const struct verify_segment *seg;
	char path[SEGMENT_PATH_MAX];
	int fd;
	uint64_t size;		      /* of the file */
	struct segment_header header; /* len 0: it is not good */
	unsigned readers;	      /* guarded by struct verify_work's lock */

	pthread_mutex_t lock; /* guards these: */
	size_t next;	      /* item to be taken, of seg->count */
	uint64_t end;	      /* of the frames before it */
	uint64_t gaps;	      /* bytes between them */
};

/* One thread's work. */
struct verify_reader {
	struct verify *v;
	pthread_t thread;
	uint8_t *buf; /* VERIFY_BUFFER bytes */
	struct linewindow *lines;
	struct verify_open *o;	/* the segment at hand */
	uint64_t bytes, unsaid; /* checked; read and not yet told to verify_progress() */
};

/* Bytes read at a time; the longest head fits. */
#define VERIFY_BUFFER FRAME_HEAD_MAX

/* verify_frame.c: check the frame of the next item of r's segment, whose file is open. False when
 * there is none any more. Many may take items of one segment at once. */
bool verify_frame_next(struct verify_reader *r);
/* Tell of an item that it can't be had, without looking for its frame. */
void verify_frame_lost(struct verify_reader *r, const struct verify_placed *p, int code,
		       const char *what);

#endif
