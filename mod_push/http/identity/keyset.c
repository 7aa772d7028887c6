#include "http/identity/keyset.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "http/identity/base64url.h"

#define RSA_BITS_MIN 2048u
#define P256_BYTES   32u /* of a coordinate */

static const char no_memory[] = "no memory for its keys";
static const char private_key[] = "it holds a private key; the public one is "
                                  "all that is needed";

unsigned push_algorithm_of(const char *name)
{
    static const struct {
        const char *name;
        push_algorithm_t algorithm;
    } rows[] = {{"HS256", PUSH_HS256},
                {"RS256", PUSH_RS256},
                {"PS256", PUSH_PS256},
                {"ES256", PUSH_ES256}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!strcmp(name, rows[i].name)) {
            return rows[i].algorithm;
        }
    }
    return 0;
}

/* The uses that a key's kind and size allow; 0: none, and why. */
static unsigned algorithms_of(const cjose_jwk_t *jwk, const char **error)
{
    size_t bits = cjose_jwk_get_keysize(jwk, NULL);

    switch (cjose_jwk_get_kty(jwk, NULL)) {
    case CJOSE_JWK_KTY_OCT:
        *error = "its secret is shorter than 32 bytes";
        return bits / 8 >= PUSH_SECRET_MIN ? PUSH_HS256 : 0;
    case CJOSE_JWK_KTY_RSA:
        *error = "its RSA key is shorter than 2048 bits";
        return bits >= RSA_BITS_MIN ? PUSH_RS256 | PUSH_PS256 : 0;
    case CJOSE_JWK_KTY_EC:
        *error = "its EC key is not on the curve P-256";
        return cjose_jwk_EC_get_curve(jwk, NULL) == CJOSE_JWK_EC_P_256
                   ? PUSH_ES256
                   : 0;
    default:
        *error = "its key is neither a secret nor RSA nor EC";
        return 0;
    }
}

/* Takes the key into the set, whatever comes of it. */
static bool add_key(push_keyset_t *set, cjose_jwk_t *jwk, unsigned allowed,
                    const char **error)
{
    unsigned algorithms = jwk ? algorithms_of(jwk, error) & allowed : 0;

    if (!algorithms || set->count == PUSH_KEYS_MAX) {
        cjose_jwk_release(jwk);
        return false;
    }
    set->secret |= algorithms == PUSH_HS256;
    set->keys[set->count++] = (push_verifier_t){jwk, algorithms};
    return true;
}

/* ---- a bare secret ---- */

static bool parse_secret(push_keyset_t *set, const char *bytes, size_t len,
                         const char **error)
{
    while (len && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r')) {
        len--;
    }
    if (len < PUSH_SECRET_MIN) {
        *error = "its secret is shorter than 32 bytes";
        return false;
    }
    return add_key(
        set, cjose_jwk_create_oct_spec((const uint8_t *)bytes, len, NULL),
        PUSH_HS256, error);
}

/* ---- PEM ---- */

/* A number of an RSA or EC key as bytes; the caller frees them. */
static uint8_t *number_of(const EVP_PKEY *key, const char *name, size_t *len)
{
    BIGNUM *number = NULL;
    uint8_t *bytes = NULL;

    if (EVP_PKEY_get_bn_param(key, name, &number)) {
        *len = (size_t)BN_num_bytes(number);
        bytes = malloc(*len + 1);
        if (bytes) {
            BN_bn2bin(number, bytes);
        }
    }
    BN_free(number);
    return bytes;
}

static cjose_jwk_t *jwk_of_rsa(const EVP_PKEY *key)
{
    cjose_jwk_rsa_keyspec spec = {0};
    cjose_jwk_t *jwk = NULL;

    spec.n = number_of(key, OSSL_PKEY_PARAM_RSA_N, &spec.nlen);
    spec.e = number_of(key, OSSL_PKEY_PARAM_RSA_E, &spec.elen);
    if (spec.n && spec.e) {
        jwk = cjose_jwk_create_RSA_spec(&spec, NULL);
    }
    free(spec.n);
    free(spec.e);
    return jwk;
}

