/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/office.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "crypto/age.h"
#include "crypto/suite.h"

void office_path(const struct office *o, const char *name, char path[FIXTURE_PATH])
{
	if (snprintf(path, FIXTURE_PATH, "%s/%s", o->dir, name) >= FIXTURE_PATH)
		errx(1, "path too long: %s/%s", o->dir, name);
}

void office_keygen(const struct office *o, const char *name, const char *options,
		   struct sshkey *pub)
{
	char command[FIXTURE_PATH], path[FIXTURE_PATH], file[FIXTURE_PATH];
	struct err e;
	size_t n;
	char *line;

	snprintf(command, sizeof(command), "ssh-keygen -q -C %s -N '' -f %s %s", name, name,
		 options);
	if (fixture_run(o->dir, command) != 0)
		errx(1, "%s fails", command);
	snprintf(file, sizeof(file), "%s.pub", name);
	office_path(o, file, path);
	line = fixture_read(path, &n);
	if (sshkey_parse(pub, (struct text_span){line, n - 1}, &e) != 0)
		errx(1, "%s: %s", path, e.text);
	free(line);
}

void office_open(struct office *o)
{
	struct err e;

	memset(o, 0, sizeof(*o));
	fixture_dir(o->dir);
	if (secret_pool_new(&o->pool, 1u << 16, &e) != 0)
		errx(1, "%s", e.text);
	for (unsigned i = 0; i < OFFICE_KEYS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "officer%u", i);
		office_path(o, name, o->key_file[i]);
		office_keygen(o, name, "-t ed25519", &o->key[i]);
	}
	fixture_fill(o->release_secret, sizeof(o->release_secret), 1);
	fixture_fill(o->catalogue_secret, sizeof(o->catalogue_secret), 2);
}

void office_close(struct office *o)
{
	secret_pool_free(o->pool);
	fixture_remove(o->dir);
}

void office_describe(const struct office *o, struct archive_desc *d, unsigned keys,
		     unsigned threshold)
{
	*d = (struct archive_desc){
		.version = 1,
		.created_ms = INT64_C(1795417800000), /* 2026-11-23T07:10:00Z */
		.suite = SUITE_XCHACHA20POLY1305,
		.chunk_size = 16384,
		.threshold = threshold,
		.require_touch = true,
		.keys = keys,
		.epochs = 1,
	};
	fixture_fill(d->id, sizeof(d->id), 3);
	memcpy(d->key, o->key, keys * sizeof(d->key[0]));
	d->epoch[0].epoch = 1;
	strcpy(d->epoch[0].class, "default");
	age_public(d->epoch[0].recipient, o->release_secret);
	age_public(d->catalogue, o->catalogue_secret);
}

void office_witness(struct archive_desc *d, const char *name, const uint8_t seed[32])
{
	struct note_key *k = &d->witness[d->witnesses++];
	uint8_t sk[64];

	*k = (struct note_key){.type = NOTE_COSIGNATURE};
	strcpy(k->name, name);
	note_keypair(k, sk, seed);
}

static void make(struct document *out, const struct wire_out *text)
{
	struct err e;

	if (document_make(out, text, NULL, 0, &e) != 0)
		errx(1, "%s", e.text);
}

void office_follow(struct archive_desc *before, struct archive_desc *next)
{
	struct wire_out text = {0};

	archive_desc_text(&text, before);
	hash_sha256(before->digest, text.p, text.n);
	wire_out_free(&text);
	next->version = before->version + 1;
	memcpy(next->previous, before->digest, sizeof(next->previous));
}

void office_desc_document(struct document *out, const struct archive_desc *d)
{
	struct wire_out text = {0};

	archive_desc_text(&text, d);
	make(out, &text);
	wire_out_free(&text);
}

void office_text_document(struct document *out, const char *text)
{
	struct wire_out bytes = {0};

	wire_out_text(&bytes, text);
	make(out, &bytes);
	wire_out_free(&bytes);
}

void office_sign(const struct office *o, struct document *d, const char *namespace, unsigned who)
{
	struct err e;

	if (document_sign(d, namespace, o->key_file[who], &e) != 0)
		errx(1, "%s", e.text);
}

void office_archive(const struct office *o, const struct archive_desc *d, const char *name,
		    char path[FIXTURE_PATH])
{
	struct document doc;
	struct err e;

	office_desc_document(&doc, d);
	for (unsigned i = 0; i < d->threshold; i++)
		office_sign(o, &doc, DOCUMENT_NS_ARCHIVE, i);
	office_path(o, name, path);
	if (archive_create(path, &doc, &e) != 0)
		errx(1, "%s", e.text);
	document_free(&doc);
}
