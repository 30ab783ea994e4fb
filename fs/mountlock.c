/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/mountlock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <unistd.h>

#include "fs/form.h"
#include "index/file.h"

#define LOCK_FILE "mount.lock"
#define TITLE "custodyfs-mount/v1"
#define LOCK_MAX (PATH_MAX + 256)

/* What the file says of its holder. */
static int read_holder(int dirfd, struct mountlock_holder *h)
{
	struct wire_out file = {0};
	struct form f;
	int rc = file_read(dirfd, LOCK_FILE, LOCK_MAX, &file, NULL);

	*h = (struct mountlock_holder){0};
	f = form_begin((struct text_span){(const char *)file.p, file.n}, TITLE, NULL);
	form_u64(&f, "pid", &h->pid);
	form_text(&f, "mountpoint", h->mountpoint, sizeof(h->mountpoint));
	if (form_next(&f, "contained"))
		form_text(&f, "contained", h->contained, sizeof(h->contained));
	rc = rc ? rc : form_end(&f);
	if (rc)
		*h = (struct mountlock_holder){0};
	wire_out_free(&file);
	return rc;
}

/* Who holds it. What can't be read is left out: a holder that has only just come may not have written
 * it yet. */
static int busy(int dirfd, struct err *e)
{
	struct mountlock_holder h;

	if (read_holder(dirfd, &h) != 0)
		return err_set(e, ERR_BUSY, "this node has the archive mounted already");
	return err_set(e, ERR_BUSY,
		       "this node has the archive mounted already, on %s (process %" PRIu64 ")",
		       h.mountpoint, h.pid);
}

int mountlock_holder(int dirfd, struct mountlock_holder *h, struct err *e)
{
	int fd = openat(dirfd, LOCK_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int rc;

	*h = (struct mountlock_holder){0};
	if (fd < 0 && errno == ENOENT)
		return ERR_NOTFOUND;
	if (fd < 0)
		return err_sys(e, "can't open the node's " LOCK_FILE);
	rc = file_lock(fd, false, false, e);
	close(fd);
	if (rc == 0)
		return ERR_NOTFOUND;
	if (rc == ERR_BUSY) {
		read_holder(dirfd, h);
		rc = 0;
	}
	return rc;
}

int mountlock_contained(int fd, const char *mountpoint, const char *contained, struct err *e)
{
	struct wire_out text = {0};
	int rc = 0;

	wire_out_printf(&text, TITLE "\npid: %ld\nmountpoint: %s\n", (long)getpid(), mountpoint);
	if (contained)
		wire_out_printf(&text, "contained: %s\n", contained);
	if (!wire_out_ok(&text))
		rc = err_set(e, ERR_NOMEM, "out of memory");
	else if (ftruncate(fd, 0) != 0)
		rc = err_sys(e, "can't write the node's " LOCK_FILE);
	else
		rc = file_pwrite(fd, text.p, text.n, 0, e);
	wire_out_free(&text);
	return rc;
}

int mountlock_take(int dirfd, const char *mountpoint, unsigned wait_ms, struct err *e)
{
	int fd = openat(dirfd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc;

	if (fd < 0)
		return err_sys(e, "can't open the node's " LOCK_FILE);
	rc = file_lock_soon(fd, wait_ms, e);
	if (rc == 0)
		rc = mountlock_contained(fd, mountpoint, NULL, e);
	else if (rc == ERR_BUSY)
		rc = busy(dirfd, e);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}