static cjose_jwk_t *jwk_of_ec(const EVP_PKEY *key)
{
    cjose_jwk_ec_keyspec spec = {.crv = CJOSE_JWK_EC_P_256};
    char curve[32] = "";
    cjose_jwk_t *jwk = NULL;

    EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL);
    if (strcmp(curve, SN_X9_62_prime256v1)) {
        return NULL;
    }
    spec.x = number_of(key, OSSL_PKEY_PARAM_EC_PUB_X, &spec.xlen);
    spec.y = number_of(key, OSSL_PKEY_PARAM_EC_PUB_Y, &spec.ylen);
    if (spec.x && spec.y) {
        jwk = cjose_jwk_create_EC_spec(&spec, NULL);
    }
    free(spec.x);
    free(spec.y);
    return jwk;
}

static EVP_PKEY *public_key(const char *bytes, size_t len)
{
    BIO *bio = BIO_new_mem_buf(bytes, (int)len);
    EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    X509 *certificate;

    if (!key) {
        BIO_reset(bio);
        certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        key = certificate ? X509_get_pubkey(certificate) : NULL;
        X509_free(certificate);
    }
    BIO_free(bio);
    return key;
}

/* True if the text is within the bytes, which need not end with a NUL. */
static bool holds(const char *bytes, size_t len, const char *text)
{
    return memmem(bytes, len, text, strlen(text)) != NULL;
}

static bool parse_pem(push_keyset_t *set, const char *bytes, size_t len,
                      const char **error)
{
    cjose_jwk_t *jwk = NULL;
    EVP_PKEY *key;

    if (holds(bytes, len, "PRIVATE KEY")) {
        *error = private_key;
        return false;
    }
    key = public_key(bytes, len);
    if (!key) {
        *error = "it holds no public key and no certificate that can be read";
        return false;
    }
    *error = "its key is neither RSA nor EC on the curve P-256";
    if (EVP_PKEY_is_a(key, "RSA")) {
        jwk = jwk_of_rsa(key);
    }
    else if (EVP_PKEY_is_a(key, "EC")) {
        jwk = jwk_of_ec(key);
    }
    EVP_PKEY_free(key);
    return add_key(set, jwk, ~0u, error);
}

/* ---- JWK and JWK Set ---- */

/* The uses of a key that its members "use", "key_ops" and "alg" leave. */
static unsigned allowed_by(const json_t *key, const char **error)
{
    const char *use = json_string_value(json_object_get(key, "use"));
    const char *name = json_string_value(json_object_get(key, "alg"));
    const json_t *ops = json_object_get(key, "key_ops");
    bool verifies = !json_is_array(ops);

    for (size_t i = 0; i < json_array_size(ops); i++) {
        const char *op = json_string_value(json_array_get(ops, i));

        verifies |= op && !strcmp(op, "verify");
    }
    if ((use && strcmp(use, "sig")) || !verifies) {
        *error = "its key is not for signatures (use, key_ops)";
        return 0;
    }
    *error = "its key is for an algorithm (alg) that is not accepted: HS256, "
             "RS256, PS256 or ES256";
    return name ? push_algorithm_of(name) : ~0u;
}

/* The private part of an RSA or EC key (RFC 7518, sections 6.2.2, 6.3.2). */
static bool is_private(const json_t *key)
{
    const char *kty = json_string_value(json_object_get(key, "kty"));

    return json_object_get(key, "d") && !(kty && !strcmp(kty, "oct"));
}

/* A member that is bytes in base64url; the caller frees them. */
static uint8_t *member_of(const json_t *key, const char *name, size_t *len)
{
    const json_t *member = json_object_get(key, name);
    size_t chars = json_string_length(member);
    uint8_t *bytes = chars ? malloc(chars) : NULL;

    *len = bytes ? push_base64url_decode(json_string_value(member), chars,
                                         bytes, chars)
                 : 0;
    if (!*len) {
        free(bytes);
        bytes = NULL;
    }
    return bytes;
}

