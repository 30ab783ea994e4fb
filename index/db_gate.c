/* SPDX-License-Identifier: Apache-2.0 */
#include "index/db_internal.h"

int db_gate_init(struct db_gate *g)
{
	*g = (struct db_gate){.closed = false};
	if (pthread_mutex_init(&g->lock, NULL) != 0)
		return ERR_NOMEM;
	if (pthread_cond_init(&g->changed, NULL) != 0) {
		pthread_mutex_destroy(&g->lock);
		return ERR_NOMEM;
	}
	return 0;
}

void db_gate_destroy(struct db_gate *g)
{
	pthread_cond_destroy(&g->changed);
	pthread_mutex_destroy(&g->lock);
}

/* Under lock. Few are inside at a time, and who enters to read need not ask. */
static bool inside(const struct db_gate *g)
{
	for (const struct db_txn *t = g->live; t; t = t->next)
		if (pthread_equal(t->owner, pthread_self()))
			return true;
	return false;
}

int db_gate_enter(struct db_gate *g, struct db_txn *t)
{
	int rc = 0;

	t->owner = pthread_self();
	pthread_mutex_lock(&g->lock);
	/* A writer may have to close the gate, and would wait for itself. */
	if (t->write && inside(g)) {
		rc = ERR_USAGE;
		goto out;
	}
	/* Who is inside must not wait for a closer, who waits for it to leave. */
	while (g->closed && !inside(g))
		pthread_cond_wait(&g->changed, &g->lock);
	t->prev = NULL;
	t->next = g->live;
	if (g->live)
		g->live->prev = t;
	g->live = t;
out:
	pthread_mutex_unlock(&g->lock);
	return rc;
}

void db_gate_leave(struct db_gate *g, struct db_txn *t)
{
	pthread_mutex_lock(&g->lock);
	if (t->prev)
		t->prev->next = t->next;
	else
		g->live = t->next;
	if (t->next)
		t->next->prev = t->prev;
	if (g->closed && !g->live)
		pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

bool db_gate_inside(struct db_gate *g)
{
	bool yes;

	pthread_mutex_lock(&g->lock);
	yes = inside(g);
	pthread_mutex_unlock(&g->lock);
	return yes;
}

void db_gate_close(struct db_gate *g)
{
	pthread_mutex_lock(&g->lock);
	while (g->closed)
		pthread_cond_wait(&g->changed, &g->lock);
	g->closed = true;
	while (g->live)
		pthread_cond_wait(&g->changed, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

void db_gate_open(struct db_gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->closed = false;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}
