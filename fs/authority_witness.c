/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authority as a witness of the nodes' logs (C2SP tlog-witness): it cosigns a checkpoint whose log
 * is the continuation of what it cosigned before, and nothing else.
 *
 *   archives/<archive>/cosigned/<node id>.<size>   each checkpoint it has cosigned, with its cosignature
 *
 * What is to be answered is durable there before it is given out, and never replaced. Whoever dies
 * between the two gives the same answer again, and no other.
 */
#include "fs/authority_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "fs/cosigned.h"
#include "index/file.h"

struct cosign {
	struct authority *a;
	const struct witness_ask *ask;
	struct authority_cosigned *r;
	struct archive_desc desc;
	struct roster_node node;
	struct note_key key; /* the witness */
	uint8_t *sk;
	int dir;	      /* cosigned/ */
	struct wire_out last; /* the note that was cosigned last; empty: none */
	struct note_checkpoint last_cp;
	uint64_t last_time;
};

static void file_name(char out[64], const uint8_t node[16], uint64_t size)
{
	char hex[33];

	text_hex(hex, node, 16);
	snprintf(out, 64, "%s.%" PRIu64, hex, size);
}

/* ---- who asks ---- */

/* "custodyfs/<archive>/<node>" */
static int parse_origin(struct cosign *c, struct err *e)
{
	static const char start[] = "custodyfs/";
	const char *p = c->r->cp.origin + sizeof(start) - 1;
	struct authority_cosigned *r = c->r;

	if (strlen(r->cp.origin) == sizeof(start) - 1 + 32 + 1 + 32 &&
	    strncmp(r->cp.origin, start, sizeof(start) - 1) == 0 && p[32] == '/' &&
	    text_unhex((struct text_span){p, 32}, r->archive, 16) &&
	    text_unhex((struct text_span){p + 33, 32}, r->node, 16))
		return 0;
	return err_set(e, ERR_FOREIGN, "the log %s is no node's", r->cp.origin);
}

/* What is cosigned is the text: three lines and no more. */
static int parse_checkpoint(struct cosign *c, struct err *e)
{
	struct text_span text, sigs;
	struct wire_out plain = {0};
	bool same;

	if (note_split(c->ask->note, &text, &sigs) != 0 ||
	    note_checkpoint_parse(&c->r->cp, text) != 0)
		return err_set(e, ERR_MALFORMED, "it is no signed checkpoint");
	note_checkpoint_text(&plain, &c->r->cp);
	same = plain.n == text.n && memcmp(plain.p, text.p, text.n) == 0;
	wire_out_free(&plain);
	return same ? parse_origin(c, e) :
		      err_set(e, ERR_MALFORMED, "the checkpoint of %s has more than three lines",
			      c->r->cp.origin);
}

/* Our own enrolment of the node says what its key is. */
static int check_node(struct cosign *c, struct err *e)
{
	struct note_key key = {.type = NOTE_ED25519};
	struct authority_cosigned *r = c->r;
	struct text_span text;
	int rc = authority_archive(c->a, r->archive, &c->desc, e);

	if (rc == 0) {
		rc = authority_find_node(c->a, r->archive, r->node, &c->node);
		if (rc)
			err_set(e, rc, "the node of the log %s: %s", r->cp.origin, err_text(rc));
	}
	if (rc)
		return rc;
	memcpy(r->name, c->node.name, sizeof(r->name));
	memcpy(key.name, r->cp.origin, sizeof(key.name));
	memcpy(key.pk, c->node.pub.sign, sizeof(key.pk));
	rc = note_verify(c->ask->note, &key, &text, NULL);
	if (rc == ERR_FORGED || rc == ERR_KEY)
		return err_set(e, ERR_FORGED,
			       "the checkpoint of %s is not signed by the node that was enrolled",
			       r->cp.origin);
	return rc ? err_set(e, rc, "%s", err_text(rc)) : 0;
}

/* Our cosignature must count for somebody. */
static int check_witness(struct cosign *c, struct err *e)
{
	int rc = authority_witness_key(c->a, &c->desc, &c->key, c->sk, e);

	if (rc == 0)
		memcpy(c->r->witness, c->key.name, sizeof(c->r->witness));
	return rc;
}

/* ---- what was cosigned before ---- */

