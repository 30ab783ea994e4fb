/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/file.h"
#include "index/journal_internal.h"

#define BUFFER (64u << 10)
#define CHECKPOINT_MAX (64u << 10) /* bytes of a note, with many cosignatures */

_Static_assert(BUFFER >= 2 * EVENT_LINE_MAX, "a line must fit");

void journal_file_name(char out[JOURNAL_FILE_NAME], const uint8_t node_id[16], const char *suffix)
{
	char id[33];

	text_hex(id, node_id, 16);
	snprintf(out, JOURNAL_FILE_NAME, "%s.%s", id, suffix);
}

void journal_origin(char *out, const uint8_t archive_id[16], const uint8_t node_id[16])
{
	char archive[33], node[33];

	text_hex(archive, archive_id, 16);
	text_hex(node, node_id, 16);
	snprintf(out, NOTE_NAME_MAX, "custodyfs/%s/%s", archive, node);
}

/* ---- checkpoint ---- */

static int parse_checkpoint(struct note_checkpoint *cp, struct text_span note, const char *name,
			    const struct note_key *key, struct err *e)
{
	struct text_span text, sigs;
	int rc;

	if (note_split(note, &text, &sigs) || note_checkpoint_parse(cp, text))
		return err_set(e, ERR_MALFORMED, "%s is not a checkpoint", name);
	if (strcmp(cp->origin, key->name) != 0)
		return err_set(e, ERR_FOREIGN, "%s is a checkpoint of %s, not of %s", name,
			       cp->origin, key->name);
	rc = note_verify(note, key, &text, NULL);
	if (rc == ERR_FORGED || rc == ERR_KEY)
		return err_set(e, ERR_FORGED, "%s is not signed by its node", name);
	return rc ? err_set(e, rc, "%s can't be verified: %s", name, err_text(rc)) : 0;
}

int journal_read_checkpoint(int dirfd, const uint8_t archive_id[16],
			    const struct identity_public *node, struct note_checkpoint *cp,
			    struct wire_out *note, struct err *e)
{
	struct note_key key = {.type = NOTE_ED25519};
	char name[JOURNAL_FILE_NAME];
	struct wire_out buf = {0};
	int rc;

	memset(cp, 0, sizeof(*cp));
	journal_file_name(name, node->id, "checkpoint");
	journal_origin(key.name, archive_id, node->id);
	memcpy(key.pk, node->sign, sizeof(key.pk));
	rc = file_read(dirfd, name, CHECKPOINT_MAX, &buf, e);
	if (rc == 0)
		rc = parse_checkpoint(cp, (struct text_span){(const char *)buf.p, buf.n}, name,
				      &key, e);
	if (rc)
		memset(cp, 0, sizeof(*cp));
	else if (note)
		wire_out_bytes(note, buf.p, buf.n);
	if (rc == 0 && note && !wire_out_ok(note))
		rc = err_set(e, ERR_NOMEM, "out of memory");
	wire_out_free(&buf);
	return rc;
}

/* ---- lines ---- */

struct journal_reader {
	int fd;
	bool owned;	  /* close fd */
	uint64_t base;	  /* file offset of buf[0] */
	size_t pos, have; /* next byte to give, bytes in buf */
	char buf[BUFFER];
};

int journal_open_file(int dirfd, const uint8_t node_id[16], struct err *e)
{
	char name[JOURNAL_FILE_NAME];
	struct stat st;
	int fd;

	journal_file_name(name, node_id, "jsonl");
	fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno == ENOENT ? err_set(e, ERR_NOTFOUND, "%s is not there", name) :
					 err_sys(e, "can't open %s", name);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return err_set(e, ERR_MALFORMED, "%s is not a regular file", name);
}

