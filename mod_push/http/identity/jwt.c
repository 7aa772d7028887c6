#include "http/identity/jwt.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/identity/base64url.h"

#define JSON_FLAGS JSON_REJECT_DUPLICATES

/* The end of the year 9999; what is later is a mistake. */
#define SECONDS_MAX 253402300799.0

const char *push_jwt_reason(push_jwt_status_t status)
{
    static const char *const reasons[PUSH_JWT_STATUSES] = {
        "it is valid",
        "it is not a signed JWT of at most 8192 characters",
        "alg: not HS256, RS256, PS256 or ES256, or no key here is for it",
        "crit: it needs an extension that is not known here",
        "typ: JWT or at+jwt",
        "its signature is not of a key that is trusted here",
        "exp: missing, or no time in seconds",
        "exp: it has expired",
        "nbf, iat: it is not valid yet",
        "exp: it is valid for longer than is accepted here "
        "(PushJWTMaxLifetime)",
        "iss: not the issuer that is trusted here",
        "aud: it is not meant for this server",
        "a claim that is needed (PushJWTClaim) is missing, or is not of its "
        "form",
        "it was revoked"};

    return reasons[status];
}

/* ---- the form: HEADER.PAYLOAD.SIGNATURE in base64url ---- */

static bool well_formed(const char *token, size_t len)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned parts = 1;
    size_t part = 0;

    if (len > PUSH_JWT_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (token[i] != '.') {
            if (!token[i] || !strchr(alphabet, token[i])) {
                return false;
            }
            part++;
            continue;
        }
        if (!part || part % 4 == 1) {
            return false;
        }
        part = 0;
        parts++;
    }
    return parts == 3 && part && part % 4 != 1;
}

