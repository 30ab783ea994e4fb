/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshkey: OpenSSH public keys of the two kinds that count here: ssh-ed25519 and
 * sk-ssh-ed25519@openssh.com (RFC 8709; OpenSSH PROTOCOL.u2f). All others, certificates included,
 * are named in the error and refused with ERR_UNSUPPORTED.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_CRYPTO_SSHKEY_H
#define CUSTODY_CRYPTO_SSHKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/text.h"
#include "crypto/wire.h"

struct sshkey {
	uint8_t pk[32];
	bool token;	      /* sk-ssh-ed25519@openssh.com */
	char application[64]; /* token only, "ssh:" as a rule */
	char comment[128];    /* for people; not part of identity */
};

#define SSHKEY_FINGERPRINT_SIZE 51 /* "SHA256:" + 43 base64 characters + NUL */

/* One authorized_keys-style line without options: type, base64 blob, optional comment. */
int sshkey_parse(struct sshkey *k, struct text_span line, struct err *e);
/* The wire blob (as in RFC 4253 section 6.6). ERR_MALFORMED, ERR_UNSUPPORTED. */
int sshkey_from_blob(struct sshkey *k, const void *blob, size_t n, struct err *e);
void sshkey_blob(struct wire_out *out, const struct sshkey *k);
/* "type base64" without the comment. */
void sshkey_text(struct wire_out *out, const struct sshkey *k);
/* "ssh-ed25519" or "sk-ssh-ed25519@openssh.com". Static. */
const char *sshkey_type(const struct sshkey *k);
/* Same key: type, point and application. */
bool sshkey_equal(const struct sshkey *a, const struct sshkey *b);
/* As ssh-keygen -l prints it. */
void sshkey_fingerprint(char out[SSHKEY_FINGERPRINT_SIZE], const struct sshkey *k);

#endif
