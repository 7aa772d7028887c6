#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "core_suite.h"
#include "harness/jws.h"
#include "http/identity/jwt.h"

/* Tokens: what is accepted, and each way not to be. */

#define SECRET "0123456789abcdef0123456789abcdef"
#define OTHER  "fedcba9876543210fedcba9876543210"

#define NOW_S 1700000000
#define NOW   (NOW_S * INT64_C(1000))

static EVP_PKEY *rsa, *small_rsa, *ec;

/* Made once for all tests: an RSA key takes a moment. */
static void make_keys(void)
{
    rsa = EVP_RSA_gen(2048);
    small_rsa = EVP_RSA_gen(1024);
    ec = EVP_EC_gen("P-256");
}

static void free_keys(void)
{
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(small_rsa);
    EVP_PKEY_free(ec);
}

static push_keyset_t *keys_of(const char *text)
{
    const char *error = "";
    push_keyset_t *set = push_keyset_parse(text, strlen(text), &error);

    ck_assert_msg(set != NULL, "%s", error);
    return set;
}

static push_keyset_t *public_keys(EVP_PKEY *key)
{
    char *pem = jws_public_pem(key);
    push_keyset_t *set = keys_of(pem);

    free(pem);
    return set;
}

/* Verifies with all sets, and frees them and the token. */
static push_jwt_status_t verify(char *token, push_keyset_t **sets,
                                unsigned count)
{
    json_t *claims;
    push_jwt_status_t status = push_jwt_verify(
        token, strlen(token), (const push_keyset_t *const *)sets, count,
        &claims);

    ck_assert((claims != NULL) == (status == PUSH_JWT_OK));
    json_decref(claims);
    for (unsigned i = 0; i < count; i++) {
        push_keyset_free(sets[i]);
    }
    free(token);
    return status;
}

static push_jwt_status_t verify_by(char *token, push_keyset_t *set)
{
    return verify(token, &set, 1);
}

static EVP_PKEY *key_for(const char *alg)
{
    return !strcmp(alg, "ES256") ? ec : !strcmp(alg, "HS256") ? NULL : rsa;
}

static push_keyset_t *keys_for(const char *alg)
{
    return key_for(alg) ? public_keys(key_for(alg)) : keys_of(SECRET "\n");
}

static char *sign(const char *alg, const char *header)
{
    const struct jws_signer signer = {alg, SECRET, key_for(alg)};

    return jws_sign(&signer, header, "{\"sub\":\"ada\"}");
}

static const char *const algorithms[] = {"HS256", "RS256", "PS256", "ES256"};

START_TEST(each_algorithm_verifies_what_its_key_signed)
{
    const char *alg = algorithms[_i];

    ck_assert_int_eq(verify_by(sign(alg, NULL), keys_for(alg)), PUSH_JWT_OK);
}
END_TEST

START_TEST(a_token_changed_anywhere_is_refused)
{
    const char *alg = algorithms[_i];
    push_keyset_t *set = keys_for(alg);
    const push_keyset_t *sets[] = {set};
    char *token = sign(alg, NULL);
    size_t len = strlen(token);

    /* The last character holds bits that do not count. */
    for (size_t i = 0; i + 1 < len; i++) {
        char before = token[i];
        push_jwt_status_t status;
        json_t *claims;

        token[i] = before == 'A' ? 'B' : 'A';
        status = push_jwt_verify(token, len, sets, 1, &claims);
        NEEDS(status != PUSH_JWT_OK && !claims, "changed at %zu", i);
        token[i] = before;
    }
    for (size_t i = 0; i < len; i++) {
        json_t *claims;

        NEEDS(push_jwt_verify(token, i, sets, 1, &claims) != PUSH_JWT_OK,
              "cut at %zu", i);
    }
    free(token);
    push_keyset_free(set);
}
END_TEST

