/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/request_section.h"

#include <inttypes.h>
#include <string.h>

#include "crypto/hash.h"
#include "index/journal.h"

int request_section_malformed(const struct request_reader *b, const char *what)
{
	return err_set(b->e, ERR_MALFORMED, "the request's bundle is malformed: %s", what);
}

/* The next section, which must be of this kind. */
static int next_section(struct request_reader *b, enum request_section kind,
			struct wire_in *section)
{
	uint8_t is = wire_in_u8(&b->in);
	const uint8_t *p;
	size_t n;

	p = wire_in_str32(&b->in, SIZE_MAX, &n);
	if (!p || b->left == 0 || is != kind)
		return request_section_malformed(b, "a section is missing or out of its place");
	b->left--;
	*section = wire_in_init(p, n);
	return 0;
}

bool request_section_next_is(const struct request_reader *b, enum request_section kind)
{
	return b->left > 0 && b->in.left > 0 && *b->in.p == kind;
}

/* ---- checkpoints ---- */

/* Node id of "custodyfs/<archive>/<node>"; false if it is a log of something else. */
static bool origin_node(const struct request *r, const char *origin, uint8_t node[16])
{
	const char *last = strrchr(origin, '/');
	char expected[NOTE_NAME_MAX];

	if (!last || !text_unhex((struct text_span){last + 1, strlen(last + 1)}, node, 16))
		return false;
	journal_origin(expected, r->archive, node);
	return strcmp(origin, expected) == 0;
}

int request_section_checkpoint(struct request_reader *b, size_t i)
{
	const struct note_checkpoint *said = &b->r->checkpoint[i];
	struct note_key key = {.type = NOTE_ED25519};
	struct roster_node *who = &b->who[i];
	struct note_checkpoint is;
	struct text_span text;
	struct wire_in section = {0};
	uint8_t node[16];
	int rc = next_section(b, REQUEST_CHECKPOINT, &section);

	if (rc)
		return rc;
	if (!origin_node(b->r, said->origin, node))
		return err_set(b->e, ERR_MALFORMED, "'%s' is not a journal of this archive",
			       said->origin);
	rc = b->find_node(b->ctx, node, who);
	if (rc)
		return err_set(b->e, rc, "the node of the log %s: %s", said->origin, err_text(rc));
	memcpy(b->r->source[i].node, node, 16);
	b->r->note[i] = (struct text_span){(const char *)section.p, section.left};
	strcpy(key.name, said->origin);
	memcpy(key.pk, who->pub.sign, sizeof(key.pk));
	rc = note_verify(b->r->note[i], &key, &text, NULL);
	if (rc)
		return err_set(b->e, rc == ERR_MALFORMED ? rc : ERR_FORGED,
			       "the checkpoint %s is not signed by its node", said->origin);
	if (note_checkpoint_parse(&is, text) != 0 || strcmp(is.origin, said->origin) != 0 ||
	    is.size != said->size || memcmp(is.root, said->root, sizeof(is.root)) != 0)
		return err_set(b->e, ERR_FORGED,
			       "the checkpoint %s is not the one that the request's text names",
			       said->origin);
	return 0;
}

size_t request_section_log(const struct request_reader *b, const uint8_t *node)
{
	size_t i = 0;

	while (i < b->r->checkpoints && memcmp(b->who[i].pub.id, node, 16) != 0)
		i++;
	return i;
}

/* ---- events with proofs ---- */

static int check_inclusion(const struct request_reader *b, size_t log, uint64_t index,
			   struct text_span line, const merkle_hash *proof, size_t hashes)
{
	const struct note_checkpoint *cp = &b->r->checkpoint[log];
	merkle_hash leaf;

	if (log == b->r->checkpoints)
		return request_section_malformed(b, "an event of a journal without a checkpoint");
	/* A reader knows the catalogue keys: it could give an item another record. */
	if (!(b->who[log].roles & ROSTER_INGEST))
		return err_set(b->e, ERR_ROLE, "the node of the log %s is not enrolled to ingest",
			       cp->origin);
	merkle_leaf(leaf, line.p, line.n);
	if (merkle_verify_inclusion(leaf, index, cp->size, proof, hashes, cp->root) != 0)
		return err_set(b->e, ERR_FORGED, "event %" PRIu64 " is not in the log %s", index,
			       cp->origin);
	return 0;
}

int request_section_proved(struct request_reader *b, enum request_section kind,
			   enum event_type type, struct request_proved *p)
{
	struct text_span line;
	struct wire_in section = {0};
	const uint8_t *hash;
	uint64_t index;
	size_t hashes, log;
	int rc = next_section(b, kind, &section);

	if (rc)
		return rc;
	p->node = wire_in_bytes(&section, 16);
	index = wire_in_u64(&section);
	line.p = (const char *)wire_in_str32(&section, EVENT_LINE_MAX, &line.n);
	hashes = wire_in_u16(&section);
	hash = wire_in_bytes(&section, hashes * sizeof(merkle_hash));
	p->bytes = wire_in_str32(&section, FRAME_HEAD_MAX, &p->n);
	if (!wire_in_end(&section) || hashes > MERKLE_PROOF_MAX)
		return request_section_malformed(b, "an event's section");
	log = request_section_log(b, p->node);
	rc = check_inclusion(b, log, index, line, (const merkle_hash *)hash, hashes);
	if (rc)
		return rc;
	if (event_parse(&p->event, line) != 0 || p->event.type != type || p->event.seq != index)
		return request_section_malformed(b, "an event is not of the kind it should be");
	if (p->event.time_ms > b->r->source[log].latest_ms)
		b->r->source[log].latest_ms = p->event.time_ms;
	return 0;
}

int request_section_digest_is(const struct request_reader *b, const struct request_proved *p,
			      const uint8_t digest[32])
{
	uint8_t is[HASH_SIZE];

	hash_sha256(is, p->bytes, p->n);
	if (memcmp(is, digest, sizeof(is)) == 0)
		return 0;
	return err_set(b->e, ERR_DAMAGED,
		       "the bytes of event %" PRIu64 " are not what the log says", p->event.seq);
}
