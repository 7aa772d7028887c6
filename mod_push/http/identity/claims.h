#ifndef PUSH_CLAIMS_H
#define PUSH_CLAIMS_H

#include "http/identity/jwt.h"

/*
 * The permissions that a token's claims give.  Patterns (pattern.h) stand in
 * an array of strings, or in one string with spaces between them.
 */

#define PUSH_CLAIM_PATTERNS_MAX 256u /* of one claim */

/* The names of the claims (PushJWTClaim). */
typedef struct push_claim_names_t {
    const char *user;
    const char *channels; /* that may be subscribed: PATTERN */
    const char *publish;  /* channel:PATTERN, user:PATTERN, broadcast, * */
    const char *admin;    /* true */
} push_claim_names_t;

typedef struct push_claims_t {
    const char *user;
    const json_t *channels; /* array of strings, or NULL: none */
    const json_t *publish;  /* the same */
    bool admin;
    int64_t expires; /* ms since 1970 */
    int64_t issued;  /* ms since 1970; 0: it does not say */
} push_claims_t;

/*
 * Reads a verified token, whose times were checked; claims are borrowed from
 * it; a list in one string is held there as an array.  Everything that is
 * malformed is PUSH_JWT_CLAIM, so that a mistake never allows anything.
 */
push_jwt_status_t push_claims_read(json_t *token,
                                   const push_claim_names_t *names,
                                   push_claims_t *claims);

/* True if one of the patterns matches the name; patterns may be NULL. */
bool push_claims_match(const json_t *patterns, const char *name);

/* The same of publish; kind is "channel" or "user", or NULL: to everybody. */
bool push_claims_may_publish(const json_t *publish, const char *kind,
                             const char *name);

#endif
