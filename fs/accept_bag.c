/* SPDX-License-Identifier: Apache-2.0 */
/* The bag: what the manifests list is there, is what they say, and nothing else is there. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fs/accept_internal.h"

static struct text_span span(const struct wire_out *w)
{
	return (struct text_span){(const char *)w->p, w->n};
}

/* Compare what is there (sorted) with what is listed. skip: a file that is not to be listed, or NULL. */
static int compare(struct accept *a, const struct baglist *there, const struct baglist *listed,
		   const char *manifest, const char *skip)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < listed->n; i++) {
		const struct baglist_file *f = baglist_find(there, listed->file[i].path);

		if (!f)
			rc = accept_tell(a, ERR_DAMAGED, "%.300s is missing: %s lists it",
					 listed->file[i].path, manifest);
		else if (memcmp(f->sha256, listed->file[i].sha256, 32) != 0)
			rc = accept_tell(a, ERR_DAMAGED, "%.300s is not what %s says", f->path,
					 manifest);
	}
	for (size_t i = 0; rc == 0 && i < there->n; i++) {
		const char *path = there->file[i].path;

		if ((!skip || strcmp(path, skip) != 0) && !baglist_find(listed, path))
			rc = accept_tell(a, ERR_DAMAGED, "%.300s is in the package, and not in %s",
					 path, manifest);
	}
	return rc;
}

static int check_manifest(struct accept_run *r, enum accept_tag tag, struct baglist *there,
			  const char *skip)
{
	struct baglist listed = {0};
	struct err e = {0};
	const char *twice = baglist_sort(there);
	int rc = 0;

	if (twice)
		rc = accept_tell(r->a, ERR_DAMAGED, "%.300s is in the package twice", twice);
	if (rc == 0 && !r->has[tag])
		return accept_tell(r->a, ERR_DAMAGED, "%s is missing", accept_tag_path[tag]);
	if (rc == 0)
		rc = baglist_parse(&listed, span(&r->tag[tag]), accept_tag_path[tag], &e);
	if (rc && rc != ERR_NOMEM)
		rc = accept_tell(r->a, ERR_DAMAGED, "%.300s", e.text);
	else if (rc == 0)
		rc = compare(r->a, there, &listed, accept_tag_path[tag], skip);
	baglist_free(&listed);
	return rc;
}

/* `Payload-Oxum: <bytes>.<files>`, which every package has. */
static int check_oxum(struct accept_run *r)
{
	struct text_in in = text_in_init(r->tag[ACCEPT_INFO].p, r->tag[ACCEPT_INFO].n);
	struct text_span line;
	uint64_t bytes = 0;
	char want[64];

	for (size_t i = 0; i < r->a->payload.n; i++)
		bytes += r->a->payload.file[i].size;
	snprintf(want, sizeof(want), "Payload-Oxum: %" PRIu64 ".%zu", bytes, r->a->payload.n);
	while (text_line(&in, &line))
		if (text_is(line, want))
			return 0;
	return accept_tell(r->a, ERR_DAMAGED, BAGLIST_INFO " does not say '%s'", want);
}

int accept_bag(struct accept_run *r)
{
	const struct wire_out *said = &r->tag[ACCEPT_BAGIT];
	int rc = 0;

	if (said->n != sizeof(BAGLIST_DECLARATION) - 1 ||
	    memcmp(said->p, BAGLIST_DECLARATION, said->n) != 0)
		rc = accept_tell(r->a, ERR_UNSUPPORTED,
				 BAGLIST_TXT " is not that of a bag of BagIt 1.0");
	if (rc == 0)
		rc = check_manifest(r, ACCEPT_MANIFEST, &r->a->payload, NULL);
	if (rc == 0)
		rc = check_manifest(r, ACCEPT_TAGMANIFEST, &r->a->tags, BAGLIST_TAGMANIFEST);
	return rc ? rc : check_oxum(r);
}
