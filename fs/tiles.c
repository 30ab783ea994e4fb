/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/tiles.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/merkle.h"
#include "fs/cosigned.h"
#include "index/file.h"
#include "index/journal.h"

#define WIDTH 256u
#define HEIGHT 8u
#define LEVELS 8u
#define ENTRIES LEVELS /* the bundles, as one more level */
#define PATH_SIZE 96
#define BUNDLE_MAX (WIDTH * (2u + EVENT_LINE_MAX))

/* What is not written yet of a level: hashes, or lines with their lengths. */
struct level {
	struct wire_out bytes;
	unsigned n;
	uint64_t index; /* of the tile */
};

struct tiles {
	int dir;
	const char *name;
	const struct archive *a;
	const struct roster_node *node;
	struct tiles_sum *sum;
	struct note_checkpoint cp, old; /* old.size 0: nothing was published */
	struct wire_out note;		/* what is published as the checkpoint */
	struct level level[LEVELS + 1];
	bool write; /* the second time */
	int rc;	    /* of a tile that could not be written */
	struct err *e;
};

/* tile/<L>/<N>, tile/entries/<N>; width 0: a full one, else <N>.p/<W>. */
static void tile_path(char out[PATH_SIZE], unsigned level, uint64_t index, unsigned width)
{
	unsigned group[7], groups = 0;
	size_t n = 0;

	do {
		group[groups++] = (unsigned)(index % 1000);
		index /= 1000;
	} while (index > 0);
	if (level == ENTRIES)
		n = (size_t)snprintf(out, PATH_SIZE, "tile/entries");
	else
		n = (size_t)snprintf(out, PATH_SIZE, "tile/%u", level);
	while (groups-- > 0)
		n += (size_t)snprintf(out + n, PATH_SIZE - n, "/%s%03u", groups ? "x" : "",
				      group[groups]);
	if (width)
		snprintf(out + n, PATH_SIZE - n, ".p/%u", width);
}

/* ---- files ---- */

/* Make the directories of a path. */
static int make_dirs(const struct tiles *t, const char *path)
{
	char dir[PATH_SIZE];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(dir, sizeof(dir), "%.*s", (int)(slash - path), path);
		if (mkdirat(t->dir, dir, 0755) != 0 && errno != EEXIST)
			return err_sys(t->e, "can't make %s/%s", t->name, dir);
	}
	return 0;
}

