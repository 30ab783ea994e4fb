/* SPDX-License-Identifier: Apache-2.0 */
/* Standard input as one file, of the name that was given. */
#include <stdlib.h>
#include <string.h>

#include "fs/container.h"
#include "fs/source_internal.h"

struct input {
	struct source base;
	struct container c;
	bool given; /* in this pass */
	uint64_t at;
};

static int input_open(struct source *s, struct err *e)
{
	struct input *in = (struct input *)s;

	in->c.name = source_name(&s->ask);
	in->c.input = true;
	in->given = false;
	in->at = 0;
	return container_open(&in->c, e);
}

static int input_next(struct source *s, struct source_member *m, struct err *e)
{
	struct input *in = (struct input *)s;
	int rc;

	if (in->given)
		return 0;
	in->given = true;
	m->path = s->ask.name;
	m->size = in->c.size;
	m->has_sha256 = in->c.known;
	memcpy(m->sha256, in->c.sha256, 32);
	rc = container_read(&in->c, 0, m->start, sizeof(m->start), &m->start_n, e);
	return rc ? rc : 1;
}

static int input_read(struct source *s, void *buf, size_t n, size_t *got, struct err *e)
{
	struct input *in = (struct input *)s;
	int rc = container_read(&in->c, in->at, buf, n, got, e);

	in->at += *got;
	return rc;
}

static int input_digest(struct source *s, uint8_t sha256[32], struct err *e)
{
	struct input *in = (struct input *)s;
	int rc = container_digest(&in->c, e);

	memcpy(sha256, in->c.sha256, 32);
	return rc;
}

static void input_free(struct source *s)
{
	container_free(&((struct input *)s)->c);
}

int source_input_new(struct source **out, struct err *e)
{
	static const struct source_ops ops = {
		.open = input_open,
		.next = input_next,
		.read = input_read,
		.digest = input_digest,
		.free = input_free,
	};
	struct input *in = calloc(1, sizeof(*in));

	if (!in)
		return err_set(e, ERR_NOMEM, "out of memory");
	in->base.ops = &ops;
	in->c.fd = -1;
	*out = &in->base;
	return 0;
}
