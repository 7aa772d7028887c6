#include "triggers/run/signature.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"

#define LINE_BYTES 256
#define PREFIX     "whsec_"
#define KEY_MIN    24u

static const char bad_key[] =
    "each key is whsec_ and base64 of 24 to 64 bytes, on a line of its own";

static const char *add_key(push_signer_t *signer, const char *text, size_t len)
{
    size_t prefix = sizeof(PREFIX) - 1;
    char bytes[LINE_BYTES];
    size_t count = 0;

    if (signer->count == PUSH_SIGNER_KEYS) {
        return "there are at most two keys in it, an old and a new one";
    }
    if (len < prefix || memcmp(text, PREFIX, prefix)
        || !push_base64_decode(text + prefix, len - prefix, bytes, &count)
        || count < KEY_MIN || count > PUSH_SIGNER_BYTES) {
        return bad_key;
    }
    memcpy(signer->keys[signer->count], bytes, count);
    signer->len[signer->count++] = (uint32_t)count;
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return NULL;
}

static const char *add_line(push_signer_t *signer, const char *line)
{
    const char *at = line + strspn(line, " \t");
    size_t len = strcspn(at, " \t\r\n");

    if (!len || *at == '#') {
        return NULL;
    }
    return at[len + strspn(at + len, " \t\r\n")] ? bad_key
                                                 : add_key(signer, at, len);
}

const char *push_signer_load(push_signer_t *signer, const char *path)
{
    const char *wrong = NULL;
    char line[LINE_BYTES];
    FILE *file = fopen(path, "re");

    memset(signer, 0, sizeof(*signer));
    if (!file) {
        return strerror(errno);
    }
    while (!wrong && fgets(line, sizeof(line), file)) {
        wrong = add_line(signer, line);
    }
    OPENSSL_cleanse(line, sizeof(line));
    fclose(file);
    return !wrong && !signer->count ? bad_key : wrong;
}

/* "v1," and base64 of the HMAC; 0: the library refused. */
static size_t sign_with(const push_signer_t *signer, unsigned key,
                        push_text_t text, char *signature)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (!HMAC(EVP_sha256(), signer->keys[key], (int)signer->len[key],
              (const unsigned char *)text.at, text.len, mac, &len)) {
        return 0;
    }
    memcpy(signature, "v1,", 3);
    return 3
           + (size_t)EVP_EncodeBlock((unsigned char *)signature + 3, mac,
                                     (int)len);
}

bool push_signer_sign(const push_signer_t *signer, const char *id,
                      int64_t seconds, push_text_t body,
                      char signature[PUSH_SIGNATURE_MAX])
{
    size_t room = strlen(id) + 24 + body.len;
    char *text = malloc(room);
    size_t at = 0;
    int head;

    if (!text) {
        return false;
    }
    head = snprintf(text, room, "%s.%" PRId64 ".", id, seconds);
    memcpy(text + head, body.at, body.len);
    for (unsigned i = 0; i < signer->count; i++) {
        push_text_t whole = {text, (uint32_t)head + body.len};
        size_t len;

        if (i) {
            signature[at++] = ' ';
        }
        len = sign_with(signer, i, whole, signature + at);
        at = len ? at + len : 0;
        if (!len) {
            break;
        }
    }
    signature[at] = '\0';
    free(text);
    return at > 0;
}
