/* SPDX-License-Identifier: Apache-2.0 */
#include "index/record.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/secret.h"

#define HEAD 2	    /* u16 count */
#define OVERHEAD 6u /* u16 and u32 length of a field */

struct field {
	char key[RECORD_KEY_MAX + 1];
	uint8_t *value; /* owned; never NULL */
	size_t n;
};

struct record {
	struct field *field; /* sorted by key */
	size_t count, cap;
	size_t size; /* bytes encoded */
};

int record_new(struct record **out)
{
	struct record *r = calloc(1, sizeof(*r));

	*out = r;
	if (!r)
		return ERR_NOMEM;
	r->size = HEAD;
	return 0;
}

static void wipe_value(struct field *f)
{
	secret_wipe(f->value, f->n);
	free(f->value);
}

void record_free(struct record *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		wipe_value(&r->field[i]);
	free(r->field);
	free(r);
}

static bool key_ok(const char *key, size_t n)
{
	if (n == 0 || n > RECORD_KEY_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = key[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '_' &&
		    c != '-')
			return false;
	}
	return true;
}

bool record_key_ok(const char *key)
{
	return key_ok(key, strnlen(key, RECORD_KEY_MAX + 1));
}

static bool value_ok(const char *key, const uint8_t *v, size_t n)
{
	if (n && memchr(v, '\0', n))
		return false;
	/* File names are bytes; all else is text. */
	if (strcmp(key, "path") == 0 || strcmp(key, "collection") == 0)
		return true;
	for (size_t i = 0, len; i < n; i += len) {
		len = text_utf8(v + i, n - i);
		if (len == 0)
			return false;
	}
	return true;
}

/* Where key is (true) or belongs (false). */
static bool find(const struct record *r, const char *key, size_t *at)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(r->field[mid].key, key);

		if (order == 0) {
			*at = mid;
			return true;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*at = low;
	return false;
}

/* Make room for one more field at `at`. */
static bool insert(struct record *r, size_t at)
{
	if (r->count == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 16;
		/* The array holds keys and pointers, no values: realloc may leave a copy. */
		struct field *p = realloc(r->field, cap * sizeof(*p));

		if (!p)
			return false;
		r->field = p;
		r->cap = cap;
	}
	memmove(&r->field[at + 1], &r->field[at], (r->count - at) * sizeof(*r->field));
	memset(&r->field[at], 0, sizeof(*r->field));
	r->count++;
	return true;
}

int record_set(struct record *r, const char *key, const void *value, size_t n)
{
	size_t klen = strnlen(key, RECORD_KEY_MAX + 1), at, size;
	uint8_t *copy;
	bool there;

	if (!key_ok(key, klen) || !value_ok(key, value, n))
		return ERR_USAGE;
	there = find(r, key, &at);
	size = r->size;
	if (there)
		size -= r->field[at].n;
	else
		size += OVERHEAD + klen;
	if (n > RECORD_SIZE_MAX - size || size > RECORD_SIZE_MAX)
		return ERR_NOMEM;
	if (!there && r->count == RECORD_FIELDS_MAX)
		return ERR_NOMEM;
	copy = malloc(n ? n : 1);
	if (!copy || (!there && !insert(r, at))) {
		free(copy);
		return ERR_NOMEM;
	}
	if (n)
		memcpy(copy, value, n);
	if (there)
		wipe_value(&r->field[at]);
	memcpy(r->field[at].key, key, klen + 1);
	r->field[at].value = copy;
	r->field[at].n = n;
	r->size = size + n;
	return 0;
}

int record_set_text(struct record *r, const char *key, const char *value)
{
	return record_set(r, key, value, strlen(value));
}

int record_add(struct record *r, const struct record *more)
{
	int rc = 0;

	for (size_t i = 0; i < more->count && rc == 0; i++)
		rc = record_set(r, more->field[i].key, more->field[i].value, more->field[i].n);
	return rc;
}

bool record_get(const struct record *r, const char *key, struct text_span *value)
{
	size_t at;

	*value = (struct text_span){"", 0};
	if (!find(r, key, &at))
		return false;
	*value = (struct text_span){(const char *)r->field[at].value, r->field[at].n};
	return true;
}

size_t record_count(const struct record *r)
{
	return r->count;
}

void record_at(const struct record *r, size_t i, const char **key, struct text_span *value)
{
	*key = r->field[i].key;
	*value = (struct text_span){(const char *)r->field[i].value, r->field[i].n};
}

int record_encode(const struct record *r, struct wire_out *out)
{
	wire_out_u16(out, (uint16_t)r->count);
	for (size_t i = 0; i < r->count; i++) {
		wire_out_str16(out, r->field[i].key, strlen(r->field[i].key));
		wire_out_str32(out, r->field[i].value, r->field[i].n);
	}
	return wire_out_ok(out) ? 0 : ERR_NOMEM;
}

/* One field, which must come after all that are there. */
static int decode_field(struct record *r, struct wire_in *in)
{
	char key[RECORD_KEY_MAX + 1];
	const uint8_t *k, *v;
	size_t klen, n;
	int rc;

	k = wire_in_str16(in, &klen);
	v = wire_in_str32(in, RECORD_SIZE_MAX, &n);
	if (!wire_in_ok(in) || !key_ok((const char *)k, klen))
		return ERR_MALFORMED;
	memcpy(key, k, klen);
	key[klen] = '\0';
	if (r->count && strcmp(r->field[r->count - 1].key, key) >= 0)
		return ERR_MALFORMED;
	rc = record_set(r, key, v, n);
	return rc == ERR_USAGE ? ERR_MALFORMED : rc;
}

int record_decode(struct record **out, const void *p, size_t n)
{
	struct wire_in in = wire_in_init(p, n);
	struct record *r;
	uint16_t count;
	int rc;

	*out = NULL;
	count = wire_in_u16(&in);
	if (n > RECORD_SIZE_MAX || count > RECORD_FIELDS_MAX)
		return ERR_MALFORMED;
	rc = record_new(&r);
	for (uint16_t i = 0; i < count && rc == 0; i++)
		rc = decode_field(r, &in);
	if (rc == 0 && !wire_in_end(&in))
		rc = ERR_MALFORMED;
	if (rc) {
		record_free(r);
		return rc;
	}
	*out = r;
	return 0;
}

void record_commitment(uint8_t out[32], const uint8_t salt[32], const void *record, size_t n,
		       const uint8_t plain_sha256[32])
{
	const struct hash_part parts[] = {{record, n}, {plain_sha256, HASH_SIZE}};

	hash_hmac(out, salt, 32, parts, 2);
}

bool record_name_ok(const void *p, size_t n)
{
	const char *s = p;

	if (n == 0 || n > RECORD_NAME_MAX || memchr(s, '\0', n) || memchr(s, '/', n))
		return false;
	return !(s[0] == '.' && (n == 1 || (n == 2 && s[1] == '.')));
}

bool record_path_ok(const void *p, size_t n)
{
	const char *s = p, *end, *slash;

	if (n == 0 || n > RECORD_PATH_MAX)
		return false;
	for (end = s + n;; s = slash + 1) {
		size_t left = (size_t)(end - s);

		slash = left ? memchr(s, '/', left) : NULL;
		if (!record_name_ok(s, slash ? (size_t)(slash - s) : left))
			return false;
		if (!slash)
			return true;
	}
}
