// SPDX-License-Identifier: Apache-2.0
#include "tools/ui_keys.h"

#include <string.h>

#include "index/file.h"

#define KEY_FILE_MAX 65536

static int add_key(struct sshkey key[ARCHIVE_KEYS_MAX], size_t *keys, struct text_span line,
		   const char *file, struct err *e)
{
	struct sshkey *k = &key[*keys];
	int rc;

	if (*keys == ARCHIVE_KEYS_MAX)
		return err_set(e, ERR_USAGE, "%s: more than %d keys", file, ARCHIVE_KEYS_MAX);
	rc = sshkey_parse(k, line, e);
	if (rc < 0)
		return err_prefix(e, rc, "%s", file);
	for (size_t i = 0; i < *keys; i++) {
		if (sshkey_equal(&key[i], k))
			return err_set(e, ERR_USAGE, "%s: this key was given before", file);
	}
	++*keys;
	return 0;
}

/* A public key file has one line; a list of keys may have more, and comments. */
int ui_keys_read(struct sshkey key[ARCHIVE_KEYS_MAX], size_t *keys, const char *file, struct err *e)
{
	struct wire_out bytes = {0};
	struct text_span line;
	struct text_in t;
	size_t before = *keys;
	int rc = file_read_path(file, KEY_FILE_MAX, &bytes, e);

	if (rc == 0 && bytes.n && bytes.p[bytes.n - 1] != '\n')
		wire_out_u8(&bytes, '\n');
	if (rc == 0 && bytes.n > 10 && !memcmp(bytes.p, "-----BEGIN", 10))
		rc = err_set(e, ERR_FOREIGN, "%s is a private key; give the public one, %s.pub",
			     file, file);
	t = text_in_init(bytes.p, bytes.n);
	while (rc == 0 && text_line(&t, &line)) {
		if (line.n && line.p[0] != '#')
			rc = add_key(key, keys, line, file, e);
	}
	if (rc == 0 && (t.bad || *keys == before))
		rc = err_set(e, ERR_FOREIGN, "%s is no OpenSSH public key", file);
	wire_out_free(&bytes);
	return rc;
}
