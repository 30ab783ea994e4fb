/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err: the one closed list of error codes, each with its text, its errno and its exit code.
 *
 * Every function that can fail returns 0 or a negative code from this list. Functions of the
 * upper layers also take a `struct err *` (which may be NULL) and leave in it one sentence that
 * names what is wrong and, where it helps, what to do. Nothing here prints.
 *
 * Thread rule: pure; a struct err belongs to one thread.
 */
#ifndef CUSTODY_CRYPTO_ERR_H
#define CUSTODY_CRYPTO_ERR_H

#include <stddef.h>

enum err_code {
	ERR_OK = 0,
	/* exit 1: operating system or index */
	ERR_SYSTEM = -1,   /* a system call failed */
	ERR_NOMEM = -2,	   /* out of memory, or a bound was reached */
	ERR_INDEX = -3,	   /* the index is damaged or of another version: rebuild it */
	ERR_NOTFOUND = -4, /* no such item, path, document, key in a table */
	ERR_EXISTS = -5,   /* it is there already and is not overwritten */
	ERR_READONLY = -6, /* evidence is never opened for writing (EROFS) */
	/* exit 2: usage */
	ERR_USAGE = -10,
	/* exit 3: keys */
	ERR_KEY = -20,	      /* wrong or missing key */
	ERR_PASSPHRASE = -21, /* wrong or missing passphrase */
	/* exit 4: damaged or forged evidence */
	ERR_DAMAGED = -30,  /* bytes are not what was sealed or logged */
	ERR_FORGED = -31,   /* a signature or MAC does not verify */
	ERR_ROLLBACK = -32, /* a log is shorter than, or differs from, what was seen before */
	/* exit 5: not ours, malformed, newer */
	ERR_FOREIGN = -40,     /* not one of our files, or of another archive */
	ERR_MALFORMED = -41,   /* does not parse */
	ERR_NEWER = -42,       /* a format version this program does not know */
	ERR_UNSUPPORTED = -43, /* a key type, suite or algorithm that is not supported here */
	/* exit 6: busy */
	ERR_BUSY = -50,
	/* exit 7: refused, no authorisation covers it */
	ERR_NOT_COVERED = -60,
	ERR_NOT_YET = -61,
	ERR_EXPIRED = -62,
	ERR_REVOKED = -63,
	ERR_USER = -64,	    /* the authorisation names other local users */
	ERR_BUDGET = -65,   /* max-opens or max-bytes is used up */
	ERR_CLOCK = -66,    /* the clock runs behind the log */
	ERR_REPLAYED = -67, /* the serial is in the journal already */
	ERR_WRONG_NODE = -68,
	ERR_WRONG_ARCHIVE = -69,
	ERR_TOO_FEW = -70,   /* fewer distinct good signatures than the threshold */
	ERR_NO_TOUCH = -71,  /* token signature without user presence */
	ERR_NO_PIN = -72,    /* token signature without user verification, and policy asks for it */
	ERR_NAMESPACE = -73, /* signed for another use */
	ERR_NOT_ENROLLED = -74,
	ERR_ROLE = -75,	      /* the node lacks the role */
	ERR_CHECKPOINT = -76, /* the authority saw another log than this one */
	ERR_WRONG_KEY = -77,  /* a good signature by a key that is not an authorisation key */
	ERR_NO_EXPORT = -78,  /* the authorisation does not grant export to that recipient */
	ERR_LACKING = -79,    /* an item has not the provenance that the archive asks for */
};

struct err {
	int code;	/* 0 or a code above */
	char text[480]; /* one sentence, NUL-terminated; may name files, never secrets */
};

/* Short text of a code ("expired"), for every int; "unknown error" for others. Static. */
const char *err_text(int code);
/* A stable machine word for a code ("expired", "not-covered"), as used in journal and JSON. */
const char *err_word(int code);
/* The positive errno a file operation answers for a code (EACCES, EIO, EROFS...). 0 for ERR_OK. */
int err_errno(int code);
/* The exit code of the programs, 0 to 7, for a code. */
int err_exit(int code);

/* Fill *e (if not NULL) and return code, so that `return err_set(e, ERR_X, "...")` works. */
__attribute__((format(printf, 3, 4))) int err_set(struct err *e, int code, const char *fmt, ...);
/* The same with ERR_SYSTEM, ": " and strerror(errno) appended. Keeps errno. */
__attribute__((format(printf, 2, 3))) int err_sys(struct err *e, const char *fmt, ...);
/* Put "fmt: " in front of the sentence that is in *e already; returns e->code (or code if e is
 * NULL or empty). For callers that know the file the callee could not name. */
__attribute__((format(printf, 3, 4))) int err_prefix(struct err *e, int code, const char *fmt, ...);

#endif
