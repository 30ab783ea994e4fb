/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/station.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/backup_state.h"
#include "fs/admitted.h"
#include "fs/catchup.h"
#include "index/journal_mark.h"
#include "index/ledger.h"
#include "index/meta.h"

/* Locked memory: all keys of a node at work. A mount needs some 600 bytes for each open handle. */
#define POOL_BYTES ((size_t)4 << 20)

static int64_t wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void tell(const struct station_ask *ask, const char *sentence)
{
	if (ask->notice)
		ask->notice(ask->notice_ctx, sentence);
}

/* ---- the index ---- */

static int open_index(struct station *s, struct err *e)
{
	return db_open(&s->db, s->home->index_dir, true, s->pool, node_identity(s->node)->index,
		       s->archive->desc.id, e);
}

/* Start over with an empty index; all of it comes from the journals and segments. */
static int renew_index(struct station *s, struct err *e)
{
	int rc;

	db_close(s->db);
	s->db = NULL;
	rc = db_destroy(s->home->index_dir, e);
	return rc ? rc : open_index(s, e);
}

/* The same, because something is wrong with it. */
static int rebuild_index(struct station *s, const struct station_ask *ask, const char *why,
			 struct err *e)
{
	char sentence[640];
	int rc;

	snprintf(sentence, sizeof(sentence), "the index is rebuilt from the journals: %s", why);
	rc = renew_index(s, e);
	if (rc)
		return rc;
	s->rebuilt = true;
	tell(ask, sentence);
	return 0;
}

/* Does it have the names of items although this node may not know them, or the other way round?
 * Then the node's role has changed since it was made. */
static int check_names(struct station *s, bool *other, struct err *e)
{
	bool known = false, names = false, want = s->home->catalogue != NULL;
	struct db_txn *t = NULL;
	int rc = db_begin(&t, s->db, false, e);

	if (rc == 0)
		rc = meta_get_names(t, &known, &names, e);
	db_abort(t);
	*other = rc == 0 && known && names != want;
	return rc;
}

static int open_or_rebuild(struct station *s, const struct station_ask *ask, struct err *e)
{
	struct err why = {0};
	bool other = false;
	int rc;

	if (ask->flags & STATION_REINDEX)
		return renew_index(s, e);
	rc = open_index(s, &why);
	if (rc == 0)
		rc = check_names(s, &other, &why);
	if (rc == ERR_INDEX)
		return rebuild_index(s, ask, why.text, e);
	if (rc && e)
		*e = why;
	return rc == 0 && other ? renew_index(s, e) : rc;
}

/* ---- the node's standing ---- */

static int check_standing(const struct station *s, unsigned flags, struct err *e)
{
	const struct roster_node *self;
	int rc;

	if (flags & STATION_UNENROLLED)
		return 0;
	rc = admitted_enrolment(s, e);
	if (rc)
		return rc;
	self = roster_find(s->roster, node_identity(s->node)->pub.id);
	if (self->revoked)
		return err_set(e, ERR_REVOKED, "the enrolment of this node was revoked");
	if (self->not_after_ms && wall_ms() > self->not_after_ms)
		return err_set(e, ERR_EXPIRED, "the enrolment of this node has expired");
	return 0;
}

int station_standing(const struct station *s, struct err *e)
{
	return check_standing(s, 0, e);
}

/* ---- the journal ---- */

static int open_journal(struct station *s, struct err *e)
{
	const struct identity *id = node_identity(s->node);
	struct journal_start start = {0};
	struct ledger_journal *j = calloc(1, sizeof(*j));
	struct db_txn *t = NULL;
	int rc;

	if (!j)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = db_begin(&t, s->db, false, e);
	if (rc == 0)
		rc = ledger_get_journal(NULL, t, id->pub.id, j, e);
	db_abort(t);
	if (rc == 0) {
		start.state = j->state;
		start.last_ms = j->last_ms;
	}
	free(j);
	if (rc && rc != ERR_NOTFOUND)
		return rc;
	rc = journal_open(&s->journal, s->archive->journal, s->home->dir, s->archive->desc.id, id,
			  &start, e);
	return rc == ERR_SYSTEM ? err_prefix(e, rc, "%s/journal", s->archive->path) : rc;
}

/* Was a torn tail cut off when the journal was opened? Then a line of ours says so, past the lines
 * that were good before. */
