/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "index/journal.h"

static void ok(int rc, const struct err *e)
{
	if (rc)
		fail_msg("%s", e->text);
}

int64_t host_now_s(void)
{
	return (int64_t)time(NULL) * 1000;
}

void host_new(struct host *h, const struct office *o, const char *archive, const char *name)
{
	struct archive *a;
	struct node *n;
	struct err e;

	*h = (struct host){.o = o, .archive = archive};
	office_path(o, name, h->dir);
	ok(archive_open(&a, archive, &e), &e);
	ok(node_create(&n, h->dir, o->pool, NULL, NULL, &e), &e);
	ok(node_archive_pin(n, a, &e), &e);
	h->pub = node_identity(n)->pub;
	node_close(n);
	archive_close(a);
}

void host_open(struct host *h, unsigned flags)
{
	const struct station_ask ask = {.archive = h->archive, .node_dir = h->dir, .flags = flags};
	struct err e = {0};

	ok(station_open(&h->s, &ask, &e), &e);
}

void host_close(struct host *h)
{
	struct err e = {0};

	ok(station_close(h->s, &e), &e);
	h->s = NULL;
}

void host_enrolment(const struct host *h, const struct archive_desc *desc, unsigned roles,
		    int64_t issued_ms, uint8_t serial0, unsigned who, struct document *d)
{
	struct roster_node n = {.pub = h->pub, .roles = roles, .issued_ms = issued_ms};
	const uint8_t serial[16] = {serial0};
	struct err e;

	strcpy(n.name, "host");
	ok(roster_enrolment_make(d, desc->id, serial, &n,
				 roles & ROSTER_READER ? h->o->catalogue_secret : NULL, &e),
	   &e);
	office_sign(h->o, d, DOCUMENT_NS_ENROL, who);
}

int host_admit(struct host *h, const struct document *d, struct admit_result *r, struct err *e)
{
	return admit_document(h->s, d->bytes.p, d->bytes.n, 1000, "op", r, e);
}

void host_enrol(struct host *h, const struct archive_desc *desc, unsigned roles, uint8_t serial0)
{
	struct admit_result r;
	struct document d;
	struct err e = {0};

	host_enrolment(h, desc, roles, host_now_s(), serial0, 0, &d);
	host_open(h, STATION_UNENROLLED);
	ok(host_admit(h, &d, &r, &e), &e);
	document_free(&d);
	host_close(h);
	host_open(h, 0);
}

unsigned host_events(const struct host *h, enum event_type type, struct event *last)
{
	struct journal_reader *r;
	struct text_span line;
	struct event ev;
	unsigned count = 0;
	uint64_t off;
	struct err e;

	ok(journal_reader_open(&r, h->s->archive->journal, h->pub.id, 0, &e), &e);
	while (journal_reader_next(r, &line, &off, &e) == 0) {
		assert_int_equal(event_parse(&ev, line), 0);
		if (ev.type != type)
			continue;
		count++;
		if (last)
			*last = ev;
	}
	journal_reader_close(r);
	return count;
}