/* The largest size of a file <node>.<size>; 0 if there is none. */
static int find_last(const struct cosign *c, uint64_t *size, struct err *e)
{
	int fd = openat(c->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *en;
	char hex[33];
	uint64_t n;

	*size = 0;
	text_hex(hex, c->r->node, 16);
	if (!dir) {
		rc = err_sys(e, "can't list what was cosigned");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while ((errno = 0, en = readdir(dir)))
		if (strncmp(en->d_name, hex, 32) == 0 && en->d_name[32] == '.' &&
		    text_u64((struct text_span){en->d_name + 33, strlen(en->d_name + 33)}, &n) &&
		    n > *size)
			*size = n;
	if (errno)
		rc = err_sys(e, "can't list what was cosigned");
	closedir(dir);
	return rc;
}

/* The node's own signature on a note. */
static int check_by_node(const struct cosign *c, struct text_span note, struct text_span *text)
{
	struct note_key key = {.type = NOTE_ED25519};

	snprintf(key.name, sizeof(key.name), "%s", c->r->cp.origin);
	memcpy(key.pk, c->node.pub.sign, sizeof(key.pk));
	return note_verify(note, &key, text, NULL);
}

/* One of our notes; it must bear our cosignature, or at least, where the key of then was lost, the
 * signature of the node. */
static int read_note(const struct cosign *c, uint64_t size, struct wire_out *note,
		     struct note_checkpoint *cp, uint64_t *time, struct err *e)
{
	struct text_span text, all;
	struct note_key key;
	char name[64];
	int rc;

	file_name(name, c->r->node, size);
	rc = file_read(c->dir, name, COSIGNED_MAX, note, e);
	all = (struct text_span){(const char *)note->p, note->n};
	if (rc)
		return rc;
	*time = 0;
	rc = authority_witness_verify(c->a, all, &key, &text, time);
	if (rc == ERR_KEY)
		rc = check_by_node(c, all, &text);
	if (rc == 0)
		rc = note_checkpoint_parse(cp, text);
	if (rc == 0 && (cp->size != size || strcmp(cp->origin, c->r->cp.origin) != 0))
		rc = ERR_DAMAGED;
	return rc ? err_set(e, ERR_DAMAGED, "cosigned/%s of the authority is damaged", name) : 0;
}

static int load_last(struct cosign *c, struct err *e)
{
	uint64_t size;
	int rc = find_last(c, &size, e);

	if (rc == 0 && size > 0)
		rc = read_note(c, size, &c->last, &c->last_cp, &c->last_time, e);
	return rc;
}

/* ---- may it be cosigned ---- */

static int forked(const struct cosign *c, struct err *e)
{
	return err_set(e, ERR_ROLLBACK,
		       "the log %s is not the one that was cosigned with %" PRIu64
		       " events: it was forked",
		       c->r->cp.origin, c->last_cp.size);
}

/* Less than was cosigned: an ask that was answered long ago, or a log that was turned back. */
static int judge_shorter(const struct cosign *c, struct err *e)
{
	const struct note_checkpoint *cp = &c->r->cp;
	struct wire_out note = {0};
	struct note_checkpoint old;
	struct err why;
	uint64_t time;
	bool ours = read_note(c, cp->size, &note, &old, &time, &why) == 0 &&
		    memcmp(old.root, cp->root, sizeof(old.root)) == 0;

	wire_out_free(&note);
	if (ours)
		return err_set(e, ERR_REPLAYED,
			       "the log %s with %" PRIu64 " events was cosigned before, and more "
			       "of it since: this ask was answered",
			       cp->origin, cp->size);
	return err_set(e, ERR_ROLLBACK,
		       "the log %s has %" PRIu64 " events here, and %" PRIu64
		       " were cosigned: it was turned back",
		       cp->origin, cp->size, c->last_cp.size);
}

static int judge_longer(const struct cosign *c, struct err *e)
{
	const struct witness_ask *ask = c->ask;
	const struct note_checkpoint *cp = &c->r->cp, *last = &c->last_cp;

	if (ask->old != last->size)
		return err_set(e, ERR_CHECKPOINT,
			       "the log %s is proved from %" PRIu64 " events on, and %" PRIu64
			       " were cosigned last: ask anew with --old %" PRIu64,
			       cp->origin, ask->old, last->size, last->size);
	if (ask->old == 0)
		return ask->hashes == 0 ?
			       0 :
			       err_set(e, ERR_MALFORMED, "a proof from 0 events on has no hashes");
	if (merkle_verify_consistency(ask->old, cp->size, (const merkle_hash *)ask->hash,
				      ask->hashes, last->root, cp->root) != 0)
		return forked(c, e);
	return 0;
}

/* A review may have seen another log of this length. */
static int judge_seen(struct cosign *c, struct err *e)
{
	struct note_checkpoint cp = c->r->cp;
	int seen = authority_archive_dir(c->a, c->r->archive, "seen", true, e);
	bool newer;
	int rc = seen < 0 ? seen : authority_check_seen(seen, &cp, &newer, e);

	if (rc == 0 && newer)
		rc = authority_keep_seen(seen, &c->r->cp, c->ask->note, e);
	if (seen >= 0)
		close(seen);
	return rc;
}

static int judge(const struct cosign *c, struct err *e)
{
	const struct note_checkpoint *cp = &c->r->cp, *last = &c->last_cp;

	if (cp->size == 0)
		return err_set(e, ERR_MALFORMED, "the log %s is empty", cp->origin);
	if (c->ask->old > cp->size)
		return err_set(e, ERR_MALFORMED,
			       "the log %s has fewer events than were cosigned, as the ask says",
			       cp->origin);
	if (cp->size < last->size)
		return judge_shorter(c, e);
	if (cp->size > last->size)
		return judge_longer(c, e);
	return memcmp(cp->root, last->root, sizeof(cp->root)) == 0 ? 0 : forked(c, e);
}

/* ---- the answer ---- */

/* The checkpoint, the node's own signature lines, and ours. */
static int sign(struct cosign *c, struct wire_out *note, int64_t now_ms, struct err *e)
{
	const char *origin = c->r->cp.origin;
	const uint64_t now = (uint64_t)(now_ms / 1000);
	struct text_span text, sigs, line;
	struct text_in in;
	int rc;

	if (now < c->last_time)
		return err_set(e, ERR_CLOCK,
			       "the clock here runs behind the last cosignature: set it right");
	note_split(c->ask->note, &text, &sigs); /* as before */
	wire_out_bytes(note, text.p, text.n);
	wire_out_text(note, "\n");
	in = text_in_init(sigs.p, sigs.n);
	while (text_line(&in, &line)) {
		const size_t dash = 4,
			     n = strlen(origin); /* the dash is three bytes, and a space */

		if (line.n > dash + n && memcmp(line.p + dash, origin, n) == 0 &&
		    line.p[dash + n] == ' ')
			wire_out_bytes(note, line.p, line.n + 1);
	}
	rc = note_signature(note, text.p, text.n, &c->key, c->sk, now);
	c->r->time = now;
	return rc ? err_set(e, rc, "can't cosign: %s", err_text(rc)) : 0;
}

/* Is the last one cosigned with the key that archive.txt names now? */
static bool by_this_key(const struct cosign *c)
{
	struct text_span all = {(const char *)c->last.p, c->last.n}, text;
	uint64_t time;

	return note_verify(all, &c->key, &text, &time) == 0;
}

/* Durable before anybody has it. The first of a size stays, but for a new key's. */
static int keep(const struct cosign *c, const struct wire_out *note, bool grown, struct err *e)
{
	char name[64];

	file_name(name, c->r->node, c->r->cp.size);
	if (grown)
		return file_create(c->dir, name, note->p, note->n, 0600, e);
	return by_this_key(c) ? 0 : file_replace(c->dir, name, note->p, note->n, 0600, e);
}

static int answer(struct cosign *c, struct wire_out *out, int64_t now_ms, struct err *e)
{
	const bool grown = c->r->cp.size > c->last_cp.size;
	struct wire_out note = {0};
	int rc = 0;

	/* Its answer was lost, as it seems: the same again. */
	c->r->again = !grown && c->ask->old != c->last_cp.size && by_this_key(c);
	if (c->r->again) {
		c->r->time = c->last_time;
		wire_out_bytes(out, c->last.p, c->last.n);
		return wire_out_ok(out) ? 0 : err_set(e, ERR_NOMEM, "out of memory");
	}
	if (!grown && c->ask->old == c->last_cp.size && c->ask->hashes > 0)
		return err_set(e, ERR_MALFORMED, "a proof of nothing new has no hashes");
	rc = sign(c, &note, now_ms, e);
	if (rc == 0)
		rc = keep(c, &note, grown, e);
	if (rc == 0)
		wire_out_bytes(out, note.p, note.n);
	wire_out_free(&note);
	if (rc == 0 && !wire_out_ok(out))
		rc = err_set(e, ERR_NOMEM, "out of memory");
	return rc;
}

/* cosigned/, which must still be there after a crash: what is in it must not be signed against. */
static int open_dir(struct cosign *c, struct err *e)
{
	int up = authority_archive_dir(c->a, c->r->archive, NULL, false, e), rc;

	if (up < 0)
		return up;
	c->dir = authority_archive_dir(c->a, c->r->archive, "cosigned", true, e);
	rc = c->dir < 0 ? c->dir : file_sync_dir(up, e);
	close(up);
	return rc;
}

static int cosign_locked(struct cosign *c, struct wire_out *out, int64_t now_ms, struct err *e)
{
	int rc = load_last(c, e);

	if (rc == 0)
		rc = judge(c, e);
	if (rc == 0)
		rc = judge_seen(c, e);
	return rc ? rc : answer(c, out, now_ms, e);
}

int authority_cosign(struct authority *a, struct wire_out *out, const struct witness_ask *ask,
		     int64_t now_ms, struct authority_cosigned *r, struct err *e)
{
	struct cosign c = {.a = a, .ask = ask, .r = r, .dir = -1};
	int lock = -1, rc;

	*r = (struct authority_cosigned){.time = 0};
	c.sk = secret_take(a->pool, 64);
	rc = c.sk ? parse_checkpoint(&c, e) : err_set(e, ERR_NOMEM, "no secret memory left");
	if (rc == 0)
		rc = check_node(&c, e);
	if (rc == 0)
		rc = check_witness(&c, e);
	if (rc == 0)
		rc = open_dir(&c, e);
	if (rc == 0) {
		lock = openat(c.dir, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		rc = lock < 0 ? err_sys(e, "can't open the lock of the witness") :
				file_lock(lock, true, true, e);
	}
	if (rc == 0)
		rc = cosign_locked(&c, out, now_ms, e);
	if (lock >= 0)
		close(lock);
	if (c.dir >= 0)
		close(c.dir);
	wire_out_free(&c.last);
	secret_give(a->pool, c.sk);
	return rc;
}
