// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/jpeg.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Annex K.1: quantisation of luminance and chrominance, in row order. */
static const uint8_t quant_base[2][64] = {
	{16, 11, 10, 16, 24,  40,  51,	61,  12, 12, 14, 19, 26,  58,  60,  55,
	 14, 13, 16, 24, 40,  57,  69,	56,  14, 17, 22, 29, 51,  87,  80,  62,
	 18, 22, 37, 56, 68,  109, 103, 77,  24, 35, 55, 64, 81,  104, 113, 92,
	 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99},
	{17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99,
	 99, 99, 47, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
	 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99},
};

/* Place in row order of the n-th coefficient of a block's zigzag. */
static const uint8_t zigzag[64] = {
	0,  1,	8,  16, 9,  2,	3,  10, 17, 24, 32, 25, 18, 11, 4,  5,	12, 19, 26, 33, 40, 48,
	41, 34, 27, 20, 13, 6,	7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
	30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
};

/* Annex K.3: a Huffman table as a file holds it. */
struct table {
	uint8_t counts[16]; /* codes of 1 to 16 bits */
	uint8_t n;
	uint8_t values[162];
};

static const struct table dc_tables[2] = {
	{{0, 1, 5, 1, 1, 1, 1, 1, 1}, 12, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
	{{0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 12, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
};

static const struct table ac_tables[2] = {
	{{0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125},
	 162,
	 {0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61,
	  0x07, 0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52,
	  0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25,
	  0x26, 0x27, 0x28, 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45,
	  0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63, 0x64,
	  0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83,
	  0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
	  0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6,
	  0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3,
	  0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8,
	  0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa}},
	{{0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119},
	 162,
	 {0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61,
	  0x71, 0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33,
	  0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1, 0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18,
	  0x19, 0x1a, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x43, 0x44,
	  0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x63,
	  0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a,
	  0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97,
	  0x98, 0x99, 0x9a, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4,
	  0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca,
	  0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7,
	  0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa}},
};

struct code {
	uint16_t bits;
	uint8_t length;
};

struct encoder {
	struct wire_out *out;
	uint32_t held; /* bits that are not a whole byte yet, in the low end */
	unsigned count;
	uint8_t quant[2][64]; /* row order */
	struct code dc[2][256], ac[2][256];
	int last_dc[3];
};

static void assign_codes(struct code codes[256], const struct table *t)
{
	uint16_t next = 0;
	size_t k = 0;

	for (uint8_t length = 1; length <= 16; length++) {
		for (uint8_t i = 0; i < t->counts[length - 1]; i++)
			codes[t->values[k++]] = (struct code){next++, length};
		next = (uint16_t)(next << 1);
	}
}

static void scale_quant(uint8_t quant[64], const uint8_t base[64], int quality)
{
	int scale = quality < 50 ? 5000 / quality : 200 - 2 * quality;

	for (int i = 0; i < 64; i++) {
		int q = (base[i] * scale + 50) / 100;

		quant[i] = (uint8_t)(q < 1 ? 1 : q > 255 ? 255 : q);
	}
}

static void put_bits(struct encoder *e, uint32_t bits, unsigned length)
{
	e->held = e->held << length | bits;
	e->count += length;
	while (e->count >= 8) {
		uint8_t byte = (uint8_t)(e->held >> (e->count - 8));

		e->count -= 8;
		wire_out_u8(e->out, byte);
		if (byte == 0xff)
			wire_out_u8(e->out, 0);
	}
	e->held &= (1u << e->count) - 1;
}

static unsigned magnitude(int v)
{
	unsigned n = 0;

	for (unsigned a = (unsigned)abs(v); a > 0; a >>= 1)
		n++;
	return n;
}

/* A value's Huffman code with its magnitude, then the value itself (F.1.2). */
static void put_value(struct encoder *e, const struct code codes[256], unsigned run, int v)
{
	unsigned length = magnitude(v);
	struct code c = codes[run << 4 | length];

	put_bits(e, c.bits, c.length);
	if (length > 0)
		put_bits(e, (uint32_t)(v < 0 ? v - 1 : v) & ((1u << length) - 1), length);
}

/* Forward DCT (A.3.3) of 8 values a step apart; cosines scaled by 2^13. */
static void dct8(int32_t *v, int step)
{
	static const int32_t cosine[8] = {4096, 4017, 3784, 3406, 2896, 2276, 1567, 799};
	int64_t sum[8];

	for (int u = 0; u < 8; u++) {
		sum[u] = 0;
		for (int x = 0; x < 8; x++) {
			int angle = (2 * x + 1) * u % 32; /* in pi/16; a whole turn is 32 */
			int fold = angle > 16 ? 32 - angle : angle;
			int32_t c = fold == 8 ? 0 : fold < 8 ? cosine[fold] : -cosine[16 - fold];

			/* C(0) is 1/sqrt(2). */
			sum[u] += (int64_t)v[x * step] * (u == 0 ? cosine[4] : c);
		}
	}
	for (int u = 0; u < 8; u++)
		v[u * step] = (int32_t)((sum[u] + 4096) >> 13);
}

static void put_block(struct encoder *e, int component, int32_t block[64])
{
	int table = component > 0;
	unsigned run = 0;

	for (int i = 0; i < 8; i++)
		dct8(block + 8 * i, 1);
	for (int i = 0; i < 8; i++)
		dct8(block + i, 8);

	for (int k = 0; k < 64; k++) {
		/* The samples came in times 8, to keep what integer sums would round off. */
		int32_t v = block[zigzag[k]], q = e->quant[table][zigzag[k]] * 8;

		v = (v >= 0 ? v + q / 2 : v - q / 2) / q;
		if (k == 0) {
			put_value(e, e->dc[table], 0, v - e->last_dc[component]);
			e->last_dc[component] = v;
		} else if (v == 0) {
			run++;
		} else {
			for (; run > 15; run -= 16)
				put_value(e, e->ac[table], 15, 0); /* ZRL: sixteen zeros */
			put_value(e, e->ac[table], run, v);
			run = 0;
		}
	}
	if (run > 0)
		put_value(e, e->ac[table], 0, 0); /* EOB */
}

/* The block of one component at (x, y), edges repeated outside; JFIF's YCbCr, centred, times 8. */
static void load_block(int32_t block[64], const struct jpeg_picture *pic, int component, uint32_t x,
		       uint32_t y)
{
	static const int32_t weight[3][3] = {
		{19595, 38470, 7471},	 /* Y  */
		{-11059, -21709, 32768}, /* Cb */
		{32768, -27439, -5329},	 /* Cr */
	};
	const int32_t *w = weight[component];

	for (uint32_t i = 0; i < 64; i++) {
		uint32_t px = x + i % 8, py = y + i / 8;
		const uint8_t *p;
		int32_t v;

		px = px < pic->width ? px : pic->width - 1;
		py = py < pic->height ? py : pic->height - 1;
		p = pic->rgb + 3 * ((size_t)py * pic->width + px);
		v = w[0] * p[0] + w[1] * p[1] + w[2] * p[2];
		block[i] = v / 8192 - (component == 0 ? 1024 : 0);
	}
}

static void put_exif(struct wire_out *out, const struct jpeg_exif *exif)
{
	/* Two directories: the camera, with a pointer to the second, and the time of capture. */
	uint32_t make = (uint32_t)strlen(exif->make) + 1, model = (uint32_t)strlen(exif->model) + 1;
	uint32_t time = (uint32_t)strlen(exif->time) + 1;
	uint32_t ifd2 = 8 + 2 + 3 * 12 + 4, data = ifd2 + 2 + 12 + 4;
	struct {
		uint16_t tag, type;
		uint32_t count, value;
	} rows[] = {
		{0x010f, 2, make, data},
		{0x0110, 2, model, data + make},
		{0x8769, 4, 1, ifd2},
		{0x9003, 2, time, data + make + model},
	};

	wire_out_u16(out, 0xffe1);
	wire_out_u16(out, (uint16_t)(2 + 6 + data + make + model + time));
	wire_out_bytes(out, "Exif\0\0MM\0*", 10);
	wire_out_u32(out, 8);
	for (int i = 0; i < 4; i++) {
		if (i == 0 || i == 3)
			wire_out_u16(out, i == 0 ? 3 : 1);
		wire_out_u16(out, rows[i].tag);
		wire_out_u16(out, rows[i].type);
		wire_out_u32(out, rows[i].count);
		wire_out_u32(out, rows[i].value);
		if (i >= 2)
			wire_out_u32(out, 0); /* no further directory */
	}
	wire_out_bytes(out, exif->make, make);
	wire_out_bytes(out, exif->model, model);
	wire_out_bytes(out, exif->time, time);
}

static void put_tables(struct encoder *e)
{
	struct wire_out *out = e->out;

	for (uint8_t t = 0; t < 2; t++) {
		wire_out_u16(out, 0xffdb);
		wire_out_u16(out, 2 + 1 + 64);
		wire_out_u8(out, t);
		for (int k = 0; k < 64; k++)
			wire_out_u8(out, e->quant[t][zigzag[k]]);
	}
	for (uint8_t i = 0; i < 4; i++) {
		const struct table *t = i < 2 ? &dc_tables[i] : &ac_tables[i - 2];

		wire_out_u16(out, 0xffc4);
		wire_out_u16(out, (uint16_t)(2 + 1 + 16 + t->n));
		wire_out_u8(out, (uint8_t)(i < 2 ? i : 0x10 | (i - 2)));
		wire_out_bytes(out, t->counts, 16);
		wire_out_bytes(out, t->values, t->n);
	}
}

static void put_headers(struct encoder *e, const struct jpeg_picture *pic,
			const struct jpeg_exif *exif)
{
	struct wire_out *out = e->out;

	wire_out_bytes(out, "\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0", 20);
	if (exif)
		put_exif(out, exif);
	put_tables(e);

	wire_out_bytes(out, "\xff\xc0\0\x11\x08", 5);
	wire_out_u16(out, (uint16_t)pic->height);
	wire_out_u16(out, (uint16_t)pic->width);
	wire_out_bytes(out, "\3\1\x11\0\2\x11\1\3\x11\1", 10);
	wire_out_bytes(out, "\xff\xda\0\x0c\3\1\0\2\x11\3\x11\0\x3f\0", 14);
}

void jpeg_encode(struct wire_out *out, const struct jpeg_picture *pic, int quality,
		 const struct jpeg_exif *exif)
{
	struct encoder e = {.out = out};
	int32_t block[64];

	for (int t = 0; t < 2; t++) {
		scale_quant(e.quant[t], quant_base[t], quality);
		assign_codes(e.dc[t], &dc_tables[t]);
		assign_codes(e.ac[t], &ac_tables[t]);
	}
	put_headers(&e, pic, exif);
	for (uint32_t y = 0; y < pic->height; y += 8) {
		for (uint32_t x = 0; x < pic->width; x += 8) {
			for (int c = 0; c < 3; c++) {
				load_block(block, pic, c, x, y);
				put_block(&e, c, block);
			}
		}
	}
	put_bits(&e, 0x7f, 7); /* fill the last byte with ones */
	wire_out_u16(out, 0xffd9);
}