static json_t *decode_object(const char *text, size_t len)
{
    unsigned char bytes[PUSH_JWT_MAX];
    size_t count = push_base64url_decode(text, len, bytes, sizeof(bytes));
    json_t *object = json_loadb((const char *)bytes, count, JSON_FLAGS, NULL);

    if (!json_is_object(object)) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

/* ---- the header ---- */

/* Says what it is, so that a token of another purpose is of no use here. */
static bool type_fits(const json_t *header)
{
    const json_t *member = json_object_get(header, "typ");
    const char *type = json_string_value(member);

    if (!member) {
        return true;
    }
    if (type && !strncasecmp(type, "application/", 12)) {
        type += 12;
    }
    return type && (!strcasecmp(type, "JWT") || !strcasecmp(type, "at+jwt"));
}

static push_jwt_status_t check_header(const json_t *header,
                                      unsigned *algorithm)
{
    const char *name = json_string_value(json_object_get(header, "alg"));

    *algorithm = name ? push_algorithm_of(name) : 0;
    if (!*algorithm) {
        return PUSH_JWT_ALGORITHM;
    }
    if (json_object_get(header, "crit") || json_object_get(header, "b64")) {
        return PUSH_JWT_CRITICAL;
    }
    return type_fits(header) ? PUSH_JWT_OK : PUSH_JWT_TYPE;
}

/* ---- the signature ---- */

static bool key_fits(const push_verifier_t *key, unsigned algorithm,
                     const char *kid)
{
    const char *own = cjose_jwk_get_kid(key->jwk, NULL);

    return key->algorithms & algorithm && (!kid || !own || !strcmp(kid, own));
}

static push_jwt_status_t verify(const char *token, size_t len,
                                const push_verifier_t *key)
{
    cjose_jws_t *jws = cjose_jws_import(token, len, NULL);
    bool verified = jws && cjose_jws_verify(jws, key->jwk, NULL);

    cjose_jws_release(jws);
    return verified ? PUSH_JWT_OK : PUSH_JWT_SIGNATURE;
}

static push_jwt_status_t verify_by_set(const char *token, size_t len,
                                       const push_keyset_t *set,
                                       const json_t *header)
{
    const char *kid = json_string_value(json_object_get(header, "kid"));
    push_jwt_status_t status = PUSH_JWT_ALGORITHM;
    unsigned algorithm = 0;

    check_header(header, &algorithm);
    for (unsigned i = 0; i < set->count && status != PUSH_JWT_OK; i++) {
        if (key_fits(&set->keys[i], algorithm, kid)) {
            status = verify(token, len, &set->keys[i]);
        }
    }
    return status;
}

push_jwt_status_t push_jwt_verify(const char *token, size_t len,
                                  const push_keyset_t *const *sets,
                                  unsigned count, json_t **claims)
{
    push_jwt_status_t status = PUSH_JWT_ALGORITHM;
    const char *payload, *signature;
    unsigned algorithm;
    json_t *header;

    *claims = NULL;
    if (!well_formed(token, len)) {
        return PUSH_JWT_MALFORMED;
    }
    payload = (const char *)memchr(token, '.', len) + 1;
    signature = memchr(payload, '.', len - (size_t)(payload - token));
    header = decode_object(token, (size_t)(payload - token) - 1);
    if (!header) {
        return PUSH_JWT_MALFORMED;
    }
    status = check_header(header, &algorithm);
    if (status == PUSH_JWT_OK) {
        status = PUSH_JWT_ALGORITHM;
        for (unsigned i = 0; i < count && status != PUSH_JWT_OK; i++) {
            push_jwt_status_t found = verify_by_set(token, len, sets[i],
                                                    header);

            status = found == PUSH_JWT_ALGORITHM ? status : found;
        }
    }
    json_decref(header);
    if (status == PUSH_JWT_OK) {
        *claims = decode_object(payload, (size_t)(signature - payload));
        status = *claims ? PUSH_JWT_OK : PUSH_JWT_MALFORMED;
    }
    return status;
}

/* ---- the registered claims ---- */

bool push_jwt_time(const json_t *claims, const char *name, int64_t *ms)
{
    const json_t *claim = json_object_get(claims, name);
    double seconds = json_number_value(claim);

    if (!json_is_number(claim) || !(seconds >= 0 && seconds <= SECONDS_MAX)) {
        return false;
    }
    *ms = (int64_t)(seconds * 1000);
    return true;
}

/* True if the claim is absent or a time that has come. */
static bool has_come(const json_t *claims, const char *name, int64_t now)
{
    int64_t at;

    return !json_object_get(claims, name)
           || (push_jwt_time(claims, name, &at) && at <= now);
}

static push_jwt_status_t check_times(const json_t *claims,
                                     const push_jwt_policy_t *policy,
                                     int64_t now)
{
    int64_t expires;

    if (!push_jwt_time(claims, "exp", &expires)) {
        return PUSH_JWT_NO_EXPIRY;
    }
    if (expires + policy->leeway <= now) {
        return PUSH_JWT_EXPIRED;
    }
    if (policy->lifetime
        && expires > now + policy->lifetime + policy->leeway) {
        return PUSH_JWT_LIFETIME;
    }
    return has_come(claims, "nbf", now + policy->leeway)
                   && has_come(claims, "iat", now + policy->leeway)
               ? PUSH_JWT_OK
               : PUSH_JWT_EARLY;
}

static bool is_ours(const json_t *audience, const push_jwt_policy_t *policy)
{
    const char *name = json_string_value(audience);

    for (unsigned i = 0; name && i < policy->audiences_count; i++) {
        if (!strcmp(name, policy->audiences[i])) {
            return true;
        }
    }
    return false;
}

/* One audience or an array of them (RFC 7519, section 4.1.3). */
static bool audience_fits(const json_t *claims,
                          const push_jwt_policy_t *policy)
{
    const json_t *audience = json_object_get(claims, "aud");

    if (!audience) {
        return !policy->audiences_count;
    }
    for (size_t i = 0; i < json_array_size(audience); i++) {
        if (is_ours(json_array_get(audience, i), policy)) {
            return true;
        }
    }
    return is_ours(audience, policy);
}

push_jwt_status_t push_jwt_check(const json_t *claims,
                                 const push_jwt_policy_t *policy, int64_t now)
{
    const char *issuer = json_string_value(json_object_get(claims, "iss"));
    push_jwt_status_t status = check_times(claims, policy, now);

    if (status != PUSH_JWT_OK) {
        return status;
    }
    if (policy->issuer && (!issuer || strcmp(issuer, policy->issuer))) {
        return PUSH_JWT_ISSUER;
    }
    return audience_fits(claims, policy) ? PUSH_JWT_OK : PUSH_JWT_AUDIENCE;
}