/* A header says how the signature was made; the last says how it was. */
static const struct {
    const char *header;
    const char *alg;
    push_jwt_status_t status;
} headers[] = {
    {"{\"alg\":\"HS256\",\"typ\":\"JWT\"}", "HS256", PUSH_JWT_OK},
    {"{\"alg\":\"HS256\",\"typ\":\"jwt\"}", "HS256", PUSH_JWT_OK},
    {"{\"alg\":\"HS256\",\"typ\":\"application/at+jwt\"}", "HS256",
     PUSH_JWT_OK},
    {"{\"alg\":\"HS256\",\"typ\":\"dpop+jwt\"}", "HS256", PUSH_JWT_TYPE},
    {"{\"alg\":\"HS256\",\"typ\":1}", "HS256", PUSH_JWT_TYPE},
    {"{\"alg\":\"none\"}", "HS256", PUSH_JWT_ALGORITHM},
    {"{\"alg\":\"None\"}", "HS256", PUSH_JWT_ALGORITHM},
    {"{\"alg\":\"hs256\"}", "HS256", PUSH_JWT_ALGORITHM},
    {"{\"alg\":\"\"}", "HS256", PUSH_JWT_ALGORITHM},
    {"{\"alg\":1}", "HS256", PUSH_JWT_ALGORITHM},
    {"{\"alg\":[\"HS256\"]}", "HS256", PUSH_JWT_ALGORITHM},
    {"{}", "HS256", PUSH_JWT_ALGORITHM},
    {"{\"alg\":\"HS384\"}", "HS256", PUSH_JWT_ALGORITHM},
    {"{\"alg\":\"RS256\"}", "HS256", PUSH_JWT_ALGORITHM},
    {"{\"alg\":\"ES256\"}", "HS256", PUSH_JWT_ALGORITHM},
    {"{\"alg\":\"HS256\",\"alg\":\"none\"}", "HS256", PUSH_JWT_MALFORMED},
    {"{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", "HS256", PUSH_JWT_CRITICAL},
    {"{\"alg\":\"HS256\",\"crit\":[]}", "HS256", PUSH_JWT_CRITICAL},
    {"{\"alg\":\"HS256\",\"b64\":false}", "HS256", PUSH_JWT_CRITICAL},
    {"[\"alg\",\"HS256\"]", "HS256", PUSH_JWT_MALFORMED},
    {"\"HS256\"", "HS256", PUSH_JWT_MALFORMED},
    {"", "HS256", PUSH_JWT_MALFORMED},
    {"{\"alg\":\"HS256\"", "HS256", PUSH_JWT_MALFORMED},
    {"{\"alg\":\"PS256\"}", "RS256", PUSH_JWT_SIGNATURE},
    {"{\"alg\":\"RS256\"}", "PS256", PUSH_JWT_SIGNATURE},
    {"{\"alg\":\"HS256\"}", "RS256", PUSH_JWT_ALGORITHM},
    {"{\"alg\":\"ES256\"}", "RS256", PUSH_JWT_ALGORITHM},
    {"{\"alg\":\"none\"}", "RS256", PUSH_JWT_ALGORITHM},
    {"{\"alg\":\"HS256\"}", "ES256", PUSH_JWT_ALGORITHM},
    /* Where a key comes along with the token, it counts for nothing. */
    {"{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"},"
     "\"jku\":\"https://evil.example/\",\"x5u\":\"https://evil.example/\"}",
     "HS256", PUSH_JWT_OK},
};

START_TEST(the_header_must_say_what_the_key_is_for)
{
    const char *alg = headers[_i].alg;

    ck_assert_int_eq(verify_by(sign(alg, headers[_i].header), keys_for(alg)),
                     headers[_i].status);
}
END_TEST

/* The classic: the public key, which everybody has, as a secret of HS256. */
START_TEST(a_public_key_is_never_a_secret)
{
    EVP_PKEY *key = _i ? ec : rsa;
    char *pem = jws_public_pem(key);
    const struct jws_signer signer = {"HS256", pem, NULL};
    char *token = jws_sign(&signer, NULL, "{\"sub\":\"ada\"}");

    ck_assert_int_eq(verify_by(token, public_keys(key)), PUSH_JWT_ALGORITHM);
    free(pem);
}
END_TEST

START_TEST(a_token_without_a_signature_is_refused)
{
    static const char *const tokens[] = {
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ.AAAA",
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c.d",
        "a.b.c.d.e",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.a b",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.a+b/",
        "eyJhbGciOiJIUzI1NiJ9 .eyJzdWIiOiJhZGEifQ.abc",
    };

    for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
        push_jwt_status_t status = verify_by(strdup(tokens[i]),
                                             keys_of(SECRET));

        NEEDS(status == PUSH_JWT_MALFORMED || status == PUSH_JWT_ALGORITHM,
              "%s", tokens[i]);
    }
}
END_TEST

