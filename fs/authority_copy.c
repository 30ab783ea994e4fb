/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/authority_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/age.h"
#include "crypto/identity.h"
#include "fs/backup_tar.h"
#include "fs/backup_tree.h"
#include "fs/keydir.h"
#include "index/file.h"

#define MARK "authority.txt"
#define KEY "authority.key"
#define DEPTH_MAX 4 /* archives/<id>/issued/<serial>.<kind> */
#define PATH_MAX_ 400
#define KEY_RAW_AT 9 /* the byte of a key file that is 0 without a passphrase */

/* ---- sealing ---- */

struct packing {
	struct backup_tar *tar;
	struct authority_copy_sum *sum;
	struct err *e;
};

static int is_name(const struct dirent *en)
{
	return en->d_name[0] != '.'; /* the two dots, and what an interrupted write left */
}

static int pack_file(struct packing *p, int dir, const char *name, const char *path)
{
	struct wire_out bytes = {0};
	int rc = file_read(dir, name, AUTHORITY_COPY_MAX, &bytes, p->e);

	if (rc == 0 && p->sum->bytes + bytes.n > AUTHORITY_COPY_MAX)
		rc = err_set(p->e, ERR_NOMEM, "the directory is larger than a copy may be");
	if (rc == 0)
		rc = backup_tar_file(p->tar, path, bytes.n, p->e);
	if (rc == 0)
		rc = backup_tar_put(p->tar, bytes.p, bytes.n, p->e);
	if (rc == 0 && strcmp(path, KEY) == 0)
		p->sum->raw = bytes.n > KEY_RAW_AT && bytes.p[KEY_RAW_AT] == 0;
	p->sum->files += rc == 0;
	p->sum->bytes += rc == 0 ? bytes.n : 0;
	wire_out_wipe(&bytes);
	return rc;
}

static int pack_folder(struct packing *p, int dir, const char *path, unsigned depth);

static int pack_entry(struct packing *p, int dir, const char *name, const char *in, unsigned depth)
{
	char path[PATH_MAX_];
	struct stat st;
	int fd, rc;

	if (snprintf(path, sizeof(path), "%s%s%s", in, in[0] ? "/" : "", name) >= (int)sizeof(path))
		return err_set(p->e, ERR_FOREIGN, "%s/%s has no name of an authority's file", in,
			       name);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return err_sys(p->e, "can't stat %s", path);
	if (S_ISREG(st.st_mode))
		return pack_file(p, dir, name, path);
	if (!S_ISDIR(st.st_mode) || depth >= DEPTH_MAX)
		return err_set(p->e, ERR_FOREIGN, "%s is no file of an authority", path);
	fd = file_opendir(dir, name, p->e);
	rc = fd < 0 ? fd : pack_folder(p, fd, path, depth + 1);
	if (fd >= 0)
		close(fd);
	return rc;
}

static int pack_folder(struct packing *p, int dir, const char *path, unsigned depth)
{
	struct dirent **names = NULL;
	int rc = 0, n = scandirat(dir, ".", &names, is_name, alphasort);

	if (n < 0)
		return err_sys(p->e, "can't list the authority's directory");
	for (int i = 0; i < n; i++) {
		if (rc == 0)
			rc = pack_entry(p, dir, names[i]->d_name, path, depth);
		free(names[i]);
	}
	free(names);
	return rc;
}

