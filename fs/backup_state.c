/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/backup_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "fs/form.h"
#include "index/file.h"

#define TITLE "custodyfs-backup-state/v1"
#define STATE_MAX (256u << 20)
#define LIST_MAX ((size_t)1 << 24)
#define DIGEST_LINE (8 + 64 + 1) /* "digest: ", the hash, LF */

void backup_state_free(struct backup_state *s)
{
	free(s->mark);
	free(s->held);
	free(s->owed);
	*s = (struct backup_state){.marks = 0};
}

static int by_id(const void *key, const void *element)
{
	return memcmp(key, element, 16);
}

const struct backup_mark *backup_state_mark(const struct backup_state *s, const uint8_t node[16])
{
	return s->marks ? bsearch(node, s->mark, s->marks, sizeof(*s->mark), by_id) : NULL;
}

const struct backup_held *backup_state_held(const struct backup_state *s, const uint8_t id[16])
{
	return s->helds ? bsearch(id, s->held, s->helds, sizeof(*s->held), by_id) : NULL;
}

/* ---- writing ---- */

static void put_mark(struct wire_out *out, const struct backup_mark *m)
{
	char hex[65];

	text_hex(hex, m->node, 16);
	wire_out_printf(out, "journal: %s %" PRIu64 " %" PRIu64 "\n", hex, m->range.size, m->bytes);
	for (int i = 0; i < __builtin_popcountll(m->range.size); i++) {
		text_hex(hex, m->range.peak[i], 32);
		wire_out_printf(out, "peak: %s\n", hex);
	}
}

static void put_owed(struct wire_out *out, const struct backup_frame *f)
{
	char id[33], hash[65];

	text_hex(id, f->segment, 16);
	text_hex(hash, f->digest, 32);
	wire_out_printf(out, "owed: %s %" PRIu64 " %" PRIu64 " %s\n", id, f->offset, f->length,
			hash);
}

void backup_state_text(struct wire_out *out, const struct backup_state *s)
{
	const size_t start = out->n;
	char hex[65], time[TEXT_TIME_SIZE];
	uint8_t digest[32];

	text_hex(hex, s->archive, 16);
	text_time_s(time, s->made_ms / 1000);
	wire_out_printf(out, TITLE "\narchive: %s\nmade: %s\n", hex, time);
	for (size_t i = 0; i < s->marks; i++)
		put_mark(out, &s->mark[i]);
	for (size_t i = 0; i < s->helds; i++) {
		text_hex(hex, s->held[i].id, 16);
		wire_out_printf(out, "segment: %s %" PRIu64 "\n", hex, s->held[i].bytes);
	}
	for (size_t i = 0; i < s->oweds; i++)
		put_owed(out, &s->owed[i]);
	if (!wire_out_ok(out))
		return;
	hash_sha256(digest, out->p + start, out->n - start);
	text_hex(hex, digest, 32);
	wire_out_printf(out, "digest: %s\n", hex);
}

/* ---- reading ---- */

/* Take the next word of a line as a number. */
static bool number(struct text_span *line, uint64_t *v)
{
	struct text_span word;

	return text_word(line, &word) && text_u64(word, v);
}

static bool hex(struct text_span *line, void *out, size_t n)
{
	struct text_span word;

	return text_word(line, &word) && text_unhex(word, out, n);
}

static void take_mark(struct form *f, struct backup_state *s)
{
	struct backup_mark *m;
	struct text_span line;

	if (!form_room(f, (void **)&s->mark, s->marks, LIST_MAX, sizeof(*m)))
		return;
	m = &s->mark[s->marks++];
	*m = (struct backup_mark){.bytes = 0};
	form_span(f, "journal", &line);
	if (!hex(&line, m->node, 16) || !number(&line, &m->range.size) ||
	    !number(&line, &m->bytes) || line.n > 0)
		form_fail(f, ERR_MALFORMED, "'journal' must be an id, lines and bytes");
	for (int i = 0; !f->rc && i < __builtin_popcountll(m->range.size); i++)
		form_hash(f, "peak", m->range.peak[i]);
}

static void take_held(struct form *f, struct backup_state *s)
{
	struct backup_held *h;
	struct text_span line;

	if (!form_room(f, (void **)&s->held, s->helds, LIST_MAX, sizeof(*h)))
		return;
	h = &s->held[s->helds++];
	*h = (struct backup_held){.bytes = 0};
	form_span(f, "segment", &line);
	if (!hex(&line, h->id, 16) || !number(&line, &h->bytes) || line.n > 0)
		form_fail(f, ERR_MALFORMED, "'segment' must be an id and bytes");
}

static void take_owed(struct form *f, struct backup_state *s)
{
	struct backup_frame *o;
	struct text_span line;

	if (!form_room(f, (void **)&s->owed, s->oweds, LIST_MAX, sizeof(*o)))
		return;
	o = &s->owed[s->oweds++];
	*o = (struct backup_frame){.offset = 0};
	form_span(f, "owed", &line);
	if (!hex(&line, o->segment, 16) || !number(&line, &o->offset) ||
	    !number(&line, &o->length) || !hex(&line, o->digest, 32) || line.n > 0)
		form_fail(f, ERR_MALFORMED, "'owed' must be an id, a place and a hash");
}

/* Is each id greater than the one before? */
static bool ascending(const void *list, size_t n, size_t size)
{
	for (size_t i = 1; i < n; i++)
		if (memcmp((const char *)list + (i - 1) * size, (const char *)list + i * size,
			   16) >= 0)
			return false;
	return true;
}

static int parse(struct backup_state *s, struct text_span text, struct err *e)
{
	struct form f = form_begin(text, TITLE, e);

	form_id(&f, "archive", s->archive);
	form_time(&f, "made", &s->made_ms);
	while (form_next(&f, "journal"))
		take_mark(&f, s);
	while (form_next(&f, "segment"))
		take_held(&f, s);
	while (form_next(&f, "owed"))
		take_owed(&f, s);
	if (!f.rc && (!ascending(s->mark, s->marks, sizeof(*s->mark)) ||
		      !ascending(s->held, s->helds, sizeof(*s->held))))
		form_fail(&f, ERR_MALFORMED, "journals and segments must stand in order of id");
	return form_end(&f);
}

/* The last line is the digest of those before it. */
static bool intact(const struct wire_out *file)
{
	const size_t n = file->n - DIGEST_LINE;
	const char *line = (const char *)file->p + n;
	uint8_t is[32], says[32];

	hash_sha256(is, file->p, n);
	return memcmp(line, "digest: ", 8) == 0 && line[DIGEST_LINE - 1] == '\n' &&
	       text_unhex((struct text_span){line + 8, 64}, says, 32) && memcmp(is, says, 32) == 0;
}

int backup_state_read(struct backup_state *s, int dir, struct err *e)
{
	struct wire_out file = {0};
	int rc = file_read(dir, BACKUP_STATE, STATE_MAX, &file, e);

	*s = (struct backup_state){.marks = 0};
	if (rc == 0 && (file.n <= DIGEST_LINE || !intact(&file)))
		rc = err_set(e, ERR_DAMAGED, BACKUP_STATE " is not what was written");
	if (rc == 0)
		rc = parse(s, (struct text_span){(const char *)file.p, file.n - DIGEST_LINE}, e);
	wire_out_free(&file);
	if (rc)
		backup_state_free(s);
	return rc;
}
