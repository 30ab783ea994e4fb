/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "crypto/armor.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "fs/frame.h"
#include "fs/receipt_draft.h"
#include "fs/segment.h"
#include "fs/station.h"
#include "index/file.h"

/* The key of the accession's records, by the segment's header. key and scratch are secret memory. */
static int record_key(uint8_t key[32], uint8_t scratch[32], struct station *s,
		      const struct event *ingest, struct err *e)
{
	struct wire_out bytes = {0};
	struct segment_header h;
	int rc = segment_read_header(&bytes, s->segments, ingest->segment, e);

	if (rc == 0) {
		rc = segment_header_parse(&h, bytes.p, bytes.n);
		if (rc == 0 && memcmp(h.accession, ingest->accession, 16) != 0)
			rc = ERR_DAMAGED;
		if (rc == 0)
			rc = segment_catalogue_key(scratch, &h, s->home->catalogue);
		if (rc)
			err_set(e, rc, "the header of the item's segment: %s", err_text(rc));
	}
	if (rc == 0)
		kdf_label(key, scratch, "custodyfs/v1 record");
	wire_out_free(&bytes);
	return rc;
}

/* The head, as the log has it. */
static int read_head(struct wire_out *head, struct station *s, const struct event *ingest,
		     struct err *e)
{
	uint8_t digest[HASH_SIZE], *p;
	struct segment_fd *fd;
	int rc;

	if (ingest->headlen < FRAME_FIXED || ingest->headlen > FRAME_HEAD_MAX)
		return err_set(e, ERR_DAMAGED, "the item's head has a length that can't be");
	p = wire_out_room(head, ingest->headlen);
	if (!p)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = segment_get(&fd, s->segments, ingest->segment, e);
	if (rc)
		return rc;
	rc = file_pread(segment_fileno(fd), p, ingest->headlen, ingest->offset, e);
	segment_put(s->segments, fd);
	if (rc)
		return rc;
	hash_sha256(digest, p, ingest->headlen);
	if (memcmp(digest, ingest->head, sizeof(digest)) == 0)
		return 0;
	return err_set(e, ERR_DAMAGED,
		       "the item's head is not what the log says, so its provenance can't be "
		       "disclosed");
}

/* salt || SHA-256 of the content || record */
static int open_record(struct wire_out *plain, const struct wire_out *head, const uint8_t key[32],
		       const struct event *ingest, struct err *e)
{
	uint8_t salt[32], content[32], commitment[32];
	struct wire_out record = {0};
	int rc = frame_record_open(&record, salt, content, head->p, head->n, key);

	if (rc == 0) {
		record_commitment(commitment, salt, record.p, record.n, content);
		if (memcmp(commitment, ingest->commitment, 32) != 0)
			rc = ERR_FORGED;
	}
	if (rc == 0) {
		wire_out_bytes(plain, salt, sizeof(salt));
		wire_out_bytes(plain, content, sizeof(content));
		wire_out_bytes(plain, record.p, record.n);
	}
	secret_wipe(salt, sizeof(salt));
	wire_out_wipe(&record);
	return rc ? err_set(e, rc, "the item's provenance record: %s", err_text(rc)) : 0;
}

int receipt_disclose(struct wire_out *armor, struct station *s, const struct event *ingest,
		     struct err *e)
{
	struct wire_out head = {0}, plain = {0};
	uint8_t *key;
	int rc;

	if (!s || !s->home->catalogue)
		return err_set(e, ERR_ROLE,
			       "to disclose an item's provenance a reader node is needed");
	key = secret_take(s->pool, 64);
	if (!key)
		return err_set(e, ERR_NOMEM, "no secret memory left");
	rc = record_key(key, key + 32, s, ingest, e);
	if (rc == 0)
		rc = read_head(&head, s, ingest, e);
	if (rc == 0)
		rc = open_record(&plain, &head, key, ingest, e);
	if (rc == 0)
		armor_encode(armor, RECEIPT_RECORD, plain.p, plain.n);
	if (rc == 0 && (!wire_out_ok(&plain) || !wire_out_ok(armor)))
		rc = err_set(e, ERR_NOMEM, "out of memory");
	secret_give(s->pool, key);
	wire_out_wipe(&plain);
	wire_out_free(&head);
	return rc;
}