int authority_copy_seal(struct wire_out *out, const char *dir, const uint8_t (*recipient)[32],
			size_t recipients, struct authority_copy_sum *sum, struct err *e)
{
	struct packing p = {.sum = sum, .e = e};
	struct keydir home = {.fd = -1};
	struct wire_out tar = {0};
	int rc = keydir_open(&home, dir, MARK, false, e);

	*sum = (struct authority_copy_sum){.files = 0};
	if (rc == 0 && faccessat(home.fd, KEY, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		rc = err_set(e, ERR_FOREIGN, "%s has no " KEY ": a copy of it would open nothing",
			     dir);
	if (rc == 0)
		rc = backup_tar_open_memory(&p.tar, &tar, e);
	if (rc == 0)
		rc = pack_folder(&p, home.fd, "", 1);
	if (rc == 0)
		rc = backup_tar_end(p.tar, e);
	backup_tar_close(p.tar);
	if (rc == 0) {
		rc = age_seal(out, recipient, recipients, tar.p, tar.n);
		if (rc)
			err_set(e, rc, "can't seal the copy: %s", err_text(rc));
	}
	wire_out_wipe(&tar);
	keydir_close(&home);
	return rc;
}

/* ---- opening ---- */

struct unpacking {
	int dir; /* -1: only look */
	bool mark, key;
	struct authority_copy_sum *sum;
	struct err *e;
};

/* Components of letters, digits, '-', '_' and '.', none of which begins with a dot. */
static bool path_ok(const char *path)
{
	unsigned depth = 1;

	if (path[0] == '.' || path[0] == '/' || path[0] == '\0' || strlen(path) >= PATH_MAX_)
		return false;
	for (const char *c = path; *c; c++) {
		if (*c == '/' && (c[1] == '.' || c[1] == '/' || c[1] == '\0'))
			return false;
		depth += *c == '/';
	}
	return depth <= DEPTH_MAX &&
	       strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") ==
		       strlen(path);
}

/* The folders above a file. */
static int make_folders(const struct unpacking *u, const char *path)
{
	char part[PATH_MAX_];
	int rc = 0;

	for (const char *c = strchr(path, '/'); rc == 0 && c; c = strchr(c + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(c - path), path);
		rc = file_mkdir(u->dir, part, 0700, u->e);
	}
	return rc;
}

static int unpack_file(void *ctx, const char *path, const void *p, size_t n)
{
	struct unpacking *u = ctx;
	int rc = 0;

	if (!path_ok(path))
		return err_set(u->e, ERR_MALFORMED, "the copy has a file of a strange name");
	u->mark = u->mark || strcmp(path, MARK) == 0;
	if (strcmp(path, KEY) == 0) {
		u->key = true;
		u->sum->raw = n > KEY_RAW_AT && ((const uint8_t *)p)[KEY_RAW_AT] == 0;
	}
	u->sum->files++;
	u->sum->bytes += n;
	if (u->dir >= 0)
		rc = make_folders(u, path);
	if (rc == 0 && u->dir >= 0)
		rc = file_create(u->dir, path, p, n, 0600, u->e);
	return rc;
}

static int unpack(struct unpacking *u, const struct wire_out *tar)
{
	int rc = backup_tar_read(tar->p, tar->n, unpack_file, u, u->e);

	return rc == 0 && (!u->mark || !u->key) ?
		       err_set(u->e, ERR_FOREIGN, "this is no copy of an authority's directory") :
		       rc;
}

/* Made beside its place, and put there when it is whole. */
static int unpack_to(const char *dir, struct unpacking *u, const struct wire_out *tar)
{
	char *partial = NULL;
	struct stat st;
	int rc;

	if (lstat(dir, &st) == 0)
		return err_set(u->e, ERR_EXISTS, "%s is there: nothing is restored over it", dir);
	if (asprintf(&partial, "%s.partial", dir) < 0)
		return err_set(u->e, ERR_NOMEM, "out of memory");
	rc = mkdir(partial, 0700) == 0 ? 0 : err_sys(u->e, "can't make %s", partial);
	if (rc)
		goto out;
	u->dir = open(partial, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	rc = u->dir < 0 ? err_sys(u->e, "can't open %s", partial) : unpack(u, tar);
	if (rc == 0)
		rc = backup_tree_sync(u->dir, u->e);
	if (rc == 0 && renameat2(AT_FDCWD, partial, AT_FDCWD, dir, RENAME_NOREPLACE) != 0)
		rc = err_sys(u->e, "can't give %s its name", dir);
	if (rc == 0)
		rc = file_sync_dir_of(dir, u->e);
	else
		backup_tree_remove(AT_FDCWD, partial, NULL);
	if (u->dir >= 0)
		close(u->dir);
out:
	free(partial);
	return rc;
}

int authority_copy_open(const char *dir, const void *file, size_t n, const uint8_t secret[32],
			bool look, struct authority_copy_sum *sum, struct err *e)
{
	struct unpacking u = {.dir = -1, .sum = sum, .e = e};
	struct wire_out tar = {0};
	int rc = age_open(&tar, secret, file, n);

	*sum = (struct authority_copy_sum){.files = 0};
	if (rc == ERR_KEY)
		err_set(e, rc, "it is sealed to others than this identity");
	else if (rc)
		err_set(e, rc, "not an age file that is whole: %s", err_text(rc));
	else
		rc = look ? unpack(&u, &tar) : unpack_to(dir, &u, &tar);
	wire_out_wipe(&tar);
	return rc;
}
