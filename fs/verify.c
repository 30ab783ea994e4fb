/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/verify_internal.h"

void *verify_add(struct verify_list *l, size_t size)
{
	void *p;

	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;

		p = reallocarray(l->p, cap, size);
		if (!p)
			return NULL;
		l->p = p;
		l->cap = cap;
	}
	p = (char *)l->p + l->n++ * size;
	memset(p, 0, size);
	return p;
}

/* Names of files come from whoever can write to the archive: no control characters, UTF-8 only. */
static void clean(char *text)
{
	size_t n = strlen(text), len;

	for (size_t i = 0; i < n; i += len) {
		len = text_utf8(text + i, n - i);
		if (len == 0 || (unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
			text[i] = '?';
			len = 1;
		}
	}
}

int verify_tell(struct verify *v, const struct verify_finding *f, int code, const char *fmt, ...)
{
	struct verify_finding out = {0};
	va_list ap;

	if (f)
		out = *f;
	out.code = code;
	va_start(ap, fmt);
	vsnprintf(out.text, sizeof(out.text), fmt, ap);
	va_end(ap);
	clean(out.text);
	pthread_mutex_lock(&v->lock);
	if (err_exit(code) == 4)
		v->sum->damaged++;
	else
		v->sum->unchecked++;
	if (v->ask->finding)
		v->ask->finding(v->ask->ctx, &out);
	pthread_mutex_unlock(&v->lock);
	return 0;
}

void verify_note(struct verify *v, const char *fmt, ...)
{
	char text[480];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	clean(text);
	pthread_mutex_lock(&v->lock);
	if (v->ask->note)
		v->ask->note(v->ask->ctx, text);
	pthread_mutex_unlock(&v->lock);
}

void verify_progress(struct verify *v, uint64_t bytes)
{
	pthread_mutex_lock(&v->lock);
	v->done += bytes;
	if (v->ask->progress)
		v->ask->progress(v->ask->ctx, v->done, v->total);
	pthread_mutex_unlock(&v->lock);
}

static int run(struct verify *v, struct err *e)
{
	int rc = roster_load(&v->roster, v->a, NULL, e);

	if (rc == 0)
		rc = archive_history_load(&v->history, v->a->documents, &v->a->desc, e);
	if (rc == 0 && v->history.n + 1 < v->a->desc.version)
		verify_tell(v, NULL, ERR_DAMAGED,
			    "documents/ lacks version %" PRIu32
			    " of archive.txt, or has another under its name",
			    (uint32_t)(v->a->desc.version - 1 - v->history.n));
	if (rc == 0 && v->ask->checkpoint)
		rc = verify_earlier(v, e);
	if (rc == 0)
		rc = verify_cosigned(v, e);
	if (rc == 0)
		rc = verify_documents(v, e);
	if (rc == 0)
		rc = verify_log(v, e);
	if (rc == 0)
		rc = verify_admitted(v, e);
	if (rc == 0)
		rc = verify_use(v, e);
	if (rc == 0)
		rc = verify_match(v, e);
	if (rc == 0)
		verify_sample(v);
	if (rc == 0 && !v->ask->quick)
		rc = verify_segments(v, e);
	return rc;
}

int verify_run(const struct archive *a, const struct verify_ask *ask, struct verify_sum *sum,
	       struct err *e)
{
	struct verify v = {.a = a, .ask = ask, .sum = sum};
	struct verify_list *lists[] = {&v.anchors,  &v.documents, &v.namings, &v.journals,
				       &v.segments, &v.placed,	  &v.opened,  &v.closed,
				       &v.uses,	    &v.ended};
	int rc;

	memset(sum, 0, sizeof(*sum));
	pthread_mutex_init(&v.lock, NULL);
	hash_init(&v.root);
	rc = run(&v, e);
	hash_final(&v.root, sum->root);
	if (rc == 0 && sum->damaged)
		rc = err_set(e, ERR_DAMAGED, "%llu finding%s of damage",
			     (unsigned long long)sum->damaged, sum->damaged == 1 ? "" : "s");
	else if (rc == 0 && sum->unchecked)
		rc = err_set(e, ERR_SYSTEM, "%llu thing%s could not be checked",
			     (unsigned long long)sum->unchecked, sum->unchecked == 1 ? "" : "s");
	roster_free(v.roster);
	archive_history_free(&v.history);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		free(lists[i]->p);
	pthread_mutex_destroy(&v.lock);
	return rc;
}
