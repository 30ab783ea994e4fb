/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keydir: a directory that only its owner may enter, and the key files in it: what a node and an
 * authority have in common.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_KEYDIR_H
#define CUSTODY_FS_KEYDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/secret.h"

/* Gives the passphrase: writes at most cap bytes into buf, returns its length or a negative code, with
 * a sentence in *e (never NULL) that names where it was looked for. `confirm`: it is for a new key,
 * ask twice. `what` names the key file. */
typedef long keydir_passphrase(void *ctx, const char *what, bool confirm, char *buf, size_t cap,
			       struct err *e);

struct keydir {
	char *path; /* absolute: a daemon changes its directory */
	int fd;
};

/* Make dir, mode 0700, and what is missing above it. Existing directories are left as they are. */
int keydir_make(const char *dir, struct err *e);
/* Open it. `mark` is the file by which such a directory is known: ERR_FOREIGN without it, unless the
 * directory is `fresh`. ERR_NOTFOUND; ERR_KEY if it is not ours alone, with what to do.
 * keydir_close() after failure, too. */
int keydir_open(struct keydir *k, const char *dir, const char *mark, bool fresh, struct err *e);
void keydir_close(struct keydir *k);

/* Write a new key file (see crypto/identity.h) that holds the secret, under the passphrase that
 * `pass` gives, raw if that is NULL. ERR_EXISTS if there is a file of that name already. */
int keydir_put_key(const struct keydir *k, const char *name, int kind, const uint8_t secret[32],
		   struct secret_pool *pool, keydir_passphrase *pass, void *ctx, struct err *e);
/* Read it. pass is asked only if the file needs it; NULL then gives ERR_PASSPHRASE. What pass
 * returns when it fails is returned. ERR_KEY if there is none, or others could read it. */
int keydir_get_key(const struct keydir *k, const char *name, int kind, uint8_t secret[32],
		   struct secret_pool *pool, keydir_passphrase *pass, void *ctx, struct err *e);

#endif
