/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/mountlock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <unistd.h>

#include "fs/form.h"
#include "index/file.h"

#define LOCK_FILE "mount.lock"
#define TITLE "custodyfs-mount/v1"
#define LOCK_MAX (PATH_MAX + 256)

/* Who holds it. What can't be read is left out: a holder that has only just come may not have written
 * it yet. */
static int busy(int dirfd, struct err *e)
{
	struct wire_out file = {0};
	char where[256] = "";
	uint64_t pid = 0;
	struct form f;
	int rc = file_read(dirfd, LOCK_FILE, LOCK_MAX, &file, NULL);

	f = form_begin((struct text_span){(const char *)file.p, file.n}, TITLE, NULL);
	form_u64(&f, "pid", &pid);
	form_text(&f, "mountpoint", where, sizeof(where));
	if (rc == 0 && form_end(&f) == 0)
		rc = err_set(e, ERR_BUSY,
			     "this node has the archive mounted already, on %s (process %" PRIu64
			     ")",
			     where, pid);
	else
		rc = err_set(e, ERR_BUSY, "this node has the archive mounted already");
	wire_out_free(&file);
	return rc;
}

static int sign_in(int fd, const char *mountpoint, struct err *e)
{
	struct wire_out text = {0};
	int rc = 0;

	wire_out_printf(&text, TITLE "\npid: %ld\nmountpoint: %s\n", (long)getpid(), mountpoint);
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
		rc = sign_in(fd, mountpoint, e);
	else if (rc == ERR_BUSY)
		rc = busy(dirfd, e);
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}
