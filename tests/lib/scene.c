// SPDX-License-Identifier: Apache-2.0
#include "tests/lib/scene.h"

#include <stdlib.h>
#include <string.h>

#define GLYPH_WIDTH 5
#define GLYPH_HEIGHT 7
#define MARGIN 10 /* pixels around the plate in a crop */

/* 0-9 and A-Z, seven rows of five dots, the leftmost in bit 4. */
static const uint8_t font[36][GLYPH_HEIGHT] = {
	{0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e}, {0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e},
	{0x0e, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1f}, {0x1f, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0e},
	{0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02}, {0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e},
	{0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e}, {0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08},
	{0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e}, {0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c},
	{0x0e, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11}, {0x1e, 0x11, 0x11, 0x1e, 0x11, 0x11, 0x1e},
	{0x0e, 0x11, 0x10, 0x10, 0x10, 0x11, 0x0e}, {0x1c, 0x12, 0x11, 0x11, 0x11, 0x12, 0x1c},
	{0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x1f}, {0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x10},
	{0x0e, 0x11, 0x10, 0x17, 0x11, 0x11, 0x0f}, {0x11, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11},
	{0x0e, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0e}, {0x07, 0x02, 0x02, 0x02, 0x02, 0x12, 0x0c},
	{0x11, 0x12, 0x14, 0x18, 0x14, 0x12, 0x11}, {0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x1f},
	{0x11, 0x1b, 0x15, 0x15, 0x11, 0x11, 0x11}, {0x11, 0x11, 0x19, 0x15, 0x13, 0x11, 0x11},
	{0x0e, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e}, {0x1e, 0x11, 0x11, 0x1e, 0x10, 0x10, 0x10},
	{0x0e, 0x11, 0x11, 0x11, 0x15, 0x12, 0x0d}, {0x1e, 0x11, 0x11, 0x1e, 0x14, 0x12, 0x11},
	{0x0f, 0x10, 0x10, 0x0e, 0x01, 0x01, 0x1e}, {0x1f, 0x04, 0x04, 0x04, 0x04, 0x04, 0x04},
	{0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x0e}, {0x11, 0x11, 0x11, 0x11, 0x11, 0x0a, 0x04},
	{0x11, 0x11, 0x11, 0x15, 0x15, 0x15, 0x0a}, {0x11, 0x11, 0x0a, 0x04, 0x0a, 0x11, 0x11},
	{0x11, 0x11, 0x11, 0x0a, 0x04, 0x04, 0x04}, {0x1f, 0x01, 0x02, 0x04, 0x08, 0x10, 0x1f},
};

struct colour {
	uint8_t r, g, b;
};

static const struct colour paints[] = {
	{168, 32, 36}, {36, 62, 122}, {190, 192, 196}, {44, 46, 50}, {38, 96, 66}, {214, 206, 184},
};
static const struct colour glass = {36, 44, 54}, lamp = {196, 24, 20}, rubber = {22, 22, 24},
			   bumper = {58, 60, 64}, plate_white = {236, 238, 234},
			   plate_ink = {14, 16, 30}, stripe = {222, 214, 176};

