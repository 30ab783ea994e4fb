// SPDX-License-Identifier: Apache-2.0
#include "tools/caseuco.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/text.h"

struct caseuco {
	json_t *nodes; /* by id, in the order in which they came */
	bool bad;
};

int caseuco_new(struct caseuco **out)
{
	struct caseuco *g = calloc(1, sizeof(*g));

	*out = g;
	if (g)
		g->nodes = json_object();
	if (g && g->nodes)
		return 0;
	free(g);
	*out = NULL;
	return ERR_NOMEM;
}

void caseuco_free(struct caseuco *g)
{
	if (g)
		json_decref(g->nodes);
	free(g);
}

/* Takes over value. */
static void set(struct caseuco *g, json_t *node, const char *key, json_t *value)
{
	if (!node || !value || json_object_set_new(node, key, value) < 0)
		g->bad = true;
}

static void append(struct caseuco *g, json_t *node, const char *key, json_t *value)
{
	json_t *list = json_object_get(node, key);

	if (node && !list) {
		set(g, node, key, json_array());
		list = json_object_get(node, key);
	}
	if (!list || !value || json_array_append_new(list, value) < 0)
		g->bad = true;
}

/* ---- ids and nodes ---- */

struct caseuco_id caseuco_name(const char *kind, const void *a, size_t an, const void *b, size_t bn)
{
	uint8_t length[8], digest[HASH_SIZE];
	const struct hash_part part[] = {{"custodyfs case id", 18},
					 {kind, strlen(kind) + 1},
					 {length, 8},
					 {a, an},
					 {b, b ? bn : 0}};
	struct caseuco_id id;
	char hex[33];

	wire_put64(length, an);
	hash_parts(digest, part, 5);
	digest[6] = (uint8_t)(0x40 | (digest[6] & 0x0f)); /* version 4 */
	digest[8] = (uint8_t)(0x80 | (digest[8] & 0x3f)); /* the variant of RFC 9562 */
	text_hex(hex, digest, 16);
	snprintf(id.text, sizeof(id.text), "urn:uuid:%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8,
		 hex + 12, hex + 16, hex + 20);
	return id;
}

json_t *caseuco_node(struct caseuco *g, struct caseuco_id id, const char *type, bool *fresh)
{
	json_t *node = json_object_get(g->nodes, id.text);

	if (fresh)
		*fresh = !node;
	if (node)
		return node;
	set(g, g->nodes, id.text, json_object());
	node = json_object_get(g->nodes, id.text);
	caseuco_put(g, node, "@id", id.text);
	caseuco_put(g, node, "@type", type);
	return node;
}

void caseuco_type(struct caseuco *g, json_t *node, const char *type)
{
	json_t *was = json_object_get(node, "@type");

	if (json_is_string(was))
		set(g, node, "@type", json_pack("[O]", was));
	append(g, node, "@type", json_string(type));
}

/* ---- values ---- */

/* A string of bytes that may be no UTF-8. */
static json_t *string(const void *p, size_t n)
{
	struct wire_out clean = {0};
	const char *s = p;
	json_t *value = NULL;

	for (size_t i = 0, len; i < n; i += len ? len : 1) {
		len = text_utf8(s + i, n - i);
		wire_out_bytes(&clean, len ? s + i : "\xef\xbf\xbd", len ? len : 3);
	}
	if (wire_out_ok(&clean))
		value = json_stringn(clean.n ? (const char *)clean.p : "", clean.n);
	wire_out_wipe(&clean);
	return value;
}

static json_t *typed(const char *type, const char *value)
{
	return json_pack("{s:s, s:s}", "@type", type, "@value", value);
}

void caseuco_text(struct caseuco *g, json_t *node, const char *key, const void *p, size_t n)
{
	set(g, node, key, string(p, n));
}

void caseuco_put(struct caseuco *g, json_t *node, const char *key, const char *value)
{
	set(g, node, key, string(value, strlen(value)));
}

