/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KEY_FILE "node.key"

struct node {
	struct keydir dir;
	struct secret_pool *pool; /* borrowed */
	struct identity *id;
};

int node_default_dir(char *out, size_t cap, const char *given, struct err *e)
{
	const char *env = getenv("CUSTODY_NODE"), *xdg = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");
	int n;

	if (!given && env && *env)
		given = env;
	if (given)
		n = snprintf(out, cap, "%s", given);
	else if (geteuid() == 0)
		n = snprintf(out, cap, "/var/lib/custodyfs");
	else if (xdg && *xdg == '/') /* the XDG specification has relative paths ignored */
		n = snprintf(out, cap, "%s/custodyfs", xdg);
	else if (home && *home)
		n = snprintf(out, cap, "%s/.config/custodyfs", home);
	else
		return err_set(e, ERR_USAGE, "$HOME is not set: name the node with --node");
	if (n <= 0 || (size_t)n >= cap)
		return err_set(e, ERR_USAGE, "the path of the node is empty or too long");
	return 0;
}

/* A new identity, kept in node.key. ERR_EXISTS if there is a key. */
static int make_key(struct node *n, node_passphrase *pass, void *ctx, struct err *e)
{
	struct identity *id;
	int rc;

	if (identity_new(&id, n->pool) != 0)
		return err_set(e, ERR_NOMEM, "no secret memory left");
	rc = keydir_put_key(&n->dir, KEY_FILE, IDENTITY_KIND_NODE, id->seed, n->pool, pass, ctx, e);
	if (rc)
		identity_free(n->pool, id);
	else
		n->id = id;
	return rc;
}

static int unlock(struct node *n, node_passphrase *pass, void *ctx, struct err *e)
{
	uint8_t *seed = secret_take(n->pool, 32);
	int rc;

	if (!seed)
		return err_set(e, ERR_NOMEM, "no secret memory left");
	rc = keydir_get_key(&n->dir, KEY_FILE, IDENTITY_KIND_NODE, seed, n->pool, pass, ctx, e);
	if (rc == 0 && identity_from_seed(&n->id, n->pool, seed) != 0)
		rc = err_set(e, ERR_NOMEM, "no secret memory left");
	secret_give(n->pool, seed);
	return rc;
}

static int open_node(struct node **out, const char *dir, bool create, struct secret_pool *pool,
		     node_passphrase *pass, void *ctx, struct err *e)
{
	struct node *n = calloc(1, sizeof(*n));
	int rc;

	*out = NULL;
	if (!n)
		return err_set(e, ERR_NOMEM, "out of memory");
	n->pool = pool;
	rc = keydir_open(&n->dir, dir, KEY_FILE, create, e);
	if (rc == ERR_NOTFOUND || rc == ERR_FOREIGN)
		rc = err_set(e, ERR_KEY, "there is no node in %s: 'custody node-init' makes one",
			     dir);
	if (rc == 0) {
		rc = create ? make_key(n, pass, ctx, e) : ERR_EXISTS;
		if (rc == ERR_EXISTS) /* perhaps since a moment ago: that is the node's key then */
			rc = unlock(n, pass, ctx, e);
	}
	if (rc) {
		node_close(n);
		return rc;
	}
	*out = n;
	return 0;
}

int node_open(struct node **out, const char *dir, struct secret_pool *pool, node_passphrase *pass,
	      void *ctx, struct err *e)
{
	return open_node(out, dir, false, pool, pass, ctx, e);
}

int node_create(struct node **out, const char *dir, struct secret_pool *pool, node_passphrase *pass,
		void *ctx, struct err *e)
{
	int rc = keydir_make(dir, e);

	*out = NULL;
	return rc ? rc : open_node(out, dir, true, pool, pass, ctx, e);
}

void node_close(struct node *n)
{
	if (!n)
		return;
	keydir_close(&n->dir);
	identity_free(n->pool, n->id);
	free(n);
}

const struct identity *node_identity(const struct node *n)
{
	return n->id;
}

const char *node_dir(const struct node *n)
{
	return n->dir.path;
}

int node_dirfd(const struct node *n)
{
	return n->dir.fd;
}

struct secret_pool *node_pool(const struct node *n)
{
	return n->pool;
}
