/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scene: synthetic photographs of the rear of a car at a crossing, with a plate of known text. No
 * real vehicle, place or plate is in them.
 *
 * Thread rule: pure; a generator belongs to one thread.
 */
#ifndef CUSTODY_TESTS_LIB_SCENE_H
#define CUSTODY_TESTS_LIB_SCENE_H

#include <stdint.h>

#include "tests/lib/jpeg.h"

#define SCENE_WIDTH 1280u
#define SCENE_HEIGHT 720u

/* splitmix64 (Vigna, public domain). */
struct scene_rng {
	uint64_t state;
};
uint64_t scene_random(struct scene_rng *rng);
/* 0 to n - 1. */
uint32_t scene_below(struct scene_rng *rng, uint32_t n);

struct scene_box {
	uint32_t x, y, w, h;
};

/* Draw a car with this plate (A-Z, 0-9; at most 8 characters) and say where the plate is. The
 * picture's pixels are allocated here and freed by the caller. 0, or -1 without memory. */
int scene_draw(struct jpeg_picture *pic, struct scene_rng *rng, const char *plate,
	       struct scene_box *box);

/* The plate and a little around it, magnified `zoom` times; pixels as above. */
int scene_crop(struct jpeg_picture *crop, const struct jpeg_picture *pic, struct scene_box box,
	       uint32_t zoom);

#endif
