/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake_internal: what the parts of fs/intake share. Nobody else includes it.
 *
 *   intake.c         the run: sources, manifest, walks
 *   intake_member.c  one file: its row of the manifest, its record, its content, why it is left out
 *   intake_survey.c  what is seen to before anything is taken in
 *   intake_take.c    taking in
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_FS_INTAKE_INTERNAL_H
#define CUSTODY_FS_INTAKE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "fs/intake.h"
#include "fs/intake_leave.h"
#include "fs/intake_record.h"
#include "fs/source.h"

#define FORBIDDEN 5 /* folders that are never entered: the archive's four and the node's */

struct intake {
	struct station *s;
	const struct intake_ask *ask;
	struct manifest *m; /* may be NULL */
	char *base;	    /* real path of the manifest's folder; NULL if there is none */
	struct stat forbidden[FORBIDDEN];
	size_t forbiddens;

	struct source **sources; /* ask->nsources */
	const char *source;	 /* the one being walked */
	struct source *from;	 /* the same */
	const char *path;	 /* of the member that is looked at */
	char *prefix; /* its path within base, "" for base itself; NULL when it lies outside */
	/* The survey compares files with the manifest and reads sidecars; the check, where the archive
	 * asks for fields, makes every record once; then files are taken in. */
	enum { SURVEY, CHECK, TAKE } walk;
	struct ingest *g;    /* NULL before they are */
	struct known *known; /* for a dry run that is to say what is known; else NULL */
	struct sidecars *sidecars;
	struct intake_leave *leave;
	uint8_t *start; /* EXIF_START bytes: the beginning of what is looked at */
	/* Of a member that is read in order: what was read of it already, and is to be given again. */
	const uint8_t *again;
	size_t again_n;
	uint64_t derived; /* images that lie in sidecars, to be taken in */
	struct ingest_sum *sum;
	uint64_t files, bytes, matched; /* seen by this walk */
	uint64_t left;			/* left out of this source by this walk */
	char why[200];			/* why the last of these was */
	struct intake_progress progress;
	char **paths; /* of the survey, when there are several sources */
	size_t cap;
};

/* ---- intake.c ---- */

/* Call member() for what each source gives; it closes the member's fd. Counts from nothing. */
typedef int intake_visit(struct intake *t, const struct source_member *m, struct err *e);
int intake_walk(struct intake *t, intake_visit *member, struct err *e);
/* ERR_SYSTEM: the caller wants it to end. */
int intake_tell_progress(struct intake *t, struct err *e);
/* So many bytes more were read to be compared: a source_tick. */
int intake_compared(void *ctx, size_t n, struct err *e);

/* ---- intake_member.c ---- */

/* The row that tells about a path of the source, or NULL. ERR_USAGE: it fits two files. */
int intake_find_row(struct intake *t, const char *path, const struct manifest_row **row,
		    struct err *e);
/* What a record is made of. Reads the file's beginning. */
struct intake_record_ask intake_ask_record(struct intake *t, const struct source_member *m,
					   const struct manifest_row *row);
int intake_make_record(struct intake *t, struct record **out, const struct source_member *m,
		       const struct manifest_row *row, struct err *e);
/* Content of a member that is read in order, from its beginning: all of n bytes. ctx: t. */
int intake_read_member(void *ctx, void *buf, size_t n, struct err *e);
/* Append all of a small file, of either kind. */
int intake_read_all(struct intake *t, struct wire_out *out, const struct source_member *m,
		    struct err *e);
/* Tell of a path that is not taken. lost: it should have been; file: it was refused. */
int intake_skipped(struct intake *t, const char *path, const char *why, bool lost, bool file,
		   struct err *e);
/* A file that is refused, with rc and e, in which `path` comes first: 0 when only it is left out. */
int intake_refused(struct intake *t, const char *path, int rc, struct err *e);
bool intake_passed_over(struct intake *t, const char *path);

/* ---- intake_survey.c, intake_take.c ---- */

int intake_survey(struct intake *t, struct err *e);
int intake_take(struct intake *t, struct err *e);

#endif
