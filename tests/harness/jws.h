/*
 * Makes signed tokens (RFC 7515, compact form) of any header and payload, also
 * such as nobody should accept. Needs libcrypto only.
 */
#ifndef HARNESS_JWS_H
#define HARNESS_JWS_H

#include <openssl/evp.h>

/* What to sign with: a secret for HS256, else a key. */
struct jws_signer {
    const char *alg; /* how it is signed: HS256, RS256, PS256 or ES256 */
    const char *secret;
    EVP_PKEY *key;
};

/* HEADER.PAYLOAD.SIGNATURE; the caller frees it. A header of NULL is one that
 * says alg and no more. */
char *jws_sign(const struct jws_signer *signer, const char *header,
               const char *payload);

/* Bytes in base64url without padding; the caller frees it. */
char *jws_base64url(const void *bytes, size_t length);

/* The public key as PEM; the caller frees it. */
char *jws_public_pem(EVP_PKEY *key);

/* The public key as a JWK, with more members (such as "\"kid\":\"a\",") in
 * front; the caller frees it. */
char *jws_public_jwk(EVP_PKEY *key, const char *more);

#endif
