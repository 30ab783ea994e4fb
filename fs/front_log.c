// SPDX-License-Identifier: Apache-2.0
/*
 * The journal as the mount uses it. What must precede its effect (opened) is written at once and
 * carries along what waits; what follows its effect (closed) may wait for a tick; refusals are
 * coalesced by user, program and second, so that `grep -r` over a sealed tree can't flood the log.
 */
#include "fs/front_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/journal.h"

#define PROGRAMS_MAX 8u /* of one user and second, told apart */

void front_say(struct front *f, enum message m, const char *fmt, ...)
{
	char line[640];
	va_list ap;

	if (!f->opt->log)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	f->opt->log(f->opt->ctx, m, line);
}

/* Take what waits; the caller owns the array. */
static struct event *take_late(struct front *f, size_t *n)
{
	struct event *ev;

	pthread_mutex_lock(&f->log_lock);
	ev = f->late;
	*n = f->late_n;
	f->late = NULL;
	f->late_n = 0;
	f->late_cap = 0;
	pthread_mutex_unlock(&f->log_lock);
	return ev;
}

static int append(struct front *f, struct event *ev, size_t n, struct err *e)
{
	int rc = n ? journal_append(f->st->journal, ev, n, e) : 0;

	if (rc == 0 && n) {
		atomic_store(&f->dirty, true);
		release_logged(f->releases, ev, n);
	}
	return rc;
}

static void write_late(struct front *f)
{
	struct err e = {0};
	size_t n;
	struct event *ev = take_late(f, &n);

	if (append(f, ev, n, &e) < 0)
		front_say(f, MESSAGE_JOURNAL, "%zu events were not journalled: %s", n, e.text);
	free(ev);
}

int front_log_now(struct front *f, struct event *ev, struct err *e)
{
	return append(f, ev, 1, e);
}

void front_log_late(struct front *f, const struct event *ev)
{
	struct event *grown;
	bool lost;

	pthread_mutex_lock(&f->log_lock);
	if (f->late_n == f->late_cap) {
		size_t cap = f->late_cap ? f->late_cap * 2 : 16;

		grown = realloc(f->late, cap * sizeof(*grown));
		if (grown) {
			f->late = grown;
			f->late_cap = cap;
		}
	}
	lost = f->late_n == f->late_cap;
	if (!lost)
		f->late[f->late_n++] = *ev;
	pthread_mutex_unlock(&f->log_lock);
	if (lost)
		front_say(f, MESSAGE_JOURNAL, "out of memory: an event was not journalled");
}

static void refusal_event(struct event *ev, const struct object *o, const struct front_caller *c,
			  int code, const uint8_t near[16])
{
	memset(ev, 0, sizeof(*ev));
	ev->type = EVENT_REFUSED;
	ev->uid = c->uid;
	ev->count = 1;
	memcpy(ev->item, o->item, 16);
	memcpy(ev->document, near, 16);
	snprintf(ev->what, sizeof(ev->what), "open");
	snprintf(ev->reason, sizeof(ev->reason), "%s", err_word(code));
	memcpy(ev->user, c->user, sizeof(ev->user));
	memcpy(ev->program, c->program, sizeof(ev->program));
}

/* The slot of this user and program, or a free one; when none is free, or the user has many, some
 * slot of that user, so that many programs can't flood the log either; or NULL. */
static struct front_refusal *find_slot(struct front *f, const struct front_caller *c)
{
	struct front_refusal *empty = NULL, *same_user = NULL;
	unsigned programs = 0;

	for (size_t i = 0; i < FRONT_REFUSALS; i++) {
		struct front_refusal *s = &f->refusal[i];

		if (s->used && s->uid == c->uid && !strcmp(s->program, c->program))
			return s;
		if (s->used && s->uid == c->uid) {
			same_user = s;
			programs++;
		}
		if (!s->used)
			empty = s;
	}
	return empty && programs < PROGRAMS_MAX ? empty : same_user;
}

void front_log_refusal(struct front *f, const struct object *o, const struct front_caller *c,
		       int code, const uint8_t near[16])
{
	int64_t second = front_now(f) / 1000;
	struct front_refusal *s;
	struct event ev, due;
	bool now = true, have_due = false;
	struct err e = {0};

	refusal_event(&ev, o, c, code, near);
	pthread_mutex_lock(&f->log_lock);
	s = find_slot(f, c);
	if (s && s->used && s->window == second) {
		s->count++;
		s->ev = ev;
		if (strcmp(s->program, c->program) != 0)
			snprintf(s->ev.program, sizeof(s->ev.program), "several");
		now = false;
	} else if (s) {
		have_due = s->used && s->count > 0;
		if (have_due) {
			due = s->ev;
			due.count = s->count;
		}
		memset(s, 0, sizeof(*s));
		s->used = true;
		s->uid = c->uid;
		s->window = second;
		memcpy(s->program, c->program, sizeof(s->program));
	}
	pthread_mutex_unlock(&f->log_lock);
	if (have_due)
		front_log_late(f, &due);
	if (now && append(f, &ev, 1, &e) < 0)
		front_say(f, MESSAGE_JOURNAL, "a refusal was not journalled: %s", e.text);
}

/* Close the windows that are over (or all), then write what waits. */
void front_log_flush(struct front *f, bool all)
{
	int64_t second = front_now(f) / 1000;
	struct event due[FRONT_REFUSALS];
	size_t n = 0;

	pthread_mutex_lock(&f->log_lock);
	for (size_t i = 0; i < FRONT_REFUSALS; i++) {
		struct front_refusal *s = &f->refusal[i];

		if (!s->used || (!all && s->window >= second))
			continue;
		if (s->count) {
			due[n] = s->ev;
			due[n++].count = s->count;
		}
		s->used = false;
	}
	pthread_mutex_unlock(&f->log_lock);
	for (size_t i = 0; i < n; i++)
		front_log_late(f, &due[i]);
	write_late(f);
}