int journal_reader_on(struct journal_reader **out, int fd, uint64_t offset, struct err *e)
{
	struct journal_reader *r = malloc(sizeof(*r));

	*out = r;
	if (!r) {
		err_set(e, ERR_NOMEM, "out of memory");
		return ERR_NOMEM;
	}
	r->fd = fd;
	r->owned = false;
	r->base = offset;
	r->pos = r->have = 0;
	return 0;
}

int journal_reader_open(struct journal_reader **out, int dirfd, const uint8_t node_id[16],
			uint64_t offset, struct err *e)
{
	int fd = journal_open_file(dirfd, node_id, e);
	int rc;

	*out = NULL;
	if (fd < 0)
		return fd;
	rc = journal_reader_on(out, fd, offset, e);
	if (rc)
		close(fd);
	else
		(*out)->owned = true;
	return rc;
}

void journal_reader_close(struct journal_reader *r)
{
	if (!r)
		return;
	if (r->owned)
		close(r->fd);
	free(r);
}

/* Read more behind what is there. ERR_NOTFOUND at the end of the file. */
static int fill(struct journal_reader *r, struct err *e)
{
	ssize_t n;

	memmove(r->buf, r->buf + r->pos, r->have - r->pos);
	r->base += r->pos;
	r->have -= r->pos;
	r->pos = 0;
	if (r->base + r->have > INT64_MAX)
		return ERR_NOTFOUND;
	do
		n = pread(r->fd, r->buf + r->have, sizeof(r->buf) - r->have,
			  (off_t)(r->base + r->have));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, "can't read the journal");
	r->have += (size_t)n;
	return n ? 0 : ERR_NOTFOUND;
}

int journal_reader_next(struct journal_reader *r, struct text_span *line, uint64_t *off,
			struct err *e)
{
	for (;;) {
		const char *start = r->buf + r->pos;
		size_t left = r->have - r->pos;
		const char *lf = memchr(start, '\n', left);
		int rc;

		*off = r->base + r->pos;
		*line = (struct text_span){start, lf ? (size_t)(lf - start) : left};
		if (line->n >= EVENT_LINE_MAX)
			return err_set(e, ERR_MALFORMED,
				       "the line at byte %llu is longer than %d bytes",
				       (unsigned long long)*off, EVENT_LINE_MAX);
		if (lf) {
			r->pos += line->n + 1;
			return 0;
		}
		rc = fill(r, e);
		if (rc == ERR_NOTFOUND && left > 0)
			return err_set(e, ERR_MALFORMED, "the line at byte %llu has no end",
				       (unsigned long long)*off);
		if (rc)
			return rc;
	}
}

int journal_reader_skip(struct journal_reader *r, struct err *e)
{
	for (;;) {
		const char *start = r->buf + r->pos;
		const char *lf = memchr(start, '\n', r->have - r->pos);
		int rc;

		if (lf) {
			r->pos += (size_t)(lf - start) + 1;
			return 0;
		}
		r->pos = r->have;
		rc = fill(r, e);
		if (rc)
			return rc;
	}
}

int journal_read_line(int dirfd, const uint8_t node_id[16], uint64_t off, uint32_t n,
		      struct wire_out *out, struct err *e)
{
	size_t start = out->n;
	uint8_t *p;
	int fd, rc;

	if (n >= EVENT_LINE_MAX)
		return err_set(e, ERR_DAMAGED, "no journal line has %u bytes", (unsigned)n);
	p = wire_out_room(out, (size_t)n + 1); /* and the LF */
	if (!p)
		return err_set(e, ERR_NOMEM, "out of memory");
	fd = journal_open_file(dirfd, node_id, e);
	rc = fd < 0 ? fd : file_pread(fd, p, (size_t)n + 1, off, e);
	if (rc == 0 && memchr(p, '\n', (size_t)n + 1) != p + n)
		rc = err_set(e, ERR_DAMAGED, "no journal line of %u bytes is at byte %llu",
			     (unsigned)n, (unsigned long long)off);
	out->n = rc ? start : start + n;
	if (fd >= 0)
		close(fd);
	return rc;
}
