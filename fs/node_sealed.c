/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/node_sealed.h"

#include <string.h>

#include "crypto/seal.h"
#include "index/file.h"

#define SEALED_MAX (64u << 20)
#define MAGIC_SIZE 8

static void sealed_ad(uint8_t ad[MAGIC_SIZE + 16], const char *magic, const uint8_t id[16])
{
	memcpy(ad, magic, MAGIC_SIZE);
	memcpy(ad + MAGIC_SIZE, id, 16);
}

int node_sealed_read(const struct node_archive *na, const char *name, const char *magic,
		     struct wire_out *out, struct err *e)
{
	uint8_t ad[MAGIC_SIZE + 16], *to;
	struct wire_out file = {0};
	int rc;

	rc = file_read(na->dir, name, SEALED_MAX, &file, e);
	if (rc)
		goto out;
	sealed_ad(ad, magic, na->archive_id);
	rc = ERR_DAMAGED;
	if (file.n >= MAGIC_SIZE + SEAL_OVERHEAD && memcmp(file.p, magic, MAGIC_SIZE) == 0) {
		to = wire_out_room(out, file.n - MAGIC_SIZE - SEAL_OVERHEAD);
		rc = to ? seal_open(to, node_identity(na->node)->state, ad, sizeof(ad),
				    file.p + MAGIC_SIZE, file.n - MAGIC_SIZE) :
			  ERR_NOMEM;
	}
	if (rc)
		err_set(e, rc, "%s/archives: %s is not what this node wrote", node_dir(na->node),
			name);
out:
	wire_out_free(&file);
	return rc;
}

int node_sealed_write(const struct node_archive *na, const char *name, const char *magic,
		      const struct wire_out *content, struct err *e)
{
	uint8_t ad[MAGIC_SIZE + 16], *to;
	struct wire_out file = {0};
	int rc;

	sealed_ad(ad, magic, na->archive_id);
	wire_out_bytes(&file, magic, MAGIC_SIZE);
	to = wire_out_room(&file, content->n + SEAL_OVERHEAD);
	if (!to || !wire_out_ok(content)) {
		rc = err_set(e, ERR_NOMEM, "out of memory");
	} else {
		seal_close(to, node_identity(na->node)->state, ad, sizeof(ad), content->p,
			   content->n);
		rc = file_replace(na->dir, name, file.p, file.n, 0600, e);
	}
	wire_out_free(&file);
	return rc;
}
