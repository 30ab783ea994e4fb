/* SPDX-License-Identifier: Apache-2.0 */
#include "index/linewindow.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/event.h"
#include "index/journal.h"

#define WINDOW (64u * 1024)

_Static_assert(WINDOW > EVENT_LINE_MAX, "a line fits");

struct linewindow {
	int dirfd, fd; /* fd -1: none is open */
	uint8_t node[16];
	uint64_t base; /* file offset of buf[0] */
	size_t have;
	char buf[WINDOW];
};

struct linewindow *linewindow_new(int dirfd)
{
	struct linewindow *w = malloc(sizeof(*w));

	if (!w)
		return NULL;
	w->dirfd = dirfd;
	w->fd = -1;
	w->base = 0;
	w->have = 0;
	return w;
}

static void let_go(struct linewindow *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	w->have = 0;
}

void linewindow_free(struct linewindow *w)
{
	if (!w)
		return;
	let_go(w);
	free(w);
}

static int choose(struct linewindow *w, const uint8_t node[16], struct err *e)
{
	if (w->fd >= 0 && memcmp(w->node, node, 16) == 0)
		return 0;
	let_go(w);
	w->fd = journal_open_file(w->dirfd, node, e);
	memcpy(w->node, node, 16);
	return w->fd < 0 ? w->fd : 0;
}

/* From off on, as much as there is and fits. */
static int fill(struct linewindow *w, uint64_t off, struct err *e)
{
	ssize_t got;

	w->base = off;
	w->have = 0;
	do {
		got = pread(w->fd, w->buf + w->have, WINDOW - w->have, (off_t)(off + w->have));
		if (got > 0)
			w->have += (size_t)got;
	} while ((got > 0 && w->have < WINDOW) || (got < 0 && errno == EINTR));
	return got < 0 ? err_sys(e, "can't read a journal") : 0;
}

static bool holds(const struct linewindow *w, uint64_t off, size_t n)
{
	return off >= w->base && off - w->base <= w->have && n <= w->have - (off - w->base);
}

int linewindow_get(struct linewindow *w, const uint8_t node[16], uint64_t off, uint32_t n,
		   struct text_span *line, struct err *e)
{
	const size_t size = (size_t)n + 1; /* and the LF */
	int rc = choose(w, node, e);

	if (rc == 0 && n < EVENT_LINE_MAX && !holds(w, off, size))
		rc = fill(w, off, e);
	if (rc)
		return rc;
	if (n < EVENT_LINE_MAX && holds(w, off, size)) {
		*line = (struct text_span){w->buf + (off - w->base), n};
		if (memchr(line->p, '\n', size) == line->p + n)
			return 0;
	}
	return err_set(e, ERR_DAMAGED, "no journal line of %u bytes is at byte %llu", (unsigned)n,
		       (unsigned long long)off);
}