static void tell_recovered(struct station *s, const struct station_ask *ask, uint64_t lines)
{
	struct journal_reader *r = NULL;
	struct journal_start now;
	struct text_span line;
	struct event ev;
	bool recovered = false;
	uint64_t off, seq;

	journal_state(s->journal, &now);
	if (lines == 0 || now.state.range.size <= lines ||
	    journal_reader_open(&r, s->archive->journal, node_identity(s->node)->pub.id, 0, NULL))
		return;
	for (seq = 0; !recovered && journal_reader_next(r, &line, &off, NULL) == 0; seq++)
		recovered = seq >= lines && event_parse(&ev, line) == 0 &&
			    ev.type == EVENT_RECOVERED;
	journal_reader_close(r);
	if (recovered)
		tell(ask, "the last line of this node's journal was torn by a crash: it was cut "
			  "off, which is recorded");
}

/* ---- a new archive.txt ---- */

struct follow {
	struct station *s;
	uint32_t logged;
};

static int log_version(void *ctx, uint32_t version, const uint8_t digest[32], struct err *e)
{
	struct event ev = {.type = EVENT_ADMITTED, .uid = getuid()};
	const struct follow *f = ctx;

	if (version <= f->logged)
		return 0;
	memcpy(ev.document, f->s->archive->desc.id, 16);
	memcpy(ev.digest, digest, 32);
	snprintf(ev.kind, sizeof(ev.kind), "archive-%" PRIu32, version);
	return journal_append(f->s->journal, &ev, 1, e);
}

int station_follow(struct station *s, uint32_t logged, bool *moved, struct err *e)
{
	struct follow f = {s, logged};
	struct archive next = *s->archive;
	bool changed = false;
	int rc = archive_reread(s->archive, &next.text, &next.desc, &changed, e);

	if (moved)
		*moved = rc == 0 && changed;
	if (rc == 0 && changed)
		rc = node_archive_check(s->home, &next, e);
	if (rc == 0 && changed)
		archive_adopt(s->archive, &next.text, &next.desc);
	else if (changed)
		document_free(&next.text);
	if (rc == 0 && s->journal)
		rc = node_archive_follow(s->home, s->archive, log_version, &f, e);
	return rc;
}

