/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/secret.h"

void wire_put32(uint8_t out[4], uint32_t v)
{
	out[0] = (uint8_t)(v >> 24);
	out[1] = (uint8_t)(v >> 16);
	out[2] = (uint8_t)(v >> 8);
	out[3] = (uint8_t)v;
}

void wire_put64(uint8_t out[8], uint64_t v)
{
	wire_put32(out, (uint32_t)(v >> 32));
	wire_put32(out + 4, (uint32_t)v);
}

uint32_t wire_get32(const uint8_t in[4])
{
	return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

uint64_t wire_get64(const uint8_t in[8])
{
	return (uint64_t)wire_get32(in) << 32 | wire_get32(in + 4);
}

struct wire_in wire_in_init(const void *p, size_t n)
{
	/* Never NULL, so that NULL from wire_in_bytes() always means "too short". */
	static const uint8_t nothing[1];
	struct wire_in w = {.p = n ? p : nothing, .left = n};

	return w;
}

const uint8_t *wire_in_bytes(struct wire_in *w, size_t n)
{
	const uint8_t *p = w->p;

	if (w->bad || n > w->left) {
		w->bad = true;
		w->left = 0;
		return NULL;
	}
	w->p += n;
	w->left -= n;
	return p;
}

void wire_in_copy(struct wire_in *w, void *out, size_t n)
{
	const uint8_t *p = wire_in_bytes(w, n);

	if (n == 0)
		return;
	if (p)
		memcpy(out, p, n);
	else
		memset(out, 0, n);
}

uint8_t wire_in_u8(struct wire_in *w)
{
	const uint8_t *p = wire_in_bytes(w, 1);

	return p ? p[0] : 0;
}

uint16_t wire_in_u16(struct wire_in *w)
{
	const uint8_t *p = wire_in_bytes(w, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

uint32_t wire_in_u32(struct wire_in *w)
{
	const uint8_t *p = wire_in_bytes(w, 4);

	return p ? wire_get32(p) : 0;
}

uint64_t wire_in_u64(struct wire_in *w)
{
	const uint8_t *p = wire_in_bytes(w, 8);

	return p ? wire_get64(p) : 0;
}

const uint8_t *wire_in_str32(struct wire_in *w, size_t max, size_t *n)
{
	size_t len = wire_in_u32(w);
	const uint8_t *p;

	if (len > max) {
		w->bad = true;
		w->left = 0;
	}
	p = wire_in_bytes(w, len);
	*n = p ? len : 0;
	return p;
}

const uint8_t *wire_in_str16(struct wire_in *w, size_t *n)
{
	size_t len = wire_in_u16(w);
	const uint8_t *p = wire_in_bytes(w, len);

	*n = p ? len : 0;
	return p;
}

bool wire_in_ok(const struct wire_in *w)
{
	return !w->bad;
}

bool wire_in_end(const struct wire_in *w)
{
	return !w->bad && w->left == 0;
}

/* Not realloc(): it may leave a copy of a secret behind where wire_out_wipe() can't reach it. */
static bool grow(struct wire_out *w, size_t need)
{
	size_t cap = w->cap ? w->cap : 64;
	uint8_t *p;

	while (cap < need) {
		if (cap > SIZE_MAX / 2)
			return false;
		cap *= 2;
	}
	p = malloc(cap);
	if (!p)
		return false;
	if (w->p) {
		memcpy(p, w->p, w->n);
		secret_wipe(w->p, w->cap);
		free(w->p);
	}
	w->p = p;
	w->cap = cap;
	return true;
}

uint8_t *wire_out_room(struct wire_out *w, size_t n)
{
	uint8_t *p;

	if (w->bad)
		return NULL;
	if (n > SIZE_MAX - w->n || ((w->n + n > w->cap || !w->p) && !grow(w, w->n + n))) {
		w->bad = true;
		return NULL;
	}
	p = w->p + w->n;
	w->n += n;
	return p;
}

void wire_out_bytes(struct wire_out *w, const void *p, size_t n)
{
	uint8_t *to = wire_out_room(w, n);

	if (to && n)
		memcpy(to, p, n);
}

void wire_out_u8(struct wire_out *w, uint8_t v)
{
	wire_out_bytes(w, &v, 1);
}

void wire_out_u16(struct wire_out *w, uint16_t v)
{
	const uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	wire_out_bytes(w, b, sizeof(b));
}

void wire_out_u32(struct wire_out *w, uint32_t v)
{
	uint8_t b[4];

	wire_put32(b, v);
	wire_out_bytes(w, b, sizeof(b));
}

void wire_out_u64(struct wire_out *w, uint64_t v)
{
	uint8_t b[8];

	wire_put64(b, v);
	wire_out_bytes(w, b, sizeof(b));
}

void wire_out_str32(struct wire_out *w, const void *p, size_t n)
{
	if (n > UINT32_MAX) {
		w->bad = true;
		return;
	}
	wire_out_u32(w, (uint32_t)n);
	wire_out_bytes(w, p, n);
}

void wire_out_str16(struct wire_out *w, const void *p, size_t n)
{
	if (n > UINT16_MAX) {
		w->bad = true;
		return;
	}
	wire_out_u16(w, (uint16_t)n);
	wire_out_bytes(w, p, n);
}

void wire_out_text(struct wire_out *w, const char *s)
{
	wire_out_bytes(w, s, strlen(s));
}

void wire_out_printf(struct wire_out *w, const char *fmt, ...)
{
	va_list ap;
	uint8_t *to;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		w->bad = true;
		return;
	}
	to = wire_out_room(w, (size_t)n + 1);
	if (!to)
		return;
	va_start(ap, fmt);
	vsnprintf((char *)to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	w->n--; /* the NUL is vsnprintf's, not ours */
}

bool wire_out_ok(const struct wire_out *w)
{
	return !w->bad;
}

void wire_out_reset(struct wire_out *w)
{
	w->n = 0;
	w->bad = false;
}

void wire_out_free(struct wire_out *w)
{
	free(w->p);
	*w = (struct wire_out){0};
}

void wire_out_wipe(struct wire_out *w)
{
	if (w->p)
		secret_wipe(w->p, w->cap);
	wire_out_free(w);
}
