/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sshsig: strict verification of OpenSSH signatures (OpenSSH PROTOCOL.sshsig) with libsodium
 * alone: version 1, exact namespace, sha256 or sha512, ed25519 and sk-ed25519, no trailing bytes,
 * 64-byte signatures. For token keys the user-presence flag is required (which ssh-keygen -Y verify
 * does not do) unless the policy waives it, and the user-verification flag where the policy asks.
 *
 * Thread rule: pure.
 */
#ifndef CUSTODY_CRYPTO_SSHSIG_H
#define CUSTODY_CRYPTO_SSHSIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/err.h"
#include "crypto/sshkey.h"
#include "crypto/text.h"

struct sshsig_policy {
	const char *namespace; /* e.g. "authorise@custodyfs" */
	bool require_touch;    /* token: user presence */
	bool require_pin;      /* token: user verification */
};

struct sshsig {
	struct sshkey key; /* the key that signed */
	uint8_t flags;	   /* token only */
	uint32_t counter;  /* token only */
};

#define SSHSIG_BEGIN "-----BEGIN SSH SIGNATURE-----"
#define SSHSIG_END "-----END SSH SIGNATURE-----"

/* Verify one armored signature (from its BEGIN line to its END line) over message[n]. On success
 * *out says who signed; the caller decides whether that key counts. Codes: ERR_MALFORMED, ERR_NEWER,
 * ERR_UNSUPPORTED, ERR_NAMESPACE, ERR_FORGED, ERR_NO_TOUCH, ERR_NO_PIN, ERR_NOMEM. *out is filled
 * with the key as soon as it parses, also when the signature is then refused. The armor has at most
 * 16 KiB, in lines of up to 76 characters. */
int sshsig_verify(struct sshsig *out, struct text_span armor, const void *message, size_t n,
		  const struct sshsig_policy *policy, struct err *e);

#endif
