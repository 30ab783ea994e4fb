/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/keydir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/identity.h"
#include "index/file.h"

#define PASS_MAX 1024
#define PATH_SIZE 4096

int keydir_make(const char *dir, struct err *e)
{
	char path[PATH_SIZE];
	size_t n = strlen(dir);

	if (n == 0 || n >= sizeof(path))
		return err_set(e, ERR_USAGE, "the path of the directory is empty or too long");
	memcpy(path, dir, n + 1);
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			return err_sys(e, "can't make the directory %s", path);
		*p = '/';
	}
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_sys(e, "can't make the directory %s", path);
	return 0;
}

/* Only its owner may look into what holds keys. mode is NULL for what may not be ours at all: who
 * gave the wrong name must not be told to lock others out of it. */
static int check_private(const struct stat *st, const char *path, const char *mode, struct err *e)
{
	if (st->st_uid != geteuid())
		return err_set(e, ERR_KEY, "%s belongs to user %u, not to you (user %u)", path,
			       (unsigned)st->st_uid, (unsigned)geteuid());
	if ((st->st_mode & 077) && !mode)
		return err_set(e, ERR_KEY,
			       "others may enter or read %s: name a new directory, or one that is "
			       "yours alone",
			       path);
	if (st->st_mode & 077)
		return err_set(e, ERR_KEY, "others may enter or read %s: run 'chmod %s %s'", path,
			       mode, path);
	return 0;
}

int keydir_open(struct keydir *k, const char *dir, const char *mark, bool fresh, struct err *e)
{
	struct stat st;
	bool marked;

	k->path = realpath(dir, NULL);
	k->fd = k->path ? open(k->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (k->fd < 0 && errno == ENOENT)
		return err_set(e, ERR_NOTFOUND, "%s is not there", dir);
	if (k->fd < 0 || fstat(k->fd, &st) != 0)
		return err_sys(e, "can't open the directory %s", dir);
	marked = faccessat(k->fd, mark, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
	if (!marked && !fresh)
		return err_set(e, ERR_FOREIGN, "%s has no %s", k->path, mark);
	return check_private(&st, k->path, marked ? "700" : NULL, e);
}

void keydir_close(struct keydir *k)
{
	if (k->fd >= 0)
		close(k->fd);
	free(k->path);
	*k = (struct keydir){.fd = -1};
}

/* A passphrase in secret memory; give it back with secret_give(). *len is its length. */
static int ask(const char *what, struct secret_pool *pool, keydir_passphrase *pass, void *ctx,
	       bool confirm, char **buf, size_t *len, struct err *e)
{
	struct err why = {0};
	long got;

	*buf = secret_take(pool, PASS_MAX);
	if (!*buf)
		return err_set(e, ERR_NOMEM, "no secret memory left");
	got = pass(ctx, what, confirm, *buf, PASS_MAX, &why);
	if (got < 0 && why.text[0])
		return err_set(e, (int)got, "%s", why.text);
	if (got < 0)
		return err_set(e, (int)got, "no passphrase for %s", what);
	if (got == 0 || got > PASS_MAX)
		return err_set(e, ERR_PASSPHRASE, "the passphrase for %s is empty or too long",
			       what);
	*len = (size_t)got;
	return 0;
}

int keydir_put_key(const struct keydir *k, const char *name, int kind, const uint8_t secret[32],
		   struct secret_pool *pool, keydir_passphrase *pass, void *ctx, struct err *e)
{
	uint8_t file[IDENTITY_KEYFILE_SIZE];
	char what[PATH_SIZE + 64], *buf = NULL;
	size_t len = 0;
	int rc = 0;

	snprintf(what, sizeof(what), "%s/%s", k->path, name);
	if (faccessat(k->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(e, ERR_EXISTS, "%s exists already", what);
	if (pass)
		rc = ask(what, pool, pass, ctx, true, &buf, &len, e);
	if (rc == 0) {
		rc = identity_keyfile_seal(file, kind, secret, buf, len);
		if (rc)
			err_set(e, rc, "can't seal %s: %s", what, err_text(rc));
	}
	if (rc == 0)
		rc = file_create(k->fd, name, file, sizeof(file), 0600, e);
	secret_wipe(file, sizeof(file));
	secret_give(pool, buf);
	return rc;
}

static int read_key(const struct keydir *k, const char *name, const char *what,
		    struct wire_out *file, struct err *e)
{
	struct stat st;
	int rc;

	if (fstatat(k->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT)
			return err_set(e, ERR_KEY, "%s is not there", what);
		return err_sys(e, "can't stat %s", what);
	}
	rc = S_ISREG(st.st_mode) ? check_private(&st, what, "600", e) : 0;
	if (rc)
		return rc;
	rc = file_read(k->fd, name, 2 * IDENTITY_KEYFILE_SIZE, file, e);
	return rc ? err_prefix(e, rc, "%s", k->path) : 0;
}

int keydir_get_key(const struct keydir *k, const char *name, int kind, uint8_t secret[32],
		   struct secret_pool *pool, keydir_passphrase *pass, void *ctx, struct err *e)
{
	struct wire_out file = {0};
	char what[PATH_SIZE + 64], *buf = NULL;
	size_t len = 0;
	int rc;

	snprintf(what, sizeof(what), "%s/%s", k->path, name);
	rc = read_key(k, name, what, &file, e);
	if (rc)
		goto out;
	if (identity_keyfile_mode(file.p, file.n, kind) > 0 && pass)
		rc = ask(what, pool, pass, ctx, false, &buf, &len, e);
	if (rc)
		goto out;
	rc = identity_keyfile_open(secret, file.p, file.n, kind, buf, len);
	if (rc)
		err_set(e, rc, "%s: %s", what, err_text(rc));
out:
	secret_give(pool, buf);
	wire_out_wipe(&file);
	return rc;
}
