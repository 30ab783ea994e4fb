// SPDX-License-Identifier: Apache-2.0
#include "tools/cmd_merge.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/journal.h"
#include "index/line.h"
#include "tools/cmd.h"

#define SUFFIX ".jsonl"

struct stream {
	struct journal_reader *reader; /* NULL: at its end */
	struct line_check *check;
	struct cmd_merge_line now;
	char what[200]; /* is wrong with the journal as a whole, and not told yet */
	bool loaded;
};

struct cmd_merge {
	struct stream *stream;
	size_t n, cap;
	struct stream *last; /* whose line was given out */
	unsigned bad;
};

void cmd_merge_close(struct cmd_merge *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++) {
		journal_reader_close(m->stream[i].reader);
		line_check_close(m->stream[i].check);
	}
	free(m->stream);
	free(m);
}

unsigned cmd_merge_bad(const struct cmd_merge *m)
{
	return m->bad;
}

int cmd_merge_width(const struct cmd_merge *m)
{
	size_t width = 0;

	for (size_t i = 0; i < m->n; i++) {
		size_t n = strlen(m->stream[i].now.name);

		width = n > width ? n : width;
	}
	return width < 24 ? (int)width : 24;
}

static int add(struct cmd_merge *m, const struct archive *a, const struct roster *r,
	       const uint8_t node[16], struct db *db, struct err *e)
{
	const struct roster_node *who = roster_find(r, node);
	struct err why = {0};
	struct stream *s;
	int rc;

	if (m->n == m->cap) {
		size_t cap = m->cap ? 2 * m->cap : 8;

		s = realloc(m->stream, cap * sizeof(*s));
		if (!s)
			return err_set(e, ERR_NOMEM, "out of memory");
		m->stream = s;
		m->cap = cap;
	}
	s = &m->stream[m->n];
	memset(s, 0, sizeof(*s));
	memcpy(s->now.node, node, 16);
	cmd_node_name(s->now.name, r, node);
	m->n++;
	rc = line_check_open(&s->check, a->journal, a->desc.id, node, who ? &who->pub : NULL, db,
			     &why);
	if (!s->check)
		return err_set(e, rc, "%s", why.text);
	if (rc < 0)
		snprintf(s->what, sizeof(s->what), "%.199s", why.text);
	return journal_reader_open(&s->reader, a->journal, node, 0, e);
}

/* The node of a file "<node id>.jsonl". */
static bool journal_name(const char *name, uint8_t node[16])
{
	return strlen(name) == 32 + strlen(SUFFIX) && !strcmp(name + 32, SUFFIX) &&
	       text_unhex((struct text_span){name, 32}, node, 16);
}

int cmd_merge_open(struct cmd_merge **out, const struct archive *a, const struct roster *r,
		   const uint8_t *only, struct db *db, struct err *e)
{
	struct cmd_merge *m = calloc(1, sizeof(*m));
	int fd = openat(a->journal, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *en;
	uint8_t node[16];
	int rc = 0;

	*out = m;
	if (!m)
		rc = err_set(e, ERR_NOMEM, "out of memory");
	else if (!dir)
		rc = err_sys(e, "can't list the journals of %s", a->path);
	while (rc == 0 && (en = readdir(dir))) {
		if (journal_name(en->d_name, node) && (!only || !memcmp(node, only, 16)))
			rc = add(m, a, r, node, db, e);
	}
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	if (rc < 0) {
		cmd_merge_close(m);
		*out = NULL;
	}
	return rc;
}

static void complain(struct cmd_merge *m, const struct stream *s, const char *what,
		     void (*notice)(void *ctx, const char *sentence), void *ctx)
{
	char sentence[700];

	m->bad++;
	snprintf(sentence, sizeof(sentence),
		 "the journal of %s: %s; 'custody verify' checks the archive", s->now.name, what);
	notice(ctx, sentence);
}

/* The line that was just read: is it what was logged, and an event? If not, `what` says so. */
static bool good(struct stream *s, uint64_t off, char *what, size_t room)
{
	struct err e = {0};

	if (line_check_next(s->check, s->now.line, &s->now.is_signed, &e) < 0)
		snprintf(what, room, "line %llu (at byte %llu) %.100s",
			 (unsigned long long)line_check_count(s->check), (unsigned long long)off,
			 e.text);
	else if (event_parse(&s->now.ev, s->now.line) < 0)
		snprintf(what, room, "the line at byte %llu is not an event",
			 (unsigned long long)off);
	else
		return true;
	return false;
}

/* Have the stream's next event at hand, or its reader closed. */
static void load(struct cmd_merge *m, struct stream *s,
		 void (*notice)(void *ctx, const char *sentence), void *ctx)
{
	struct err e = {0};
	uint64_t off;
	char what[200];
	int rc;

	if (s->what[0])
		complain(m, s, s->what, notice, ctx);
	s->what[0] = '\0';
	while (s->reader && !s->loaded) {
		rc = journal_reader_next(s->reader, &s->now.line, &off, &e);
		if (rc == 0) {
			s->loaded = good(s, off, what, sizeof(what));
			if (!s->loaded)
				complain(m, s, what, notice, ctx);
			continue;
		}
		/* a last line without its end is being written, or a crash tore it */
		if (rc == ERR_NOTFOUND)
			rc = line_check_end(s->check, &e);
		if (rc < 0)
			complain(m, s, e.text, notice, ctx);
		journal_reader_close(s->reader);
		s->reader = NULL;
	}
}

const struct cmd_merge_line *
cmd_merge_next(struct cmd_merge *m, void (*notice)(void *ctx, const char *sentence), void *ctx)
{
	struct stream *first = NULL;

	if (m->last)
		m->last->loaded = false;
	for (size_t i = 0; i < m->n; i++) {
		struct stream *s = &m->stream[i];

		load(m, s, notice, ctx);
		if (!s->loaded)
			continue;
		if (!first || s->now.ev.time_ms < first->now.ev.time_ms ||
		    (s->now.ev.time_ms == first->now.ev.time_ms &&
		     memcmp(s->now.node, first->now.node, 16) < 0))
			first = s;
	}
	m->last = first;
	return first ? &first->now : NULL;
}
