// SPDX-License-Identifier: Apache-2.0
/*
 * The same custody as a graph for other tools: CASE/UCO 1.4. An item is a file and the sealed object
 * it lies in; each event is an investigative action of an account, on a host, with what was logged of
 * why; each opening yields a provenance record of its own, for what was read may be a copy.
 */
#include "tools/cmd_report.h"

#include <stdio.h>
#include <string.h>

#include "tools/caseuco.h"

#define ACTION "case-investigation:InvestigativeAction"

struct scene {
	struct caseuco *g;
	const struct cmd_report *r;
	const struct cmd_report_item *it;
	struct caseuco_id record, file, sealed; /* of the item */
};

static struct caseuco_id tool(struct caseuco *g)
{
	const struct caseuco_id id = caseuco_name("tool", "custodyfs", 9, CUSTODY_VERSION,
						  strlen(CUSTODY_VERSION));
	bool fresh;
	json_t *n = caseuco_node(g, id, "uco-tool:Tool", &fresh);

	if (fresh) {
		caseuco_put(g, n, "uco-core:name", "custodyfs");
		caseuco_put(g, n, "uco-tool:version", CUSTODY_VERSION);
	}
	return id;
}

static struct caseuco_id host(struct caseuco *g, const uint8_t node[16], const char *name)
{
	const struct caseuco_id id = caseuco_name("node", node, 16, NULL, 0);
	char hex[33];
	bool fresh;
	json_t *n = caseuco_node(g, id, "uco-observable:Device", &fresh), *f;

	if (!fresh)
		return id;
	text_hex(hex, node, 16);
	caseuco_put(g, n, "uco-core:name", name);
	f = caseuco_facet(g, n, id, "uco-observable:DeviceFacet");
	caseuco_put(g, f, "uco-observable:deviceType", "custodyfs node");
	caseuco_put(g, f, "uco-observable:serialNumber", hex);
	return id;
}

static struct caseuco_id account(struct caseuco *g, const uint8_t node[16], const char *user)
{
	const struct caseuco_id id = caseuco_name("account", node, 16, user, strlen(user));
	bool fresh;
	json_t *n = caseuco_node(g, id, "uco-observable:UserAccount", &fresh), *f;

	if (!fresh)
		return id;
	caseuco_put(g, n, "uco-core:name", user);
	f = caseuco_facet(g, n, id, "uco-observable:AccountFacet");
	caseuco_put(g, f, "uco-observable:accountIdentifier", user);
	return id;
}

/* ---- authorisations ---- */

static struct caseuco_id grant(struct caseuco *g, const struct authorisation *a)
{
	const struct caseuco_id id = caseuco_name("authorisation", a->serial, 16, NULL, 0);
	char hex[33];
	bool fresh;
	json_t *n = caseuco_node(g, id, "case-investigation:Authorization", &fresh);

	if (!fresh)
		return id;
	text_hex(hex, a->serial, 16);
	caseuco_put(g, n, "uco-core:name", a->case_no);
	caseuco_put(g, n, "uco-core:description", a->purpose);
	caseuco_put(g, n, "case-investigation:authorizationType", "custodyfs authorisation");
	caseuco_add(g, n, "case-investigation:authorizationIdentifier", hex, 32);
	if (*a->legal_basis)
		caseuco_add(g, n, "case-investigation:authorizationIdentifier", a->legal_basis,
			    strlen(a->legal_basis));
	caseuco_time(g, n, "uco-core:startTime", a->not_before_ms);
	caseuco_time(g, n, "uco-core:endTime", a->not_after_ms);
	return id;
}

/* ---- the item ---- */

