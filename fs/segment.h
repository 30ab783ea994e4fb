/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment: the append-only container files of sealed items. One writer a segment; readers only
 * follow the journal, which alone says where committed frames are.
 *
 * Thread rule: segment_reserve/segment_write may be called from many threads on one writer. The
 * reader cache is shared by all threads.
 */
#ifndef CUSTODY_FS_SEGMENT_H
#define CUSTODY_FS_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/secret.h"
#include "crypto/wire.h"

#define SEGMENT_ROLL ((uint64_t)1 << 30)
#define SEGMENT_HEADER_MAX 8192

struct segment_header {
	uint16_t suite;
	uint32_t chunk_size;
	uint32_t epoch;
	uint8_t archive[16], accession[16], segment[16];
	uint8_t content_key_id[32], catalogue_key_id[32];
	const uint8_t *content_age, *catalogue_age; /* borrowed from the parsed bytes */
	size_t content_age_len, catalogue_age_len;
	uint32_t len; /* of the whole header */
};
/* Append the header: seals both 32-byte keys to their age recipients. */
int segment_header_make(struct wire_out *out, const struct segment_header *h,
			const uint8_t content_key[32], const uint8_t release_recipient[32],
			const uint8_t catalogue_key[32], const uint8_t catalogue_recipient[32]);
/* ERR_FOREIGN, ERR_NEWER, ERR_MALFORMED. p has at least the header's bytes; n may be more. */
int segment_header_parse(struct segment_header *h, const void *p, size_t n);
/* Open one of the two age files (age_open) and check the key id. key is secret memory. ERR_KEY,
 * ERR_DAMAGED; the key is then zeroed. */
int segment_content_key(uint8_t key[32], const struct segment_header *h, const uint8_t secret[32]);
int segment_catalogue_key(uint8_t key[32], const struct segment_header *h,
			  const uint8_t secret[32]);

/* "xx/<id>.seg" */
#define SEGMENT_PATH_MAX 48
void segment_path(char out[SEGMENT_PATH_MAX], const uint8_t id[16]);

/* Writer. create: exclusive, header written; nothing is durable until segment_sync(). segments_dir
 * is borrowed for the writer's life. A full file system is named as such. */
struct segment_writer;
int segment_create(struct segment_writer **out, int segments_dir, const uint8_t id[16],
		   const void *header, size_t n, struct err *e);
/* Take `len` bytes at the end; *off says where. Never fails; ranges of aborted items stay gaps. */
void segment_reserve(struct segment_writer *w, uint64_t len, uint64_t *off);
int segment_write(struct segment_writer *w, uint64_t off, const void *p, size_t n, struct err *e);
/* Read back what was written (an item that was streamed is hashed this way). */
int segment_reread(struct segment_writer *w, uint64_t off, void *p, size_t n, struct err *e);
/* Let what is durable go from memory, so that reading it back asks the disk. Advice. */
void segment_forget(struct segment_writer *w);
uint64_t segment_end(struct segment_writer *w);
/* fdatasync of the file, and once of its directories. For one thread at a time. What was not
 * written when a sync failed is lost to the system, so a sync after a failed one fails too. */
int segment_sync(struct segment_writer *w, struct err *e);
/* NULL is fine. */
void segment_close(struct segment_writer *w);
/* Close and remove the file: only for a segment that no journal has been told of. */
void segment_discard(struct segment_writer *w);

/* Readers: a cache of open descriptors (at most 64, but for those in use). get takes a reference.
 * segments_dir is borrowed for the cache's life. */
struct segment_cache;
struct segment_fd;
int segment_cache_new(struct segment_cache **out, int segments_dir, struct err *e);
void segment_cache_free(struct segment_cache *c);
/* ERR_DAMAGED when the file is missing (a segment the log names must exist). */
int segment_get(struct segment_fd **out, struct segment_cache *c, const uint8_t id[16],
		struct err *e);
void segment_put(struct segment_cache *c, struct segment_fd *s);
int segment_fileno(const struct segment_fd *s);
/* Append the header bytes of a segment. ERR_DAMAGED when there can't be one in the file. */
int segment_read_header(struct wire_out *out, struct segment_cache *c, const uint8_t id[16],
			struct err *e);

#endif
