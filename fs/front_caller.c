// SPDX-License-Identifier: Apache-2.0
/*
 * Who asks. The kernel's uid decides. The rest is for the log: pid is a thread id, may be that of a
 * kernel worker, and is 0 for a caller in a pid namespace we can't see.
 */
#include "fs/front_internal.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void front_user_name(uint32_t uid, char *out, size_t cap)
{
	struct passwd pw, *found = NULL;
	char buf[2048];

	if (getpwuid_r(uid, &pw, buf, sizeof(buf), &found) == 0 && found)
		snprintf(out, cap, "%s", found->pw_name);
	else
		snprintf(out, cap, "#%u", uid);
}

static uint32_t login_uid(uint64_t pid)
{
	char path[64], text[16] = {0};
	uint32_t v = UINT32_MAX;
	int fd;

	snprintf(path, sizeof(path), "/proc/%llu/loginuid", (unsigned long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return v;
	if (read(fd, text, sizeof(text) - 1) > 0)
		v = (uint32_t)strtoul(text, NULL, 10);
	close(fd);
	return v;
}

void front_caller_of(fuse_req_t req, struct front_caller *c)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	char path[64];
	ssize_t n = -1;

	memset(c, 0, sizeof(*c));
	c->uid = ctx->uid;
	c->loginuid = UINT32_MAX;
	c->pid = ctx->pid > 0 ? (uint64_t)ctx->pid : 0;
	front_user_name(c->uid, c->user, sizeof(c->user));
	if (c->pid) {
		snprintf(path, sizeof(path), "/proc/%llu/exe", (unsigned long long)c->pid);
		n = readlink(path, c->program, sizeof(c->program) - 1);
		c->loginuid = login_uid(c->pid);
	}
	c->program[n > 0 ? n : 0] = '\0';
	if (n <= 0)
		snprintf(c->program, sizeof(c->program), "unknown");
}
