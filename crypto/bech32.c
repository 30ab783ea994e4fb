/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/bech32.h"

#include <stdbool.h>
#include <string.h>

#include "crypto/secret.h"

#define CHECKSUM 6 /* characters */

static const char lower_digits[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
static const char upper_digits[] = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";

static uint32_t checksum_add(uint32_t sum, unsigned value)
{
	static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
					     0x2a1462b3};
	uint32_t top = sum >> 25;

	sum = (sum & 0x1ffffff) << 5 ^ value;
	for (unsigned i = 0; i < 5; i++)
		if (top >> i & 1)
			sum ^= generator[i];
	return sum;
}

static unsigned to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned)(c - 'A' + 'a') : (unsigned char)c;
}

/* The checksum so far, after the human-readable part. */
static uint32_t checksum_start(const char *hrp)
{
	uint32_t sum = 1;

	for (const char *c = hrp; *c; c++)
		sum = checksum_add(sum, to_lower(*c) >> 5);
	sum = checksum_add(sum, 0);
	for (const char *c = hrp; *c; c++)
		sum = checksum_add(sum, to_lower(*c) & 31);
	return sum;
}

static const char *digits_for(const char *hrp)
{
	for (; *hrp; hrp++)
		if (*hrp >= 'A' && *hrp <= 'Z')
			return upper_digits;
	return lower_digits;
}

/* Characters that n bytes take. */
static size_t groups(size_t n)
{
	return (8 * n + 4) / 5;
}

void bech32_encode(char *out, const char *hrp, const void *in, size_t n)
{
	const char *digits = digits_for(hrp);
	uint32_t sum = checksum_start(hrp);
	const uint8_t *p = in;

	out += strlen(strcpy(out, hrp));
	*out++ = '1';
	for (size_t g = 0; g < groups(n); g++) {
		size_t byte = 5 * g / 8, shift = 11 - 5 * g % 8;
		unsigned pair = (unsigned)p[byte] << 8 | (byte + 1 < n ? p[byte + 1] : 0);

		sum = checksum_add(sum, pair >> shift & 31);
		*out++ = digits[pair >> shift & 31];
	}
	for (unsigned i = 0; i < CHECKSUM; i++)
		sum = checksum_add(sum, 0);
	for (unsigned i = 0; i < CHECKSUM; i++)
		*out++ = digits[(sum ^ 1) >> 5 * (CHECKSUM - 1 - i) & 31];
	*out = '\0';
}

/* The characters behind the separator: data into out[n], and the checksum. */
static bool decode_digits(uint8_t *out, size_t n, const char *p, const char *digits, uint32_t sum)
{
	for (size_t g = 0; g < groups(n) + CHECKSUM; g++) {
		size_t byte = 5 * g / 8, shift = 11 - 5 * g % 8;
		const char *digit = p[g] ? strchr(digits, p[g]) : NULL;
		unsigned pair;

		if (!digit)
			return false;
		sum = checksum_add(sum, (unsigned)(digit - digits));
		if (g >= groups(n))
			continue;
		pair = (unsigned)(digit - digits) << shift;
		out[byte] |= (uint8_t)(pair >> 8);
		if (byte + 1 < n)
			out[byte + 1] |= (uint8_t)pair;
		else if (pair & 0xff)
			return false; /* bits that nothing needs must be zero */
	}
	return sum == 1;
}

int bech32_decode(void *out, size_t n, const char *hrp, struct text_span s)
{
	size_t k = strlen(hrp);

	memset(out, 0, n);
	if (s.n != k + 1 + groups(n) + CHECKSUM || s.n > BECH32_MAX)
		return ERR_MALFORMED;
	if (memcmp(s.p, hrp, k) != 0 || s.p[k] != '1')
		return ERR_MALFORMED;
	if (!decode_digits(out, n, s.p + k + 1, digits_for(hrp), checksum_start(hrp))) {
		secret_wipe(out, n);
		return ERR_MALFORMED;
	}
	return 0;
}
