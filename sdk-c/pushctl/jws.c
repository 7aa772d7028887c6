#include "jws.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX       (256 * 1024)
#define SECRET_MIN    32
#define RSA_BITS_MIN  2048
#define SIGNATURE_MAX 2048
#define COORDINATE    32 /* bytes, of P-256 */

struct ctl_key {
    unsigned char *secret; /* or NULL */
    size_t length;
    EVP_PKEY *pkey; /* or NULL */
    const char *algorithm;
};

/* ---- keys ---- */

/* All of a file of less than KEY_MAX bytes, with a NUL; NULL: it is none. */
static char *read_all(FILE *f, size_t *length)
{
    char *bytes = malloc(KEY_MAX);

    *length = bytes ? fread(bytes, 1, KEY_MAX, f) : 0;
    if (bytes && (ferror(f) || *length == KEY_MAX)) {
        OPENSSL_cleanse(bytes, KEY_MAX);
        free(bytes);
        return NULL;
    }
    if (bytes) {
        bytes[*length] = '\0';
    }
    return bytes;
}

static int take_secret(struct ctl_key *key, const char *bytes, size_t length,
                       const char **error)
{
    while (length
           && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r')) {
        length--;
    }
    *error = "its secret is shorter than 32 bytes";
    if (length < SECRET_MIN) {
        return -1;
    }
    *error = "no memory for it";
    key->secret = malloc(length);
    if (!key->secret) {
        return -1;
    }
    memcpy(key->secret, bytes, length);
    key->length = length;
    key->algorithm = "HS256";
    return 0;
}

/* Nobody is asked for a passphrase. */
static int no_passphrase(char *buffer, int size, int writing, void *ctx)
{
    (void)buffer, (void)size, (void)writing, (void)ctx;
    return -1;
}

static int take_pem(struct ctl_key *key, const char *bytes, size_t length,
                    const char **error)
{
    BIO *bio = BIO_new_mem_buf(bytes, (int)length);
    char curve[32] = "";

    key->pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL)
                    : NULL;
    BIO_free(bio);
    *error = "it holds no private key that can be read without a passphrase";
    if (!key->pkey) {
        return -1;
    }
    if (EVP_PKEY_is_a(key->pkey, "RSA")) {
        *error = "its RSA key is shorter than 2048 bits";
        key->algorithm = "RS256";
        return EVP_PKEY_get_bits(key->pkey) >= RSA_BITS_MIN ? 0 : -1;
    }
    *error = "its key is neither RSA nor EC on the curve P-256";
    key->algorithm = "ES256";
    EVP_PKEY_get_group_name(key->pkey, curve, sizeof(curve), NULL);
    return strcmp(curve, SN_X9_62_prime256v1) == 0 ? 0 : -1;
}

static struct ctl_key *make_key(const char *bytes, size_t length,
                                const char **error)
{
    struct ctl_key *key = calloc(1, sizeof(*key));
    int failed;

    *error = "no memory for it";
    if (!key) {
        return NULL;
    }
    failed = strstr(bytes, "-----BEGIN")
                 ? take_pem(key, bytes, length, error)
                 : take_secret(key, bytes, length, error);
    if (failed) {
        ctl_key_free(key);
        return NULL;
    }
    return key;
}

struct ctl_key *ctl_key_read(const char *path, const char **error)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    struct ctl_key *key = NULL;
    size_t length = 0;
    char *bytes;

    *error = "it cannot be read";
    if (!f) {
        return NULL;
    }
    bytes = read_all(f, &length);
    if (bytes) {
        key = make_key(bytes, length, error);
        OPENSSL_cleanse(bytes, length);
    }
    free(bytes);
    if (f != stdin) {
        fclose(f);
    }
    return key;
}

void ctl_key_free(struct ctl_key *key)
{
    if (key) {
        if (key->secret) {
            OPENSSL_cleanse(key->secret, key->length);
        }
        free(key->secret);
        EVP_PKEY_free(key->pkey);
        free(key);
    }
}

const char *ctl_key_algorithm(const struct ctl_key *key)
{
    return key->algorithm;
}

int ctl_key_signs(const struct ctl_key *key, const char *algorithm)
{
    return strcmp(key->algorithm, algorithm) == 0
           || (strcmp(key->algorithm, "RS256") == 0
               && strcmp(algorithm, "PS256") == 0);
}

/* ---- base64url (RFC 4648, section 5), without padding ---- */

static char *encode(const void *bytes, size_t length)
{
    char *text = malloc(4 * ((length + 2) / 3) + 1);
    int count;

    if (!text) {
        return NULL;
    }
    count = EVP_EncodeBlock((unsigned char *)text, bytes, (int)length);
    while (count > 0 && text[count - 1] == '=') {
        count--;
    }
    text[count] = '\0';
    for (char *at = text; *at; at++) {
        *at = *at == '+' ? '-' : *at == '/' ? '_' : *at;
    }
    return text;
}

