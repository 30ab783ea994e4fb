/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jpeg: a baseline JPEG encoder (ITU-T T.81, sequential DCT, Huffman tables of its Annex K, colour
 * in YCbCr without subsampling), so that tests can make photographs of known content. Integer
 * arithmetic throughout: the same picture gives the same bytes on every machine.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_TESTS_LIB_JPEG_H
#define CUSTODY_TESTS_LIB_JPEG_H

#include <stdint.h>

#include "crypto/wire.h"

struct jpeg_picture {
	uint32_t width, height; /* 1 to 65535 */
	uint8_t *rgb;		/* 3 * width * height bytes, rows from the top */
};

/* What a camera writes into the Exif block. */
struct jpeg_exif {
	const char *make, *model;
	const char *time; /* "2019:05:13 08:00:00", local */
};

/* Append the picture as a whole JPEG file to out; quality 1 (small) to 100; exif may be NULL.
 * Check wire_out_ok(out) afterwards. */
void jpeg_encode(struct wire_out *out, const struct jpeg_picture *pic, int quality,
		 const struct jpeg_exif *exif);

#endif
