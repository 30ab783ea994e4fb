/* SPDX-License-Identifier: Apache-2.0 */
#include "index/journal_mark.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "crypto/err.h"
#include "crypto/hash.h"
#include "crypto/wire.h"
#include "index/file.h"
#include "index/journal_internal.h"

#define MAGIC "CUSTMRK1"
#define FACTS (8u + 8 + 8 + sizeof(merkle_hash))
#define SIZE (FACTS + HASH_SIZE)

void journal_mark_write(int fd, const struct tree_state *state)
{
	uint8_t b[SIZE];
	merkle_hash root;

	memcpy(b, MAGIC, 8);
	wire_put64(b + 8, state->range.size);
	wire_put64(b + 16, state->bytes);
	merkle_root(root, &state->range);
	memcpy(b + 24, root, sizeof(root));
	hash_sha256(b + FACTS, b, FACTS);
	(void)!pwrite(fd, b, sizeof(b), 0);
}

int journal_mark_read(int homefd, struct journal_mark *m)
{
	int fd = openat(homefd, JOURNAL_LOCK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	uint8_t b[SIZE], digest[HASH_SIZE];
	int rc;

	if (fd < 0)
		return ERR_NOTFOUND;
	rc = file_pread(fd, b, sizeof(b), 0, NULL);
	close(fd);
	if (rc || memcmp(b, MAGIC, 8) != 0)
		return ERR_NOTFOUND;
	hash_sha256(digest, b, FACTS);
	if (memcmp(digest, b + FACTS, sizeof(digest)) != 0)
		return ERR_NOTFOUND;
	m->size = wire_get64(b + 8);
	m->bytes = wire_get64(b + 16);
	memcpy(m->root, b + 24, sizeof(m->root));
	return 0;
}
