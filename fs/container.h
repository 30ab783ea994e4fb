/* SPDX-License-Identifier: Apache-2.0 */
/*
 * container: the bytes of an archive file, read at any offset, and its SHA-256, taken in passing
 * where they are read in order. Standard input is read into memory to make one of it.
 *
 * Thread rule: for one thread at a time.
 */
#ifndef CUSTODY_FS_CONTAINER_H
#define CUSTODY_FS_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "crypto/err.h"
#include "crypto/hash.h"

#define CONTAINER_INPUT_MAX ((uint64_t)1 << 30) /* bytes of standard input */

struct container {
	const char *name; /* for messages; borrowed */
	int fd;		  /* -1: closed */
	struct stat seen; /* when it was first opened; st_mode 0: never */
	bool input;	  /* it is standard input */
	uint8_t *mem;	  /* then: what was read of it; CONTAINER_INPUT_MAX + 1 bytes */
	uint64_t size;
	struct hash_ctx hash; /* of the first `hashed` bytes */
	uint64_t hashed;
	bool known; /* sha256 is */
	uint8_t sha256[32];
};

/* A zeroed struct with its name, and input. ERR_SYSTEM: can't be opened, or is another file than
 * before; ERR_USAGE: standard input is too long. */
int container_open(struct container *c, struct err *e);
/* *got < n at the end alone. */
int container_read(struct container *c, uint64_t off, void *buf, size_t n, size_t *got,
		   struct err *e);
/* SHA-256 of all of it, into c->sha256. ERR_SYSTEM if it has changed since it was opened. */
int container_digest(struct container *c, struct err *e);
void container_close(struct container *c);
void container_free(struct container *c); /* closed; forgets what was read of standard input */

#endif
