#include "triggers/run/identity.h"

#include <apr_strings.h>
#include <openssl/evp.h>
#include <stdlib.h>

static void add(EVP_MD_CTX *digest, push_text_t text)
{
    EVP_DigestUpdate(digest, &text.len, sizeof(text.len));
    EVP_DigestUpdate(digest, text.at, text.len);
}

static void add_string(EVP_MD_CTX *digest, const char *string)
{
    add(digest, (push_text_t){string, (uint32_t)strlen(string)});
}

static void add_target(EVP_MD_CTX *digest, const json_t *target)
{
    static const char *const members[] = {"user", "device", "channel"};

    for (unsigned i = 0; i < sizeof(members) / sizeof(*members); i++) {
        const char *value = json_string_value(
            json_object_get(target, members[i]));

        add_string(digest, value ? value : "");
    }
}

static void add_targets(EVP_MD_CTX *digest, const json_t *to)
{
    if (!json_is_array(to)) {
        add_target(digest, to);
    }
    for (size_t i = 0; i < json_array_size(to); i++) {
        add_target(digest, json_array_get(to, i));
    }
}

const char *push_identity_of(apr_pool_t *pool, const push_rule_t *rule,
                             const push_trigger_event_t *event,
                             const json_t *to)
{
    static const char digits[] = "0123456789abcdef";
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    unsigned char bytes[EVP_MAX_MD_SIZE] = {0};
    char *text = apr_palloc(pool, PUSH_IDENTITY_CHARS + 1);

    EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
    add_string(digest, rule->name);
    add(digest, event->source);
    add(digest, event->id);
    add_targets(digest, to);
    EVP_DigestFinal_ex(digest, bytes, NULL);
    EVP_MD_CTX_free(digest);
    for (unsigned i = 0; i < PUSH_IDENTITY_CHARS; i++) {
        text[i] = digits[(i % 2 ? bytes[i / 2] : bytes[i / 2] >> 4) & 15];
    }
    text[PUSH_IDENTITY_CHARS] = '\0';
    return text;
}
