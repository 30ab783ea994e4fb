// SPDX-License-Identifier: Apache-2.0
/* A receipt for programs. */
#include "tools/cmd_check.h"

#include <stdio.h>
#include <string.h>

#include "tools/ui_json.h"

static void put_key(struct ui_json *j, const struct sshkey *k)
{
	char print[SSHKEY_FINGERPRINT_SIZE];

	sshkey_fingerprint(print, k);
	ui_json_text(j, NULL, print);
}

static void put_archive(struct ui_json *j, const struct cmd_check *c)
{
	const struct archive_desc *d = &c->r->desc;

	ui_json_number(j, "version", d->version);
	ui_json_number(j, "threshold", d->threshold);
	ui_json_begin(j, "keys", '[');
	for (size_t i = 0; i < d->keys; i++)
		put_key(j, &d->key[i]);
	ui_json_end(j, ']');
	ui_json_bool(j, "keys_compared", c->expected);
	ui_json_number(j, "keys_of_version", c->r->pinned);
	ui_json_number(j, "earlier_versions", c->r->chain);
}

static void put_witnesses(struct ui_json *j, const struct receipt *r, const struct receipt_log *log)
{
	const struct cosigned *c = &log->witnessed;

	ui_json_number(j, "cosigned", c->n ? c->cp.size : 0);
	ui_json_begin(j, "witnesses", '[');
	for (size_t i = 0; i < c->n; i++) {
		ui_json_begin(j, NULL, '{');
		ui_json_text(j, "name", r->desc.witness[c->by[i].witness].name);
		ui_json_time(j, "cosigned_at", (int64_t)c->by[i].time * 1000);
		ui_json_end(j, '}');
	}
	ui_json_end(j, ']');
}

static void put_logs(struct ui_json *j, const struct receipt *r)
{
	ui_json_begin(j, "logs", '[');
	for (size_t i = 0; i < r->logs; i++) {
		const struct receipt_log *log = &r->log[i];

		ui_json_begin(j, NULL, '{');
		ui_json_id(j, "node", log->node);
		ui_json_bool(j, "proved", log->good);
		if (log->good) {
			ui_json_text(j, "name", log->who.name);
			ui_json_text(j, "role", roster_roles_text(log->who.roles));
			ui_json_number(j, "size", log->cp.size);
			ui_json_number(j, "other_signatures", log->others);
			if (log->who.replaces.origin[0])
				ui_json_id(j, "replaces", log->who.replaced);
			put_witnesses(j, r, log);
		}
		ui_json_number(j, "events", log->events);
		ui_json_end(j, '}');
	}
	ui_json_end(j, ']');
}

static void put_provenance(struct ui_json *j, const struct receipt *r)
{
	struct text_span v;
	const char *key;

	ui_json_bool(j, "disclosed", r->provenance != NULL);
	if (!r->provenance)
		return;
	ui_json_hex(j, "sha256", r->content, 32);
	ui_json_begin(j, "provenance", '{');
	for (size_t i = 0; i < record_count(r->provenance); i++) {
		record_at(r->provenance, i, &key, &v);
		ui_json_bytes(j, key, v.p, v.n);
	}
	ui_json_end(j, '}');
}

static void put_grant(struct ui_json *j, const struct receipt *r, const struct receipt_grant *g)
{
	const struct authorisation *a = &g->terms;

	ui_json_begin(j, NULL, '{');
	ui_json_id(j, "serial", a->serial);
	ui_json_id(j, "node", a->node);
	ui_json_text(j, "case", a->case_no);
	ui_json_text(j, "purpose", a->purpose);
	if (*a->legal_basis)
		ui_json_text(j, "legal_basis", a->legal_basis);
	ui_json_text(j, "requested_by", a->requested_by);
	ui_json_time(j, "issued", a->issued_ms);
	ui_json_time(j, "not_before", a->not_before_ms);
	ui_json_time(j, "not_after", a->not_after_ms);
	ui_json_begin(j, "users", '[');
	for (size_t i = 0; i < a->nusers; i++)
		ui_json_text(j, NULL, a->users[i]);
	ui_json_end(j, ']');
	ui_json_number(j, "archive_version", g->version);
	ui_json_begin(j, "signed_by", '[');
	for (size_t i = 0; i < g->signers; i++)
		put_key(j, &receipt_desc(r, g->version)->key[g->signer[i]]);
	ui_json_end(j, ']');
	ui_json_end(j, '}');
}

