/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz: one small target for each reader of bytes that come from outside. A target reads its input as
 * the programs would, and answers with the reader's code. What must hold besides (what was accepted
 * is written again as the same bytes, a proof that verifies is the one there is) it insists on.
 *
 * The same targets run under libFuzzer and AFL++ (main.c), and over tests/corpora (replay.c).
 *
 * Thread rule: one thread.
 */
#ifndef CUSTODY_TESTS_FUZZ_H
#define CUSTODY_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/text.h"
#include "crypto/wire.h"

struct fuzz_target {
	const char *name;
	int (*run)(const uint8_t *p, size_t n); /* 0 or an ERR_ code */
	bool binary;				/* its cases are kept as hex digits */
};

extern const struct fuzz_target fuzz_targets[];
extern const size_t fuzz_targets_count;
/* NULL if there is none of this name. */
const struct fuzz_target *fuzz_find(const char *name);

/* End the program, saying what did not hold. */
#define fuzz_must(x) ((x) ? (void)0 : fuzz_broken(#x, __FILE__, __LINE__))
_Noreturn void fuzz_broken(const char *what, const char *file, int line);
/* Is out exactly these bytes? Frees out. */
bool fuzz_same(struct wire_out *out, const void *p, size_t n);

/* What cases are made with: 32 bytes of one value are every secret there is. */
#define FUZZ_SECRET 0x42
#define FUZZ_SECRET_CAP 0x11 /* seed of the node that takes in */
#define FUZZ_SECRET_WS 0x22  /* seed of the workstation */
void fuzz_secret(uint8_t out[32], uint8_t value);

/* keys.c */
int fuzz_age(const uint8_t *p, size_t n);
int fuzz_armor(const uint8_t *p, size_t n);
int fuzz_agekey(const uint8_t *p, size_t n);
int fuzz_sshkey(const uint8_t *p, size_t n);
int fuzz_sshsig(const uint8_t *p, size_t n);
int fuzz_keyfile(const uint8_t *p, size_t n);
/* logs.c */
int fuzz_note(const uint8_t *p, size_t n);
int fuzz_vkey(const uint8_t *p, size_t n);
int fuzz_checkpoint(const uint8_t *p, size_t n);
int fuzz_ask(const uint8_t *p, size_t n);
int fuzz_proof(const uint8_t *p, size_t n);
int fuzz_event(const uint8_t *p, size_t n);
int fuzz_journal(const uint8_t *p, size_t n);
/* documents.c */
int fuzz_archive(const uint8_t *p, size_t n);
int fuzz_document(const uint8_t *p, size_t n);
int fuzz_authorisation(const uint8_t *p, size_t n);
int fuzz_revocation(const uint8_t *p, size_t n);
int fuzz_enrolment(const uint8_t *p, size_t n);
int fuzz_enrolment_request(const uint8_t *p, size_t n);
int fuzz_transfer_release(const uint8_t *p, size_t n);
int fuzz_transfer_receipt(const uint8_t *p, size_t n);
int fuzz_restore(const uint8_t *p, size_t n);
/* dossiers.c */
int fuzz_receipt(const uint8_t *p, size_t n);
int fuzz_evidence(const uint8_t *p, size_t n);
int fuzz_request(const uint8_t *p, size_t n);
int fuzz_bundle(const uint8_t *p, size_t n);
/* sealed.c */
int fuzz_segment(const uint8_t *p, size_t n);
int fuzz_frame(const uint8_t *p, size_t n);
int fuzz_record(const uint8_t *p, size_t n);
int fuzz_manifest(const uint8_t *p, size_t n);
int fuzz_mountopt(const uint8_t *p, size_t n);
/* values.c: the byte that begins it names the table */
int fuzz_value(const uint8_t *p, size_t n);

#endif
