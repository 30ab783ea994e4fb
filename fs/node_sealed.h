/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_sealed: the small files a node keeps for itself in archives/<id>, under its state key and
 * bound to their kind and archive:
 *   magic[8] || seal_close(state key, AD = magic || archive id, content)
 *
 * Thread rule: as fs/node; the callers keep two writers apart.
 */
#ifndef CUSTODY_FS_NODE_SEALED_H
#define CUSTODY_FS_NODE_SEALED_H

#include "fs/node.h"

/* Append the content of file `name` (the caller wipes it if it is secret). ERR_NOTFOUND if there is
 * none, ERR_DAMAGED if this node did not write it. */
int node_sealed_read(const struct node_archive *na, const char *name, const char *magic,
		     struct wire_out *out, struct err *e);
/* Replace the file, atomically and durably. */
int node_sealed_write(const struct node_archive *na, const char *name, const char *magic,
		      const struct wire_out *content, struct err *e);

#endif
