/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pins: how far each journal was seen, kept outside the index, so that an index that is thrown away
 * does not make the node forget it.
 */
#include "fs/node.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/node_sealed.h"
#include "index/file.h"

#define PINS_MAGIC "CUSTPIN1"
#define PIN_SIZE (16 + 8 + 8 + MERKLE_HASH)

int node_pins_load(struct node_archive *na, struct node_pin **list, size_t *n, struct err *e)
{
	struct wire_out file = {0};
	struct wire_in in;
	size_t count;
	int rc;

	*list = NULL;
	*n = 0;
	rc = node_sealed_read(na, "pins.seal", PINS_MAGIC, &file, e);
	if (rc) {
		rc = rc == ERR_NOTFOUND ? 0 : rc;
		goto out;
	}
	in = wire_in_init(file.p, file.n);
	count = wire_in_u32(&in);
	if (in.bad || in.left != count * PIN_SIZE) {
		rc = err_set(e, ERR_MALFORMED, "pins.seal of the node is malformed");
		goto out;
	}
	*list = calloc(count ? count : 1, sizeof(**list));
	if (!*list) {
		rc = err_set(e, ERR_NOMEM, "out of memory");
		goto out;
	}
	for (size_t i = 0; i < count; i++) {
		struct node_pin *p = &(*list)[i];

		wire_in_copy(&in, p->node, sizeof(p->node));
		p->size = wire_in_u64(&in);
		p->bytes = wire_in_u64(&in);
		wire_in_copy(&in, p->root, sizeof(p->root));
	}
	*n = count;
out:
	wire_out_free(&file);
	return rc;
}

/* Fold one pin into the list, which has room for it. 1 if the list changed. */
static int merge(struct node_pin *list, size_t *n, const struct node_pin *p, struct err *e)
{
	char hex[33];
	size_t i = 0;

	while (i < *n && memcmp(list[i].node, p->node, sizeof(p->node)) != 0)
		i++;
	if (i < *n && p->size < list[i].size)
		return 0;
	if (i < *n && p->size == list[i].size) {
		if (memcmp(list[i].root, p->root, sizeof(p->root)) == 0)
			return 0;
		text_hex(hex, p->node, sizeof(p->node));
		return err_set(e, ERR_ROLLBACK,
			       "the journal of node %s is not the one that was seen before", hex);
	}
	list[i] = *p;
	if (i == *n)
		++*n;
	return 1;
}

static int save_locked(struct node_archive *na, const struct node_pin *list, size_t n,
		       struct err *e)
{
	struct node_pin *all = NULL, *grown;
	struct wire_out content = {0};
	bool changed = false;
	size_t count = 0;
	int rc;

	rc = node_pins_load(na, &all, &count, e);
	if (rc)
		return rc;
	grown = reallocarray(all, count + n + 1, sizeof(*all));
	if (!grown) {
		free(all);
		return err_set(e, ERR_NOMEM, "out of memory");
	}
	all = grown;
	for (size_t i = 0; rc >= 0 && i < n; i++) {
		rc = merge(all, &count, &list[i], e);
		changed = changed || rc > 0;
	}
	wire_out_u32(&content, (uint32_t)count);
	for (size_t i = 0; i < count; i++) {
		wire_out_bytes(&content, all[i].node, sizeof(all[i].node));
		wire_out_u64(&content, all[i].size);
		wire_out_u64(&content, all[i].bytes);
		wire_out_bytes(&content, all[i].root, sizeof(all[i].root));
	}
	if (rc >= 0)
		rc = changed ? node_sealed_write(na, "pins.seal", PINS_MAGIC, &content, e) : 0;
	wire_out_free(&content);
	free(all);
	return rc;
}

int node_pins_save(struct node_archive *na, const struct node_pin *list, size_t n, struct err *e)
{
	int fd = openat(na->dir, "pins.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc;

	if (fd < 0)
		return err_sys(e, "can't open pins.lock of the node");
	rc = file_lock(fd, true, true, e);
	if (rc == 0)
		rc = save_locked(na, list, n, e);
	close(fd);
	return rc;
}