static void put_file(struct scene *s, json_t *n)
{
	const struct record *rec = s->it->r->provenance;
	struct caseuco *g = s->g;
	struct text_span v, name;
	const char *key, *dot;
	json_t *f = caseuco_facet(g, n, s->file, "uco-observable:FileFacet");

	if (record_get(rec, "path", &v)) {
		const char *slash = memrchr(v.p, '/', v.n);

		name.p = slash ? slash + 1 : v.p;
		name.n = v.n - (size_t)(name.p - v.p);
		dot = memrchr(name.p, '.', name.n);
		caseuco_text(g, f, "uco-observable:fileName", name.p, name.n);
		caseuco_text(g, f, "uco-observable:filePath", v.p, v.n);
		if (dot && dot > name.p && dot + 1 < name.p + name.n)
			caseuco_text(g, f, "uco-observable:extension", dot + 1,
				     name.n - (size_t)(dot + 1 - name.p));
	}
	f = caseuco_facet(g, n, s->file, "uco-observable:ContentDataFacet");
	if (record_get(rec, "media-type", &v))
		caseuco_text(g, f, "uco-observable:mimeType", v.p, v.n);
	caseuco_sha256(g, f, s->it->r->content);
	f = caseuco_facet(g, n, s->file, "custodyfs:ProvenanceFacet");
	caseuco_type(g, f, "uco-core:Facet");
	for (size_t i = 0; i < record_count(rec); i++) {
		char name_of[RECORD_KEY_MAX + 12];

		record_at(rec, i, &key, &v);
		snprintf(name_of, sizeof(name_of), "custodyfs:%s", key);
		caseuco_text(g, f, name_of, v.p, v.n);
	}
}

static void put_item(struct scene *s)
{
	const struct cmd_report_item *it = s->it;
	struct caseuco *g = s->g;
	json_t *n = caseuco_node(g, s->file, "uco-observable:File", NULL), *f;

	if (it->r->provenance)
		put_file(s, n);
	n = caseuco_node(g, s->sealed, "uco-observable:ObservableObject", NULL);
	caseuco_put(g, n, "uco-core:description", "the item as it lies sealed in the archive");
	f = caseuco_facet(g, n, s->sealed, "uco-observable:ContentDataFacet");
	caseuco_bool(g, f, "uco-observable:isEncrypted", true);
	if (it->taken_in) {
		caseuco_number(g, f, "uco-observable:sizeInBytes", it->ingest.length);
		caseuco_sha256(g, f, it->ingest.frame);
	}
	n = caseuco_node(g, s->record, "case-investigation:ProvenanceRecord", NULL);
	caseuco_put(g, n, "case-investigation:exhibitNumber", it->id);
	caseuco_ref(g, n, "uco-core:object", s->file);
	caseuco_ref(g, n, "uco-core:object", s->sealed);
}

/* ---- events ---- */

static const char *action_name(enum event_type type)
{
	switch (type) {
	case EVENT_INGEST:
		return "custody-receive";
	case EVENT_ADMITTED:
		return "release-admitted";
	case EVENT_OPENED:
		return "opened";
	case EVENT_CLOSED:
		return "closed";
	case EVENT_REFUSED:
		return "access-refused";
	case EVENT_DAMAGED:
		return "damage-found";
	case EVENT_REPAIRED:
		return "repaired";
	default:
		return event_type_name(type);
	}
}

/* What was opened may be a working copy from then on. */
static void put_copy(struct scene *s, json_t *action, const uint8_t node[16], uint64_t seq)
{
	struct caseuco_id id;
	uint8_t place[24];
	char exhibit[80];
	json_t *n;

	memcpy(place, node, 16);
	wire_put64(place + 16, seq);
	id = caseuco_name("copy", place, sizeof(place), s->it->pick->item, 16);
	n = caseuco_node(s->g, id, "case-investigation:ProvenanceRecord", NULL);
	snprintf(exhibit, sizeof(exhibit), "%s-read-%llu", s->it->id, (unsigned long long)seq);
	caseuco_put(s->g, n, "case-investigation:exhibitNumber", exhibit);
	caseuco_add(s->g, n, "case-investigation:rootExhibitNumber", s->it->id, 32);
	caseuco_put(s->g, n, "uco-core:description", "what was read of the item, in the clear");
	caseuco_ref(s->g, n, "uco-core:object", s->file);
	caseuco_ref(s->g, n, "case-investigation:wasDerivedFrom", s->record);
	caseuco_ref(s->g, action, "uco-action:result", id);
}