START_TEST(a_token_that_is_too_long_is_refused_before_it_is_looked_at)
{
    char *payload = malloc(PUSH_JWT_MAX + 3);
    const struct jws_signer signer = {"HS256", SECRET, NULL};

    memset(payload, ' ', PUSH_JWT_MAX);
    strcpy(payload + PUSH_JWT_MAX, "{}");
    ck_assert_int_eq(verify_by(jws_sign(&signer, NULL, payload),
                               keys_of(SECRET)),
                     PUSH_JWT_MALFORMED);
    free(payload);
}
END_TEST

static const char *const payloads[] = {
    "[]", "1", "\"ada\"", "", "{\"sub\":\"a\",\"sub\":\"b\"}", "{", "{} x",
};

START_TEST(a_payload_that_is_no_object_is_refused)
{
    const struct jws_signer signer = {"HS256", SECRET, NULL};

    ck_assert_int_eq(verify_by(jws_sign(&signer, NULL, payloads[_i]),
                               keys_of(SECRET)),
                     PUSH_JWT_MALFORMED);
}
END_TEST

START_TEST(one_of_several_keys_is_enough)
{
    push_keyset_t *sets[] = {keys_of(OTHER), public_keys(ec), keys_of(SECRET)};

    ck_assert_int_eq(verify(sign("HS256", NULL), sets, 3), PUSH_JWT_OK);
}
END_TEST

/* JWK Sets with an old and a new key. */
static const struct {
    const char *kid;   /* of the token; NULL: none */
    const char *first; /* kid of the key that signed */
    const char *other;
    push_jwt_status_t status;
} kids[] = {
    {"a", "a", "b", PUSH_JWT_OK},
    {NULL, "a", "b", PUSH_JWT_OK},
    {"b", "a", "b", PUSH_JWT_SIGNATURE},
    {"c", "a", "b", PUSH_JWT_ALGORITHM},
};

START_TEST(the_kid_chooses_among_keys)
{
    const struct jws_signer signer = {"ES256", NULL, ec};
    EVP_PKEY *stranger = EVP_EC_gen("P-256");
    char more[2][64], header[64], set[2048];
    char *first, *other;

    snprintf(more[0], sizeof(more[0]), "\"kid\":\"%s\",", kids[_i].first);
    snprintf(more[1], sizeof(more[1]), "\"kid\":\"%s\",", kids[_i].other);
    snprintf(header, sizeof(header), "{\"alg\":\"ES256\",\"kid\":\"%s\"}",
             kids[_i].kid ? kids[_i].kid : "");
    first = jws_public_jwk(ec, more[0]);
    other = jws_public_jwk(stranger, more[1]);
    snprintf(set, sizeof(set), "{\"keys\":[%s,%s]}", other, first);
    ck_assert_int_eq(
        verify_by(jws_sign(&signer, kids[_i].kid ? header : NULL, "{}"),
                  keys_of(set)),
        kids[_i].status);
    free(first);
    free(other);
    EVP_PKEY_free(stranger);
}
END_TEST

/* RFC 7515, appendix A.1. */
START_TEST(the_example_of_the_standard_verifies)
{
    static const char key[] =
        "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_"
        "T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}";
    static const char token[] =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxl"
        "LmNvbS9pc19yb290Ijp0cnVlfQ."
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    ck_assert_int_eq(verify_by(strdup(token), keys_of(key)), PUSH_JWT_OK);
}
END_TEST

/* ---- keys ---- */

/* What the file holds, and what is wrong with it; NULL: nothing. */
static const struct {
    const char *text;
    const char *error;
} files[] = {
    {SECRET, NULL},
    {SECRET "\r\n", NULL},
    {"0123456789abcdef0123456789abcde\n", "32 bytes"},
    {"", "32 bytes"},
    {"{\"kty\":\"oct\",\"k\":"
     "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
     NULL},
    {"{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAA\"}", "32 bytes"},
    {"{\"kty\":\"oct\",\"k\":"
     "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"use\":\"enc\"}",
     "not for signatures"},
    {"{\"kty\":\"oct\",\"k\":"
     "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"key_ops\":"
     "[\"sign\"]}",
     "not for signatures"},
    {"{\"kty\":\"oct\",\"k\":"
     "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"key_ops\":"
     "[\"sign\",\"verify\"],\"use\":\"sig\",\"alg\":\"HS256\"}",
     NULL},
    {"{\"kty\":\"oct\",\"k\":"
     "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"alg\":\"HS512\"}",
     "alg"},
    {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
     "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
     "RFC 7517"},
    {"{\"keys\":[]}", "empty"},
    {"{\"keys\":[1]}", ""},
    {"{", "not JSON"},
    {"{}", ""},
    {"{\"keys\":[{\"kty\":\"oct\",\"k\":"
     "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"},{\"kty\":\"EC\","
     "\"crv\":\"P-256\",\"d\":\"AAAA\"}]}",
     "private key"},
    {"{\"kty\":\"RSA\",\"n\":\"AAAA\",\"e\":\"AQAB\",\"d\":\"AAAA\"}",
     "private key"},
    {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
     "no public key"},
    {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
     "private key"},
};

