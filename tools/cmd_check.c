// SPDX-License-Identifier: Apache-2.0
/* custody check: does a receipt hold? */
#include "tools/cmd_check.h"

#include <stdlib.h>
#include <string.h>

#include "index/file.h"
#include "tools/ui_keys.h"
#include "tools/verb.h"

static const char help[] =
	"Usage: custody check RECEIPT [OPTION]...\n"
	"Check a receipt of 'custody prove', and print the item's custody as a timeline: what happened,\n"
	"when, who did it, and why it was allowed. It needs no archive, no node and no key.\n"
	"\n"
	"      --archive-key PUB  a public key file of the authority's officers, as you know them; may\n"
	"                         be given many times. The archive must have these keys and no others,\n"
	"                         or have had them in a version that leads to the one in force\n"
	"      --witnessed        all of it must have been cosigned by a witness, so that it is not the\n"
	"                         nodes' word alone; else not all can be checked\n"
	"      --json, -q         -q: findings and verdict only\n"
	"\n"
	"Without --archive-key compare the fingerprints: an archive says itself whose it is. A receipt\n"
	"proves what is in it; that nothing was left out 'custody verify' of the whole archive shows.\n"
	"RECEIPT '-' is standard input. The verdict is the last line.\n"
	"Exit codes: 0 it holds, 1 system, 2 usage, 4 damaged or forged, or custody that was broken,\n"
	"5 no receipt, malformed, or not all of it can be checked by this version.\n";

struct check {
	struct ui *ui;
	const char *file;
	struct verb_list key_files;
	struct sshkey key[ARCHIVE_KEYS_MAX];
	size_t keys;
	bool witnessed;
};

static int parse(struct check *c, int argc, char **argv)
{
	static const struct option longs[] = {UI_OPTIONS,
					      {"archive-key", 1, NULL, 'k'},
					      {"witnessed", 0, NULL, 'w'},
					      {NULL, 0, NULL, 0}};
	int opt, code;

	while ((opt = verb_option(c->ui, argc, argv, VERB_SHORT, longs, help, &code)) >= 0)
		if (opt == 'w')
			c->witnessed = true;
		else if (verb_add(&c->key_files, optarg) < 0)
			return ui_fail(c->ui, ERR_NOMEM, NULL);
	if (opt == VERB_STOP)
		return code;
	code = verb_operands(c->ui, argc, 1, 1, "one RECEIPT");
	if (code)
		return code;
	c->file = argv[optind];
	return -1;
}

/* ---- the timeline ---- */

static void sort_in(struct cmd_check_event *x, const struct receipt *r)
{
	const struct receipt_event *ev = &r->event[x->number];

	x->group = CHECK_OTHER;
	if (ev->type == EVENT_ACCESSION || receipt_is_ingest(r, x->number))
		x->group = CHECK_TAKEN_IN;
	else if (ev->type == EVENT_REFUSED)
		x->group = CHECK_REFUSED;
	else if (ev->type == EVENT_DAMAGED)
		x->group = CHECK_DAMAGED;
	for (size_t i = 0; x->group == CHECK_OTHER && i < r->grants; i++) {
		const uint8_t *serial = r->grant[i].terms.serial;
		bool its = memcmp(serial, ev->subject, 16) == 0;

		for (size_t k = 0; !its && ev->type == EVENT_ADMITTED && k < r->revocations; k++)
			its = memcmp(r->revocation[k].terms.serial, ev->subject, 16) == 0 &&
			      memcmp(r->revocation[k].terms.target, serial, 16) == 0;
		if (its && r->grant[i].good)
			*x = (struct cmd_check_event){x->number, CHECK_GRANT, i};
	}
}

static int by_time(const void *a, const void *b, void *ctx)
{
	const struct receipt *r = ctx;
	const struct receipt_event *x = &r->event[((const struct cmd_check_event *)a)->number];
	const struct receipt_event *y = &r->event[((const struct cmd_check_event *)b)->number];

	if (x->time_ms != y->time_ms)
		return x->time_ms < y->time_ms ? -1 : 1;
	return x < y ? -1 : x > y;
}

