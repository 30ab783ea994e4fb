/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox: a process gives away what it does not need for the rest of its life: privileges that a
 * program it runs would gain (no_new_privs), capabilities, files (Landlock) and system calls (seccomp).
 * What the kernel does not have is left out, and named in the result; whatever else fails is an error.
 *
 * Thread rule: to be entered once, before the process has other threads; those it starts later are
 * held too.
 */
#ifndef CUSTODY_FS_SANDBOX_H
#define CUSTODY_FS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/err.h"

/* Files may be opened below these directories. Descriptors that are open already stay as they are. */
struct sandbox_place {
	int fd;	    /* borrowed; O_PATH will do; negative: left out */
	bool write; /* files may be made, written, cut, renamed within it, and removed */
};

struct sandbox_ask {
	const struct sandbox_place *place;
	size_t places;
};

struct sandbox_state {
	int landlock; /* ABI in force; 0: the kernel has none */
	bool seccomp; /* false: the kernel has none, or this machine's calls are not known here */
	bool checked; /* built with a sanitizer, which needs calls of its own: nothing is in force */
};

#define SANDBOX_TEXT 64

/*
 * All of it. Afterwards: no file outside the places, no program can be run, no socket, no process made
 * or signalled, no memory made executable, nothing mounted or unmounted, of capabilities at most
 * CAP_DAC_OVERRIDE and CAP_IPC_LOCK. Calls that only an attacker would make end the process; others that are not known
 * fail with EPERM. ERR_SYSTEM.
 */
int sandbox_enter(const struct sandbox_ask *ask, struct sandbox_state *state, struct err *e);
/* What is in force, for people: "landlock 7, seccomp". */
void sandbox_text(char out[SANDBOX_TEXT], const struct sandbox_state *state);
/* sandbox_enter() unless this is a sanitizer's build. */
int sandbox_enter_unless_checked(const struct sandbox_ask *ask, struct sandbox_state *state,
				 struct err *e);
/* The half of sandbox_enter() that is about system calls. *on: the kernel has it. */
int sandbox_filter(bool *on, struct err *e);

#endif