START_TEST(a_file_of_keys_is_read_or_refused_with_the_reason)
{
    const char *text = files[_i].text;
    const char *error = "";
    push_keyset_t *set = push_keyset_parse(text, strlen(text), &error);

    ck_assert_msg((set == NULL) == (files[_i].error != NULL), "%s: %s", text,
                  error);
    ck_assert(set || strstr(error, files[_i].error));
    ck_assert(!set || set->secret);
    push_keyset_free(set);
}
END_TEST

START_TEST(a_key_that_is_too_weak_or_private_is_refused)
{
    static const char *const wanted[] = {"2048 bits", "P-256", "private key"};
    EVP_PKEY *other = EVP_EC_gen("P-384");
    char *texts[] = {jws_public_pem(small_rsa), jws_public_pem(other),
                     jws_public_jwk(ec, "\"d\":\"AAAA\",")};
    const char *error = "";

    for (size_t i = 0; i < 3; i++) {
        ck_assert_ptr_null(
            push_keyset_parse(texts[i], strlen(texts[i]), &error));
        ck_assert_msg(strstr(error, wanted[i]) != NULL, "%s", error);
        free(texts[i]);
    }
    EVP_PKEY_free(other);
}
END_TEST

START_TEST(keys_of_other_kinds_in_a_set_are_left_out)
{
    char *good = jws_public_jwk(rsa, "\"alg\":\"PS256\",");
    char text[2048];
    push_keyset_t *set;

    snprintf(text, sizeof(text),
             "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AA\"},"
             "%s]}",
             good);
    set = keys_of(text);
    ck_assert_uint_eq(set->count, 1);
    ck_assert_uint_eq(set->skipped, 1);
    ck_assert(!set->secret);
    ck_assert_uint_eq(set->keys[0].algorithms, PUSH_PS256);
    push_keyset_free(set);
    free(good);
}
END_TEST

/* ---- claims ---- */

static const char *const audiences[] = {"push", "https://push.example"};

/* NOW_S is 1700000000, the leeway 10 s, the lifetime an hour. */
static const struct {
    const char *payload;
    const char *issuer;
    unsigned audiences;
    push_jwt_status_t status;
} checks[] = {
    {"{\"exp\":1700000100}", NULL, 0, PUSH_JWT_OK},
    {"{}", NULL, 0, PUSH_JWT_NO_EXPIRY},
    {"{\"exp\":\"1700000100\"}", NULL, 0, PUSH_JWT_NO_EXPIRY},
    {"{\"exp\":null}", NULL, 0, PUSH_JWT_NO_EXPIRY},
    {"{\"exp\":-1}", NULL, 0, PUSH_JWT_NO_EXPIRY},
    {"{\"exp\":1e300}", NULL, 0, PUSH_JWT_NO_EXPIRY},
    {"{\"exp\":9223372036854775807}", NULL, 0, PUSH_JWT_NO_EXPIRY},
    {"{\"exp\":1700000000}", NULL, 0, PUSH_JWT_OK},
    {"{\"exp\":1699999990.5}", NULL, 0, PUSH_JWT_OK},
    {"{\"exp\":1699999990}", NULL, 0, PUSH_JWT_EXPIRED},
    {"{\"exp\":0}", NULL, 0, PUSH_JWT_EXPIRED},
    {"{\"exp\":1700003610}", NULL, 0, PUSH_JWT_OK},
    {"{\"exp\":1700003611}", NULL, 0, PUSH_JWT_LIFETIME},
    {"{\"exp\":1700000100,\"nbf\":1700000010}", NULL, 0, PUSH_JWT_OK},
    {"{\"exp\":1700000100,\"nbf\":1700000011}", NULL, 0, PUSH_JWT_EARLY},
    {"{\"exp\":1700000100,\"nbf\":\"x\"}", NULL, 0, PUSH_JWT_EARLY},
    {"{\"exp\":1700000100,\"iat\":1700000010}", NULL, 0, PUSH_JWT_OK},
    {"{\"exp\":1700000100,\"iat\":1700000011}", NULL, 0, PUSH_JWT_EARLY},
    {"{\"exp\":1700000100,\"iat\":true}", NULL, 0, PUSH_JWT_EARLY},
    {"{\"exp\":1700000100,\"iss\":\"me\"}", "me", 0, PUSH_JWT_OK},
    {"{\"exp\":1700000100,\"iss\":\"me\"}", NULL, 0, PUSH_JWT_OK},
    {"{\"exp\":1700000100,\"iss\":\"me2\"}", "me", 0, PUSH_JWT_ISSUER},
    {"{\"exp\":1700000100,\"iss\":[\"me\"]}", "me", 0, PUSH_JWT_ISSUER},
    {"{\"exp\":1700000100}", "me", 0, PUSH_JWT_ISSUER},
    {"{\"exp\":1700000100,\"aud\":\"push\"}", NULL, 1, PUSH_JWT_OK},
    {"{\"exp\":1700000100,\"aud\":[\"x\",\"push\"]}", NULL, 1, PUSH_JWT_OK},
    {"{\"exp\":1700000100,\"aud\":\"https://push.example\"}", NULL, 2,
     PUSH_JWT_OK},
    {"{\"exp\":1700000100,\"aud\":\"https://push.example\"}", NULL, 1,
     PUSH_JWT_AUDIENCE},
    {"{\"exp\":1700000100,\"aud\":[]}", NULL, 1, PUSH_JWT_AUDIENCE},
    {"{\"exp\":1700000100,\"aud\":[1,{}]}", NULL, 1, PUSH_JWT_AUDIENCE},
    {"{\"exp\":1700000100,\"aud\":{\"push\":1}}", NULL, 1, PUSH_JWT_AUDIENCE},
    {"{\"exp\":1700000100}", NULL, 1, PUSH_JWT_AUDIENCE},
    {"{\"exp\":1700000100,\"aud\":\"push\"}", NULL, 0, PUSH_JWT_AUDIENCE},
};