/* A new file, in one step; all of them are synced together, before the checkpoint. */
static int create(const struct tiles *t, const char *path, const struct wire_out *bytes)
{
	char temp[PATH_SIZE + 8];
	int fd, rc = make_dirs(t, path);

	if (rc)
		return rc;
	snprintf(temp, sizeof(temp), "%s.tmp", path);
	fd = openat(t->dir, temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_sys(t->e, "can't write %s/%s", t->name, temp);
	rc = file_write(fd, bytes->p, bytes->n, t->e);
	if (close(fd) != 0 && rc == 0)
		rc = err_sys(t->e, "can't write %s/%s", t->name, temp);
	if (rc == 0 && renameat(t->dir, temp, t->dir, path) != 0)
		rc = err_sys(t->e, "can't write %s/%s", t->name, path);
	if (rc)
		unlinkat(t->dir, temp, 0);
	else
		t->sum->files++;
	return rc;
}

/* Write a tile, unless it is there: then it must be this one. */
static int place(const struct tiles *t, unsigned level, uint64_t index, unsigned width)
{
	const struct wire_out *bytes = &t->level[level].bytes;
	struct wire_out there = {0};
	char path[PATH_SIZE];
	int rc;

	tile_path(path, level, index, width);
	rc = file_read(t->dir, path, BUNDLE_MAX, &there, NULL);
	if (rc == ERR_NOTFOUND)
		rc = create(t, path, bytes);
	else if (rc)
		rc = err_set(t->e, rc == ERR_MALFORMED ? ERR_DAMAGED : rc,
			     "%s/%s can't be read, or is no tile", t->name, path);
	else if (there.n != bytes->n || memcmp(there.p, bytes->p, there.n) != 0)
		rc = err_set(t->e, ERR_DAMAGED,
			     "%s/%s is not the tile of this log: it was changed, or is another's",
			     t->name, path);
	wire_out_free(&there);
	return rc;
}

/* ---- the tree ---- */

static void add(struct tiles *t, unsigned level, const void *p, size_t n)
{
	struct level *l = &t->level[level];

	wire_out_bytes(&l->bytes, p, n);
	if (t->rc == 0 && !wire_out_ok(&l->bytes))
		t->rc = err_set(t->e, ERR_NOMEM, "out of memory");
}

/* One more of a level is in; a full tile goes out. */
static void count(struct tiles *t, unsigned level)
{
	struct level *l = &t->level[level];

	if (++l->n < WIDTH || t->rc)
		return;
	t->rc = place(t, level, l->index++, 0);
	wire_out_reset(&l->bytes);
	l->n = 0;
}

/* A merkle_emit. */
static void keep(void *ctx, unsigned level, uint64_t index, const merkle_hash h)
{
	struct tiles *t = ctx;

	(void)index;
	if (!t->write || level % HEIGHT)
		return;
	add(t, level / HEIGHT, h, MERKLE_HASH);
	count(t, level / HEIGHT);
}

static void keep_line(struct tiles *t, struct text_span line)
{
	const uint8_t length[2] = {(uint8_t)(line.n >> 8), (uint8_t)line.n};

	add(t, ENTRIES, length, sizeof(length));
	add(t, ENTRIES, line.p, line.n);
	count(t, ENTRIES);
}

/* After the last line: the tiles that are not full. */
static int place_partial(struct tiles *t)
{
	for (unsigned i = 0; t->rc == 0 && i <= ENTRIES; i++)
		if (t->level[i].n)
			t->rc = place(t, i, t->level[i].index, t->level[i].n);
	return t->rc;
}

/* ---- the journal ---- */

static int compare(const struct tiles *t, const struct merkle_range *r)
{
	merkle_hash root;

	merkle_root(root, r);
	if (r->size == t->old.size && memcmp(root, t->old.root, sizeof(root)) != 0)
		return err_set(t->e, ERR_ROLLBACK,
			       "%s has another log of %s than this archive: one of them was forked",
			       t->name, t->old.origin);
	if (r->size == t->cp.size && memcmp(root, t->cp.root, sizeof(root)) != 0)
		return err_set(t->e, ERR_DAMAGED,
			       "the log %s is not what its checkpoint signs: run 'custody verify'",
			       t->cp.origin);
	return 0;
}

/* All lines that are signed; compared with what is signed, and what was published. */
static int read_lines(struct tiles *t)
{
	struct merkle_range range = {.size = 0};
	struct journal_reader *r;
	struct text_span line;
	merkle_hash leaf;
	uint64_t off;
	int rc = journal_reader_open(&r, t->a->journal, t->node->pub.id, 0, t->e);

	if (rc)
		return rc == ERR_NOTFOUND ?
			       err_set(t->e, ERR_ROLLBACK, "the log %s is missing", t->cp.origin) :
			       rc;
	while (rc == 0 && range.size < t->cp.size) {
		rc = journal_reader_next(r, &line, &off, t->e);
		if (rc)
			break;
		merkle_leaf(leaf, line.p, line.n);
		merkle_append(&range, leaf, keep, t);
		if (t->write)
			keep_line(t, line);
		rc = t->rc;
		if (rc == 0 && (range.size == t->old.size || range.size == t->cp.size))
			rc = compare(t, &range);
	}
	journal_reader_close(r);
	if (rc == ERR_NOTFOUND || rc == ERR_MALFORMED)
		rc = err_set(t->e, ERR_ROLLBACK,
			     "the log %s is shorter than its checkpoint says: run 'custody verify'",
			     t->cp.origin);
	return rc;
}

/* ---- checkpoints ---- */

/* The journal's; with the cosignatures, if they are of this very one. */
static int read_checkpoint(struct tiles *t)
{
	struct wire_out plain = {0}, cosigned = {0};
	struct cosigned c;
	int rc = journal_read_checkpoint(t->a->journal, t->a->desc.id, &t->node->pub, &t->cp,
					 &plain, t->e);

	if (rc == 0 && cosigned_read(&c, &cosigned, t->a, &t->node->pub, NULL) == 0 &&
	    c.cp.size == t->cp.size && memcmp(c.cp.root, t->cp.root, 32) == 0)
		cosigned_merge(&t->note, (struct text_span){(const char *)plain.p, plain.n},
			       (struct text_span){(const char *)cosigned.p, cosigned.n});
	else if (rc == 0)
		wire_out_bytes(&t->note, plain.p, plain.n);
	if (rc == 0 && !wire_out_ok(&t->note))
		rc = err_set(t->e, ERR_NOMEM, "out of memory");
	wire_out_free(&plain);
	wire_out_free(&cosigned);
	return rc;
}

/* What was published here before. */
static int read_old(struct tiles *t)
{
	struct note_key key = {.type = NOTE_ED25519};
	struct wire_out bytes = {0};
	struct text_span note, text, sigs;
	int rc = file_read(t->dir, "checkpoint", COSIGNED_MAX, &bytes, NULL);

	note = (struct text_span){(const char *)bytes.p, bytes.n};
	memcpy(key.name, t->cp.origin, sizeof(key.name));
	memcpy(key.pk, t->node->pub.sign, sizeof(key.pk));
	if (rc == ERR_NOTFOUND) {
		rc = 0;
	} else if (rc || note_split(note, &text, &sigs) || note_checkpoint_parse(&t->old, text)) {
		rc = err_set(t->e, ERR_FOREIGN, "%s/checkpoint is no checkpoint of a log", t->name);
	} else if (strcmp(t->old.origin, t->cp.origin) != 0) {
		rc = err_set(t->e, ERR_FOREIGN, "%s holds another log, %s", t->name, t->old.origin);
	} else if (note_verify(note, &key, &text, NULL) != 0) {
		rc = err_set(t->e, ERR_FORGED, "%s/checkpoint is not signed by the log's node",
			     t->name);
	} else if (t->old.size > t->cp.size) {
		rc = err_set(t->e, ERR_ROLLBACK,
			     "%s holds %" PRIu64 " events of the log %s, and %" PRIu64
			     " are signed here: this archive was turned back, or is an older copy",
			     t->name, t->old.size, t->cp.origin, t->cp.size);
	}
	t->sum->before = t->old.size;
	wire_out_free(&bytes);
	return rc;
}

/* Those of the last time that a full one has come to stand for. What is left is no harm. */
static void remove_partial(const struct tiles *t)
{
	char path[PATH_SIZE];

	for (unsigned i = 0; i <= ENTRIES; i++) {
		const uint64_t old = i == ENTRIES ? t->old.size : t->old.size >> (HEIGHT * i);

		if (old % WIDTH == 0 || t->level[i].index == old / WIDTH)
			continue;
		for (unsigned w = 1; w < WIDTH; w++) {
			tile_path(path, i, old / WIDTH, w);
			unlinkat(t->dir, path, 0);
		}
		*strrchr(path, '/') = '\0';
		unlinkat(t->dir, path, AT_REMOVEDIR);
	}
}

/* Tiles and bundles, then the checkpoint that needs them. */
static int publish(struct tiles *t)
{
	int rc = read_lines(t);

	if (rc == 0)
		rc = place_partial(t);
	if (rc == 0 && syncfs(t->dir) != 0)
		rc = err_sys(t->e, "%s can't be made durable", t->name);
	if (rc == 0)
		rc = file_replace(t->dir, "checkpoint", t->note.p, t->note.n, 0644, t->e);
	if (rc == 0)
		remove_partial(t);
	return rc;
}

int tiles_write(int dir, const char *name, const struct archive *a, const struct roster_node *n,
		struct tiles_sum *sum, struct err *e)
{
	struct tiles t = {.dir = dir, .name = name, .a = a, .node = n, .sum = sum, .e = e};
	int lock = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = lock < 0 ? err_sys(e, "can't open %s", name) : file_lock(lock, true, false, e);

	*sum = (struct tiles_sum){.files = 0};
	if (rc == ERR_BUSY)
		err_set(e, rc, "somebody else writes to %s", name);
	if (rc == 0)
		rc = read_checkpoint(&t);
	if (rc == 0)
		rc = read_old(&t);
	/* Nothing is written before all of the log is known to be the one that is signed. */
	if (rc == 0)
		rc = read_lines(&t);
	if (rc == 0) {
		t.write = true;
		rc = publish(&t);
	}
	if (rc == 0)
		sum->size = t.cp.size;
	for (unsigned i = 0; i <= ENTRIES; i++)
		wire_out_free(&t.level[i].bytes);
	wire_out_free(&t.note);
	if (lock >= 0)
		close(lock);
	return rc;
}
