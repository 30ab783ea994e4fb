/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/item_digest.h"

#include <string.h>

#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "fs/frame.h"
#include "index/file.h"

/* The accession's record key, by the segment's header. key and scratch are secret memory. */
static int record_key(uint8_t key[32], uint8_t scratch[32], struct station *s,
		      const struct object *o)
{
	struct wire_out bytes = {0};
	struct segment_header h;
	int rc;

	rc = segment_read_header(&bytes, s->segments, o->segment, NULL);
	if (rc == 0)
		rc = segment_header_parse(&h, bytes.p, bytes.n);
	if (rc == 0 && memcmp(h.accession, o->accession, 16) != 0)
		rc = ERR_DAMAGED;
	if (rc == 0)
		rc = segment_catalogue_key(scratch, &h, s->home->catalogue);
	if (rc == 0)
		kdf_label(key, scratch, "custodyfs/v1 record");
	wire_out_free(&bytes);
	return rc;
}

/* The head, as the log has it. */
static int read_head(struct wire_out *head, struct station *s, const struct object *o)
{
	uint8_t digest[HASH_SIZE], *p = wire_out_room(head, o->headlen);
	struct segment_fd *fd;
	int rc;

	if (!p)
		return ERR_NOMEM;
	rc = segment_get(&fd, s->segments, o->segment, NULL);
	if (rc < 0)
		return rc;
	rc = file_pread(segment_fileno(fd), p, o->headlen, o->offset, NULL);
	segment_put(s->segments, fd);
	hash_sha256(digest, p, o->headlen);
	return rc == 0 && memcmp(digest, o->head, sizeof(digest)) != 0 ? ERR_DAMAGED : rc;
}

int item_digest(uint8_t sha256[32], struct station *s, const struct object *o)
{
	uint8_t salt[32], *key = secret_take(s->pool, 64);
	struct wire_out head = {0}, record = {0};
	int rc = key ? 0 : ERR_NOMEM;

	if (rc == 0)
		rc = record_key(key, key + 32, s, o);
	if (rc == 0)
		rc = read_head(&head, s, o);
	if (rc == 0)
		rc = frame_record_open(&record, salt, sha256, head.p, head.n, key);
	secret_wipe(salt, sizeof(salt));
	secret_give(s->pool, key);
	wire_out_free(&head);
	wire_out_wipe(&record);
	return rc;
}
