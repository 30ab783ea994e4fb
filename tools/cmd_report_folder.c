// SPDX-License-Identifier: Apache-2.0
#include "tools/cmd_report_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/text.h"
#include "index/file.h"

#define RECEIPTS "receipts"

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *en;
	bool empty = dir != NULL;

	while (dir && empty && (en = readdir(dir)))
		empty = !strcmp(en->d_name, ".") || !strcmp(en->d_name, "..");
	if (dir)
		closedir(dir);
	return empty;
}

int cmd_report_folder_check(struct cmd_report_folder *f, const char *path, struct err *e)
{
	size_t n = strlen(path);
	struct stat st;
	int put;

	*f = (struct cmd_report_folder){.path = path, .fd = -1};
	while (n > 1 && path[n - 1] == '/')
		n--;
	put = snprintf(f->temporary, sizeof(f->temporary), "%.*s.XXXXXX", (int)n, path);
	if (n == 0 || put < 0 || (size_t)put >= sizeof(f->temporary))
		return err_set(e, ERR_USAGE, "'%.200s' can't be the path of a folder", path);
	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "%s can't be made", path);
	if (S_ISDIR(st.st_mode) && is_empty(path))
		return 0;
	return err_set(e, ERR_EXISTS,
		       "%s exists already, and a report is never written over: name another folder",
		       path);
}

int cmd_report_folder_begin(struct cmd_report_folder *f, struct err *e)
{
	if (!mkdtemp(f->temporary))
		return err_sys(e, "the folder %s can't be made", f->path);
	f->fd = open(f->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->fd < 0)
		return err_sys(e, "can't open %s", f->temporary);
	return file_mkdir(f->fd, RECEIPTS, 0700, e);
}

static int write_new(int fd, const char *name, const struct wire_out *b, struct err *e)
{
	int file = openat(fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), rc;

	if (file < 0)
		return err_sys(e, "can't write %s", name);
	rc = file_write(file, b->p, b->n, e);
	if (close(file) < 0 && rc == 0)
		rc = err_sys(e, "can't write %s", name);
	return rc;
}

int cmd_report_folder_add(struct cmd_report_folder *f, const char *name, const struct wire_out *b,
			  struct err *e)
{
	uint8_t digest[HASH_SIZE];
	char hex[2 * HASH_SIZE + 1];
	int rc = write_new(f->fd, name, b, e);

	hash_sha256(digest, b->p, b->n);
	text_hex(hex, digest, sizeof(digest));
	if (rc == 0)
		wire_out_printf(&f->list, "%s  %s\n", hex, name);
	return rc;
}

/* The folder that holds the report, so that its new name is durable too. */
static int sync_parent(const struct cmd_report_folder *f, struct err *e)
{
	int fd = openat(f->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? err_sys(e, "can't open the folder of %s", f->path) : file_sync_dir(fd, e);

	if (fd >= 0)
		close(fd);
	return rc;
}

int cmd_report_folder_end(struct cmd_report_folder *f, struct err *e)
{
	int rc;

	if (!wire_out_ok(&f->list))
		return err_set(e, ERR_NOMEM, "out of memory");
	hash_sha256(f->sums, f->list.p, f->list.n);
	rc = write_new(f->fd, "SHA256SUMS", &f->list, e);
	if (rc == 0 && syncfs(f->fd) < 0)
		rc = err_sys(e, "the report can't be written");
	/* An empty folder may be there. */
	if (rc == 0 && rename(f->temporary, f->path) < 0)
		rc = err_sys(e, "the report can't be moved to %s", f->path);
	f->whole = rc == 0;
	return rc ? rc : sync_parent(f, e);
}

/* All files of a folder that has no others below it but receipts/. */
static void empty(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *en;

	while (dir && (en = readdir(dir)))
		if (strcmp(en->d_name, ".") && strcmp(en->d_name, ".."))
			unlinkat(fd, en->d_name, 0);
	if (dir)
		closedir(dir);
	else if (copy >= 0)
		close(copy);
}

static void remove_all(const struct cmd_report_folder *f)
{
	int receipts = openat(f->fd, RECEIPTS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (receipts >= 0) {
		empty(receipts);
		close(receipts);
		unlinkat(f->fd, RECEIPTS, AT_REMOVEDIR);
	}
	empty(f->fd);
	rmdir(f->temporary);
}

void cmd_report_folder_drop(struct cmd_report_folder *f)
{
	if (f->fd >= 0 && !f->whole)
		remove_all(f);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	wire_out_free(&f->list);
}
