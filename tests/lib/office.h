/* SPDX-License-Identifier: Apache-2.0 */
/*
 * office: officers with SSH keys made by ssh-keygen, and the documents and archives they sign, for
 * the tests of the engine. A failure of the set-up ends the test program with a message.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TESTS_OFFICE_H
#define CUSTODY_TESTS_OFFICE_H

#include <stdint.h>

#include "crypto/secret.h"
#include "fs/archive.h"
#include "fs/document.h"
#include "tests/lib/fixture.h"

#define OFFICE_KEYS 4
#define OFFICE_STRANGER 3 /* the last key is never in an archive.txt */

/* A software FIDO2 token (Debian package openssh-tests). */
#define OFFICE_TOKEN "/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so"

struct office {
	char dir[FIXTURE_PATH];
	char key_file[OFFICE_KEYS][FIXTURE_PATH];
	struct sshkey key[OFFICE_KEYS];
	uint8_t release_secret[32], catalogue_secret[32];
	struct secret_pool *pool;
};

void office_open(struct office *o);
void office_close(struct office *o);
/* "<dir>/<name>" */
void office_path(const struct office *o, const char *name, char path[FIXTURE_PATH]);

/* Run ssh-keygen to make one more key pair, "<dir>/<name>"; `options` go to ssh-keygen. */
void office_keygen(const struct office *o, const char *name, const char *options,
		   struct sshkey *pub);

/* A description by the first `keys` officers, version 1, one epoch. */
void office_describe(const struct office *o, struct archive_desc *d, unsigned keys,
		     unsigned threshold);
/* One more witness for d, whose key is made of this seed. */
void office_witness(struct archive_desc *d, const char *name, const uint8_t seed[32]);
/* d as a document, unsigned. */
/* Let next say that it follows *before, whose digest is set. */
void office_follow(struct archive_desc *before, struct archive_desc *next);
void office_desc_document(struct document *out, const struct archive_desc *d);
/* An unsigned document from its text. */
void office_text_document(struct document *out, const char *text);
/* Sign as officer `who`. */
void office_sign(const struct office *o, struct document *d, const char *namespace, unsigned who);
/* "<dir>/<name>" in path: a new archive of d, signed by the first d->threshold officers. */
void office_archive(const struct office *o, const struct archive_desc *d, const char *name,
		    char path[FIXTURE_PATH]);

#endif
