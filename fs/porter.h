/* SPDX-License-Identifier: Apache-2.0 */
/*
 * porter: the small process that stays outside when the mount's daemon goes into its sandbox. It holds
 * no key and no descriptor of the archive, and does for the daemon the few things that ask for more than
 * the daemon keeps: who a caller is, which accounts there are, the mount's read-ahead, and unmounting: when it is asked
 * to, and when the daemon has died. It trusts nothing that
 * the daemon says: each thing can only be asked of the one mount it was started for.
 *
 * Thread rule: starting and stopping are for one thread; in between any thread may ask.
 */
#ifndef CUSTODY_FS_PORTER_H
#define CUSTODY_FS_PORTER_H

#include <stdbool.h>
#include <stdint.h>

#include "crypto/err.h"
#include "index/event.h"

struct porter;

struct porter_ask {
	const char *mountpoint;	  /* absolute */
	void (*begin)(void *ctx); /* called first, in the new process */
	void (*died)(
		void *ctx); /* called there, when the daemon has died and its mount was taken away */
	void *ctx;
};

/* What is known of a process beside its uid. */
struct porter_caller {
	uint32_t loginuid;	     /* UINT32_MAX: none */
	char user[EVENT_STR_MAX];    /* "#1000" where the account has no name */
	char program[EVENT_STR_MAX]; /* "unknown" */
};

/* Starts it. Before the process has threads, and before it holds keys. SIGPIPE is ignored from then on. */
int porter_start(struct porter **out, const struct porter_ask *ask, struct err *e);
/* The mount is there: from now on the porter takes it away, when the daemon is gone too. */
void porter_mounted(struct porter *p);
void porter_readahead(struct porter *p, unsigned kib);
/* Unmount, unless something is in use (mountpoint_unmount): 0, ERR_BUSY, ERR_NOTFOUND; ERR_SYSTEM: the
 * porter is gone. */
int porter_unmount_unused(struct porter *p);
/* Take the mount away, if it is still that one, whoever uses it. */
void porter_unmount(struct porter *p);
void porter_who(struct porter *p, uint64_t pid, uint32_t uid, struct porter_caller *c);
/* The uid of an account; false if there is none. ctx is a struct porter (see release_set_accounts). */
bool porter_account(void *porter, const char *name, uint32_t *uid);
/* It ends. NULL is fine. */
void porter_stop(struct porter *p);

#endif