static void put_documents(struct ui_json *j, const struct receipt *r)
{
	ui_json_begin(j, "authorisations", '[');
	for (size_t i = 0; i < r->grants; i++)
		if (r->grant[i].good)
			put_grant(j, r, &r->grant[i]);
	ui_json_end(j, ']');
	ui_json_begin(j, "revocations", '[');
	for (size_t i = 0; i < r->revocations; i++) {
		const struct authorisation_revocation *v = &r->revocation[i].terms;
		char print[SSHKEY_FINGERPRINT_SIZE];

		if (!r->revocation[i].good)
			continue;
		ui_json_begin(j, NULL, '{');
		ui_json_id(j, "serial", v->serial);
		if (v->what == REVOKE_KEY) {
			sshkey_fingerprint(print, &v->key);
			ui_json_text(j, "key", print);
		} else {
			ui_json_id(j, v->what == REVOKE_NODE ? "node" : "authorisation", v->target);
		}
		ui_json_time(j, "issued", v->issued_ms);
		ui_json_text(j, "reason", v->reason);
		ui_json_end(j, '}');
	}
	ui_json_end(j, ']');
	ui_json_begin(j, "restores", '[');
	for (size_t i = 0; i < r->restores; i++) {
		const struct restore *x = &r->restore[i].terms;

		if (!r->restore[i].good)
			continue;
		ui_json_begin(j, NULL, '{');
		ui_json_id(j, "serial", x->serial);
		ui_json_id(j, "node", x->node);
		ui_json_time(j, "issued", x->issued_ms);
		ui_json_text(j, "reason", x->reason);
		ui_json_end(j, '}');
	}
	ui_json_end(j, ']');
}

/* Lines as 'custody log' gives them, in order of time. */
static void put_events(struct ui_json *j, const struct cmd_check *c)
{
	ui_json_begin(j, "events", '[');
	for (size_t i = 0; i < c->events; i++) {
		char name[CMD_NAME_MAX];
		struct event ev;
		struct cmd_event line = cmd_check_event(c, c->event[i].number, &ev, name);

		fputs(i ? "," : "", stdout);
		cmd_event_json(&line);
	}
	ui_json_end(j, ']');
}

static void put_findings(struct ui_json *j, const struct receipt *r)
{
	ui_json_begin(j, "findings", '[');
	for (size_t i = 0; i < r->findings; i++) {
		ui_json_begin(j, NULL, '{');
		ui_json_text(j, "finding", err_word(r->finding[i].code));
		ui_json_bool(j, "damage", err_exit(r->finding[i].code) == 4);
		ui_json_bytes(j, "text", r->finding[i].text, strlen(r->finding[i].text));
		ui_json_end(j, '}');
	}
	ui_json_end(j, ']');
	ui_json_number(j, "damaged", r->damaged);
	ui_json_number(j, "unchecked", r->unchecked);
}

void cmd_check_json(const struct cmd_check *c)
{
	const struct receipt *r = c->r;
	struct ui_json j = {0};

	ui_json_begin(&j, NULL, '{');
	ui_json_id(&j, "item", r->item);
	ui_json_id(&j, "node", r->node);
	ui_json_id(&j, "archive", r->archive);
	if (r->desc_good) {
		put_archive(&j, c);
		put_logs(&j, r);
		put_provenance(&j, r);
		put_documents(&j, r);
		put_events(&j, c);
	}
	put_findings(&j, r);
	ui_json_text(&j, "verdict", cmd_check_verdict(r));
	ui_json_end(&j, '}');
	ui_json_line(&j);
}