/* Generations of a backup share their files: a line that is added to one is in all of them. */
static int refuse_backup(const struct station *s, struct err *e)
{
	if (faccessat(s->archive->dir, BACKUP_STATE, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	return err_set(e, ERR_READONLY,
		       "%s is a generation of a backup, which must not change: restore it first "
		       "(custody restore)",
		       s->archive->path);
}

/* What this node has logged and not pinned: it may have been killed since. */
static int pin_mark(struct station *s, struct err *e)
{
	struct node_pin pin = {.note_n = 0}, *list = NULL;
	struct journal_mark m;
	size_t n = 0;
	int rc;

	if (journal_mark_read(s->home->dir, &m) != 0)
		return 0;
	memcpy(pin.node, node_identity(s->node)->pub.id, 16);
	pin.size = m.size;
	pin.bytes = m.bytes;
	memcpy(pin.root, m.root, sizeof(pin.root));
	rc = node_pins_load(s->home, &list, &n, e);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (memcmp(list[i].node, pin.node, 16) == 0 && list[i].size >= pin.size)
			pin.size = 0;
	free(list);
	return rc || pin.size == 0 ? rc : node_pins_save(s->home, &pin, 1, e);
}

/* What depends on the index: all of it is made anew when the index turns out to be damaged. */
static int set_up(struct station *s, const struct station_ask *ask, struct err *e)
{
	struct catchup_result result;
	uint64_t lines;
	int rc;

	rc = pin_mark(s, e);
	if (rc || (ask->flags & STATION_LOOK_BACK))
		return rc;
	rc = catchup_new(&s->catchup, s, e);
	/* Before anything is written to our journal: is it the one we know? */
	if (rc == 0)
		rc = catchup_check_own(s, &lines, e);
	if (rc == 0 && !(ask->flags & STATION_NO_JOURNAL)) {
		rc = refuse_backup(s, e);
		if (rc == 0)
			rc = open_journal(s, e);
		if (rc == 0)
			tell_recovered(s, ask, lines);
	}
	if (rc == 0)
		rc = station_follow(s, 0, NULL, e);
	if (rc == 0 && !(ask->flags & STATION_NO_CATCH_UP))
		rc = catchup_run(s, 0, &result, ask->progress, ask->progress_ctx, e);
	else if (rc == 0)
		rc = admitted_check(s, e);
	/* Once more: what the log vouches for counts only now. */
	return rc ? rc : check_standing(s, ask->flags, e);
}

static int take_down(struct station *s, struct err *e)
{
	int rc = 0;

	if (s->journal)
		rc = journal_close(s->journal, e);
	s->journal = NULL;
	catchup_free(s->catchup);
	s->catchup = NULL;
	return rc;
}

/* ---- opening and closing ---- */

/* Everything below the index. */
static int open_places(struct station *s, const struct station_ask *ask, struct err *e)
{
	char dir[PATH_MAX];
	int rc;

	rc = secret_pool_new(&s->pool, POOL_BYTES, e);
	if (rc == 0)
		rc = archive_open(&s->archive, ask->archive, e);
	if (rc == 0)
		rc = node_default_dir(dir, sizeof(dir), ask->node_dir, e);
	if (rc == 0)
		rc = node_open(&s->node, dir, s->pool, ask->pass, ask->pass_ctx, e);
	if (rc == 0)
		rc = node_archive_open(&s->home, s->node, s->archive, e);
	if (rc == 0)
		rc = segment_cache_new(&s->segments, s->archive->segments, e);
	if (rc == 0)
		rc = roster_load(&s->roster, s->archive, NULL, e);
	return rc ? rc : check_standing(s, ask->flags, e);
}

int station_open(struct station **out, const struct station_ask *ask, struct err *e)
{
	struct station *s = calloc(1, sizeof(*s));
	struct err why = {0};
	int rc;

	*out = NULL;
	if (!s)
		return err_set(e, ERR_NOMEM, "out of memory");
	rc = open_places(s, ask, e);
	if (rc == 0)
		rc = open_or_rebuild(s, ask, e);
	if (rc)
		goto fail;
	rc = set_up(s, ask, &why);
	if (rc == ERR_INDEX && !s->rebuilt) {
		/* It passed its checks, and was damaged all the same. */
		db_spoil(s->db);
		take_down(s, NULL);
		rc = rebuild_index(s, ask, why.text, &why);
		if (rc == 0)
			rc = set_up(s, ask, &why);
	}
	if (rc && e)
		*e = why;
	if (rc)
		goto fail;
	*out = s;
	return 0;
fail:
	station_close(s, NULL);
	return rc;
}

/* The own journal as it is left: whoever brings back less of it is found out. */
static int pin_own(struct station *s, const struct journal_start *js, struct err *e)
{
	const struct archive *a = s->archive;
	struct node_pin pin = {.note_n = 0};
	struct note_checkpoint cp;
	struct wire_out note = {0};

	memcpy(pin.node, node_identity(s->node)->pub.id, 16);
	pin.size = js->state.range.size;
	pin.bytes = js->state.bytes;
	merkle_root(pin.root, &js->state.range);
	if (journal_read_checkpoint(a->journal, a->desc.id, &node_identity(s->node)->pub, &cp,
				    &note, NULL) == 0)
		node_pin_note(&pin, (struct text_span){(const char *)note.p, note.n}, cp.origin);
	wire_out_free(&note);
	return node_pins_save(s->home, &pin, 1, e);
}

static int put_away(struct station *s, struct err *e)
{
	struct journal_start js;
	bool journal = s->journal != NULL;
	int rc = s->catchup ? catchup_save_pins(s, e) : 0;
	int next;

	if (journal)
		journal_state(s->journal, &js);
	next = take_down(s, rc ? NULL : e);
	if (next == 0 && journal)
		next = pin_own(s, &js, rc ? NULL : e);
	return rc ? rc : next;
}

int station_close(struct station *s, struct err *e)
{
	int rc;

	if (!s)
		return 0;
	rc = put_away(s, e);
	db_close(s->db);
	roster_free(s->roster);
	segment_cache_free(s->segments);
	node_archive_close(s->home);
	node_close(s->node);
	archive_close(s->archive);
	secret_pool_free(s->pool);
	free(s);
	return rc;
}

/* ---- the clock ---- */

int station_now(struct station *s, int64_t *ms, struct err *e)
{
	int rc;

	*ms = wall_ms();
	rc = s->journal ? journal_clock(s->journal, *ms) : 0;
	if (rc)
		return err_set(e, rc,
			       "this computer's clock runs behind the custody log: set it right");
	return 0;
}