/* The bytes, which are at most 3/4 of the text; NULL: it is none. */
static unsigned char *decode(const char *text, size_t n, size_t *length)
{
    size_t padded = (n + 3) / 4 * 4;
    char *plain = malloc(padded + 1);
    unsigned char *bytes = malloc(padded + 1);
    int count = -1;

    if (plain && bytes && n > 0 && n < 65536) {
        memset(plain, '=', padded);
        for (size_t i = 0; i < n; i++) {
            plain[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
        }
        count = EVP_DecodeBlock(bytes, (unsigned char *)plain, (int)padded);
    }
    free(plain);
    if (count < 0) {
        free(bytes);
        return NULL;
    }
    *length = (size_t)count - (padded - n);
    return bytes;
}

/* ---- signing ---- */

/* What JOSE calls an ECDSA signature: both numbers, of fixed length (RFC 7518,
 * section 3.4). */
static size_t plain_of_der(unsigned char *bytes, size_t length)
{
    const unsigned char *der = bytes;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)length);
    int written = -1;

    if (pair) {
        written = BN_bn2binpad(ECDSA_SIG_get0_r(pair), bytes, COORDINATE) < 0
                      ? -1
                      : BN_bn2binpad(ECDSA_SIG_get0_s(pair),
                                     bytes + COORDINATE, COORDINATE);
    }
    ECDSA_SIG_free(pair);
    return written < 0 ? 0 : 2 * COORDINATE;
}

/* The length of the signature, 0: the key does not sign. */
static size_t sign_by_pkey(const struct ctl_key *key, const char *algorithm,
                           const char *text, unsigned char *bytes)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pkey = NULL;
    size_t length = SIGNATURE_MAX;
    int well = context
               && EVP_DigestSignInit(context, &pkey, EVP_sha256(), NULL,
                                     key->pkey)
                      == 1;

    if (well && strcmp(algorithm, "PS256") == 0) {
        well = EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING) == 1
               && EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey,
                                                   RSA_PSS_SALTLEN_DIGEST)
                      == 1;
    }
    well = well
           && EVP_DigestSign(context, bytes, &length,
                             (const unsigned char *)text, strlen(text))
                  == 1;
    EVP_MD_CTX_free(context);
    if (!well) {
        return 0;
    }
    return strcmp(algorithm, "ES256") == 0 ? plain_of_der(bytes, length)
                                           : length;
}

static char *signature_of(const struct ctl_key *key, const char *algorithm,
                          const char *text)
{
    unsigned char bytes[SIGNATURE_MAX];
    unsigned count = 0;
    size_t length;

    if (key->secret) {
        HMAC(EVP_sha256(), key->secret, (int)key->length,
             (const unsigned char *)text, strlen(text), bytes, &count);
        length = count;
    }
    else {
        length = sign_by_pkey(key, algorithm, text, bytes);
    }
    return length ? encode(bytes, length) : NULL;
}

/* Both parts with a dot between; takes them. */
static char *join(char *a, char *b)
{
    char *text = NULL;

    if (!a || !b || asprintf(&text, "%s.%s", a, b) < 0) {
        text = NULL;
    }
    free(a);
    free(b);
    return text;
}

static char *part_of(const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER);
    char *part = text ? encode(text, strlen(text)) : NULL;

    free(text);
    return part;
}

char *ctl_jws_sign(const struct ctl_key *key, const json_t *header,
                   const json_t *claims)
{
    const char *algorithm = json_string_value(json_object_get(header, "alg"));
    char *text = join(part_of(header), part_of(claims));
    char *signature = text && algorithm ? signature_of(key, algorithm, text)
                                        : NULL;

    return join(text, signature);
}

/* ---- reading ---- */

static json_t *json_of_part(const char *text, size_t n)
{
    size_t length = 0;
    unsigned char *bytes = decode(text, n, &length);
    json_t *json = bytes ? json_loadb((char *)bytes, length, 0, NULL) : NULL;

    free(bytes);
    if (json && !json_is_object(json)) {
        json_decref(json);
        json = NULL;
    }
    return json;
}

int ctl_jws_read(const char *token, json_t **header, json_t **claims)
{
    const char *dot = strchr(token, '.');
    const char *end = dot ? strchr(dot + 1, '.') : NULL;

    if (!end || strchr(end + 1, '.')) {
        return -1;
    }
    *header = json_of_part(token, (size_t)(dot - token));
    *claims = json_of_part(dot + 1, (size_t)(end - dot - 1));
    if (!*header || !*claims) {
        json_decref(*header);
        json_decref(*claims);
        return -1;
    }
    return 0;
}
