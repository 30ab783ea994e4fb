/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/mutants.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIECES 4096
#define WAYS 4 /* to change a line */

/* A line of the container, with the part that follows it. */
struct piece {
	const char *p;
	size_t n, head; /* head: of the line; less than n: a part */
};
/* Some pieces that follow each other: one, an event with its proof, a log. */
struct run {
	size_t at, n;
};
struct cut {
	struct piece piece[PIECES];
	size_t pieces;
	void (*cb)(void *ctx, const struct wire_out *text);
	void *ctx;
	size_t made;
};

static bool is(const struct piece *p, const char *key)
{
	const size_t n = strlen(key);

	return p->n > n + 2 && memcmp(p->p, key, n) == 0 && p->p[n] == ':';
}

static void take_apart(struct cut *c, const char *p, size_t n)
{
	static const char *const plain[] = {"archive", "item", "node", "log"};

	while (n && c->pieces < PIECES) {
		struct piece *x = &c->piece[c->pieces++];
		const char *lf = memchr(p, '\n', n), *colon;
		bool part = true;

		*x = (struct piece){p, (size_t)(lf - p) + 1, (size_t)(lf - p) + 1};
		colon = memmem(p, x->n, ": ", 2);
		for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
			part = part && !is(x, plain[i]);
		if (part && colon)
			x->n += strtoul(colon + 2, NULL, 10);
		p += x->n;
		n -= x->n;
	}
}

static void put(struct wire_out *out, const struct cut *c, struct run r)
{
	for (size_t i = r.at; i < r.at + r.n && i < c->pieces; i++)
		wire_out_bytes(out, c->piece[i].p, c->piece[i].n);
}

static void give(struct cut *c, struct wire_out *out)
{
	c->made++;
	c->cb(c->ctx, out);
	wire_out_free(out);
}

/* All pieces but for those of `a`, in whose place is put `in`. */
static void instead(struct cut *c, struct run a, struct run in, bool both)
{
	struct wire_out out = {0};

	put(&out, c, (struct run){0, a.at});
	put(&out, c, in);
	if (both)
		put(&out, c, a);
	put(&out, c, (struct run){a.at + a.n, c->pieces});
	give(c, &out);
}

/* b stands behind a. */
static void swap(struct cut *c, struct run a, struct run b)
{
	struct wire_out out = {0};

	put(&out, c, (struct run){0, a.at});
	put(&out, c, b);
	put(&out, c, (struct run){a.at + a.n, b.at - a.at - a.n});
	put(&out, c, a);
	put(&out, c, (struct run){b.at + b.n, c->pieces});
	give(c, &out);
}

static bool same_kind(const struct cut *c, struct run a, struct run b)
{
	const struct piece *x = &c->piece[a.at], *y = &c->piece[b.at];
	const char *colon = memchr(x->p, ':', x->head);

	return colon && a.n == b.n && (size_t)(colon - x->p) < y->head &&
	       memcmp(x->p, y->p, (size_t)(colon - x->p) + 1) == 0;
}

/* Leave it out, double it, let it change places with its neighbour and its like; and put an event or a
 * log in the place of another. */
static void play(struct cut *c, const struct run *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		instead(c, r[i], (struct run){0, 0}, false);
		instead(c, r[i], r[i], true);
		if (i + 1 < n)
			swap(c, r[i], r[i + 1]);
		for (size_t k = i + 1; k < n; k++) {
			if (!same_kind(c, r[i], r[k]) && r[i].n == 1)
				continue;
			if (k > i + 1)
				swap(c, r[i], r[k]);
			if (r[i].n == 1)
				continue;
			instead(c, r[k], r[i], false);
			instead(c, r[i], r[k], true);
		}
	}
}

