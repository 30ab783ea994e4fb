/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/spool_internal.h"

enum seen {
	SEEN_GONE,
	SEEN_SAME,
	SEEN_OTHER,
};

/* A move gives a file a new ctime. */
static enum seen look(int dir, const char *name, const struct spool_sign *want, bool moved)
{
	struct spool_sign now;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? SEEN_GONE : SEEN_OTHER;
	spool_sign_of(&now, &st);
	if (moved)
		now.ctime_ns = want->ctime_ns;
	return S_ISREG(st.st_mode) && spool_sign_same(&now, want) ? SEEN_SAME : SEEN_OTHER;
}

/* Nobody writes to it, and nobody can begin to as long as the descriptor stays open. -1 if somebody
 * does. Where leases are not to be had, the descriptor says nothing. */
static int hold(const struct spool *s, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0 && !s->network && fcntl(fd, F_SETLEASE, F_RDLCK) != 0 &&
	    (errno == EAGAIN || errno == EWOULDBLOCK)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Move it aside, unless it is. Where its name is too long for that, or the file system can't move
 * without replacing, it stays. to has 256 bytes. Negative: errno is set. */
static int move_aside(int dir, const struct spool_entry *entry, const char *name, char *to)
{
	int n = snprintf(to, 256, "%s%s", entry->aside ? "" : SPOOL_ASIDE, name);

	if (n < 256 && !entry->aside) {
		if (renameat2(dir, name, dir, to, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EINVAL && errno != ENOSYS)
			return -1;
	}
	snprintf(to, 256, "%s", name);
	return 0;
}

static enum seen take_away(const struct spool *s, int dir, const struct spool_entry *entry,
			   const char *name, bool *failed)
{
	enum seen seen = look(dir, name, &entry->sign, false);
	char aside[256];
	int held;

	if (seen != SEEN_SAME)
		return seen;
	held = hold(s, dir, name);
	if (held < 0)
		return SEEN_OTHER;
	if (move_aside(dir, entry, name, aside) != 0) {
		/* EEXIST: another one is aside still, and has its turn first. */
		*failed = errno != ENOENT && errno != EEXIST;
		seen = SEEN_OTHER;
	} else {
		/* Whatever is here now, nobody else knows its name. */
		seen = look(dir, aside, &entry->sign, true);
		if (seen == SEEN_SAME && unlinkat(dir, aside, 0) != 0) {
			*failed = true;
			seen = SEEN_OTHER;
		}
	}
	close(held);
	return seen;
}

int spool_remove(struct spool *s, struct spool_entry *entry, int64_t now_ms, bool *gone,
		 struct err *e)
{
	bool failed = false;
	enum seen seen = SEEN_GONE;
	char name[256];
	int dir = spool_parent(s, entry, name), rc = 0;

	if (dir >= 0)
		seen = take_away(s, dir, entry, name, &failed);
	if (failed)
		rc = err_sys(e, "a file that is sealed can't be removed");
	if (dir >= 0)
		close(dir);
	*gone = seen == SEEN_SAME || seen == SEEN_GONE;
	if (seen == SEEN_OTHER)
		spool_give_back(s, entry, failed ? SPOOL_WRONG : SPOOL_AGAIN, now_ms);
	else if (entry->lost)
		free(entry);
	else /* the next look takes it from the list */
		spool_give_back(s, entry, SPOOL_DONE, now_ms);
	return rc;
}