static cjose_jwk_t *jwk_of_members(const json_t *key, const char *kty)
{
    bool rsa = !strcmp(kty, "RSA");
    const char *crv = json_string_value(json_object_get(key, "crv"));
    size_t a_len, b_len;
    uint8_t *a = member_of(key, rsa ? "n" : "x", &a_len);
    uint8_t *b = member_of(key, rsa ? "e" : "y", &b_len);
    cjose_jwk_rsa_keyspec rsa_spec = {
        .n = a, .nlen = a_len, .e = b, .elen = b_len};
    cjose_jwk_ec_keyspec ec_spec = {.crv = CJOSE_JWK_EC_P_256,
                                    .x = a,
                                    .xlen = a_len,
                                    .y = b,
                                    .ylen = b_len};
    cjose_jwk_t *jwk = NULL;

    if (a && b && rsa) {
        jwk = cjose_jwk_create_RSA_spec(&rsa_spec, NULL);
    }
    else if (a && b && crv && !strcmp(crv, "P-256") && a_len == P256_BYTES
             && b_len == P256_BYTES) {
        jwk = cjose_jwk_create_EC_spec(&ec_spec, NULL);
    }
    free(a);
    free(b);
    return jwk;
}

static cjose_jwk_t *jwk_of_secret(const json_t *key)
{
    size_t len;
    uint8_t *bytes = member_of(key, "k", &len);
    cjose_jwk_t *jwk = bytes ? cjose_jwk_create_oct_spec(bytes, len, NULL)
                             : NULL;

    free(bytes);
    return jwk;
}

/* NULL if it is of no kind that is known here, or malformed. */
static cjose_jwk_t *jwk_of(const json_t *key)
{
    const char *kty = json_string_value(json_object_get(key, "kty"));
    const char *kid = json_string_value(json_object_get(key, "kid"));
    cjose_jwk_t *jwk = NULL;

    if (kty && !strcmp(kty, "oct")) {
        jwk = jwk_of_secret(key);
    }
    else if (kty && (!strcmp(kty, "RSA") || !strcmp(kty, "EC"))) {
        jwk = jwk_of_members(key, kty);
    }
    if (jwk && kid && !cjose_jwk_set_kid(jwk, kid, strlen(kid), NULL)) {
        cjose_jwk_release(jwk);
        jwk = NULL;
    }
    return jwk;
}

static bool parse_jwk(push_keyset_t *set, const json_t *key,
                      const char **error)
{
    unsigned allowed = json_is_object(key) ? allowed_by(key, error) : 0;

    if (!allowed) {
        return false;
    }
    *error = "its JWK is not one of RSA, EC P-256 or oct (RFC 7517)";
    return add_key(set, jwk_of(key), allowed, error);
}

static bool parse_set(push_keyset_t *set, const json_t *keys,
                      const char **error)
{
    *error = "its set (keys) is empty";
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *key = json_array_get(keys, i);

        if (is_private(key)) {
            *error = private_key;
            return false;
        }
        set->skipped += !parse_jwk(set, key, error);
    }
    return set->count > 0;
}

static bool parse_json(push_keyset_t *set, const char *bytes, size_t len,
                       const char **error)
{
    json_t *root = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *keys = json_object_get(root, "keys");
    bool parsed = false;

    if (!root) {
        *error = "it is not JSON";
    }
    else if (keys) {
        parsed = parse_set(set, keys, error);
    }
    else if (is_private(root)) {
        *error = private_key;
    }
    else {
        parsed = parse_jwk(set, root, error);
    }
    json_decref(root);
    return parsed;
}

push_keyset_t *push_keyset_parse(const char *bytes, size_t len,
                                 const char **error)
{
    push_keyset_t *set = calloc(1, sizeof(*set));
    bool parsed;

    if (!set) {
        *error = no_memory;
        return NULL;
    }
    if (len > PUSH_KEYS_BYTES_MAX) {
        *error = "it is larger than 256 KiB";
        parsed = false;
    }
    else if (holds(bytes, len, "-----BEGIN")) {
        parsed = parse_pem(set, bytes, len, error);
    }
    else if (len && *bytes == '{') {
        parsed = parse_json(set, bytes, len, error);
    }
    else {
        parsed = parse_secret(set, bytes, len, error);
    }
    if (!parsed) {
        push_keyset_free(set);
        return NULL;
    }
    return set;
}

void push_keyset_free(push_keyset_t *set)
{
    for (unsigned i = 0; set && i < set->count; i++) {
        cjose_jwk_release(set->keys[i].jwk);
    }
    free(set);
}
