/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/backup_dest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fs/backup_copy.h"
#include "fs/backup_tree.h"
#include "fs/form.h"
#include "index/file.h"

#define TITLE "custodyfs-backup/v1"
#define MARKER "backup.txt"
#define MARKER_MAX 4096
#define LOCK "backup.lock"
#define WORK "partial"
#define GONE "discarded"
#define LATEST "latest"
#define DIGITS 8

void backup_dest_name(char out[BACKUP_NAME_MAX], uint64_t number)
{
	snprintf(out, BACKUP_NAME_MAX, "%08" PRIu64, number % 100000000u);
}

/* ---- generations ---- */

static bool number_of(const char *name, uint64_t *n)
{
	*n = 0;
	if (strlen(name) != DIGITS || strspn(name, "0123456789") != DIGITS)
		return false;
	*n = strtoull(name, NULL, 10);
	return *n > 0;
}

static int is_generation(const struct dirent *en)
{
	uint64_t n;

	return number_of(en->d_name, &n);
}

/* Numbers of all generations, ascending; free(*list). */
static int generations(int dir, uint64_t **list, size_t *n, struct err *e)
{
	struct dirent **names = NULL;
	int count = scandirat(dir, ".", &names, is_generation, alphasort);

	*list = NULL;
	*n = 0;
	if (count < 0)
		return err_sys(e, "can't list the generations of the backup");
	*list = calloc((size_t)count + 1, sizeof(**list));
	for (int i = 0; i < count; i++) {
		if (*list)
			number_of(names[i]->d_name, &(*list)[(*n)++]);
		free(names[i]);
	}
	free(names);
	return *list ? 0 : err_set(e, ERR_NOMEM, "out of memory");
}

static int find_newest(struct backup_dest *d, struct err *e)
{
	char name[BACKUP_NAME_MAX];
	uint64_t *list;
	size_t n;
	int rc = generations(d->dir, &list, &n, e);

	if (rc == 0 && n > 0)
		d->newest = list[n - 1];
	free(list);
	if (rc || d->newest == 0)
		return rc;
	backup_dest_name(name, d->newest);
	d->before = file_opendir(d->dir, name, e);
	return d->before < 0 ? d->before : 0;
}

/* ---- the folder ---- */

/* Is the folder dir, or one above it, the archive's? */
static bool within(int dir, const struct archive *a)
{
	struct stat archive, st, up;
	int fd = dup(dir), next;
	bool found = false;

	while (fd >= 0 && fstat(a->dir, &archive) == 0 && fstat(fd, &st) == 0) {
		found = st.st_dev == archive.st_dev && st.st_ino == archive.st_ino;
		next = found ? -1 : openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = next;
		if (fd >= 0 && fstat(fd, &up) == 0 && up.st_dev == st.st_dev &&
		    up.st_ino == st.st_ino)
			break; /* the root */
	}
	if (fd >= 0)
		close(fd);
	return found;
}

static int check_marker(const struct wire_out *text, const char *path, const struct archive *a,
			struct err *e)
{
	struct form f = form_begin((struct text_span){(const char *)text->p, text->n}, TITLE, e);
	uint8_t archive[16];
	int64_t created;
	char id[33];
	int rc;

	form_id(&f, "archive", archive);
	form_time(&f, "created", &created);
	rc = form_end(&f);
	if (rc)
		return err_prefix(e, rc, "%s/" MARKER, path);
	text_hex(id, archive, 16);
	return memcmp(archive, a->desc.id, 16) == 0 ?
		       0 :
		       err_set(e, ERR_FOREIGN, "%s has the backups of another archive, %s", path,
			       id);
}

static int put_marker(const struct backup_dest *d, const struct archive *a, struct err *e)
{
	struct wire_out text = {0};
	char id[33], now[TEXT_TIME_SIZE];
	int rc;

	text_hex(id, a->desc.id, 16);
	text_time_s(now, time(NULL));
	wire_out_printf(&text, TITLE "\narchive: %s\ncreated: %s\n", id, now);
	rc = wire_out_ok(&text) ? file_create(d->dir, MARKER, text.p, text.n, 0440, e) :
				  err_set(e, ERR_NOMEM, "out of memory");
	wire_out_free(&text);
	return rc;
}

static int other_entry(const struct dirent *en)
{
	return en->d_name[0] != '.' && strcmp(en->d_name, LOCK) != 0 &&
	       strcmp(en->d_name, "lost+found") != 0;
}

/* A folder without a marker may become a backup if nothing is in it. */
static int check_empty(const struct backup_dest *d, const char *path, struct err *e)
{
	struct dirent **names = NULL;
	int n = scandirat(d->dir, ".", &names, other_entry, NULL);

	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	if (n < 0)
		return err_sys(e, "can't list %s", path);
	return n == 0 ? 0 :
			err_set(e, ERR_FOREIGN,
				"%s is not empty and not a backup: name a folder of its own", path);
}

