/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture: what unit tests need from the system: the public vectors, files, a temporary directory,
 * other programs. A failure of the set-up itself ends the test program with a message.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TESTS_FIXTURE_H
#define CUSTODY_TESTS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIXTURE_PATH 1024

/* "$SHARED/vectors/<name>" in path. False, and "SKIP: <name> (no vectors)" printed, if SHARED is
 * unset or there is no such directory: the caller skips its test. */
bool fixture_vectors(char path[FIXTURE_PATH], const char *name);
/* True if `program` is there: a command found in PATH, or a readable file (with a '/' in its name).
 * If not, "SKIP: ..." is printed: the caller skips its test. */
bool fixture_program(const char *program);

/* Whole file in malloc'ed memory, with a NUL after its *n bytes (n may be NULL). */
char *fixture_read(const char *path, size_t *n);
void fixture_write(const char *path, const void *p, size_t n);

/* A new empty directory, and its removal with all it holds. */
void fixture_dir(char path[FIXTURE_PATH]);
void fixture_remove(const char *path);

/* Run a shell command in directory dir (NULL: here) without output; its exit status. The command
 * may use only names the test made itself. */
int fixture_run(const char *dir, const char *command);

/* Call each(path, ctx) for every regular file under dir whose name ends in suffix. Returns how many
 * there were. */
size_t fixture_each(const char *dir, const char *suffix, void (*each)(const char *path, void *ctx),
		    void *ctx);

/* A stream of bytes that depends on the seed alone. */
void fixture_fill(void *out, size_t n, uint32_t seed);

#endif
