#ifndef PUSH_JWT_H
#define PUSH_JWT_H

#include <jansson.h>
#include <stdint.h>

#include "http/identity/keyset.h"

/*
 * JSON Web Tokens (RFC 7519, RFC 8725) in the compact form of JWS (RFC 7515).
 * Nothing here does I/O or knows httpd; the time is a parameter.
 */

#define PUSH_JWT_MAX 8192u /* characters of a token */

typedef enum push_jwt_status_t {
    PUSH_JWT_OK,
    PUSH_JWT_MALFORMED,
    PUSH_JWT_ALGORITHM, /* not accepted, or no key is for it */
    PUSH_JWT_CRITICAL,  /* has an extension that must be understood */
    PUSH_JWT_TYPE,      /* is no access token */
    PUSH_JWT_SIGNATURE, /* no key verifies it */
    PUSH_JWT_NO_EXPIRY,
    PUSH_JWT_EXPIRED,
    PUSH_JWT_EARLY,
    PUSH_JWT_LIFETIME, /* lives longer than is allowed */
    PUSH_JWT_ISSUER,
    PUSH_JWT_AUDIENCE,
    PUSH_JWT_CLAIM,   /* a claim that is needed is absent or malformed */
    PUSH_JWT_REVOKED, /* see store/limits/guard.h */
    PUSH_JWT_STATUSES
} push_jwt_status_t;

/*
 * The reason of a refusal, for the client: names the claim, never quotes the
 * token.
 */
const char *push_jwt_reason(push_jwt_status_t status);

/*
 * Verifies the signature with one of the keys of the sets: those whose kind
 * fits the token's alg, and whose kid is the token's, where both have one.
 * *claims is then the payload, a JSON object that the caller owns.
 */
push_jwt_status_t push_jwt_verify(const char *token, size_t len,
                                  const push_keyset_t *const *sets,
                                  unsigned count, json_t **claims);

/* A claim that is a NumericDate, in ms; false if it is absent or none. */
bool push_jwt_time(const json_t *claims, const char *name, int64_t *ms);

/* The claims that a token must have; NULL and 0: nothing. */
typedef struct push_jwt_policy_t {
    const char *issuer;
    const char *const *audiences; /* any of them */
    unsigned audiences_count;
    int64_t leeway;   /* ms; clocks may differ by so much */
    int64_t lifetime; /* ms; it expires that soon from now */
} push_jwt_policy_t;

/*
 * Checks exp, nbf, iat, iss and aud; now is ms since 1970.  A token that
 * names an audience is refused where none is configured (RFC 7519, section
 * 4.1.3).
 */
push_jwt_status_t push_jwt_check(const json_t *claims,
                                 const push_jwt_policy_t *policy, int64_t now);

#endif
