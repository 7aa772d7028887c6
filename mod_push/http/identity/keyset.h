#ifndef PUSH_KEYSET_H
#define PUSH_KEYSET_H

#include <cjose/cjose.h>
#include <stdbool.h>

/*
 * The keys that tokens are verified with.  A key serves the algorithms of its
 * own kind and no others, so that a token never chooses how a key is used: a
 * secret HS256; RSA of 2048 bits or more RS256 and PS256; EC P-256 ES256.
 */

#define PUSH_KEYS_MAX       32u         /* keys of one file */
#define PUSH_KEYS_BYTES_MAX (256 << 10) /* bytes of one file */
#define PUSH_SECRET_MIN     32u         /* bytes (RFC 7518, section 3.2) */

typedef enum push_algorithm_t {
    PUSH_HS256 = 1,
    PUSH_RS256 = 2,
    PUSH_PS256 = 4,
    PUSH_ES256 = 8
} push_algorithm_t;

/* The algorithm of this name, or 0: not one that is accepted. */
unsigned push_algorithm_of(const char *name);

typedef struct push_verifier_t {
    cjose_jwk_t *jwk;
    unsigned algorithms; /* push_algorithm_t, or-ed */
} push_verifier_t;

typedef struct push_keyset_t {
    push_verifier_t keys[PUSH_KEYS_MAX];
    unsigned count;
    unsigned skipped; /* keys of a set that are of no use here */
    bool secret;      /* whoever reads the file can make tokens */
} push_keyset_t;

/*
 * Makes a set from the contents of a file: PEM (a public key or a
 * certificate), a JWK or a JWK Set (RFC 7517), else a bare secret, whose
 * trailing newline does not count.  NULL, and why, if there is no usable key.
 * Of a set, keys of other kinds are left out.
 */
push_keyset_t *push_keyset_parse(const char *bytes, size_t len,
                                 const char **error);

void push_keyset_free(push_keyset_t *set);

#endif
