/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/archive_history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIND "archive-"

void archive_history_free(struct archive_history *h)
{
	for (size_t i = 0; i < h->n; i++)
		document_free(&h->version[i].text);
	free(h->version);
	*h = (struct archive_history){.n = 0};
}

/* The version before *now into *v; false if it is not there, or another. */
static bool load_one(struct archive_version *v, int documents, const struct archive_desc *now)
{
	char kind[32];

	snprintf(kind, sizeof(kind), KIND "%" PRIu32, now->version - 1);
	if (document_load(&v->text, documents, now->id, kind, NULL) != 0)
		return false;
	if (archive_desc_parse(&v->desc, &v->text, NULL, NULL) == 0 &&
	    memcmp(v->desc.digest, now->previous, sizeof(now->previous)) == 0)
		return true;
	document_free(&v->text);
	return false;
}

int archive_history_load(struct archive_history *h, int documents, const struct archive_desc *now,
			 struct err *e)
{
	const struct archive_desc *at = now;
	struct archive_version *grown, v;

	*h = (struct archive_history){.n = 0};
	while (at->version > 1 && load_one(&v, documents, at)) {
		grown = reallocarray(h->version, h->n + 1, sizeof(*grown));
		if (!grown) {
			document_free(&v.text);
			archive_history_free(h);
			return err_set(e, ERR_NOMEM, "out of memory");
		}
		h->version = grown;
		grown[h->n] = v;
		at = &grown[h->n++].desc;
	}
	return 0;
}

int archive_history_check(const struct archive_history *h, const struct archive_desc *now,
			  const struct document *d, const char *namespace, uint32_t *version,
			  struct err *e)
{
	struct document_policy p = archive_policy(now, namespace);
	int rc = document_check(d, &p, NULL, NULL, e);
	size_t i = 0;

	for (; rc && rc != ERR_NOMEM && i < h->n; i++) {
		p = archive_policy(&h->version[i].desc, namespace);
		if (document_check(d, &p, NULL, NULL, NULL) == 0)
			break;
	}
	if (rc && i == h->n)
		return rc;
	if (version)
		*version = rc ? h->version[i].desc.version : now->version;
	return 0;
}

uint32_t archive_history_admits(const struct event *ev, const uint8_t archive[16])
{
	const size_t n = strlen(KIND);
	uint64_t version;

	if (ev->type != EVENT_ADMITTED || memcmp(ev->document, archive, 16) != 0 ||
	    strncmp(ev->kind, KIND, n) != 0 ||
	    !text_u64((struct text_span){ev->kind + n, strlen(ev->kind) - n}, &version))
		return 0;
	return version > UINT32_MAX ? 0 : (uint32_t)version;
}
