/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ui_keys: files of officers' public keys, as ssh-keygen writes them.
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_UI_KEYS_H
#define CUSTODY_TOOLS_UI_KEYS_H

#include <stddef.h>

#include "crypto/err.h"
#include "fs/archive.h"

/* Add the keys of a file to those there are: one a line, empty lines and comments aside. ERR_FOREIGN: no
 * public key, or a private one; ERR_USAGE: a key given before, or too many; codes of sshkey_parse and
 * file_read_path. */
int ui_keys_read(struct sshkey key[ARCHIVE_KEYS_MAX], size_t *keys, const char *file,
		 struct err *e);

#endif
