/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was revoked here. Whether enough officers have signed a revocation is not asked: who began
 * to revoke something does not want it used in the meantime.
 */
#include "fs/authority_internal.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/file.h"

/* issued/<name>; false if it is no revocation, or does not parse. */
static bool read_one(int dir, const char *name, struct authorisation_revocation *rv)
{
	const char *kind = strchr(name, '.');
	struct wire_out file = {0};
	struct document doc = {0};
	bool ok;

	if (!kind || strcmp(kind, ".revocation") != 0)
		return false;
	ok = file_read(dir, name, DOCUMENT_MAX, &file, NULL) == 0 &&
	     document_parse(&doc, file.p, file.n, NULL) == 0 &&
	     authorisation_revocation_parse(rv, &doc, NULL) == 0;
	document_free(&doc);
	wire_out_free(&file);
	return ok;
}

/* Does a revocation that was issued here match? */
static int any(struct authority *a, const uint8_t archive[16],
	       bool (*match)(const struct authorisation_revocation *rv, const void *what),
	       const void *what, bool *yes, struct err *e)
{
	int fd = authority_archive_dir(a, archive, "issued", true, e);
	struct authorisation_revocation rv;
	struct dirent *en;
	DIR *dir;

	*yes = false;
	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return err_sys(e, "can't read what was issued");
	}
	while (!*yes && (en = readdir(dir)))
		*yes = read_one(fd, en->d_name, &rv) && match(&rv, what);
	closedir(dir);
	return 0;
}

struct enrolled {
	const struct roster_node *node;
	int64_t before_ms;
};

static bool ends_node(const struct authorisation_revocation *rv, const void *enrolled)
{
	const struct enrolled *en = enrolled;

	return rv->what == REVOKE_NODE && memcmp(rv->target, en->node->pub.id, 16) == 0 &&
	       rv->issued_ms >= en->node->issued_ms && rv->issued_ms < en->before_ms;
}

int authority_node_revoked(struct authority *a, const uint8_t archive[16],
			   const struct roster_node *n, int64_t before_ms, bool *yes, struct err *e)
{
	const struct enrolled en = {n, before_ms};

	return any(a, archive, ends_node, &en, yes, e);
}

/* A key in use: the revocation of a key may be signed with that key. */
struct use {
	const struct sshkey *key;
	const uint8_t *serial;
};

static bool ends_key(const struct authorisation_revocation *rv, const void *use)
{
	const struct use *u = use;

	return rv->what == REVOKE_KEY && sshkey_equal(&rv->key, u->key) &&
	       memcmp(rv->serial, u->serial, 16) != 0;
}

static const char *namespace_of(const char *kind)
{
	if (strcmp(kind, "enrolment") == 0)
		return DOCUMENT_NS_ENROL;
	if (strncmp(kind, "transfer-", 9) == 0)
		return DOCUMENT_NS_TRANSFER;
	if (strcmp(kind, "restore") == 0)
		return DOCUMENT_NS_RESTORE;
	return strcmp(kind, "revocation") == 0 ? DOCUMENT_NS_REVOKE : DOCUMENT_NS_AUTHORISE;
}

int authority_check_signers(struct authority *a, const struct document *d,
			    const uint8_t archive[16], const uint8_t serial[16], const char *kind,
			    struct err *e)
{
	struct archive_desc desc;
	struct document_policy policy;
	unsigned who[DOCUMENT_SIGNATURES_MAX], threshold;
	char print[SSHKEY_FINGERPRINT_SIZE] = "";
	struct use use = {.serial = serial};
	size_t n = 0, good = 0;
	bool yes;
	int rc = d->sigs ? authority_archive(a, archive, &desc, e) : 0;

	if (rc || d->sigs == 0)
		return rc;
	policy = archive_policy(&desc, namespace_of(kind));
	threshold = policy.threshold;
	policy.threshold = 1; /* others may sign later */
	rc = document_check(d, &policy, who, &n, e);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		use.key = &policy.keys[who[i]];
		rc = any(a, archive, ends_key, &use, &yes, e);
		if (rc == 0 && yes)
			sshkey_fingerprint(print, use.key);
		good += !yes;
	}
	if (rc || !*print || good >= threshold)
		return rc;
	return err_set(e, ERR_REVOKED,
		       "the key %s was revoked here, or that was begun: archives that have the "
		       "revocation don't count its signature; have another officer sign",
		       print);
}
