/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node remembers outside its index, in pins.seal: how far each journal was seen, which
 * revocations, and which acceptances of a restore were used.
 */
#include "fs/node_memory.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/node_sealed.h"
#include "index/file.h"

#define MAGIC "CUSTPIN2"
#define FILE_NAME "pins.seal"
#define LIST_MAX 1000000u

void node_memory_free(struct node_memory *m)
{
	free(m->pin);
	free(m->revocation);
	free(m->restore);
	*m = (struct node_memory){0};
}

/* n zeroed elements; NULL, and w is bad, if they can't all be in what is left of w; *nomem, if there
 * is no memory for them. */
static void *list(struct wire_in *w, size_t *n, size_t least, size_t size, bool *nomem)
{
	void *p;

	*n = wire_in_u32(w);
	if (*n > LIST_MAX || *n * least > w->left)
		w->bad = true;
	p = w->bad ? NULL : calloc(*n + 1, size);
	*nomem |= !w->bad && !p;
	if (!p) {
		w->bad = true;
		*n = 0;
	}
	return p;
}

/* 0, ERR_MALFORMED, or ERR_NOMEM. */
static int parse(struct node_memory *m, struct wire_in *w)
{
	const uint8_t *note;
	bool nomem = false;

	m->pin = list(w, &m->pins, 66, sizeof(*m->pin), &nomem);
	for (size_t i = 0; i < m->pins; i++) {
		struct node_pin *p = &m->pin[i];

		wire_in_copy(w, p->node, sizeof(p->node));
		p->size = wire_in_u64(w);
		p->bytes = wire_in_u64(w);
		wire_in_copy(w, p->root, sizeof(p->root));
		note = wire_in_str16(w, &p->note_n);
		if (!note || p->note_n > sizeof(p->note))
			w->bad = true;
		else
			memcpy(p->note, note, p->note_n);
	}
	m->revocation = list(w, &m->revocations, 48, sizeof(*m->revocation), &nomem);
	for (size_t i = 0; i < m->revocations; i++) {
		wire_in_copy(w, m->revocation[i].serial, 16);
		wire_in_copy(w, m->revocation[i].digest, 32);
	}
	m->restore = list(w, &m->restores, 24, sizeof(*m->restore), &nomem);
	for (size_t i = 0; i < m->restores; i++) {
		wire_in_copy(w, m->restore[i].serial, 16);
		m->restore[i].issued_ms = (int64_t)wire_in_u64(w);
	}
	return nomem ? ERR_NOMEM : wire_in_end(w) ? 0 : ERR_MALFORMED;
}

int node_memory_load(struct node_archive *na, struct node_memory *m, struct err *e)
{
	struct wire_out file = {0};
	struct wire_in in;
	int rc;

	*m = (struct node_memory){0};
	rc = node_sealed_read(na, FILE_NAME, MAGIC, &file, e);
	if (rc == 0) {
		in = wire_in_init(file.p, file.n);
		rc = parse(m, &in);
		if (rc)
			err_set(e, rc, FILE_NAME " of the node: %s", err_text(rc));
	} else if (rc == ERR_NOTFOUND) {
		rc = 0;
	}
	if (rc)
		node_memory_free(m);
	wire_out_free(&file);
	return rc;
}

static void put_restored(struct wire_out *out, const struct node_restored *r)
{
	wire_out_bytes(out, r->serial, 16);
	wire_out_u64(out, (uint64_t)r->issued_ms);
}

static int save(struct node_archive *na, const struct node_memory *m, struct err *e)
{
	struct wire_out out = {0};
	int rc;

	wire_out_u32(&out, (uint32_t)m->pins);
	for (size_t i = 0; i < m->pins; i++) {
		const struct node_pin *p = &m->pin[i];

		wire_out_bytes(&out, p->node, sizeof(p->node));
		wire_out_u64(&out, p->size);
		wire_out_u64(&out, p->bytes);
		wire_out_bytes(&out, p->root, sizeof(p->root));
		wire_out_str16(&out, p->note, p->note_n);
	}
	wire_out_u32(&out, (uint32_t)m->revocations);
	for (size_t i = 0; i < m->revocations; i++) {
		wire_out_bytes(&out, m->revocation[i].serial, 16);
		wire_out_bytes(&out, m->revocation[i].digest, 32);
	}
	wire_out_u32(&out, (uint32_t)m->restores);
	for (size_t i = 0; i < m->restores; i++)
		put_restored(&out, &m->restore[i]);
	rc = node_sealed_write(na, FILE_NAME, MAGIC, &out, e);
	wire_out_free(&out);
	return rc;
}

int node_memory_change(struct node_archive *na,
		       int (*change)(void *ctx, struct node_memory *m, struct err *e), void *ctx,
		       struct err *e)
{
	int fd = openat(na->dir, "pins.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct node_memory m = {0};
	int rc;

	if (fd < 0)
		return err_sys(e, "can't open pins.lock of the node");
	rc = file_lock(fd, true, true, e);
	if (rc == 0)
		rc = node_memory_load(na, &m, e);
	if (rc == 0)
		rc = change(ctx, &m, e);
	if (rc > 0)
		rc = save(na, &m, e);
	node_memory_free(&m);
	close(fd);
	return rc;
}

void *node_memory_room(void **list, size_t n, size_t more, size_t size)
{
	void *grown = reallocarray(*list, n + more + 1, size);

	if (grown)
		*list = grown;
	return grown;
}
