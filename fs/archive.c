/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/archive.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/file.h"

#define DESC_MAX (1u << 20) /* bytes of archive.txt */
#define DIR_MODE 0750
#define FILE_MODE 0640

static const char *const parts[] = {"segments", "journal", "documents"};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

/* 1 if the directory has no entry, 0 if it has, or a negative code. */
static int is_empty(int dir, struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *en;
	int empty = 1;

	if (!d) {
		int rc = err_sys(e, "can't read the directory");

		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (empty && (en = readdir(d)))
		empty = strcmp(en->d_name, ".") == 0 || strcmp(en->d_name, "..") == 0;
	closedir(d);
	return empty;
}

/* Make the directory, or take an empty one. */
static int make_dir(const char *path, int *dir, bool *made, struct err *e)
{
	int rc;

	*made = mkdir(path, DIR_MODE) == 0;
	if (!*made && errno != EEXIST)
		return err_sys(e, "can't make the directory %s", path);
	*dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*dir < 0 && errno == ENOTDIR)
		return err_set(e, ERR_EXISTS, "%s exists and is not a directory", path);
	if (*dir < 0)
		return err_sys(e, "can't open the directory %s", path);
	if (*made)
		return 0;
	rc = is_empty(*dir, e);
	if (rc == 0)
		return err_set(e, ERR_EXISTS, "%s exists and is not empty", path);
	return rc < 0 ? err_prefix(e, rc, "%s", path) : 0;
}

int archive_create(const char *path, const struct document *signed_text, struct err *e)
{
	struct archive_desc desc;
	bool made = false;
	size_t done = 0;
	int dir = -1, rc;

	rc = archive_desc_parse(&desc, signed_text, NULL, e);
	if (rc)
		return rc;
	rc = make_dir(path, &dir, &made, e);
	if (rc)
		goto out;
	rc = file_sync_dir_of(path, e);
	for (; rc == 0 && done < PARTS; done++)
		rc = file_mkdir(dir, parts[done], DIR_MODE, e);
	if (rc == 0)
		rc = file_create(dir, "archive.txt", signed_text->bytes.p, signed_text->bytes.n,
				 FILE_MODE, e);
	if (rc)
		err_prefix(e, rc, "%s", path);
	while (rc && done > 0)
		unlinkat(dir, parts[--done], AT_REMOVEDIR);
out:
	if (dir >= 0)
		close(dir);
	if (rc && made)
		rmdir(path);
	return rc;
}

static int open_dir(struct archive *a, struct err *e)
{
	a->dir = open(a->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (a->dir >= 0)
		return 0;
	if (errno == ENOENT)
		return err_set(e, ERR_NOTFOUND, "%s is not there", a->path);
	if (errno == ENOTDIR)
		return err_set(e, ERR_FOREIGN, "%s is not an archive: not a directory", a->path);
	return err_sys(e, "can't open the archive %s", a->path);
}

static int read_desc(const struct archive *a, struct document *text, struct archive_desc *desc,
		     struct err *e)
{
	struct wire_out bytes = {0};
	int rc;

	*text = (struct document){0};
	rc = file_read(a->dir, "archive.txt", DESC_MAX, &bytes, e);
	if (rc == ERR_NOTFOUND)
		rc = err_set(e, ERR_FOREIGN, "not an archive: it has no archive.txt");
	else if (rc == 0)
		rc = document_parse(text, bytes.p, bytes.n, e);
	if (rc == 0)
		rc = archive_desc_parse(desc, text, NULL, e);
	if (rc) {
		document_free(text);
		err_prefix(e, rc, "%s", a->path);
	}
	wire_out_free(&bytes);
	return rc;
}

int archive_reread(const struct archive *a, struct document *text, struct archive_desc *desc,
		   bool *changed, struct err *e)
{
	int rc = read_desc(a, text, desc, e);

	*changed = rc == 0 && memcmp(text->digest, a->text.digest, sizeof(text->digest)) != 0;
	if (rc == 0 && !*changed)
		document_free(text);
	return rc;
}

void archive_adopt(struct archive *a, struct document *text, const struct archive_desc *desc)
{
	document_free(&a->text);
	a->text = *text;
	a->desc = *desc;
	*text = (struct document){0};
}

static int open_parts(struct archive *a, struct err *e)
{
	int *const fd[PARTS] = {&a->segments, &a->journal, &a->documents};

	for (size_t i = 0; i < PARTS; i++) {
		*fd[i] = file_opendir(a->dir, parts[i], e);
		if (*fd[i] == ERR_NOTFOUND)
			return err_set(e, ERR_DAMAGED, "%s: the directory %s is missing", a->path,
				       parts[i]);
		if (*fd[i] < 0)
			return err_prefix(e, *fd[i], "%s", a->path);
	}
	return 0;
}

int archive_open(struct archive **out, const char *path, struct err *e)
{
	struct archive *a = calloc(1, sizeof(*a));
	int rc;

	*out = NULL;
	if (!a)
		return err_set(e, ERR_NOMEM, "out of memory");
	a->dir = a->segments = a->journal = a->documents = -1;
	a->path = strdup(path);
	rc = a->path ? open_dir(a, e) : err_set(e, ERR_NOMEM, "out of memory");
	if (rc == 0)
		rc = read_desc(a, &a->text, &a->desc, e);
	if (rc == 0)
		rc = open_parts(a, e);
	if (rc) {
		archive_close(a);
		return rc;
	}
	*out = a;
	return 0;
}

void archive_close(struct archive *a)
{
	if (!a)
		return;
	const int fd[] = {a->dir, a->segments, a->journal, a->documents};

	for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
		if (fd[i] >= 0)
			close(fd[i]);
	document_free(&a->text);
	free(a->path);
	free(a);
}
