#include <stdlib.h>
#include <string.h>

#include "harness/jws.h"
#include "http/identity/claims.h"
#include "http/identity/pass.h"

/*
 * All that an attacker may hand to the handling of tokens.  The first byte
 * says what the rest is: 0 a token, 1 a header and a payload that are signed
 * with the right key, 2 a file of keys, 3 a ticket.
 */

#define SECRET "0123456789abcdef0123456789abcdef"
#define NOW    INT64_C(1700000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_claims(json_t *token)
{
    static const push_claim_names_t names = {"sub", "channels", "publish",
                                             "admin"};
    static const char *const audiences[] = {"push"};
    static const push_jwt_policy_t policy = {"me", audiences, 1, 10000,
                                             3600000};
    push_claims_t claims;

    push_jwt_reason(push_jwt_check(token, &policy, NOW));
    if (push_claims_read(token, &names, &claims) == PUSH_JWT_OK) {
        push_claims_match(claims.channels, "news");
        push_claims_may_publish(claims.publish, "user", claims.user);
        push_claims_may_publish(claims.publish, NULL, NULL);
    }
}

/* With a secret and a public key, of which only the secret signs. */
static push_jwt_status_t verify(const char *token)
{
    static const char jwk[] =
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\","
        "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
        "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}";
    static push_keyset_t *sets[2];
    const char *error;
    push_jwt_status_t status;
    json_t *claims;

    if (!sets[0]) {
        sets[0] = push_keyset_parse(SECRET, strlen(SECRET), &error);
        sets[1] = push_keyset_parse(jwk, strlen(jwk), &error);
    }
    status = push_jwt_verify(token, strlen(token),
                             (const push_keyset_t *const *)sets, 2, &claims);
    if (status == PUSH_JWT_OK) {
        use_claims(claims);
    }
    json_decref(claims);
    return status;
}

/* Nobody but the holder of the key makes a token. */
static void forge(const char *token)
{
    if (verify(token) == PUSH_JWT_OK) {
        abort();
    }
}

/* HEADER, a newline, PAYLOAD. */
static void use_signed(char *text)
{
    static const struct jws_signer signer = {"HS256", SECRET, NULL};
    char *payload = strchr(text, '\n');
    char *token;

    if (payload) {
        *payload++ = '\0';
        token = jws_sign(&signer, text, payload);
        verify(token);
        free(token);
    }
}

static void use_keys(const char *bytes, size_t size)
{
    const char *error = NULL;
    push_keyset_t *set = push_keyset_parse(bytes, size, &error);

    if (!set && !error) {
        abort();
    }
    push_keyset_free(set);
}

static void use_pass(const char *text)
{
    static const unsigned char key[PUSH_PASS_KEY] = "a key";
    push_pass_t pass;

    if (push_pass_open(&pass, text, key, "here", NOW)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = size ? malloc(size) : NULL;

    if (!text) {
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0]) {
    case '0':
        forge(text);
        break;
    case '1':
        use_signed(text);
        break;
    case '2':
        use_keys(text, size - 1);
        break;
    case '3':
        use_pass(text);
        break;
    default:
        break;
    }
    free(text);
    return 0;
}