static void put_authority(struct scene *s, json_t *n, const struct event *ev)
{
	static const uint8_t none[16];
	char hex[33];
	const bool read = ev->type == EVENT_OPENED || ev->type == EVENT_CLOSED ||
			  ev->type == EVENT_EXPORTED;
	const struct receipt_grant *a = receipt_grant(s->it->r, read ? ev->release : ev->document);

	if (a && (read || ev->type == EVENT_ADMITTED || ev->type == EVENT_REFUSED)) {
		grant(s->g, &a->terms);
		caseuco_ref(s->g, n, "custodyfs:authorisation",
			    caseuco_name("authorisation", a->terms.serial, 16, NULL, 0));
	}
	if (*ev->reason)
		caseuco_put(s->g, n, "custodyfs:reason", ev->reason);
	if (memcmp(ev->export, none, 16) != 0) {
		text_hex(hex, ev->export, 16);
		caseuco_put(s->g, n, "custodyfs:export", hex);
	}
	if (*ev->recipients)
		caseuco_put(s->g, n, "custodyfs:recipients", ev->recipients);
}

static void put_event(struct scene *s, const struct cmd_check_event *x, struct caseuco_id *last)
{
	const struct receipt_log *log = &s->it->r->log[s->it->r->event[x->number].log];
	struct caseuco_id id;
	struct caseuco *g = s->g;
	char name[CMD_NAME_MAX], hex[33];
	uint8_t seq[8];
	struct event ev;
	bool fresh;
	json_t *n;

	cmd_check_event(&s->it->check, x->number, &ev, name);
	wire_put64(seq, ev.seq);
	id = caseuco_name("event", log->node, 16, seq, 8);
	n = caseuco_node(g, id, ACTION, &fresh);
	/* Items share the beginning of their accession, and releases. */
	caseuco_ref(g, n, ev.type == EVENT_INGEST ? "uco-action:result" : "uco-action:object",
		    s->record);
	if (*last->text)
		caseuco_ref(g, n, "case-investigation:wasInformedBy", *last);
	*last = id;
	if (!fresh)
		return;
	caseuco_put(g, n, "uco-core:name", action_name(ev.type));
	caseuco_time(g, n, "uco-action:startTime", ev.time_ms);
	caseuco_put(g, n, "uco-action:actionStatus", ev.type == EVENT_REFUSED ? "Fail" : "Success");
	if (*ev.user)
		caseuco_ref(g, n, "uco-action:performer", account(g, log->node, ev.user));
	caseuco_ref(g, n, "uco-action:environment", host(g, log->node, name));
	caseuco_ref(g, n, "uco-action:instrument", tool(g));
	text_hex(hex, log->node, 16);
	caseuco_put(g, n, "custodyfs:log", hex);
	caseuco_number(g, n, "custodyfs:entry", ev.seq);
	put_authority(s, n, &ev);
	if (ev.type == EVENT_OPENED)
		put_copy(s, n, log->node, ev.seq);
}

/* ---- transfers ---- */

static struct caseuco_id party(struct caseuco *g, const char *type, const char *name)
{
	const struct caseuco_id id = caseuco_name(type, name, strlen(name), NULL, 0);
	bool fresh;
	json_t *n = caseuco_node(g, id, type, &fresh);

	if (fresh)
		caseuco_put(g, n, "uco-core:name", name);
	return id;
}

