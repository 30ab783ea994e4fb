/* SPDX-License-Identifier: Apache-2.0 */
/*
 * authority_copy: the authority's directory as one age file, sealed to some recipients, each of whom
 * can open it alone, and back. Inside is a tar of the files as they lie there: what is under a
 * passphrase there is under it here too. age and tar open it without this program.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_FS_AUTHORITY_COPY_H
#define CUSTODY_FS_AUTHORITY_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/wire.h"

#define AUTHORITY_COPY_MAX ((size_t)1 << 30) /* bytes of a copy */
#define AUTHORITY_COPY_RECIPIENTS 32

struct authority_copy_sum {
	uint64_t files, bytes;
	bool raw; /* its secrets are under no passphrase */
};

/* Append the age file. ERR_FOREIGN: not an authority's directory; ERR_KEY: others could read it, or a
 * recipient is none; ERR_NOMEM: larger than a copy may be. */
int authority_copy_seal(struct wire_out *out, const char *dir, const uint8_t (*recipient)[32],
			size_t recipients, struct authority_copy_sum *sum, struct err *e);
/* Make dir (which must not be there) from such a file with one of the recipients' secrets; whole, or
 * not at all. look: open and check, and make nothing. ERR_KEY: it is sealed to others; ERR_DAMAGED;
 * ERR_FOREIGN, ERR_MALFORMED: not such a copy; ERR_EXISTS. */
int authority_copy_open(const char *dir, const void *file, size_t n, const uint8_t secret[32],
			bool look, struct authority_copy_sum *sum, struct err *e);

#endif
