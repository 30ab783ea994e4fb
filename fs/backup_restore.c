/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/backup_restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/backup_internal.h"
#include "fs/backup_tree.h"
#include "fs/form.h"
#include "fs/layout.h"
#include "index/file.h"

#define MARKER "restore.txt" /* in the folder while it is not whole */
#define TITLE "custodyfs-restore-begun/v1"
#define MARKER_MAX 4096
#define FILE_MODE 0640
#define DIR_MODE 0750

struct restore_run {
	struct backup b;
	const struct backup_restore_ask *ask;
	char *path, *partial; /* owned */
	int parent;
	struct err *e;
};

/* ---- the folder ---- */

static int is_entry(const struct dirent *en)
{
	return strcmp(en->d_name, ".") != 0 && strcmp(en->d_name, "..") != 0;
}

/* 1: nothing is in it; 0: something is. */
static int is_empty(int dir, const char *path, struct err *e)
{
	struct dirent **names = NULL;
	int n = scandirat(dir, ".", &names, is_entry, NULL);

	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return n < 0 ? err_sys(e, "can't list %s", path) : n == 0;
}

static int check_target(const struct restore_run *r)
{
	int fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return errno == ENOTDIR ?
			       err_set(r->e, ERR_EXISTS, "%s is there, and no folder", r->path) :
			       err_sys(r->e, "can't open %s", r->path);
	rc = is_empty(fd, r->path, r->e);
	close(fd);
	if (rc == 0)
		rc = err_set(
			r->e, ERR_EXISTS,
			"%s is there, and not empty: nothing is restored over it; 'custody repair' "
			"mends an archive",
			r->path);
	return rc < 0 ? rc : 0;
}

static int put_marker(const struct restore_run *r)
{
	struct wire_out text = {0};
	char id[33];
	int rc;

	text_hex(id, r->b.a->desc.id, 16);
	wire_out_printf(&text, TITLE "\narchive: %s\n", id);
	rc = wire_out_ok(&text) ?
		     file_create(r->b.dest.work, MARKER, text.p, text.n, FILE_MODE, r->e) :
		     err_set(r->e, ERR_NOMEM, "out of memory");
	wire_out_free(&text);
	return rc;
}

static int is_temporary(const struct dirent *en)
{
	return file_is_temporary(en->d_name);
}

static bool has_only_temporaries(int dir)
{
	struct dirent **names = NULL;
	int n = scandirat(dir, ".", &names, is_entry, NULL);
	bool only = n >= 0;

	for (int i = 0; i < n; i++) {
		only = only && is_temporary(names[i]);
		free(names[i]);
	}
	free(names);
	return only;
}

/* What a restore left that was killed while it wrote its marker. */
static void sweep(int dir)
{
	struct dirent **names = NULL;
	int n = scandirat(dir, ".", &names, is_temporary, NULL);

	for (int i = 0; i < n; i++) {
		unlinkat(dir, names[i]->d_name, 0);
		free(names[i]);
	}
	free(names);
}

/* A folder that is there already must be a restore of this archive that was begun. */
static int check_marker(const struct restore_run *r)
{
	struct wire_out text = {0};
	struct form f;
	uint8_t id[16];
	int rc = file_read(r->b.dest.work, MARKER, MARKER_MAX, &text, NULL);

	if (rc == ERR_NOTFOUND && has_only_temporaries(r->b.dest.work)) {
		sweep(r->b.dest.work);
		return put_marker(r);
	}
	f = form_begin((struct text_span){(const char *)text.p, text.n}, TITLE, NULL);
	form_id(&f, "archive", id);
	if (rc || form_end(&f) != 0 || memcmp(id, r->b.a->desc.id, 16) != 0)
		rc = err_set(r->e, ERR_FOREIGN,
			     "%s is there, and no restore of this archive: move it away",
			     r->partial);
	else
		sweep(r->b.dest.work);
	wire_out_free(&text);
	return rc;
}

static int open_work(struct restore_run *r)
{
	static const char *const part[] = {"journal", "segments", "documents"};
	int *work = &r->b.dest.work, rc;

	r->b.sum->resumed = mkdir(r->partial, DIR_MODE) != 0;
	if (r->b.sum->resumed && errno != EEXIST)
		return err_sys(r->e, "can't make the folder %s", r->partial);
	*work = open(r->partial, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*work < 0)
		return err_sys(r->e, "can't open the folder %s", r->partial);
	rc = file_lock(*work, true, false, r->e);
	if (rc == ERR_BUSY)
		rc = err_set(r->e, rc, "another restore writes to %s", r->partial);
	if (rc == 0)
		rc = check_marker(r);
	for (size_t i = 0; rc == 0 && i < sizeof(part) / sizeof(part[0]); i++)
		rc = file_mkdir(*work, part[i], DIR_MODE, r->e);
	return rc;
}

