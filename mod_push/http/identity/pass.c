#include "http/identity/pass.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "http/identity/base64url.h"

#define NONCE_BYTES 12
#define TAG_BYTES   16
#define EXTRA       (NONCE_BYTES + TAG_BYTES)
#define BYTES_MAX   (PUSH_PASS_MAX / 4 * 3)

/* ---- sealing ---- */

/* One direction of AES-256-GCM. */
typedef struct {
    EVP_CIPHER_CTX *context;
    bool seals;
} cipher_t;

static bool cipher_begin(cipher_t *cipher, bool seals,
                         const unsigned char *key, const unsigned char *nonce)
{
    cipher->seals = seals;
    cipher->context = EVP_CIPHER_CTX_new();
    return cipher->context
           && EVP_CipherInit_ex(cipher->context, EVP_aes_256_gcm(), NULL, key,
                                nonce, seals)
                  == 1;
}

/* What is bound to it, then its bytes. */
static bool cipher_run(const cipher_t *cipher, const char *bound,
                       const unsigned char *in, int len, unsigned char *out)
{
    int count = 0;

    return EVP_CipherUpdate(cipher->context, NULL, &count,
                            (const unsigned char *)bound, (int)strlen(bound))
               == 1
           && EVP_CipherUpdate(cipher->context, out, &count, in, len) == 1;
}

/* nonce, bytes, tag; out has room for EXTRA more than there are bytes. */
static bool seal(const unsigned char *key, const char *bound, const char *text,
                 unsigned char *out)
{
    int len = (int)strlen(text);
    cipher_t cipher;
    int count = 0;
    bool sealed;

    sealed = RAND_bytes(out, NONCE_BYTES) == 1
             && cipher_begin(&cipher, true, key, out);
    if (sealed) {
        sealed = cipher_run(&cipher, bound, (const unsigned char *)text, len,
                            out + NONCE_BYTES)
                 && EVP_CipherFinal_ex(cipher.context, out + NONCE_BYTES + len,
                                       &count)
                        == 1
                 && EVP_CIPHER_CTX_ctrl(cipher.context, EVP_CTRL_GCM_GET_TAG,
                                        TAG_BYTES, out + NONCE_BYTES + len)
                        == 1;
        EVP_CIPHER_CTX_free(cipher.context);
    }
    return sealed;
}

/* The text that was sealed in len bytes, into text; false: it was not. */
static bool unseal(const unsigned char *key, const char *bound,
                   unsigned char *sealed, size_t len, char *text)
{
    int inner = (int)len - EXTRA;
    unsigned char *out = (unsigned char *)text;
    cipher_t cipher;
    int count = 0;
    bool good;

    if (inner < 1 || !cipher_begin(&cipher, false, key, sealed)) {
        return false;
    }
    good = cipher_run(&cipher, bound, sealed + NONCE_BYTES, inner, out)
           && EVP_CIPHER_CTX_ctrl(cipher.context, EVP_CTRL_GCM_SET_TAG,
                                  TAG_BYTES, sealed + NONCE_BYTES + inner)
                  == 1
           && EVP_CipherFinal_ex(cipher.context, out + inner, &count) == 1;
    EVP_CIPHER_CTX_free(cipher.context);
    text[inner] = '\0';
    return good;
}

/* ---- what is in it ---- */

static char *write_pass(const push_pass_t *pass)
{
    json_t *body = json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:I}", "u",
                             pass->user, "d", pass->device, "a", pass->app,
                             "t", pass->by_token, "e",
                             (json_int_t)pass->expires, "i",
                             (json_int_t)pass->issued, "x",
                             (json_int_t)pass->until);
    char *text;

    if (body && pass->channels) {
        json_object_set_new(body, "c", json_deep_copy(pass->channels));
    }
    text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return text;
}

static bool read_pass(push_pass_t *pass, const char *text)
{
    json_t *body = json_loads(text, 0, NULL);
    int by_token = 0;
    json_int_t expires = 0, issued = 0, until = 0;

    if (json_unpack(body, "{s:s, s:s, s:s, s:b, s:I, s:I, s:I}", "u",
                    &pass->user, "d", &pass->device, "a", &pass->app, "t",
                    &by_token, "e", &expires, "i", &issued, "x", &until)) {
        json_decref(body);
        return false;
    }
    pass->channels = json_object_get(body, "c");
    pass->by_token = by_token;
    pass->expires = expires;
    pass->issued = issued;
    pass->until = until;
    pass->opened = body;
    return true;
}

char *push_pass_seal(const push_pass_t *pass, const unsigned char *key,
                     const char *bound)
{
    unsigned char bytes[BYTES_MAX];
    char *text = write_pass(pass);
    char *sealed = NULL;

    if (text && strlen(text) + EXTRA <= sizeof(bytes)
        && seal(key, bound, text, bytes)) {
        sealed = push_base64url_encode(bytes, strlen(text) + EXTRA);
    }
    free(text);
    return sealed;
}

bool push_pass_open(push_pass_t *pass, const char *text,
                    const unsigned char *key, const char *bound, int64_t now)
{
    unsigned char bytes[BYTES_MAX];
    char inner[BYTES_MAX + 1];
    size_t len = push_base64url_decode(text, strlen(text), bytes,
                                       sizeof(bytes));

    memset(pass, 0, sizeof(*pass));
    if (len <= EXTRA || !unseal(key, bound, bytes, len, inner)
        || !read_pass(pass, inner)) {
        return false;
    }
    if (pass->until <= now || (pass->expires && pass->expires <= now)) {
        json_decref(pass->opened);
        pass->opened = NULL;
        return false;
    }
    return true;
}
