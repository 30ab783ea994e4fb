/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/evidence.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "fs/form.h"
#include "index/journal.h"

#define NOTE_MAX 65536u

void evidence_free(struct evidence *v)
{
	wire_out_free(&v->bytes);
	free(v->log);
	*v = (struct evidence){.logs = 0};
}

/* ---- writing ---- */

static void put_note(struct wire_out *out, const char *key, struct text_span note)
{
	wire_out_printf(out, "%s: %zu\n", key, note.n);
	wire_out_bytes(out, note.p, note.n);
}

static void put_hash(struct wire_out *out, const merkle_hash h)
{
	char text[48];

	text_base64(text, h, MERKLE_HASH);
	wire_out_printf(out, "%s\n", text);
}

static void put_log(struct wire_out *out, const struct evidence_log *l)
{
	char hex[33];

	text_hex(hex, l->node, 16);
	wire_out_printf(out, "log: %s\nfound: %s\n", hex, l->fork ? "fork" : "rollback");
	put_note(out, "seen", l->seen);
	if (l->present.n)
		put_note(out, "present", l->present);
	if (!l->fork || l->seen_at.size == l->present_at.size)
		return;
	wire_out_text(out, "prefix: ");
	put_hash(out, l->prefix);
	wire_out_printf(out, "proof: %zu\n", l->hashes);
	for (size_t i = 0; i < l->hashes; i++)
		put_hash(out, l->proof[i]);
}

static void note_key(struct note_key *k, const uint8_t archive[16],
		     const struct identity_public *pub)
{
	*k = (struct note_key){.type = NOTE_ED25519};
	journal_origin(k->name, archive, pub->id);
	memcpy(k->pk, pub->sign, sizeof(k->pk));
}

int evidence_text(struct wire_out *out, const struct evidence *v, const struct identity *id,
		  struct err *e)
{
	char archive[33], node[33], time[TEXT_TIME_SIZE];
	struct wire_out text = {0};
	struct note_key key;
	int rc;

	text_hex(archive, v->archive, 16);
	text_hex(node, id->pub.id, 16);
	text_time_s(time, v->issued_ms / 1000);
	wire_out_printf(&text, EVIDENCE_TITLE "\narchive: %s\nnode: %s\nissued: %s\n", archive,
			node, time);
	for (size_t i = 0; i < v->logs; i++)
		put_log(&text, &v->log[i]);
	wire_out_text(&text, "end\n");
	note_key(&key, v->archive, &id->pub);
	rc = wire_out_ok(&text) ? note_sign(out, (char *)text.p, text.n, &key, id->sign) :
				  ERR_NOMEM;
	wire_out_free(&text);
	return rc ? err_set(e, rc, "can't sign the evidence: %s", err_text(rc)) : 0;
}

/* ---- reading ---- */

/* `key: <n>` and so many bytes, which end in LF. */
static void take_note(struct form *f, const char *key, struct text_span *note)
{
	uint64_t n = 0;

	*note = (struct text_span){"", 0};
	form_u64(f, key, &n);
	if (!f->rc && (n == 0 || n > NOTE_MAX || n > f->in.left || f->in.p[n - 1] != '\n'))
		form_fail(f, ERR_MALFORMED, "'%s' has a length that can't be", key);
	if (f->rc)
		return;
	*note = (struct text_span){f->in.p, (size_t)n};
	f->in.p += n;
	f->in.left -= n;
	for (size_t i = 0; i < n; i++)
		f->in.line += note->p[i] == '\n';
}

static bool unhash(struct text_span s, merkle_hash h)
{
	return text_unbase64(s, h, MERKLE_HASH) == MERKLE_HASH;
}

static void take_proof(struct form *f, struct evidence_log *l)
{
	struct text_span v;
	uint64_t n = 0;

	form_span(f, "prefix", &v);
	if (!f->rc && !unhash(v, l->prefix))
		form_fail(f, ERR_MALFORMED, "'prefix' must be a root hash");
	form_u64(f, "proof", &n);
	if (n > MERKLE_PROOF_MAX)
		form_fail(f, ERR_MALFORMED, "'proof' has too many hashes");
	for (l->hashes = 0; !f->rc && l->hashes < n; l->hashes++)
		if (!text_line(&f->in, &v) || !unhash(v, l->proof[l->hashes]))
			form_fail(f, ERR_MALFORMED, "a hash of the proof is malformed");
}

static void take_log(struct form *f, struct evidence_log *l)
{
	struct text_span v;

	form_id(f, "log", l->node);
	form_span(f, "found", &v);
	l->fork = text_is(v, "fork");
	if (!l->fork && !text_is(v, "rollback"))
		form_fail(f, ERR_MALFORMED, "'found' must be fork or rollback");
	take_note(f, "seen", &l->seen);
	if (form_next(f, "present"))
		take_note(f, "present", &l->present);
	if (form_next(f, "prefix"))
		take_proof(f, l);
}