/* The pieces that begin with `key`, each up to the next of `key` or of `stop`. */
static size_t runs(const struct cut *c, const char *key, const char *const *stop, struct run *r)
{
	size_t n = 0;

	for (size_t i = 0; i < c->pieces; i++) {
		bool ends = false;

		if (!is(&c->piece[i], key))
			continue;
		r[n] = (struct run){i, 1};
		while (!ends && i + r[n].n < c->pieces) {
			const struct piece *x = &c->piece[i + r[n].n];

			ends = is(x, key);
			for (size_t k = 0; stop[k]; k++)
				ends = ends || is(x, stop[k]) || (x->n == 4 && stop[k][0] == 'e');
			r[n].n += !ends;
		}
		n++;
	}
	return n;
}

/* ---- lines of a part ---- */

static void change_line(struct cut *c, size_t at, size_t line, int how)
{
	const struct piece *x = &c->piece[at];
	const char *p = x->p + x->head, *end = x->p + x->n, *next, *after;
	struct wire_out out = {0}, body = {0};

	while (line-- && p < end)
		p = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
	if (p >= end)
		return;
	next = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
	after = next < end ? (const char *)memchr(next, '\n', (size_t)(end - next)) + 1 : next;
	wire_out_bytes(&body, x->p + x->head, (size_t)(p - x->p) - x->head);
	if (how == 0) /* twice */
		wire_out_bytes(&body, p, (size_t)(next - p));
	if (how == 1) /* behind the next */
		wire_out_bytes(&body, next, (size_t)(after - next));
	if (how != 2) /* else left out */
		wire_out_bytes(&body, p, (size_t)(next - p));
	if (how == 3) /* one character */
		body.p[body.n - (size_t)(next - p + 1) / 2] ^= 1;
	wire_out_bytes(&body, how == 1 ? after : next, (size_t)(end - (how == 1 ? after : next)));
	put(&out, c, (struct run){0, at});
	wire_out_bytes(&out, x->p, (size_t)((char *)memchr(x->p, ' ', x->head) + 1 - x->p));
	wire_out_printf(&out, "%zu\n", body.n);
	wire_out_bytes(&out, body.p, body.n);
	put(&out, c, (struct run){at + 1, c->pieces});
	wire_out_free(&body);
	give(c, &out);
}

static size_t count_lines(const struct piece *x)
{
	size_t n = 0;

	for (size_t i = x->head; i < x->n; i++)
		n += x->p[i] == '\n';
	return n;
}

static void change_lines(struct cut *c, size_t lines)
{
	size_t all = 0, seen = 0, step;

	for (size_t i = 0; i < c->pieces; i++)
		all += WAYS * count_lines(&c->piece[i]);
	step = lines < all ? all / lines : 1;
	/* Odd, so that all ways come. */
	step |= 1;
	for (size_t i = 0; i < c->pieces; i++)
		for (size_t k = 0; k < WAYS * count_lines(&c->piece[i]); k++)
			if (seen++ % step == 0)
				change_line(c, i, k / WAYS, (int)(k % WAYS));
}

size_t mutants_each(const void *p, size_t n, size_t lines,
		    void (*cb)(void *ctx, const struct wire_out *text), void *ctx)
{
	static const char *const no_log[] = {"authorisation", "revocation", "restore",
					     "record",	      "end",	    NULL};
	static const char *const no_event[] = {"log",	 "authorisation", "revocation", "restore",
					       "record", "end",		  NULL};
	struct cut *c = calloc(1, sizeof(*c));
	struct run *r = calloc(PIECES, sizeof(*r));
	const char *more = getenv("MUTANT_LINES");
	size_t made;

	if (!c || !r)
		abort();
	c->cb = cb;
	c->ctx = ctx;
	take_apart(c, p, n);
	for (size_t i = 0; i < c->pieces; i++)
		r[i] = (struct run){i, 1};
	play(c, r, c->pieces);
	play(c, r, runs(c, "event", no_event, r));
	play(c, r, runs(c, "log", no_log, r));
	change_lines(c, more ? strtoul(more, NULL, 10) : lines);
	made = c->made;
	free(r);
	free(c);
	return made;
}
