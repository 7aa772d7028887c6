#include "jws.h"

#include <openssl/bn.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE_MAX 1024
#define COORDINATE    32 /* bytes, of P-256 */

char *jws_base64url(const void *bytes, size_t length)
{
    char *text = malloc(4 * ((length + 2) / 3) + 1);
    int count = EVP_EncodeBlock((unsigned char *)text, bytes, (int)length);
    char *p;

    while (count > 0 && text[count - 1] == '=') {
        text[--count] = '\0';
    }
    for (p = text; *p != '\0'; p++) {
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    }
    return text;
}

/* What JOSE calls an ECDSA signature: both numbers, of fixed length. */
static size_t plain_of_der(unsigned char *bytes, size_t length)
{
    const unsigned char *der = bytes;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)length);

    BN_bn2binpad(ECDSA_SIG_get0_r(pair), bytes, COORDINATE);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), bytes + COORDINATE, COORDINATE);
    ECDSA_SIG_free(pair);
    return 2 * COORDINATE;
}

static size_t sign_by_key(const struct jws_signer *signer, const char *text,
                          unsigned char *bytes)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pkey = NULL;
    size_t length = SIGNATURE_MAX;

    EVP_DigestSignInit(context, &pkey, EVP_sha256(), NULL, signer->key);
    if (strcmp(signer->alg, "PS256") == 0) {
        EVP_PKEY_CTX_set_rsa_padding(pkey, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(pkey, RSA_PSS_SALTLEN_DIGEST);
    }
    EVP_DigestSign(context, bytes, &length, (const unsigned char *)text,
                   strlen(text));
    EVP_MD_CTX_free(context);
    return strcmp(signer->alg, "ES256") == 0 ? plain_of_der(bytes, length)
                                             : length;
}

static char *signature_of(const struct jws_signer *signer, const char *text)
{
    unsigned char bytes[SIGNATURE_MAX];
    size_t length;

    if (strcmp(signer->alg, "HS256") == 0) {
        unsigned count = 0;

        HMAC(EVP_sha256(), signer->secret, (int)strlen(signer->secret),
             (const unsigned char *)text, strlen(text), bytes, &count);
        length = count;
    }
    else {
        length = sign_by_key(signer, text, bytes);
    }
    return jws_base64url(bytes, length);
}

static char *join(char *a, char *b)
{
    char *text = malloc(strlen(a) + strlen(b) + 2);

    sprintf(text, "%s.%s", a, b);
    free(a);
    free(b);
    return text;
}

char *jws_sign(const struct jws_signer *signer, const char *header,
               const char *payload)
{
    char usual[64];
    char *text;

    snprintf(usual, sizeof(usual), "{\"alg\":\"%s\"}", signer->alg);
    header = header != NULL ? header : usual;
    text = join(jws_base64url(header, strlen(header)),
                jws_base64url(payload, strlen(payload)));
    return join(text, signature_of(signer, text));
}

char *jws_public_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes;
    char *text;
    long length;

    PEM_write_bio_PUBKEY(bio, key);
    length = BIO_get_mem_data(bio, &bytes);
    text = strndup(bytes, (size_t)length);
    BIO_free(bio);
    return text;
}

static char *number_of(EVP_PKEY *key, const char *name)
{
    unsigned char bytes[SIGNATURE_MAX];
    BIGNUM *number = NULL;
    int length;

    EVP_PKEY_get_bn_param(key, name, &number);
    length = strcmp(name, OSSL_PKEY_PARAM_RSA_N) == 0
                     || strcmp(name, OSSL_PKEY_PARAM_RSA_E) == 0
                 ? BN_num_bytes(number)
                 : COORDINATE;
    BN_bn2binpad(number, bytes, length);
    BN_free(number);
    return jws_base64url(bytes, (size_t)length);
}

char *jws_public_jwk(EVP_PKEY *key, const char *more)
{
    static const char form[] = "{%s\"kty\":\"%s\",%s\"%s\":\"%s\","
                               "\"%s\":\"%s\"}";
    int rsa = EVP_PKEY_is_a(key, "RSA");
    char *a = number_of(key, rsa ? OSSL_PKEY_PARAM_RSA_N
                                 : OSSL_PKEY_PARAM_EC_PUB_X);
    char *b = number_of(key, rsa ? OSSL_PKEY_PARAM_RSA_E
                                 : OSSL_PKEY_PARAM_EC_PUB_Y);
    size_t size = sizeof(form) + strlen(more) + strlen(a) + strlen(b) + 64;
    char *text = malloc(size);

    snprintf(text, size, form, more, rsa ? "RSA" : "EC",
             rsa ? "" : "\"crv\":\"P-256\",", rsa ? "n" : "x", a,
             rsa ? "e" : "y", b);
    free(a);
    free(b);
    return text;
}