int cmd_check_arrange(struct cmd_check *c, struct receipt *r, struct err *e)
{
	struct text_span name, path;

	c->event = calloc(r->events + 1, sizeof(*c->event));
	if (!c->event)
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < r->events; i++) {
		if (!r->event[i].proved)
			continue;
		c->event[c->events].number = i;
		sort_in(&c->event[c->events++], r);
	}
	qsort_r(c->event, c->events, sizeof(*c->event), by_time, r);
	if (r->provenance && record_get(r->provenance, "collection", &name) &&
	    record_get(r->provenance, "path", &path))
		snprintf(c->path, sizeof(c->path), "%.*s/%.*s", (int)name.n, name.p, (int)path.n,
			 path.p);
	return 0;
}

struct cmd_event cmd_check_event(const struct cmd_check *c, size_t number, struct event *ev,
				 char name[CMD_NAME_MAX])
{
	const struct receipt *r = c->r;
	const struct receipt_event *x = &r->event[number];
	const struct receipt_log *log = &r->log[x->log];
	/* Another node's item of the same id has not this one's name. */
	bool its = x->of_item && (x->type != EVENT_INGEST || receipt_is_ingest(r, number));
	unsigned same = 0;
	char hex[9];

	text_hex(hex, log->node, 4);
	for (size_t i = 0; i < r->logs; i++)
		same += strcmp(r->log[i].who.name, log->who.name) == 0;
	snprintf(name, CMD_NAME_MAX, same > 1 ? "%s/%.4s" : "%s", log->who.name, hex);
	receipt_event(r, number, ev);
	return (struct cmd_event){.ev = ev,
				  .journal = log->node,
				  .node = name,
				  .path = its && *c->path ? c->path : NULL,
				  .is_signed = true,
				  .line = x->line};
}

const char *cmd_check_verdict(const struct receipt *r)
{
	return r->damaged ? "bad" : r->unchecked ? "not checked" : "good";
}

/* ---- the verb ---- */

static void print(const struct check *c, const struct cmd_check *t)
{
	const struct receipt *r = t->r;

	if (c->ui->json) {
		cmd_check_json(t);
		return;
	}
	cmd_check_print(t, c->ui->quiet);
	if (r->desc_good && !c->keys)
		ui_say(c->ui, "The keys are those that the archive names itself: compare the "
			      "fingerprints, or give --archive-key.");
}

static int run(struct check *c, struct receipt *r, struct err *e)
{
	struct cmd_check t = {.r = r};
	struct wire_out bytes = {0};
	int rc = 0, verdict = 0;

	for (size_t i = 0; rc == 0 && i < c->key_files.n; i++)
		rc = ui_keys_read(c->key, &c->keys, c->key_files.p[i], e);
	if (rc == 0)
		rc = file_read_path(c->file, RECEIPT_MAX, &bytes, e);
	if (rc == 0) {
		rc = receipt_parse(r, bytes.p, bytes.n, e);
		if (rc)
			err_prefix(e, rc, "%s", c->file);
	}
	wire_out_wipe(&bytes);
	if (rc == 0) {
		t.expected = c->keys > 0;
		r->witness_needed = c->witnessed;
		verdict = receipt_check(r, c->keys ? c->key : NULL, c->keys, e);
		rc = verdict == ERR_NOMEM ? verdict : cmd_check_arrange(&t, r, e);
	}
	if (rc == 0)
		print(c, &t);
	free(t.event);
	return rc ? ui_fail(c->ui, rc, e) : err_exit(verdict);
}

int cmd_check(struct ui *ui, int argc, char **argv)
{
	struct check c = {.ui = ui};
	struct receipt *r = calloc(1, sizeof(*r));
	struct err e = {0};
	int code = r ? parse(&c, argc, argv) : ui_fail(ui, ERR_NOMEM, NULL);

	if (code < 0) {
		code = run(&c, r, &e);
		receipt_free(r);
	}
	free(r);
	free(c.key_files.p);
	return code;
}
