/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire: the one bounded reader and writer of binary data. Every integer on disk is big-endian.
 * No struct is ever cast onto disk bytes: they pass through here.
 *
 * A reader that runs past its end turns bad, stays bad, and yields zeros and NULLs from then on, so
 * a decoder reads all its fields and checks wire_in_end() or wire_in_ok() once.
 *
 * Thread rule: a reader or writer belongs to one thread.
 */
#ifndef CUSTODY_CRYPTO_WIRE_H
#define CUSTODY_CRYPTO_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_in {
	const uint8_t *p; /* next byte; borrowed */
	size_t left;	  /* bytes left */
	bool bad;	  /* ran past the end */
};

struct wire_in wire_in_init(const void *p, size_t n);
uint8_t wire_in_u8(struct wire_in *w);
uint16_t wire_in_u16(struct wire_in *w);
uint32_t wire_in_u32(struct wire_in *w);
uint64_t wire_in_u64(struct wire_in *w);
/* Borrow n bytes in place; NULL when there are fewer. */
const uint8_t *wire_in_bytes(struct wire_in *w, size_t n);
/* Copy n bytes to out; zeros when there are fewer. */
void wire_in_copy(struct wire_in *w, void *out, size_t n);
/* u32 length, then that many bytes, borrowed (SSH "string"). Longer than max turns it bad. */
const uint8_t *wire_in_str32(struct wire_in *w, size_t max, size_t *n);
/* u16 length, then bytes, borrowed. */
const uint8_t *wire_in_str16(struct wire_in *w, size_t *n);
bool wire_in_ok(const struct wire_in *w);
/* True when nothing went wrong and nothing is left: no trailing bytes. */
bool wire_in_end(const struct wire_in *w);

/* A growing buffer. Zero-initialise it; wire_out_free() at the end. Allocation failure turns it
 * bad; check wire_out_ok() once before use. */
struct wire_out {
	uint8_t *p; /* owned */
	size_t n;   /* bytes in use */
	size_t cap;
	bool bad;
};

/* Room for n more bytes; returns where they go, with w->n advanced, or NULL. */
uint8_t *wire_out_room(struct wire_out *w, size_t n);
void wire_out_u8(struct wire_out *w, uint8_t v);
void wire_out_u16(struct wire_out *w, uint16_t v);
void wire_out_u32(struct wire_out *w, uint32_t v);
void wire_out_u64(struct wire_out *w, uint64_t v);
void wire_out_bytes(struct wire_out *w, const void *p, size_t n);
void wire_out_str32(struct wire_out *w, const void *p, size_t n);
void wire_out_str16(struct wire_out *w, const void *p, size_t n); /* n > 65535 turns it bad */
void wire_out_text(struct wire_out *w, const char *s);		  /* bytes of s, no NUL */
__attribute__((format(printf, 2, 3))) void wire_out_printf(struct wire_out *w, const char *fmt,
							   ...);
bool wire_out_ok(const struct wire_out *w);
void wire_out_reset(struct wire_out *w); /* n = 0, not bad, keeps memory */
void wire_out_free(struct wire_out *w);
void wire_out_wipe(struct wire_out *w); /* zeroes all cap bytes, then frees */

/* Fixed-size helpers for table keys and nonces. */
void wire_put32(uint8_t out[4], uint32_t v);
void wire_put64(uint8_t out[8], uint64_t v);
uint32_t wire_get32(const uint8_t in[4]);
uint64_t wire_get64(const uint8_t in[8]);

#endif
