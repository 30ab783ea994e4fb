/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/roster.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/authorisation.h"

struct revoked {
	struct authorisation_revocation v;
	uint8_t digest[32]; /* of its document */
	bool carried;	    /* from an earlier roster; documents/ may not have it any more */
};

struct roster {
	struct roster_node *node; /* by id, once loaded */
	size_t nodes, node_cap;
	struct revoked *revoked;
	size_t revocations, revoked_cap;
};

void roster_free(struct roster *r)
{
	if (!r)
		return;
	free(r->node);
	free(r->revoked);
	free(r);
}

/* Room for one more in a list of elements of `size` bytes. */
static bool more(void **list, size_t n, size_t *cap, size_t size)
{
	size_t want = *cap ? 2 * *cap : 16;
	void *p;

	if (n < *cap)
		return true;
	p = reallocarray(*list, want, size);
	if (!p)
		return false;
	*list = p;
	*cap = want;
	return true;
}

static int add_node(struct roster *r, const struct roster_node *n)
{
	for (size_t i = 0; i < r->nodes; i++) {
		struct roster_node *at = &r->node[i];

		if (memcmp(at->pub.id, n->pub.id, sizeof(n->pub.id)) != 0)
			continue;
		/* The serial decides between two of one second, so that all nodes agree. */
		if (n->issued_ms > at->issued_ms ||
		    (n->issued_ms == at->issued_ms && memcmp(n->serial, at->serial, 16) > 0))
			*at = *n;
		return 0;
	}
	if (!more((void **)&r->node, r->nodes, &r->node_cap, sizeof(*r->node)))
		return ERR_NOMEM;
	r->node[r->nodes++] = *n;
	return 0;
}

static int load_enrolment(struct roster *r, const struct archive *a, const struct document *d,
			  const uint8_t serial[16])
{
	struct roster_node n;
	int rc = roster_enrolment_parse(&n, d, &a->desc, NULL);

	if (rc)
		return rc;
	return memcmp(n.serial, serial, 16) == 0 ? add_node(r, &n) : ERR_MALFORMED;
}

static int add_revocation(struct roster *r, const struct revoked *v)
{
	if (!more((void **)&r->revoked, r->revocations, &r->revoked_cap, sizeof(*r->revoked)))
		return ERR_NOMEM;
	r->revoked[r->revocations++] = *v;
	return 0;
}

static bool has_revocation(const struct roster *r, const uint8_t serial[16],
			   const uint8_t digest[32], bool carried)
{
	for (size_t i = 0; i < r->revocations; i++)
		if (r->revoked[i].carried <= carried &&
		    memcmp(r->revoked[i].v.serial, serial, 16) == 0 &&
		    memcmp(r->revoked[i].digest, digest, 32) == 0)
			return true;
	return false;
}

/* Its form, archive and serial; not its signatures. */
static int parse_revocation(struct revoked *v, const struct archive *a, const struct document *d,
			    const uint8_t serial[16])
{
	int rc = authorisation_revocation_parse(&v->v, d, NULL);

	if (rc == 0 &&
	    (memcmp(v->v.archive, a->desc.id, 16) != 0 || memcmp(v->v.serial, serial, 16) != 0))
		rc = ERR_MALFORMED;
	memcpy(v->digest, d->digest, sizeof(v->digest));
	v->carried = false;
	return rc;
}

static int load_revocation(struct roster *r, const struct archive *a, const struct document *d,
			   const uint8_t serial[16])
{
	const struct document_policy policy = archive_policy(&a->desc, DOCUMENT_NS_REVOKE);
	struct revoked v;
	int rc = parse_revocation(&v, a, d, serial);

	if (rc == 0)
		rc = document_check(d, &policy, NULL, NULL, NULL);
	return rc ? rc : add_revocation(r, &v);
}

/* One file of documents/; other kinds are passed over. */
static int load_one(struct roster *r, const struct archive *a, const char *name)
{
	const char *kind = strchr(name, '.');
	struct document d;
	uint8_t serial[16];
	bool enrolment;
	int rc;

	if (!kind || !text_unhex((struct text_span){name, (size_t)(kind - name)}, serial, 16))
		return 0;
	kind++;
	enrolment = strcmp(kind, "enrolment") == 0;
	if (!enrolment && strcmp(kind, "revocation") != 0)
		return 0;
	rc = document_load(&d, a->documents, serial, kind, NULL);
	if (rc)
		return rc;
	rc = enrolment ? load_enrolment(r, a, &d, serial) : load_revocation(r, a, &d, serial);
	document_free(&d);
	return rc;
}

static int by_id(const void *a, const void *b)
{
	const struct roster_node *x = a, *y = b;

	return memcmp(x->pub.id, y->pub.id, sizeof(x->pub.id));
}

static void finish(struct roster *r)
{
	if (r->nodes)
		qsort(r->node, r->nodes, sizeof(*r->node), by_id);
	for (size_t k = 0; k < r->nodes; k++) {
		struct roster_node *n = &r->node[k];

		n->revoked = roster_node_revoked(r, n->pub.id, n->issued_ms);
	}
}