/* One side's action, of which the item is an object like the others that went with it. */
static struct caseuco_id handing(struct scene *s, const char *name, const uint8_t serial[16],
				 int64_t ms, const char *organisation, const char *person)
{
	const struct caseuco_id id = caseuco_name("transfer", serial, 16, NULL, 0);
	struct caseuco *g = s->g;
	bool fresh;
	json_t *n = caseuco_node(g, id, ACTION, &fresh);

	caseuco_ref(g, n, "uco-action:object", s->record);
	if (!fresh)
		return id;
	caseuco_put(g, n, "uco-core:name", name);
	caseuco_time(g, n, "uco-action:startTime", ms);
	caseuco_ref(g, n, "uco-action:performer", party(g, "uco-identity:Person", person));
	caseuco_ref(g, n, "uco-action:participant",
		    party(g, "uco-identity:Organization", organisation));
	return id;
}

static void put_transfer(struct scene *s, const struct transfer *t)
{
	const struct transfer_release *r = &t->release;
	struct caseuco_id id = handing(s, "custody-release", r->serial, r->issued_ms, r->from,
				       r->from_person);
	json_t *n = caseuco_node(s->g, id, ACTION, NULL);

	caseuco_put(s->g, n, "custodyfs:medium", r->medium);
	caseuco_put(s->g, n, "custodyfs:mediumSerial", r->medium_serial);
	caseuco_put(s->g, n, "custodyfs:encryption", r->encryption);
	caseuco_put(s->g, n, "uco-core:description", r->purpose);
	if (!t->received)
		return;
	n = caseuco_node(s->g,
			 handing(s, "custody-receive", t->receipt.serial, t->receipt.issued_ms,
				 t->receipt.organisation, t->receipt.person),
			 ACTION, NULL);
	caseuco_put(s->g, n, "uco-action:actionStatus", t->receipt.match ? "Success" : "Error");
	caseuco_put(s->g, n, "custodyfs:mediumSerial", t->receipt.medium_serial);
	/* said once for all items that went with it */
	if (!json_object_get(n, "case-investigation:wasInformedBy"))
		caseuco_ref(s->g, n, "case-investigation:wasInformedBy", id);
}

/* ---- all ---- */

void cmd_report_case_item(struct caseuco *g, const struct cmd_report *r,
			  const struct cmd_report_item *it)
{
	struct scene s = {.g = g, .r = r, .it = it};
	struct caseuco_id last = {""};

	if (!it->r)
		return;
	s.record = caseuco_name("record", it->r->node, 16, it->pick->item, 16);
	s.file = caseuco_name("file", it->r->node, 16, it->pick->item, 16);
	s.sealed = caseuco_name("sealed", it->r->node, 16, it->pick->item, 16);
	put_item(&s);
	for (size_t i = 0; i < it->check.events; i++)
		put_event(&s, &it->check.event[i], &last);
	for (size_t i = 0; it->taken_in && i < r->transfers.n; i++)
		if (transfer_covers(&r->transfers.list[i], it->ingest.accession))
			put_transfer(&s, &r->transfers.list[i]);
}

int cmd_report_case_write(struct wire_out *out, struct caseuco *g, const struct cmd_report *r,
			  struct err *e)
{
	const uint8_t *archive = r->view.archive->desc.id;
	const char *name = r->case_no ? r->case_no : "";
	const struct caseuco_id id = caseuco_name("report", archive, 16, name, strlen(name));
	char hex[33], text[80];
	json_t *n;

	text_hex(hex, archive, 16);
	snprintf(text, sizeof(text), "custody of items of the archive %s", hex);
	n = caseuco_node(g, id, r->case_no ? "case-investigation:Investigation" : "uco-core:Bundle",
			 NULL);
	if (r->case_no)
		caseuco_put(g, n, "uco-core:name", r->case_no);
	caseuco_put(g, n, "uco-core:description", text);
	for (size_t i = 0; i < r->grants; i++)
		caseuco_ref(g, n, "case-investigation:relevantAuthorization",
			    grant(g, &r->grant[i].terms));
	tool(g);
	caseuco_enclose(g, id);
	return caseuco_write(out, g, e);
}