static int take_lock(struct backup_dest *d, const char *path, struct err *e)
{
	int rc;

	d->lock = openat(d->dir, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (d->lock < 0)
		return err_sys(e, "can't write to %s", path);
	rc = file_lock(d->lock, true, false, e);
	return rc == ERR_BUSY ? err_set(e, rc, "another backup writes to %s", path) : rc;
}

/* 0: it is this archive's; ERR_NOTFOUND: it may become that. */
static int read_marker(const struct backup_dest *d, const char *path, const struct archive *a,
		       struct err *e)
{
	struct wire_out text = {0};
	int rc = file_read(d->dir, MARKER, MARKER_MAX, &text, e);

	if (rc == 0)
		rc = check_marker(&text, path, a, e);
	else if (rc == ERR_NOTFOUND)
		rc = check_empty(d, path, e) ? e->code : ERR_NOTFOUND;
	wire_out_free(&text);
	return rc;
}

/* What is not ours is not even locked. */
static int check(struct backup_dest *d, const char *path, const struct archive *a, bool look,
		 struct err *e)
{
	int rc;

	if (within(d->dir, a))
		return err_set(e, ERR_USAGE, "%s lies within the archive", path);
	rc = read_marker(d, path, a, e);
	if (look && rc == ERR_NOTFOUND)
		rc = 0;
	if (!look && (rc == 0 || rc == ERR_NOTFOUND)) {
		rc = take_lock(d, path, e);
		if (rc == 0)
			rc = read_marker(d, path, a, e);
		if (rc == ERR_NOTFOUND)
			rc = put_marker(d, a, e);
	}
	return rc ? rc : find_newest(d, e);
}

int backup_dest_open(struct backup_dest *d, const char *path, const struct archive *a, bool look,
		     struct err *e)
{
	struct err mine = {0};
	int rc;

	e = e ? e : &mine;
	*d = (struct backup_dest){.dir = -1, .lock = -1, .before = -1, .work = -1};
	if (!look && mkdir(path, BACKUP_DIR_MODE) != 0 && errno != EEXIST)
		return err_sys(e, "can't make the folder %s", path);
	d->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->dir < 0 && look && errno == ENOENT)
		return 0;
	if (d->dir < 0)
		return err_sys(e, "can't open the folder %s", path);
	rc = check(d, path, a, look, e);
	if (rc)
		backup_dest_close(d);
	return rc;
}

void backup_dest_close(struct backup_dest *d)
{
	const int fd[] = {d->dir, d->lock, d->before, d->work};

	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
		if (fd[i] >= 0)
			close(fd[i]);
	d->dir = d->lock = d->before = d->work = -1;
}

/* ---- removing ---- */

/* First out of its number, so that half a generation is none. */
static int discard(const struct backup_dest *d, const char *name, struct err *e)
{
	int rc = backup_tree_remove(d->dir, GONE, e);

	if (rc)
		return rc;
	if (renameat(d->dir, name, d->dir, GONE) != 0)
		return errno == ENOENT ? 0 : err_sys(e, "can't remove the generation %s", name);
	return backup_tree_remove(d->dir, GONE, e);
}

int backup_dest_prune(struct backup_dest *d, uint64_t keep, uint64_t *removed, struct err *e)
{
	char name[BACKUP_NAME_MAX];
	uint64_t *list;
	size_t n;
	int rc = generations(d->dir, &list, &n, e);

	*removed = 0;
	for (size_t i = 0; rc == 0 && i + keep < n; i++) {
		backup_dest_name(name, list[i]);
		rc = discard(d, name, e);
		*removed += rc == 0;
	}
	free(list);
	return rc;
}

/* ---- the one being made ---- */

int backup_dest_abandon(struct backup_dest *d, struct err *e)
{
	if (d->work >= 0)
		close(d->work);
	d->work = -1;
	return discard(d, WORK, e);
}

int backup_dest_begin(struct backup_dest *d, bool *resumed, struct err *e)
{
	static const char *const part[] = {"journal", "segments", "documents"};
	struct stat st;
	int rc = backup_tree_remove(d->dir, GONE, e);

	*resumed = fstatat(d->dir, WORK, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (rc == 0)
		rc = file_mkdir(d->dir, WORK, BACKUP_DIR_MODE, e);
	if (rc == 0)
		d->work = file_opendir(d->dir, WORK, e);
	if (rc == 0 && d->work < 0)
		rc = d->work;
	for (size_t i = 0; rc == 0 && i < sizeof(part) / sizeof(part[0]); i++)
		rc = file_mkdir(d->work, part[i], BACKUP_DIR_MODE, e);
	return rc;
}

/* `latest` is for people and scripts; where there are no links there is none. */
static void point_at(const struct backup_dest *d, const char *name)
{
	unlinkat(d->dir, "." LATEST, 0);
	if (symlinkat(name, d->dir, "." LATEST) == 0 &&
	    renameat(d->dir, "." LATEST, d->dir, LATEST) != 0)
		unlinkat(d->dir, "." LATEST, 0);
}

int backup_dest_commit(struct backup_dest *d, struct err *e)
{
	char name[BACKUP_NAME_MAX];
	int rc = backup_tree_sync(d->work, e);

	backup_dest_name(name, d->newest + 1);
	if (rc == 0 && renameat2(d->dir, WORK, d->dir, name, RENAME_NOREPLACE) != 0 &&
	    (errno != EINVAL || renameat(d->dir, WORK, d->dir, name) != 0))
		rc = err_sys(e, "can't give the generation its number");
	if (rc)
		return rc;
	d->newest++;
	close(d->work);
	d->work = -1;
	point_at(d, name);
	return file_sync_dir(d->dir, e);
}

/* ---- for those who read ---- */

int backup_dest_find(char **out, const char *path, struct err *e)
{
	struct backup_dest d = {.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
				.before = -1};
	char name[BACKUP_NAME_MAX] = "";
	int rc = 0;

	*out = NULL;
	if (d.dir >= 0 && faccessat(d.dir, MARKER, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		rc = find_newest(&d, e);
		if (rc == 0 && d.newest == 0)
			rc = err_set(e, ERR_NOTFOUND, "%s has no generation yet", path);
		backup_dest_name(name, d.newest);
	}
	if (d.before >= 0)
		close(d.before);
	if (d.dir >= 0)
		close(d.dir);
	if (rc == 0 && asprintf(out, "%s%s%s", path, name[0] ? "/" : "", name) < 0)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	return rc;
}