/* A stream of its own: closing it leaves the archive's descriptor open. */
static DIR *open_documents(const struct archive *a)
{
	int fd = openat(a->documents, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

int roster_load(struct roster **out, const struct archive *a, unsigned *bad, struct err *e)
{
	struct roster *r = calloc(1, sizeof(*r));
	unsigned skipped = 0;
	struct dirent *en;
	DIR *dir;
	int rc = 0;

	*out = NULL;
	if (!r)
		return err_set(e, ERR_NOMEM, "out of memory");
	dir = open_documents(a);
	if (!dir) {
		free(r);
		return err_sys(e, "can't read the documents of %s", a->path);
	}
	while (rc == 0 && (errno = 0, en = readdir(dir))) {
		rc = load_one(r, a, en->d_name);
		/* Whoever can write to the archive can put rubbish there: it must not stop us. */
		if (rc && rc != ERR_NOMEM && rc != ERR_SYSTEM) {
			skipped++;
			rc = 0;
		} else if (rc) {
			err_set(e, rc, "documents/%s: %s", en->d_name, err_text(rc));
		}
	}
	if (rc == 0 && errno != 0)
		rc = err_sys(e, "can't read the documents of %s", a->path);
	closedir(dir);
	if (rc) {
		roster_free(r);
		return rc;
	}
	finish(r);
	if (bad)
		*bad = skipped;
	*out = r;
	return 0;
}

int roster_vouch(struct roster *r, const struct archive *a, const uint8_t serial[16],
		 const uint8_t digest[32])
{
	struct document d;
	struct revoked v;
	int rc;

	if (has_revocation(r, serial, digest, false))
		return 0;
	rc = document_load(&d, a->documents, serial, "revocation", NULL);
	if (rc)
		return rc == ERR_NOMEM ? rc : ERR_DAMAGED;
	rc = memcmp(d.digest, digest, 32) == 0 ? parse_revocation(&v, a, &d, serial) : ERR_DAMAGED;
	document_free(&d);
	if (rc)
		return ERR_DAMAGED;
	rc = add_revocation(r, &v);
	finish(r);
	return rc;
}

int roster_carry(struct roster *r, const struct roster *old)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < old->nodes; i++)
		rc = add_node(r, &old->node[i]);
	for (size_t i = 0; rc == 0 && i < old->revocations; i++) {
		struct revoked v = old->revoked[i];

		v.carried = true;
		if (!has_revocation(r, v.v.serial, v.digest, true))
			rc = add_revocation(r, &v);
	}
	finish(r);
	return rc;
}

const struct roster_node *roster_find(const struct roster *r, const uint8_t node[16])
{
	struct roster_node key = {0};

	if (r->nodes == 0)
		return NULL;
	memcpy(key.pub.id, node, sizeof(key.pub.id));
	return bsearch(&key, r->node, r->nodes, sizeof(*r->node), by_id);
}

const struct roster_node *roster_replacement(const struct roster *r, const uint8_t node[16])
{
	const struct roster_node *found = NULL;

	for (size_t i = 0; i < roster_count(r); i++) {
		const struct roster_node *n = roster_at(r, i);

		if (n->replaces.origin[0] && memcmp(n->replaced, node, 16) == 0 &&
		    (!found || n->issued_ms > found->issued_ms))
			found = n;
	}
	return found;
}

size_t roster_count(const struct roster *r)
{
	return r->nodes;
}

const struct roster_node *roster_at(const struct roster *r, size_t i)
{
	return &r->node[i];
}

bool roster_node_revoked(const struct roster *r, const uint8_t node[16], int64_t issued_ms)
{
	for (size_t i = 0; i < r->revocations; i++)
		if (r->revoked[i].v.what == REVOKE_NODE && r->revoked[i].v.issued_ms >= issued_ms &&
		    memcmp(r->revoked[i].v.target, node, 16) == 0)
			return true;
	return false;
}

bool roster_key_revoked(const struct roster *r, const struct sshkey *k)
{
	for (size_t i = 0; i < r->revocations; i++)
		if (r->revoked[i].v.what == REVOKE_KEY && sshkey_equal(&r->revoked[i].v.key, k))
			return true;
	return false;
}

int roster_key_revocations(const struct roster *r, const struct sshkey *k,
			   int (*cb)(void *ctx, const uint8_t serial[16], const uint8_t digest[32]),
			   void *ctx)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->revocations; i++)
		if (r->revoked[i].v.what == REVOKE_KEY && sshkey_equal(&r->revoked[i].v.key, k))
			rc = cb(ctx, r->revoked[i].v.serial, r->revoked[i].digest);
	return rc;
}

bool roster_serial_revoked(const struct roster *r, const uint8_t serial[16])
{
	for (size_t i = 0; i < r->revocations; i++)
		if (r->revoked[i].v.what == REVOKE_AUTHORISATION &&
		    memcmp(r->revoked[i].v.target, serial, 16) == 0)
			return true;
	return false;
}
