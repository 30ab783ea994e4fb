// SPDX-License-Identifier: Apache-2.0
/*
 * Node ids. The kernel keeps one page cache for a node id, and who holds a descriptor reads from it
 * without asking us. So a node id serves one release and no other: an item's own inode number
 * belongs to the release that opened it first; another release that covers the item gets an alias;
 * and when a release ends, its node ids are never opened again, so nothing can fill their pages
 * while somebody still holds a descriptor of the ended release.
 *
 * Pages are also read by whoever opens a node id after somebody else did, without a READ that could
 * wait. So only the first OPEN of a node id may be answered before it is in the log, and its reads wait;
 * the others come after it.
 *
 * An OPEN on the wrong node id is answered ESTALE: the kernel then looks the name up again, and
 * LOOKUP gives the one that the caller's release may use. The inode number shown stays the item's.
 */
#include "fs/front_internal.h"

#include <stdlib.h>
#include <string.h>

#define ALIAS ((uint64_t)1 << 63)

enum use { FREE, OWNED, RETIRED };
enum first { NONE, WAITS, LOGGED }; /* the first OPEN that was granted */

struct node {
	uint64_t id, ino;
	struct node *alias; /* of the item's own node: its aliases, as a list */
	uint8_t owner[16];
	enum use use;
	enum first first;
};

struct front_nodes {
	struct node **slot; /* open addressing by node id */
	size_t cap, n;
	uint64_t aliases;
	pthread_cond_t logged; /* some first OPEN was */
};

static struct node **place(struct node **slot, size_t cap, uint64_t id)
{
	size_t i = (size_t)(id * 0x9e3779b97f4a7c15u) & (cap - 1);

	while (slot[i] && slot[i]->id != id)
		i = (i + 1) & (cap - 1);
	return &slot[i];
}

static struct node *find(const struct front_nodes *t, uint64_t id)
{
	return t->cap ? *place(t->slot, t->cap, id) : NULL;
}

static int grow(struct front_nodes *t)
{
	size_t cap = t->cap ? t->cap * 2 : 256;
	struct node **slot = calloc(cap, sizeof(*slot));

	if (!slot)
		return ERR_NOMEM;
	for (size_t i = 0; i < t->cap; i++) {
		if (t->slot[i])
			*place(slot, cap, t->slot[i]->id) = t->slot[i];
	}
	free(t->slot);
	t->slot = slot;
	t->cap = cap;
	return 0;
}

static struct node *add(struct front_nodes *t, uint64_t id, uint64_t ino)
{
	struct node *n;

	if (t->cap < 2 * (t->n + 1) && grow(t) < 0)
		return NULL;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->id = id;
	n->ino = ino;
	*place(t->slot, t->cap, id) = n;
	t->n++;
	return n;
}

static bool owned_by(const struct node *n, const uint8_t release[16])
{
	return n->use == OWNED && memcmp(n->owner, release, 16) == 0;
}

static void own(struct node *n, const uint8_t release[16])
{
	n->use = OWNED;
	memcpy(n->owner, release, 16);
}

int front_nodes_new(struct front *f, struct err *e)
{
	f->nodes = calloc(1, sizeof(*f->nodes));
	if (!f->nodes)
		return err_set(e, ERR_NOMEM, "out of memory");
	pthread_cond_init(&f->nodes->logged, NULL);
	return 0;
}

void front_nodes_free(struct front *f)
{
	struct front_nodes *t = f->nodes;

	if (!t)
		return;
	for (size_t i = 0; i < t->cap; i++)
		free(t->slot[i]);
	free(t->slot);
	pthread_cond_destroy(&t->logged);
	free(t);
	f->nodes = NULL;
}

uint64_t front_nodes_ino(struct front *f, uint64_t id)
{
	struct node *n;
	uint64_t ino = id;

	if (!(id & ALIAS))
		return id;
	pthread_mutex_lock(&f->nodes_lock);
	n = find(f->nodes, id);
	ino = n ? n->ino : id;
	pthread_mutex_unlock(&f->nodes_lock);
	return ino;
}

bool front_nodes_taken(struct front *f, uint64_t ino)
{
	struct node *n;
	bool taken;

	pthread_mutex_lock(&f->nodes_lock);
	n = find(f->nodes, ino);
	taken = n && n->use != FREE;
	pthread_mutex_unlock(&f->nodes_lock);
	return taken;
}

/* The node of an item that the release owns, or a new alias. */
static struct node *node_for(struct front_nodes *t, struct node *base, const uint8_t release[16])
{
	struct node *n;

	for (n = base; n; n = n->alias) {
		if (owned_by(n, release))
			return n;
	}
	n = add(t, ALIAS | ++t->aliases, base->ino);
	if (!n)
		return NULL;
	n->alias = base->alias;
	base->alias = n;
	own(n, release);
	return n;
}

uint64_t front_nodes_for(struct front *f, uint64_t ino, const uint8_t release[16])
{
	struct node *base, *n;
	uint64_t id = ino;

	pthread_mutex_lock(&f->nodes_lock);
	base = find(f->nodes, ino);
	if (base && base->use != FREE) {
		n = node_for(f->nodes, base, release);
		id = n ? n->id : ino;
	}
	pthread_mutex_unlock(&f->nodes_lock);
	return id;
}

int front_nodes_claim(struct front *f, uint64_t id, const uint8_t release[16])
{
	struct node *n;
	int rc = 0;

	pthread_mutex_lock(&f->nodes_lock);
	n = find(f->nodes, id);
	if (!n && !(id & ALIAS))
		n = add(f->nodes, id, id);
	if (!n)
		rc = id & ALIAS ? ERR_NOTFOUND : ERR_NOMEM;
	else if (n->use == FREE)
		own(n, release);
	else if (!owned_by(n, release))
		rc = ERR_NOTFOUND;
	pthread_mutex_unlock(&f->nodes_lock);
	return rc;
}

bool front_nodes_first(struct front *f, uint64_t id)
{
	struct node *n;
	bool first;

	pthread_mutex_lock(&f->nodes_lock);
	n = find(f->nodes, id);
	first = n && n->first == NONE;
	if (first)
		n->first = WAITS;
	pthread_mutex_unlock(&f->nodes_lock);
	return first;
}

void front_nodes_logged(struct front *f, uint64_t id, bool durable)
{
	struct node *n;

	pthread_mutex_lock(&f->nodes_lock);
	n = find(f->nodes, id);
	n->first = LOGGED;
	if (!durable)
		n->use = RETIRED;
	pthread_cond_broadcast(&f->nodes->logged);
	pthread_mutex_unlock(&f->nodes_lock);
}

int front_nodes_await(struct front *f, uint64_t id)
{
	struct node *n;
	int rc;

	pthread_mutex_lock(&f->nodes_lock);
	n = find(f->nodes, id);
	while (n->first == WAITS)
		pthread_cond_wait(&f->nodes->logged, &f->nodes_lock);
	rc = n->use == OWNED ? 0 : ERR_NOTFOUND;
	pthread_mutex_unlock(&f->nodes_lock);
	return rc;
}

void front_nodes_retire(struct front *f, const uint8_t release[16])
{
	struct front_nodes *t = f->nodes;

	pthread_mutex_lock(&f->nodes_lock);
	for (size_t i = 0; i < t->cap; i++) {
		if (t->slot[i] && owned_by(t->slot[i], release))
			t->slot[i]->use = RETIRED;
	}
	pthread_mutex_unlock(&f->nodes_lock);
}