static int take_text(struct evidence *v, struct text_span text, struct err *e)
{
	struct form f = form_begin(text, EVIDENCE_TITLE, e);

	form_id(&f, "archive", v->archive);
	form_id(&f, "node", v->node);
	form_time(&f, "issued", &v->issued_ms);
	do {
		if (!form_room(&f, (void **)&v->log, v->logs, EVIDENCE_LOGS_MAX, sizeof(*v->log)))
			break;
		v->log[v->logs] = (struct evidence_log){.hashes = 0};
		take_log(&f, &v->log[v->logs++]);
	} while (form_next(&f, "log"));
	if (!f.rc && !form_distinct(v->log, v->logs, sizeof(*v->log), 16))
		form_fail(&f, ERR_MALFORMED, "a log is named twice");
	if (!f.rc && !text_expect(&f.in, "end"))
		form_fail(&f, ERR_MALFORMED, "another log, or 'end', must stand behind line %u",
			  f.in.line);
	return form_end(&f);
}

/* ---- judging ---- */

static int check_note(struct note_checkpoint *cp, struct text_span note, const struct note_key *k,
		      const char *which, struct err *e)
{
	struct text_span text;

	if (note_verify(note, k, &text, NULL) != 0 || note_checkpoint_parse(cp, text) != 0 ||
	    strcmp(cp->origin, k->name) != 0)
		return err_set(e, ERR_FORGED,
			       "the checkpoint that %s is not signed by the node of its log",
			       which);
	return 0;
}

/* Does the log say what it is said to show? */
static int judge(const struct evidence_log *l, struct err *e)
{
	const struct note_checkpoint *a = &l->seen_at, *b = &l->present_at;
	const struct note_checkpoint *less = a->size < b->size ? a : b, *more = less == a ? b : a;

	if (!l->fork)
		return b->size < a->size ? 0 :
					   err_set(e, ERR_FORGED,
						   "what is there is not less than what was seen");
	if (a->size == b->size)
		return memcmp(a->root, b->root, 32) != 0 ?
			       0 :
			       err_set(e, ERR_FORGED, "the two checkpoints say the same");
	if (memcmp(l->prefix, less->root, 32) == 0 ||
	    merkle_verify_consistency(less->size, more->size, l->proof, l->hashes, l->prefix,
				      more->root) != 0)
		return err_set(e, ERR_FORGED, "the proof of the fork does not hold");
	return 0;
}

static int check_log(const struct evidence *v, struct evidence_log *l,
		     evidence_find_node *find_node, void *ctx, struct err *e)
{
	struct roster_node who;
	struct note_key key;
	char hex[33];
	int rc = find_node(ctx, l->node, &who);

	text_hex(hex, l->node, 16);
	if (rc)
		return err_set(e, rc, "the node %s, whose log it is about: %s", hex, err_text(rc));
	note_key(&key, v->archive, &who.pub);
	hash_sha256(l->present_at.root, "", 0);
	memcpy(l->present_at.origin, key.name, sizeof(key.name));
	rc = check_note(&l->seen_at, l->seen, &key, "was seen", e);
	if (rc == 0 && l->present.n)
		rc = check_note(&l->present_at, l->present, &key, "is there", e);
	if (rc == 0)
		rc = judge(l, e);
	return rc ? err_prefix(e, rc, "log of node %s", hex) : 0;
}

static int parse(struct evidence *v, evidence_find_node *find_node, void *ctx, struct err *e)
{
	const struct text_span note = {(const char *)v->bytes.p, v->bytes.n};
	struct text_span text, sigs;
	struct roster_node who;
	struct note_key key;
	int rc;

	if (note_split(note, &text, &sigs) != 0)
		return err_set(e, ERR_FOREIGN, "no evidence: not a signed note");
	rc = take_text(v, text, e);
	if (rc)
		return rc;
	rc = find_node(ctx, v->node, &who);
	if (rc)
		return err_set(e, rc, "the node that shows it: %s", err_text(rc));
	note_key(&key, v->archive, &who.pub);
	if (note_verify(note, &key, &text, NULL) != 0)
		return err_set(e, ERR_FORGED, "it is not signed by the node that shows it");
	for (size_t i = 0; rc == 0 && i < v->logs; i++)
		rc = check_log(v, &v->log[i], find_node, ctx, e);
	return rc;
}

int evidence_parse(struct evidence *v, const void *p, size_t n, evidence_find_node *find_node,
		   void *ctx, struct err *e)
{
	int rc;

	*v = (struct evidence){.logs = 0};
	if (n > EVIDENCE_MAX)
		return err_set(e, ERR_MALFORMED, "it is longer than %u bytes", EVIDENCE_MAX);
	wire_out_bytes(&v->bytes, p, n);
	rc = wire_out_ok(&v->bytes) ? parse(v, find_node, ctx, e) :
				      err_set(e, ERR_NOMEM, "out of memory");
	if (rc)
		evidence_free(v);
	return rc;
}
