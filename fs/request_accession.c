/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/request_accession.h"

#include <string.h>

static bool is(const struct event *ev, enum event_type type, const struct request_origin *o)
{
	return ev->type == type && memcmp(ev->accession, o->id, sizeof(o->id)) == 0;
}

/* Just before its first segment, as a rule. */
static int look_back(struct request_origin *o, const struct request_logs *l, struct err *e)
{
	struct event ev;
	char hex[33];
	int rc = 0;

	for (o->opened = o->first; rc == 0 && o->opened-- > 0;) {
		rc = request_logs_event(l, o->node, o->opened, &ev, e);
		if (rc == 0 && is(&ev, EVENT_ACCESSION, o))
			return 0;
	}
	text_hex(hex, o->id, sizeof(o->id));
	return rc ? rc :
		    err_set(e, ERR_DAMAGED,
			    "accession %s was not opened by the node that has its segments: run "
			    "'custody verify'",
			    hex);
}

static int look_ahead(struct request_origin *o, const struct request_logs *l, struct err *e)
{
	struct event ev;
	char hex[33];
	int rc = 0;

	for (o->closed = o->first; rc == 0; o->closed++) {
		rc = request_logs_event(l, o->node, o->closed, &ev, e);
		if (rc == 0 && is(&ev, EVENT_ACCESSION_CLOSED, o)) {
			o->items = ev.items;
			o->bytes = ev.bytes;
			return 0;
		}
	}
	text_hex(hex, o->id, sizeof(o->id));
	return rc != ERR_NOTFOUND ?
		       rc :
		       err_set(e, ERR_USAGE, "accession %s is not closed: ask for its items", hex);
}

int request_accession_look(struct request_origin *o, const struct request_logs *l, struct err *e)
{
	int rc = look_back(o, l, e);

	return rc == 0 && o->whole ? look_ahead(o, l, e) : rc;
}

int request_accession_items(struct request_picks *p, const struct request_origin *o,
			    const struct request_logs *l, struct err *e)
{
	struct event ev;
	int rc = 0;

	for (uint64_t seq = o->first; rc == 0 && seq < o->closed; seq++) {
		rc = request_logs_event(l, o->node, seq, &ev, e);
		if (rc == 0 && is(&ev, EVENT_INGEST, o))
			rc = request_pick_event(p, o->node, &ev, e);
	}
	return rc;
}
