/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_internal: what the parts of fs/backup share. Nobody else includes it.
 *
 *   backup.c           the run: what is there, what is new, the generation, findings
 *   backup_journal.c   journals: read, proved, written
 *   backup_segment.c   segments: looked at, written, read back
 *   backup_document.c  documents/ and archive.txt
 *   backup_stream.c    all of it as a tar stream
 *   backup_list.c      names alone
 *   backup_restore.c   the way back
 */
#ifndef CUSTODY_FS_BACKUP_INTERNAL_H
#define CUSTODY_FS_BACKUP_INTERNAL_H

#include "fs/backup.h"
#include "fs/backup_log.h"
#include "fs/backup_plan.h"
#include "fs/backup_state.h"

struct backup {
	const struct archive *a;
	const struct backup_ask *ask;
	struct backup_sum *sum;
	struct roster *roster;
	struct backup_dest dest;
	struct backup_state old; /* of the last generation */
	bool again;		 /* there is one, and its state can't be used: all is read */
	bool changed;		 /* there is something new */
	struct backup_log *log;	 /* owned; by node */
	size_t logs;
	struct backup_plan plan;
	struct backup_frame *owed; /* owned: what is still not as logged */
	size_t oweds;
	struct document text; /* archive.txt, if it is not the one that is open */
	struct archive_desc desc;
	uint64_t done; /* bytes */
	/* Told of the same lines as the plan; may be NULL. */
	int (*also)(void *ctx, const struct event *ev, struct err *e);
	void *also_ctx;
};

/* Tell of something that is wrong in the archive. f (may be NULL) says where. Returns 0. */
__attribute__((format(printf, 4, 5))) int
backup_tell(struct backup *b, const struct verify_finding *f, int code, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void backup_note(struct backup *b, const char *fmt, ...);
/* A backup_copy_told; ctx is a struct backup. */
int backup_told(void *ctx, uint64_t bytes);

/* Read and prove the journals, and plan what they name. */
int backup_journals_plan(struct backup *b, struct err *e);
/* The same, and see what is new of everything. */
int backup_look(struct backup *b, struct err *e);
void backup_free(struct backup *b);

int backup_journals_read(struct backup *b, struct err *e);
int backup_journals_write(struct backup *b, struct err *e);
/* Is what the state says of segments there? */
bool backup_segments_there(const struct backup *b);
int backup_segments_look(struct backup *b, struct err *e);
/* For what was not as logged: is it now? Then there is something new. */
int backup_segments_owed(struct backup *b, struct err *e);
int backup_segments_write(struct backup *b, struct err *e);
/* archive.txt first, and again after the documents: they are of one version. */
int backup_documents_look(struct backup *b, struct err *e);
int backup_documents_write(struct backup *b, struct err *e);
/* archive.txt as it was with them. */
const struct document *backup_description(const struct backup *b);

#endif
