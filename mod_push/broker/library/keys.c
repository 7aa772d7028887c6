#include "broker/library/keys.h"

#include <stdio.h>
#include <string.h>

#include "redis/tags.h"

#define TAG_MAX 6 /* four characters in braces */

/* The bytes that are always there; 0 if the prefix is too long. */
static size_t begin_key(const push_home_t *home, char *text)
{
    const char *tag = push_partition_tag(home->partition % PUSH_PARTITIONS);
    size_t len = home->prefix.len;
    size_t tag_len = strlen(tag);

    if (len > PUSH_PREFIX_MAX) {
        return 0;
    }
    if (len) {
        memcpy(text, home->prefix.at, len);
    }
    text[len++] = '{';
    memcpy(text + len, tag, tag_len);
    len += tag_len;
    text[len++] = '}';
    return len;
}

/* What stands behind the tag: a letter, but for what is the cluster's. */
static const char *kind_name(char kind, char *letter)
{
    switch (kind) {
    case PUSH_KEY_META:
        return "meta";
    case PUSH_KEY_NODES:
        return "nodes";
    case PUSH_KEY_REVOKED:
        return "revoked";
    default:
        letter[0] = kind;
        letter[1] = '\0';
        return letter;
    }
}

void push_library_key(push_command_t *command, const push_home_t *home,
                      char kind, push_text_t name)
{
    char text[PUSH_PREFIX_MAX + TAG_MAX + 8 + PUSH_LOG_NAME_MAX];
    char letter[2];
    const char *word = kind_name(kind, letter);
    size_t len = begin_key(home, text);

    if (!len || name.len > PUSH_LOG_NAME_MAX) {
        command->failed = true;
        return;
    }
    memcpy(text + len, word, strlen(word));
    len += strlen(word);
    if (name.len) {
        memcpy(text + len, name.at, name.len);
    }
    push_command_text(command,
                      (push_text_t){text, (uint32_t)(len + name.len)});
}

bool push_library_wake(const push_home_t *home, unsigned owner, char *text,
                       size_t size)
{
    char begun[PUSH_PREFIX_MAX + TAG_MAX];
    size_t len = begin_key(home, begun);
    int made;

    if (!len) {
        return false;
    }
    made = snprintf(text, size, "%.*s>%u", (int)len, begun, owner);
    return made > 0 && (size_t)made < size;
}
