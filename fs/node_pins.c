/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pins: how far each journal was seen, kept outside the index, so that an index that is thrown away
 * does not make the node forget it. Beside them the revocations that were seen.
 */
#include "fs/node.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/note.h"
#include "fs/node_memory.h"

int node_pins_load(struct node_archive *na, struct node_pin **list, size_t *n, struct err *e)
{
	struct node_memory m;
	int rc = node_memory_load(na, &m, e);

	*list = m.pin;
	*n = m.pins;
	m.pin = NULL;
	node_memory_free(&m);
	return rc;
}

void node_pin_note(struct node_pin *p, struct text_span note, const char *name)
{
	struct text_span text, sigs, line;
	struct text_in in;
	size_t n = strlen(name);

	p->note_n = 0;
	if (note_split(note, &text, &sigs) || text.n + 1 > sizeof(p->note))
		return;
	in = text_in_init(sigs.p, sigs.n);
	while (text_line(&in, &line)) {
		const char *at = line.n > n + 5 ? line.p + 4 :
						  NULL; /* behind the dash and a space */

		if (!at || memcmp(at, name, n) != 0 || at[n] != ' ' ||
		    text.n + 1 + line.n + 1 > sizeof(p->note))
			continue;
		memcpy(p->note, text.p, text.n);
		p->note[text.n] = '\n';
		memcpy(p->note + text.n + 1, line.p, line.n);
		p->note[text.n + 1 + line.n] = '\n';
		p->note_n = text.n + line.n + 2;
		return;
	}
}

static int contradiction(const struct node_pin *p, struct err *e)
{
	char hex[33];

	text_hex(hex, p->node, sizeof(p->node));
	return err_set(e, ERR_ROLLBACK,
		       "the journal of node %s is not the one that was seen before", hex);
}

/* Fold one pin into the list, which has room for it. 1 if the list changed. */
static int merge(struct node_memory *m, const struct node_pin *p, struct err *e)
{
	struct node_pin *at = m->pin;
	bool same;

	while (at < m->pin + m->pins && memcmp(at->node, p->node, sizeof(p->node)) != 0)
		at++;
	if (at == m->pin + m->pins) {
		m->pin[m->pins++] = *p;
		return 1;
	}
	if (p->size < at->size)
		return 0;
	same = p->size == at->size;
	if (same && memcmp(at->root, p->root, sizeof(p->root)) != 0)
		return contradiction(p, e);
	if (same && (p->note_n == 0 ||
		     (p->note_n == at->note_n && memcmp(p->note, at->note, p->note_n) == 0)))
		return 0;
	at->size = p->size;
	at->bytes = p->bytes;
	memcpy(at->root, p->root, sizeof(at->root));
	if (p->note_n) { /* else the last one that was seen stays */
		at->note_n = p->note_n;
		memcpy(at->note, p->note, p->note_n);
	}
	return 1;
}

struct pins {
	const struct node_pin *list;
	size_t n;
};

static int merge_all(void *ctx, struct node_memory *m, struct err *e)
{
	const struct pins *add = ctx;
	int changed = 0;

	if (!node_memory_room((void **)&m->pin, m->pins, add->n, sizeof(*m->pin)))
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < add->n; i++) {
		int rc = merge(m, &add->list[i], e);

		if (rc < 0)
			return rc;
		changed |= rc;
	}
	return changed;
}

int node_pins_save(struct node_archive *na, const struct node_pin *list, size_t n, struct err *e)
{
	struct pins add = {list, n};

	return node_memory_change(na, merge_all, &add, e);
}

/* ---- revocations ---- */

struct known {
	const struct node_known *list;
	size_t n;
};

static int know_all(void *ctx, struct node_memory *m, struct err *e)
{
	const struct known *add = ctx;
	const size_t before = m->revocations;

	if (!node_memory_room((void **)&m->revocation, m->revocations, add->n,
			      sizeof(*m->revocation)))
		return err_set(e, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < add->n; i++) {
		size_t k = 0;

		while (k < m->revocations &&
		       memcmp(&m->revocation[k], &add->list[i], sizeof(add->list[i])) != 0)
			k++;
		if (k == m->revocations)
			m->revocation[m->revocations++] = add->list[i];
	}
	return m->revocations > before;
}

int node_known_load(struct node_archive *na, struct node_known **list, size_t *n, struct err *e)
{
	struct node_memory m;
	int rc = node_memory_load(na, &m, e);

	*list = m.revocation;
	*n = m.revocations;
	m.revocation = NULL;
	node_memory_free(&m);
	return rc;
}

int node_known_save(struct node_archive *na, const struct node_known *list, size_t n, struct err *e)
{
	struct known add = {list, n};

	return node_memory_change(na, know_all, &add, e);
}

/* ---- an accepted restore ---- */

struct put_back {
	const struct node_pin *list;
	size_t n;
	const uint8_t *serial;
	int64_t issued_ms;
};

static int put_back(void *ctx, struct node_memory *m, struct err *e)
{
	const struct put_back *r = ctx;

	for (size_t i = 0; i < m->restores; i++)
		if (memcmp(m->restore[i].serial, r->serial, 16) == 0)
			return err_set(e, ERR_REPLAYED, "this restore was accepted before");
	if (!node_memory_room((void **)&m->restore, m->restores, 1, sizeof(*m->restore)))
		return err_set(e, ERR_NOMEM, "out of memory");
	memcpy(m->restore[m->restores].serial, r->serial, 16);
	m->restore[m->restores++].issued_ms = r->issued_ms;
	for (size_t i = 0; i < r->n; i++) {
		for (size_t k = 0; k < m->pins; k++)
			if (memcmp(m->pin[k].node, r->list[i].node, 16) == 0)
				m->pin[k] = r->list[i];
	}
	return 1;
}

int node_pins_restore(struct node_archive *na, const struct node_pin *list, size_t n,
		      const uint8_t serial[16], int64_t issued_ms, struct err *e)
{
	struct put_back r = {list, n, serial, issued_ms};
	int rc = node_memory_change(na, put_back, &r, e);

	if (rc == 0 && issued_ms > na->restored_ms)
		na->restored_ms = issued_ms;
	return rc;
}

int node_pins_restored(struct node_archive *na, const uint8_t serial[16], struct err *e)
{
	struct node_memory m;
	int rc = node_memory_load(na, &m, e);

	for (size_t i = 0; rc == 0 && i < m.restores; i++)
		if (memcmp(m.restore[i].serial, serial, 16) == 0)
			rc = 1;
	node_memory_free(&m);
	return rc;
}

int node_pins_restored_ms(struct node_archive *na, struct err *e)
{
	struct node_memory m;
	int rc = node_memory_load(na, &m, e);

	na->restored_ms = INT64_MIN;
	for (size_t i = 0; i < m.restores; i++)
		if (m.restore[i].issued_ms > na->restored_ms)
			na->restored_ms = m.restore[i].issued_ms;
	node_memory_free(&m);
	return rc;
}
