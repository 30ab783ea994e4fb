// SPDX-License-Identifier: Apache-2.0
/*
 * mkimages DIR [COUNT] [SEED]: make COUNT (default 12) synthetic crossings of a car under DIR, the
 * same ones for the same seed. Each is a photograph NAME.jpg, a crop of its plate NAME_plate.jpg and
 * a text NAME.txt that says where the plate is, in a folder of its region; DIR/manifest.csv tells of
 * all of them. Prints "file plate" for each picture.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/hash.h"
#include "crypto/text.h"
#include "tests/lib/jpeg.h"
#include "tests/lib/scene.h"

#define FIRST_MS INT64_C(1557734400000) /* 2019-05-13T08:00:00Z */
#define PLATE_SIZE 9
#define CROP_ZOOM 3

static const struct region {
	const char *dir, *name;
	const char *pattern; /* of its plates: A a letter, 0 a digit */
} regions[] = {
	{"us", "US-CA", "0AAA000"},
	{"mx", "MX-BCN", "AAA000A"},
	{"us", "US-AZ", "AAA0000"},
	{"ca", "CA-ON", "AAAA000"},
};

struct crossing {
	const struct region *region;
	char id[37]; /* UUID */
	char plate[PLATE_SIZE];
	int64_t time_ms;
	unsigned number, lane, confidence;
};

struct output {
	const char *dir;
	FILE *manifest;
	struct wire_out bytes;
};

static int write_file(const char *path, const struct wire_out *bytes)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(bytes->p, 1, bytes->n, f) != bytes->n) {
		fprintf(stderr, "mkimages: %s: %s\n", path, strerror(errno));
		if (f)
			fclose(f);
		return -1;
	}
	return fclose(f);
}

/* Write out->bytes as REGION/car<N><suffix>, and its row of the manifest. */
static int emit(struct output *out, const struct crossing *c, const char *suffix, const char *role,
		const char *type)
{
	char path[4096], name[64], hex[2 * HASH_SIZE + 1], time[TEXT_TIME_SIZE];
	uint8_t digest[HASH_SIZE];

	if (!wire_out_ok(&out->bytes)) {
		fprintf(stderr, "mkimages: out of memory\n");
		return -1;
	}
	snprintf(name, sizeof(name), "%s/car%u%s", c->region->dir, c->number, suffix);
	snprintf(path, sizeof(path), "%s/%s", out->dir, name);
	if (write_file(path, &out->bytes) < 0)
		return -1;

	hash_sha256(digest, out->bytes.p, out->bytes.n);
	text_hex(hex, digest, sizeof(digest));
	text_time_ms(time, c->time_ms);
	fprintf(out->manifest, "%s,%s,%s,%s,%zu,%s,%s,POE-2506,CAM-%02u,%u,%s,%s,0.%02u\n", c->id,
		role, name, type, out->bytes.n, hex, time, c->lane, c->lane, c->plate,
		c->region->name, c->confidence);
	if (strcmp(role, "sidecar") != 0)
		printf("%s %s\n", name, c->plate);
	return 0;
}

static int emit_picture(struct output *out, const struct crossing *c,
			const struct jpeg_picture *pic, int quality, const char *suffix,
			const char *role)
{
	char time[TEXT_TIME_SIZE];
	struct jpeg_exif exif = {"Synthetic", "Plate Camera 1", time};

	/* Exif has 2019:05:13 08:00:00 where ISO 8601 has 2019-05-13T08:00:00.000Z. */
	text_time_ms(time, c->time_ms);
	time[4] = time[7] = ':';
	time[10] = ' ';
	time[19] = '\0';
	wire_out_reset(&out->bytes);
	jpeg_encode(&out->bytes, pic, quality, &exif);
	return emit(out, c, suffix, role, "image/jpeg");
}

static void invent(struct crossing *c, struct scene_rng *rng, unsigned number)
{
	static const char letters[] = "ABCDEFGHJKLMNPRSTUVWXYZ"; /* no I, O, Q on plates */
	const char *pattern;
	uint64_t a = scene_random(rng), b = scene_random(rng);
	size_t i;

	c->number = number;
	c->region = &regions[(number - 1) % (sizeof(regions) / sizeof(regions[0]))];
	c->time_ms = FIRST_MS + INT64_C(41000) * number + scene_below(rng, 30000);
	c->lane = 1 + scene_below(rng, 4);
	c->confidence = 70 + scene_below(rng, 30);
	pattern = c->region->pattern;
	for (i = 0; pattern[i] != '\0'; i++)
		c->plate[i] = pattern[i] == 'A' ? letters[scene_below(rng, sizeof(letters) - 1)] :
						  (char)('0' + scene_below(rng, 10));
	c->plate[i] = '\0';
	snprintf(c->id, sizeof(c->id),
		 "%08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-%04" PRIx64 "-%012" PRIx64, a >> 32,
		 a >> 16 & 0xffff, a & 0xfff, 0x8000 | (b >> 48 & 0x3fff), b & 0xffffffffffff);
}

static int make_crossing(struct output *out, struct scene_rng *rng, unsigned number)
{
	struct jpeg_picture pic = {0}, crop = {0};
	struct crossing c;
	struct scene_box box;
	char path[4096];
	int rc = -1;

	invent(&c, rng, number);
	snprintf(path, sizeof(path), "%s/%s", out->dir, c.region->dir);
	if (mkdir(path, 0777) < 0 && errno != EEXIST) {
		fprintf(stderr, "mkimages: %s: %s\n", path, strerror(errno));
		return -1;
	}
	if (scene_draw(&pic, rng, c.plate, &box) < 0 ||
	    scene_crop(&crop, &pic, box, CROP_ZOOM) < 0) {
		fprintf(stderr, "mkimages: out of memory\n");
		goto out;
	}
	if (emit_picture(out, &c, &pic, 85, ".jpg", "context") < 0 ||
	    emit_picture(out, &c, &crop, 80, "_plate.jpg", "plate_crop") < 0)
		goto out;
	wire_out_reset(&out->bytes);
	wire_out_printf(&out->bytes, "car%u.jpg\t%u\t%u\t%u\t%u\t%s\n", number, box.x, box.y, box.w,
			box.h, c.plate);
	rc = emit(out, &c, ".txt", "sidecar", "text/plain");
out:
	free(pic.rgb);
	free(crop.rgb);
	return rc;
}

static int make_all(struct output *out, unsigned count, uint64_t seed)
{
	struct scene_rng rng = {seed};

	fputs("event_id,role,file,media_type,bytes,sha256,captured_at,site_id,camera_id,lane,"
	      "plate_text,plate_region,plate_confidence\n",
	      out->manifest);
	for (unsigned i = 1; i <= count; i++)
		if (make_crossing(out, &rng, i) < 0)
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 10) : 12;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	struct output out = {0};
	char path[4096];
	int rc;

	if (argc < 2 || argc > 4 || count < 1 || count > 1000000) {
		fprintf(stderr, "usage: mkimages DIR [COUNT] [SEED]\n");
		return 2;
	}
	out.dir = argv[1];
	snprintf(path, sizeof(path), "%s/manifest.csv", out.dir);
	mkdir(out.dir, 0777); /* if it can't be made, the next line says so */
	out.manifest = fopen(path, "w");
	if (!out.manifest) {
		fprintf(stderr, "mkimages: %s: %s\n", path, strerror(errno));
		return 1;
	}
	rc = make_all(&out, (unsigned)count, seed);
	wire_out_free(&out.bytes);
	if (fclose(out.manifest) != 0 || fflush(stdout) != 0)
		rc = -1;
	return rc < 0 ? 1 : 0;
}
