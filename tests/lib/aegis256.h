/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aegis256: AEGIS-256 with tags of 32 bytes (draft-irtf-cfrg-aegis-aead), under the names that
 * libsodium has it by since 1.0.19. It stands in for a newer libsodium in the tests of suite 3, and
 * in whole programs:
 *
 *	make B=build/aegis CPPFLAGS='-include tests/lib/aegis256.h'
 *
 * Where libsodium has it, <sodium.h> must come first. x86 with AES only. Needs no key schedule: six AES rounds a block of 16 bytes.
 * Thread rule: pure.
 */
#ifndef CUSTODY_TESTS_AEGIS256_H
#define CUSTODY_TESTS_AEGIS256_H

#if !defined(crypto_aead_aegis256_KEYBYTES) && defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define crypto_aead_aegis256_KEYBYTES 32U
#define crypto_aead_aegis256_NPUBBYTES 32U
#define crypto_aead_aegis256_ABYTES 32U
#define crypto_aead_aegis256_encrypt aegis256_encrypt
#define crypto_aead_aegis256_decrypt aegis256_decrypt
#define AEGIS256_STAND_IN 1

#define AEGIS256_CODE __attribute__((target("aes"), unused)) static

struct aegis256 {
	__m128i s[6];
};

AEGIS256_CODE void aegis256_update(struct aegis256 *a, __m128i m)
{
	__m128i last = a->s[5];

	for (int i = 5; i > 0; i--)
		a->s[i] = _mm_aesenc_si128(a->s[i - 1], a->s[i]);
	a->s[0] = _mm_aesenc_si128(last, _mm_xor_si128(a->s[0], m));
}

AEGIS256_CODE __m128i aegis256_load(const void *p, size_t n)
{
	uint8_t block[16] = {0};

	memcpy(block, p, n < 16 ? n : 16);
	return _mm_loadu_si128((const __m128i *)(const void *)block);
}

AEGIS256_CODE void aegis256_begin(struct aegis256 *a, const uint8_t *key, const uint8_t *nonce)
{
	static const uint8_t fibonacci[32] = {0x00, 0x01, 0x01, 0x02, 0x03, 0x05, 0x08, 0x0d,
					      0x15, 0x22, 0x37, 0x59, 0x90, 0xe9, 0x79, 0x62,
					      0xdb, 0x3d, 0x18, 0x55, 0x6d, 0xc2, 0x2f, 0xf1,
					      0x20, 0x11, 0x31, 0x42, 0x73, 0xb5, 0x28, 0xdd};
	__m128i c0 = aegis256_load(fibonacci, 16), c1 = aegis256_load(fibonacci + 16, 16);
	__m128i k0 = aegis256_load(key, 16), k1 = aegis256_load(key + 16, 16);
	__m128i kn0 = _mm_xor_si128(k0, aegis256_load(nonce, 16));
	__m128i kn1 = _mm_xor_si128(k1, aegis256_load(nonce + 16, 16));

	a->s[0] = kn0;
	a->s[1] = kn1;
	a->s[2] = c1;
	a->s[3] = c0;
	a->s[4] = _mm_xor_si128(k0, c0);
	a->s[5] = _mm_xor_si128(k1, c1);
	for (int i = 0; i < 4; i++) {
		aegis256_update(a, k0);
		aegis256_update(a, k1);
		aegis256_update(a, kn0);
		aegis256_update(a, kn1);
	}
}

AEGIS256_CODE void aegis256_associated(struct aegis256 *a, const uint8_t *ad, size_t n)
{
	for (size_t i = 0; i < n; i += 16)
		aegis256_update(a, aegis256_load(ad + i, n - i));
}

/* Text, or ciphertext where opening is set, to out. */
AEGIS256_CODE void aegis256_crypt(struct aegis256 *a, uint8_t *out, const uint8_t *in, size_t n,
				  int opening)
{
	for (size_t i = 0; i < n; i += 16) {
		size_t left = n - i < 16 ? n - i : 16;
		__m128i x = aegis256_load(in + i, left), z;
		uint8_t block[16];

		z = _mm_xor_si128(_mm_xor_si128(a->s[1], a->s[4]),
				  _mm_xor_si128(a->s[5], _mm_and_si128(a->s[2], a->s[3])));
		_mm_storeu_si128((__m128i *)(void *)block, _mm_xor_si128(x, z));
		memcpy(out + i, block, left);
		aegis256_update(a, opening ? aegis256_load(block, left) : x);
	}
}

AEGIS256_CODE void aegis256_tag(struct aegis256 *a, uint64_t ad, uint64_t text, uint8_t tag[32])
{
	__m128i t = _mm_xor_si128(a->s[3],
				  _mm_set_epi64x((long long)(text * 8), (long long)(ad * 8)));

	for (int i = 0; i < 7; i++)
		aegis256_update(a, t);
	for (int i = 0; i < 2; i++) {
		const __m128i *s = a->s + 3 * (size_t)i;

		_mm_storeu_si128((__m128i *)(void *)(tag + 16 * (size_t)i),
				 _mm_xor_si128(_mm_xor_si128(s[0], s[1]), s[2]));
	}
}

AEGIS256_CODE int aegis256_encrypt(uint8_t *c, unsigned long long *c_len, const uint8_t *m,
				   unsigned long long n, const uint8_t *ad,
				   unsigned long long ad_len, const uint8_t *nsec,
				   const uint8_t *npub, const uint8_t *k)
{
	struct aegis256 a;

	(void)nsec;
	aegis256_begin(&a, k, npub);
	aegis256_associated(&a, ad, ad_len);
	aegis256_crypt(&a, c, m, n, 0);
	aegis256_tag(&a, ad_len, n, c + n);
	if (c_len)
		*c_len = n + 32;
	return 0;
}

AEGIS256_CODE int aegis256_decrypt(uint8_t *m, unsigned long long *m_len, uint8_t *nsec,
				   const uint8_t *c, unsigned long long n, const uint8_t *ad,
				   unsigned long long ad_len, const uint8_t *npub, const uint8_t *k)
{
	struct aegis256 a;
	uint8_t want[32], tag[32], differ = 0;

	(void)nsec;
	if (n < 32)
		return -1;
	n -= 32;
	memcpy(want, c + n, 32);
	aegis256_begin(&a, k, npub);
	aegis256_associated(&a, ad, ad_len);
	aegis256_crypt(&a, m, c, n, 1);
	aegis256_tag(&a, ad_len, n, tag);
	if (m_len)
		*m_len = n;
	for (int i = 0; i < 32; i++)
		differ |= tag[i] ^ want[i];
	return differ ? -1 : 0;
}

#endif
#endif
