// SPDX-License-Identifier: Apache-2.0
/*
 * Who asks. The kernel's uid decides. The rest is for the log: pid is a thread id, may be that of a
 * kernel worker, and is 0 for a caller in a pid namespace we can't see. The porter knows it: in its
 * sandbox the daemon may not look at other processes.
 */
#include "fs/front_internal.h"

#include <string.h>

void front_caller_of(fuse_req_t req, struct front_caller *c)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct porter_caller known;

	memset(c, 0, sizeof(*c));
	c->uid = ctx->uid;
	c->pid = ctx->pid > 0 ? (uint64_t)ctx->pid : 0;
	porter_who(front_of(req)->opt->porter, c->pid, c->uid, &known);
	c->loginuid = known.loginuid;
	memcpy(c->user, known.user, sizeof(c->user));
	memcpy(c->program, known.program, sizeof(c->program));
}