START_TEST(the_registered_claims_are_checked)
{
    const push_jwt_policy_t policy = {.issuer = checks[_i].issuer,
                                      .audiences = audiences,
                                      .audiences_count = checks[_i].audiences,
                                      .leeway = 10000,
                                      .lifetime = 3600000};
    json_t *claims = json_loads(checks[_i].payload, 0, NULL);

    ck_assert_msg(push_jwt_check(claims, &policy, NOW) == checks[_i].status,
                  "%s", checks[_i].payload);
    json_decref(claims);
}
END_TEST

START_TEST(every_status_has_a_reason_of_its_own)
{
    for (int i = 0; i < PUSH_JWT_STATUSES; i++) {
        ck_assert_ptr_nonnull(push_jwt_reason((push_jwt_status_t)i));
        for (int j = 0; j < i; j++) {
            ck_assert_str_ne(push_jwt_reason((push_jwt_status_t)i),
                             push_jwt_reason((push_jwt_status_t)j));
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jwt");
    TCase *tc = unit_case(suite, "signature", 60);

    tcase_add_unchecked_fixture(tc, make_keys, free_keys);
    tcase_add_row_test(tc, each_algorithm_verifies_what_its_key_signed,
                       algorithms);
    tcase_add_row_test(tc, a_token_changed_anywhere_is_refused, algorithms);
    tcase_add_row_test(tc, the_header_must_say_what_the_key_is_for, headers);
    tcase_add_loop_test(tc, a_public_key_is_never_a_secret, 0, 2);
    tcase_add_test(tc, a_token_without_a_signature_is_refused);
    tcase_add_test(tc,
                   a_token_that_is_too_long_is_refused_before_it_is_looked_at);
    tcase_add_row_test(tc, a_payload_that_is_no_object_is_refused, payloads);
    tcase_add_test(tc, one_of_several_keys_is_enough);
    tcase_add_row_test(tc, the_kid_chooses_among_keys, kids);
    tcase_add_test(tc, the_example_of_the_standard_verifies);
    tcase_add_row_test(tc, a_file_of_keys_is_read_or_refused_with_the_reason,
                       files);
    tcase_add_test(tc, a_key_that_is_too_weak_or_private_is_refused);
    tcase_add_test(tc, keys_of_other_kinds_in_a_set_are_left_out);
    tc = unit_case(suite, "claims", 10);
    tcase_add_row_test(tc, the_registered_claims_are_checked, checks);
    tcase_add_test(tc, every_status_has_a_reason_of_its_own);
    return unit_run(suite);
}
