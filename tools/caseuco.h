/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caseuco: a graph in the terms of CASE and UCO 1.4, written as JSON-LD. Nodes are named by URNs of
 * UUIDs (the ontologies ask for ids that end in one) that are made of what they stand for, so that the
 * same facts give the same graph.
 *
 * A graph that runs out of memory turns bad, which caseuco_write() tells. Thread rule: one thread.
 */
#ifndef CUSTODY_TOOLS_CASEUCO_H
#define CUSTODY_TOOLS_CASEUCO_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/wire.h"

struct caseuco;
struct caseuco_id {
	char text[46]; /* "urn:uuid:" and a UUID of version 4 form: the first bits of a SHA-256 */
};

int caseuco_new(struct caseuco **out);
void caseuco_free(struct caseuco *g); /* NULL is fine */

/* The id of what two strings of bytes name within a kind. b may be NULL. */
struct caseuco_id caseuco_name(const char *kind, const void *a, size_t an, const void *b,
			       size_t bn);
/* The node of this id, new with this type or as it is; *fresh (may be NULL) tells which. Borrowed; what
 * is added to NULL is nothing. */
json_t *caseuco_node(struct caseuco *g, struct caseuco_id id, const char *type, bool *fresh);
/* Another type of a node. */
void caseuco_type(struct caseuco *g, json_t *node, const char *type);

/* Set a property. Bytes that are not UTF-8 become U+FFFD. */
void caseuco_text(struct caseuco *g, json_t *node, const char *key, const void *p, size_t n);
void caseuco_put(struct caseuco *g, json_t *node, const char *key, const char *value);
void caseuco_number(struct caseuco *g, json_t *node, const char *key, uint64_t value);
void caseuco_bool(struct caseuco *g, json_t *node, const char *key, bool value);
void caseuco_time(struct caseuco *g, json_t *node, const char *key, int64_t ms);
/* Add to a property that may have several values. */
void caseuco_add(struct caseuco *g, json_t *node, const char *key, const void *p, size_t n);
void caseuco_ref(struct caseuco *g, json_t *node, const char *key, struct caseuco_id to);
/* A facet of this type, in the node; its properties are set as a node's. */
json_t *caseuco_facet(struct caseuco *g, json_t *node, struct caseuco_id of, const char *type);
/* uco-observable:hash of a content facet: a SHA-256. */
void caseuco_sha256(struct caseuco *g, json_t *facet, const uint8_t digest[32]);
/* Let this node's uco-core:object be all other nodes of the graph. */
void caseuco_enclose(struct caseuco *g, struct caseuco_id id);

/* Append the document. ERR_NOMEM. */
int caseuco_write(struct wire_out *out, const struct caseuco *g, struct err *e);

#endif
