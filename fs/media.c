/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/media.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct magic {
	size_t at, n;
	const char *bytes, *type;
};

static const struct magic magics[] = {
	{0, 3, "\xff\xd8\xff", "image/jpeg"},
	{0, 8, "\x89PNG\r\n\x1a\n", "image/png"},
	{0, 4, "GIF8", "image/gif"},
	{0, 4, "II*\0", "image/tiff"},
	{0, 4, "MM\0*", "image/tiff"},
	{8, 4, "WEBP", "image/webp"},
	{4, 4, "ftyp", "video/mp4"},
	{0, 5, "%PDF-", "application/pdf"},
	{0, 4, "PK\x03\x04", "application/zip"},
};

static const struct {
	const char *suffix, *type;
} texts[] = {
	{".txt", "text/plain"},	     {".md", "text/plain"},	    {".log", "text/plain"},
	{".csv", "text/csv"},	     {".json", "application/json"}, {".jsonl", "application/jsonl"},
	{".xml", "application/xml"}, {".html", "text/html"},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* No control character that text does not have. */
static bool looks_like_text(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((p[i] < 0x20 && !strchr("\t\n\f\r", p[i])) || p[i] == 0 || p[i] == 0x7f)
			return false;
	return true;
}

const char *media_type(const char *path, const void *start, size_t n)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; i < COUNT(magics); i++) {
		const struct magic *m = &magics[i];

		if (n >= m->at + m->n && memcmp((const char *)start + m->at, m->bytes, m->n) == 0)
			return m->type;
	}
	/* A name alone proves nothing: "x.jpg" that does not begin like one is no JPEG. */
	for (size_t i = 0; dot && i < COUNT(texts); i++)
		if (strcasecmp(dot, texts[i].suffix) == 0 && looks_like_text(start, n))
			return texts[i].type;
	return "application/octet-stream";
}