void caseuco_number(struct caseuco *g, json_t *node, const char *key, uint64_t value)
{
	set(g, node, key, json_integer(value <= INT64_MAX ? (json_int_t)value : INT64_MAX));
}

void caseuco_bool(struct caseuco *g, json_t *node, const char *key, bool value)
{
	set(g, node, key, json_boolean(value));
}

void caseuco_time(struct caseuco *g, json_t *node, const char *key, int64_t ms)
{
	char time[TEXT_TIME_SIZE];

	text_time_ms(time, ms);
	set(g, node, key, typed("xsd:dateTime", time));
}

void caseuco_add(struct caseuco *g, json_t *node, const char *key, const void *p, size_t n)
{
	append(g, node, key, string(p, n));
}

void caseuco_ref(struct caseuco *g, json_t *node, const char *key, struct caseuco_id to)
{
	append(g, node, key, json_pack("{s:s}", "@id", to.text));
}

json_t *caseuco_facet(struct caseuco *g, json_t *node, struct caseuco_id of, const char *type)
{
	const struct caseuco_id id = caseuco_name(type, of.text, strlen(of.text), NULL, 0);

	append(g, node, "uco-core:hasFacet",
	       json_pack("{s:s, s:s}", "@id", id.text, "@type", type));
	node = json_object_get(node, "uco-core:hasFacet");
	return node ? json_array_get(node, json_array_size(node) - 1) : NULL;
}

void caseuco_sha256(struct caseuco *g, json_t *facet, const uint8_t digest[32])
{
	const char *of = json_string_value(json_object_get(facet, "@id"));
	struct caseuco_id id = caseuco_name("hash", of ? of : "", of ? strlen(of) : 0, digest, 32);
	char hex[65];

	text_hex(hex, digest, 32);
	append(g, facet, "uco-observable:hash",
	       json_pack("{s:s, s:s, s:s, s:o}", "@id", id.text, "@type", "uco-types:Hash",
			 "uco-types:hashMethod", "SHA256", "uco-types:hashValue",
			 typed("xsd:hexBinary", hex)));
}

void caseuco_enclose(struct caseuco *g, struct caseuco_id id)
{
	json_t *node = json_object_get(g->nodes, id.text), *other;
	const char *key;

	json_object_foreach(g->nodes, key, other) if (strcmp(key, id.text) != 0)
		append(g, node, "uco-core:object", json_pack("{s:s}", "@id", key));
}

/* ---- the document ---- */

static json_t *context(void)
{
#define CASE "https://ontology.caseontology.org/case/"
#define UCO "https://ontology.unifiedcyberontology.org/uco/"
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "case-investigation",
			 CASE "investigation/", "uco-action", UCO "action/", "uco-core",
			 UCO "core/", "uco-identity", UCO "identity/", "uco-observable",
			 UCO "observable/", "uco-tool", UCO "tool/", "uco-types", UCO "types/",
			 "xsd", "http://www.w3.org/2001/XMLSchema#", "custodyfs",
			 "urn:custodyfs:case#");
}

static int put(const char *p, size_t n, void *out)
{
	wire_out_bytes(out, p, n);
	return wire_out_ok(out) ? 0 : -1;
}

int caseuco_write(struct wire_out *out, const struct caseuco *g, struct err *e)
{
	json_t *graph = json_array(), *node, *all;
	const char *key;
	int rc = g->bad || !graph ? ERR_NOMEM : 0;

	json_object_foreach(g->nodes, key, node) if (graph && json_array_append(graph, node) < 0)
		rc = ERR_NOMEM;
	all = json_pack("{s:o, s:o}", "@context", context(), "@graph", graph);
	if (rc == 0 && (!all || json_dump_callback(all, put, out, JSON_INDENT(1)) < 0))
		rc = ERR_NOMEM;
	json_decref(all);
	wire_out_text(out, "\n");
	return rc ? err_set(e, rc, "out of memory") : 0;
}
