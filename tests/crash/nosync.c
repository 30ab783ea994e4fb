// SPDX-License-Identifier: Apache-2.0
/*
 * nosync: for LD_PRELOAD: calls that make data durable do nothing, and say that they did. NOSYNC in the
 * environment says of which files: "all", or a part of their paths. What a crash test finds then is
 * what it is worth.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool dropped(int fd)
{
	const char *which = getenv("NOSYNC");
	char link[64], path[PATH_MAX];
	ssize_t n;

	if (!which || strcmp(which, "all") == 0)
		return true;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = '\0';
	return strstr(path, which) != NULL;
}

static int really(const char *name, int fd)
{
	int (*f)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);

	return f ? f(fd) : -1;
}

int fsync(int fd)
{
	return dropped(fd) ? 0 : really("fsync", fd);
}

int fdatasync(int fd)
{
	return dropped(fd) ? 0 : really("fdatasync", fd);
}

int syncfs(int fd)
{
	return dropped(fd) ? 0 : really("syncfs", fd);
}
