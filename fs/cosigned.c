/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/cosigned.h"

#include <stdio.h>
#include <string.h>

#include "index/file.h"
#include "index/journal.h"

#define DASH "\xe2\x80\x94 " /* begins a signature line */
#define MODE 0640

static bool is_signature(struct text_span line)
{
	return line.n > strlen(DASH) && memcmp(line.p, DASH, strlen(DASH)) == 0;
}

static void file_name(char out[48], const uint8_t node[16])
{
	char hex[33];

	text_hex(hex, node, 16);
	snprintf(out, 48, "%s.cosigned", hex);
}

int64_t cosigned_ms(const struct cosigned *c)
{
	uint64_t first = c->by[0].time;

	for (size_t i = 1; i < c->n; i++)
		first = c->by[i].time < first ? c->by[i].time : first;
	return first > INT64_MAX / 1000 ? INT64_MAX : (int64_t)first * 1000;
}

/* The checkpoint that the node signed. */
static int check_node(struct cosigned *c, struct text_span note, const uint8_t archive[16],
		      const struct identity_public *node, struct text_span *sigs, struct err *e)
{
	struct note_key key = {.type = NOTE_ED25519};
	struct text_span text;
	int rc;

	journal_origin(key.name, archive, node->id);
	memcpy(key.pk, node->sign, sizeof(key.pk));
	if (note_split(note, &text, sigs) != 0 || note_checkpoint_parse(&c->cp, text) != 0)
		return err_set(e, ERR_MALFORMED, "it is not a signed checkpoint");
	if (strcmp(c->cp.origin, key.name) != 0)
		return err_set(e, ERR_FOREIGN, "it is a checkpoint of %s, not of %s", c->cp.origin,
			       key.name);
	rc = note_verify(note, &key, &text, NULL);
	if (rc == ERR_FORGED || rc == ERR_KEY)
		return err_set(e, ERR_FORGED, "the checkpoint of %s is not signed by its node",
			       key.name);
	return rc ? err_set(e, rc, "%s", err_text(rc)) : 0;
}

int cosigned_check(struct cosigned *c, struct text_span note, const struct archive_desc *desc,
		   const struct identity_public *node, struct err *e)
{
	struct text_span text, sigs, line;
	struct text_in in;
	int rc;

	*c = (struct cosigned){.n = 0};
	rc = check_node(c, note, desc->id, node, &sigs, e);
	for (size_t i = 0; rc == 0 && i < desc->witnesses; i++) {
		rc = note_verify(note, &desc->witness[i], &text, &c->by[c->n].time);
		if (rc == 0)
			c->by[c->n++].witness = i;
		else if (rc == ERR_KEY)
			rc = 0; /* it has not signed this one */
		else
			err_set(e, rc, "the cosignature of %s on the checkpoint of %s is not good",
				desc->witness[i].name, c->cp.origin);
	}
	if (rc)
		return rc;
	in = text_in_init(sigs.p, sigs.n);
	while (text_line(&in, &line))
		c->others++;
	c->others -= c->others > c->n ? (unsigned)c->n + 1 : c->others;
	return 0;
}

int cosigned_read(struct cosigned *c, struct wire_out *note, const struct archive *a,
		  const struct identity_public *node, struct err *e)
{
	struct wire_out bytes = {0};
	char name[48];
	int rc;

	file_name(name, node->id);
	*c = (struct cosigned){.n = 0};
	rc = file_read(a->journal, name, COSIGNED_MAX, &bytes, e);
	if (rc == 0)
		rc = cosigned_check(c, (struct text_span){(const char *)bytes.p, bytes.n}, &a->desc,
				    node, e);
	if (rc == 0 && c->n == 0 && c->others > 0)
		rc = err_set(e, ERR_NOTFOUND, "those who cosigned it are no witnesses any more");
	else if (rc == 0 && c->n == 0)
		rc = err_set(e, ERR_FORGED,
			     "no witness that archive.txt names has cosigned the checkpoint");
	if (rc && rc != ERR_NOTFOUND)
		err_prefix(e, rc, "journal/%s", name);
	else if (rc == 0 && note)
		wire_out_bytes(note, bytes.p, bytes.n);
	if (rc == 0 && note && !wire_out_ok(note))
		rc = err_set(e, ERR_NOMEM, "out of memory");
	wire_out_free(&bytes);
	return rc;
}

int cosigned_store(const struct archive *a, const uint8_t node[16], struct text_span note,
		   struct err *e)
{
	char name[48];

	file_name(name, node);
	return file_replace(a->journal, name, note.p, note.n, MODE, e);
}

/* A signature line up to its base64. */
static struct text_span signer(struct text_span line)
{
	const char *space = memrchr(line.p, ' ', line.n);

	return (struct text_span){line.p, space ? (size_t)(space - line.p) : line.n};
}

/* Is one of the signature lines by whom this one is by? */
static bool has_signer(struct text_span sigs, struct text_span line)
{
	struct text_in in = text_in_init(sigs.p, sigs.n);
	struct text_span s, who = signer(line);

	while (text_line(&in, &s)) {
		s = signer(s);
		if (s.n == who.n && memcmp(s.p, who.p, s.n) == 0)
			return true;
	}
	return false;
}

void cosigned_merge(struct wire_out *out, struct text_span a, struct text_span b)
{
	struct text_span text, ours = {"", 0}, theirs = {"", 0}, line;
	struct text_in in;

	note_split(b, &text, &theirs);
	note_split(a, &text, &ours);
	wire_out_bytes(out, a.p, a.n);
	in = text_in_init(theirs.p, theirs.n);
	while (text_line(&in, &line)) {
		if (has_signer(ours, line))
			continue;
		wire_out_bytes(out, line.p, line.n);
		wire_out_text(out, "\n");
	}
}

bool cosigned_next(struct text_span *text, struct text_span *note)
{
	struct text_in in = text_in_init(text->p, text->n);
	struct text_span line;
	bool signatures = false;

	while (text_expect(&in, ""))
		;
	note->p = in.p;
	while (text_peek(&in, &line) && (is_signature(line) || !signatures)) {
		signatures = signatures || is_signature(line);
		text_line(&in, &line);
	}
	note->n = (size_t)(in.p - note->p);
	while (text_expect(&in, ""))
		;
	*text = (struct text_span){in.p, in.left};
	return signatures && !in.bad;
}