uint64_t scene_random(struct scene_rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint32_t scene_below(struct scene_rng *rng, uint32_t n)
{
	return (uint32_t)((scene_random(rng) >> 32) * n >> 32);
}

static uint8_t clamp(int v)
{
	return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static int picture_alloc(struct jpeg_picture *pic, uint32_t width, uint32_t height)
{
	pic->width = width;
	pic->height = height;
	pic->rgb = calloc((size_t)width * height, 3);
	return pic->rgb ? 0 : -1;
}

static void dot(struct jpeg_picture *pic, uint32_t x, uint32_t y, struct colour c)
{
	uint8_t *p;

	if (x >= pic->width || y >= pic->height)
		return;
	p = pic->rgb + 3 * ((size_t)y * pic->width + x);
	p[0] = c.r;
	p[1] = c.g;
	p[2] = c.b;
}

/* A filled box whose corners are cut by `round` pixels and whose light falls off downwards. */
static void fill(struct jpeg_picture *pic, struct scene_box b, uint32_t round, int falloff,
		 struct colour c)
{
	for (uint32_t y = 0; y < b.h; y++) {
		uint32_t edge = y < b.h - 1 - y ? y : b.h - 1 - y;
		uint32_t cut = edge < round ? round - edge : 0;
		int dim = falloff * (int)y / (int)b.h;
		struct colour row = {clamp(c.r - dim), clamp(c.g - dim), clamp(c.b - dim)};

		for (uint32_t x = cut; x + cut < b.w; x++)
			dot(pic, b.x + x, b.y + y, row);
	}
}

/* Sky, a wall with openings, and the road with its lane lines. */
static void draw_place(struct jpeg_picture *pic, struct scene_rng *rng)
{
	uint32_t wall = 150 + scene_below(rng, 60), road = 400 + scene_below(rng, 40);
	uint8_t sky = (uint8_t)(170 + scene_below(rng, 60)), tone = (uint8_t)scene_below(rng, 40);

	fill(pic, (struct scene_box){0, 0, pic->width, wall}, 0, 40,
	     (struct colour){clamp(sky - 30), clamp(sky - 10), sky});
	fill(pic, (struct scene_box){0, wall, pic->width, road - wall}, 0, 50,
	     (struct colour){clamp(150 + tone), clamp(140 + tone), clamp(124 + tone)});
	for (uint32_t x = scene_below(rng, 90); x < pic->width; x += 150 + scene_below(rng, 40))
		fill(pic, (struct scene_box){x, wall + 30, 90, 110}, 4, 30,
		     (struct colour){70, 82, 96});
	fill(pic, (struct scene_box){0, road, pic->width, pic->height - road}, 0, -30,
	     (struct colour){78, 78, 80});
	for (uint32_t y = road; y < pic->height; y++) {
		uint32_t spread = (y - road) * 3 / 2, width = 4 + (y - road) / 16;

		for (uint32_t x = 0; x < width; x++) {
			dot(pic, 330 - spread / 2 + x, y, stripe);
			dot(pic, 950 + spread / 2 + x, y, stripe);
		}
	}
}

static void draw_car(struct jpeg_picture *pic, struct scene_rng *rng, struct scene_box car)
{
	struct colour paint = paints[scene_below(rng, sizeof(paints) / sizeof(paints[0]))];
	uint32_t third = car.h / 3;

	fill(pic, (struct scene_box){car.x + 30, car.y + car.h - 60, 70, 100}, 8, 10, rubber);
	fill(pic, (struct scene_box){car.x + car.w - 100, car.y + car.h - 60, 70, 100}, 8, 10,
	     rubber);
	fill(pic, (struct scene_box){car.x + 50, car.y, car.w - 100, car.h - third}, 46, 30, paint);
	fill(pic, (struct scene_box){car.x + 84, car.y + 22, car.w - 168, third}, 26, -50, glass);
	fill(pic, (struct scene_box){car.x, car.y + third, car.w, car.h - third}, 30, 70, paint);
	fill(pic, (struct scene_box){car.x + 20, car.y + third + 26, 90, 50}, 8, 60, lamp);
	fill(pic, (struct scene_box){car.x + car.w - 110, car.y + third + 26, 90, 50}, 8, 60, lamp);
	fill(pic, (struct scene_box){car.x + 6, car.y + car.h - 64, car.w - 12, 56}, 12, 30,
	     bumper);
}

static void draw_plate(struct jpeg_picture *pic, struct scene_box box, uint32_t size,
		       const char *text)
{
	fill(pic, box, 3, 10, plate_ink);
	fill(pic, (struct scene_box){box.x + 2, box.y + 2, box.w - 4, box.h - 4}, 3, 16,
	     plate_white);
	for (uint32_t i = 0; text[i] != '\0'; i++) {
		char c = text[i];
		const uint8_t *glyph = font[c >= 'A' ? c - 'A' + 10 : c - '0'];
		uint32_t left = box.x + size * (2 + i * (GLYPH_WIDTH + 1));

		for (uint32_t y = 0; y < GLYPH_HEIGHT; y++)
			for (uint32_t x = 0; x < GLYPH_WIDTH; x++)
				if (glyph[y] >> (GLYPH_WIDTH - 1 - x) & 1)
					fill(pic,
					     (struct scene_box){left + x * size,
								box.y + (2 + y) * size, size, size},
					     0, 0, plate_ink);
	}
}

/* Light that falls off to the corners, and the noise of a sensor: what makes a photograph's file
 * the size it is. */
static void expose(struct jpeg_picture *pic, struct scene_rng *rng)
{
	int grain = 9 + (int)scene_below(rng, 16), night = (int)scene_below(rng, 50);
	uint8_t *p = pic->rgb;

	for (uint32_t y = 0; y < pic->height; y++) {
		for (uint32_t x = 0; x < pic->width; x++, p += 3) {
			int dx = (int)x - (int)pic->width / 2, dy = (int)y - (int)pic->height / 2;
			int dim = night * (dx * dx + dy * dy) / (int)(pic->width * pic->width / 4);
			uint64_t r = scene_random(rng);
			/* Two draws added: more small deviations than large ones. */
			int noise = ((int)(r & 0xff) + (int)(r >> 8 & 0xff) - 255) * grain / 256;

			for (int c = 0; c < 3; c++) {
				int tint = (int)(r >> (16 + 4 * c) & 7) - 3;

				p[c] = clamp(p[c] - dim + noise + tint);
			}
		}
	}
}

int scene_draw(struct jpeg_picture *pic, struct scene_rng *rng, const char *plate,
	       struct scene_box *box)
{
	uint32_t size = 3 + scene_below(rng, 2); /* pixels of a dot of the font */
	struct scene_box car;

	if (picture_alloc(pic, SCENE_WIDTH, SCENE_HEIGHT) < 0)
		return -1;
	draw_place(pic, rng);

	car.w = 480 + scene_below(rng, 120);
	car.h = 330 + scene_below(rng, 60);
	car.x = (pic->width - car.w) / 2 + scene_below(rng, 80) - 40;
	car.y = 230 + scene_below(rng, 50);
	draw_car(pic, rng, car);

	box->w = size * (3 + (GLYPH_WIDTH + 1) * (uint32_t)strlen(plate));
	box->h = size * (GLYPH_HEIGHT + 4);
	box->x = car.x + (car.w - box->w) / 2;
	box->y = car.y + car.h * 2 / 3 - 10;
	draw_plate(pic, *box, size, plate);
	expose(pic, rng);
	return 0;
}

int scene_crop(struct jpeg_picture *crop, const struct jpeg_picture *pic, struct scene_box box,
	       uint32_t zoom)
{
	uint32_t left = box.x - MARGIN, top = box.y - MARGIN;

	if (picture_alloc(crop, (box.w + 2 * MARGIN) * zoom, (box.h + 2 * MARGIN) * zoom) < 0)
		return -1;
	for (uint32_t y = 0; y < crop->height; y++)
		for (uint32_t x = 0; x < crop->width; x++)
			memcpy(crop->rgb + 3 * ((size_t)y * crop->width + x),
			       pic->rgb + 3 * ((size_t)(top + y / zoom) * pic->width + left +
					       x / zoom),
			       3);
	return 0;
}
