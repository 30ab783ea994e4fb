// SPDX-License-Identifier: Apache-2.0
#include "tools/cmd_merge.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".jsonl"

struct cmd_merge {
	struct cmd_stream **stream;
	size_t n, cap;
	struct cmd_stream *last; /* whose line was given out */
};

void cmd_merge_close(struct cmd_merge *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		cmd_stream_close(m->stream[i]);
	free(m->stream);
	free(m);
}

int cmd_merge_width(const struct cmd_merge *m)
{
	size_t width = 0;

	for (size_t i = 0; i < m->n; i++) {
		size_t n = strlen(cmd_stream_name(m->stream[i]));

		width = n > width ? n : width;
	}
	return width < 24 ? (int)width : 24;
}

int cmd_merge_failed(const struct cmd_merge *m, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < m->n; i++)
		rc = cmd_stream_failed(m->stream[i], e);
	return rc;
}

static int room(struct cmd_merge *m, struct err *e)
{
	size_t cap = m->cap ? 2 * m->cap : 8;
	struct cmd_stream **grown;

	if (m->n < m->cap)
		return 0;
	grown = realloc(m->stream, cap * sizeof(*grown));
	if (!grown)
		return err_set(e, ERR_NOMEM, "out of memory");
	m->stream = grown;
	m->cap = cap;
	return 0;
}

/* The node of a file "<node id>.jsonl". */
static bool journal_name(const char *name, uint8_t node[16])
{
	return strlen(name) == 32 + strlen(SUFFIX) && !strcmp(name + 32, SUFFIX) &&
	       text_unhex((struct text_span){name, 32}, node, 16);
}

int cmd_merge_open(struct cmd_merge **out, const struct archive *a, const struct roster *r,
		   struct db *db, const struct cmd_ask *ask, struct err *e)
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
		if (!journal_name(en->d_name, node) ||
		    (ask->journal && memcmp(node, ask->journal, 16) != 0))
			continue;
		rc = room(m, e);
		if (rc == 0)
			rc = cmd_stream_open(&m->stream[m->n], a, r, node, db, ask, e);
		m->n += rc == 0;
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

int cmd_merge_count(struct cmd_merge *m, struct cmd_notice *notice, uint64_t *n, struct err *e)
{
	*n = 0;
	for (size_t i = 0; i < m->n; i++)
		*n += cmd_stream_count(m->stream[i], notice);
	return cmd_merge_failed(m, e);
}

static bool before(const struct cmd_merge_line *a, const struct cmd_merge_line *b)
{
	if (a->ev.time_ms != b->ev.time_ms)
		return a->ev.time_ms < b->ev.time_ms;
	return memcmp(a->node, b->node, 16) < 0;
}

const struct cmd_merge_line *cmd_merge_next(struct cmd_merge *m, struct cmd_notice *notice)
{
	const struct cmd_merge_line *first = NULL, *line;

	if (m->last)
		cmd_stream_skip(m->last);
	m->last = NULL;
	for (size_t i = 0; i < m->n; i++) {
		line = cmd_stream_now(m->stream[i], notice);
		if (!line || (first && !before(line, first)))
			continue;
		first = line;
		m->last = m->stream[i];
	}
	return first;
}
