/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dialogue: another program, found by PATH, whose standard input and output are a socket of ours. What it
 * says may be a secret: nothing is kept in buffers that are not the caller's.
 *
 * Thread rule: one thread a dialogue.
 */
#ifndef CUSTODY_TOOLS_DIALOGUE_H
#define CUSTODY_TOOLS_DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct dialogue {
	int fd;
	pid_t pid;
};

/* Start argv. 0, ERR_NOTFOUND (there is no such program), ERR_SYSTEM. */
int dialogue_open(struct dialogue *d, char *const argv[]);
/* Say text, which ends in LF. False when it does not listen any more. */
bool dialogue_say(const struct dialogue *d, const char *text);
/* Its next line, without LF, as a string. The length; -1 at the end, or if it is longer than cap - 1. */
long dialogue_hear(const struct dialogue *d, char *line, size_t cap);
/* Wait until it has ended. True if that was with status 0. */
bool dialogue_close(struct dialogue *d);

#endif
