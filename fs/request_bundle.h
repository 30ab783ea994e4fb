/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request_bundle: reads and checks the sections of a request's bundle against the request's text,
 * which is in *r already.
 *
 * Thread rule: for one thread.
 */
#ifndef CUSTODY_FS_REQUEST_BUNDLE_H
#define CUSTODY_FS_REQUEST_BUNDLE_H

#include "fs/request.h"

typedef int request_find_node(void *ctx, const uint8_t node[16], struct roster_node *out);

/* Fills r->note, r->source, r->opened, r->segment and what r->item has but its id and commitment. Codes as
 * request_parse(). */
int request_bundle_read(struct request *r, request_find_node *find_node, void *ctx, struct err *e);

#endif