/* ---- what is wanted ---- */

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static void keep_wanted(struct restore_run *r)
{
	struct backup_plan *p = &r->b.plan;
	size_t kept = 0;

	if (!r->ask->segment)
		return;
	for (size_t i = 0; i < p->helds; i++)
		if (r->ask->segments && bsearch(p->held[i].id, r->ask->segment, r->ask->segments,
						sizeof(*r->ask->segment), by_id))
			p->held[kept++] = p->held[i];
	p->helds = kept;
}

/* ---- the end ---- */

static int set_mode(void *ctx, const struct layout_file *f)
{
	const struct restore_run *r = ctx;

	return fchmodat(r->b.dest.work, f->path, FILE_MODE, 0) == 0 ?
		       0 :
		       err_sys(r->e, "can't set the mode of %s", f->path);
}

/* Files of an archive are its writers' again, all is durable, and then it has its name. */
static int finish(struct restore_run *r)
{
	const int work = r->b.dest.work;
	int rc = layout_walk(work, LAYOUT_JOURNAL, set_mode, r, r->e);

	if (rc == 0)
		rc = layout_walk(work, LAYOUT_SEGMENTS, set_mode, r, r->e);
	if (rc == 0)
		rc = layout_walk(work, LAYOUT_DOCUMENTS, set_mode, r, r->e);
	if (rc == 0 && fchmodat(work, "archive.txt", FILE_MODE, 0) != 0)
		rc = err_sys(r->e, "can't set the mode of archive.txt");
	if (rc == 0)
		rc = backup_tree_sync(work, r->e);
	if (rc == 0 && unlinkat(work, MARKER, 0) != 0)
		rc = err_sys(r->e, "can't remove " MARKER);
	if (rc == 0 && rename(r->partial, r->path) != 0)
		rc = err_sys(r->e, "can't give %s its name", r->path);
	return rc ? rc : file_sync_dir(r->parent, r->e);
}

static int make(struct restore_run *r)
{
	int rc = open_work(r);

	if (rc == 0)
		rc = backup_journals_write(&r->b, r->e);
	if (rc == 0)
		rc = backup_segments_write(&r->b, r->e);
	if (rc == 0)
		rc = backup_documents_write(&r->b, r->e);
	if (rc == 0)
		rc = finish(r);
	r->b.sum->made = rc == 0;
	return rc;
}

/* ---- the run ---- */

/* Paths without a slash at the end, and the folder that they are in. */
static int name_paths(struct restore_run *r, const char *path)
{
	size_t n = strlen(path);
	char *slash;

	while (n > 1 && path[n - 1] == '/')
		n--;
	r->path = text_dup(path, n);
	if (!r->path || asprintf(&r->partial, "%s.partial", r->path) < 0) {
		r->partial = NULL;
		return err_set(r->e, ERR_NOMEM, "out of memory");
	}
	slash = strrchr(r->path, '/');
	if (slash)
		*slash = '\0';
	r->parent = open(!slash	    ? "." :
			 r->path[0] ? r->path :
				      "/",
			 O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (slash)
		*slash = '/';
	return r->parent < 0 ? err_sys(r->e, "can't open the folder of %s", r->path) : 0;
}

static int look(struct restore_run *r)
{
	int rc = check_target(r);

	if (rc == 0)
		rc = backup_journals_plan(&r->b, r->e);
	if (rc)
		return rc;
	keep_wanted(r);
	rc = backup_segments_look(&r->b, r->e);
	if (rc == 0)
		rc = backup_documents_look(&r->b, r->e);
	r->b.sum->segments = r->b.plan.helds;
	return rc;
}

int backup_restore(const struct archive *from, const char *path,
		   const struct backup_restore_ask *ask, struct backup_sum *sum, struct err *e)
{
	struct restore_run r = {.b = {.a = from,
				      .ask = &ask->tell,
				      .sum = sum,
				      .dest = {.dir = -1, .lock = -1, .before = -1, .work = -1}},
				.ask = ask,
				.parent = -1,
				.e = e};
	int rc;

	*sum = (struct backup_sum){.made = false};
	rc = name_paths(&r, path);
	if (rc == 0)
		rc = look(&r);
	if (rc == 0 && !ask->tell.dry_run)
		rc = make(&r);
	if (rc == 0 && sum->damaged)
		rc = err_set(e, ERR_DAMAGED, "%llu finding%s of damage in the backup",
			     (unsigned long long)sum->damaged, sum->damaged == 1 ? "" : "s");
	backup_dest_close(&r.b.dest);
	if (r.parent >= 0)
		close(r.parent);
	backup_free(&r.b);
	free(r.path);
	free(r.partial);
	return rc;
}
